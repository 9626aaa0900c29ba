"""The limits: what the documents say of them, and how they fit together."""

import json

from mnist_cnn.images import MAX_PIXELS
from mnist_cnn.web import limits
from mnist_cnn.web.endpoints import Endpoints
from mnist_cnn.web.exchange import JSON_MARKS
from mnist_cnn.web.feedback import LAST_PUSH
from tests import ROOT
from tests.support.documents import find_table, flow
from tests.support.files import data_url

MB = 2**20


def test_documented_limits_are_those_of_the_code() -> None:
    rows = find_table((ROOT / "docs/serving.md").read_text(), "constant")
    documented = {row[0].strip("`"): float(row[1].replace(",", "")) for row in rows}
    constants = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert documented == {**constants, "MAX_PIXELS": MAX_PIXELS}


def test_readme_names_the_limits_of_pictures_and_batches() -> None:
    text = flow((ROOT / "README.md").read_text())
    assert f"Pictures of up to {limits.MAX_FILE_MB} MB and {MAX_PIXELS // 10**6} megapixels" in text
    assert f"`/predict_batch` up to {limits.MAX_BATCH_SIZE} of them" in text


def test_description_of_the_batch_endpoint_names_its_limit() -> None:
    assert f"at most {limits.MAX_BATCH_SIZE} files" in (Endpoints.predict_batch.__doc__ or "")


def test_description_of_the_number_endpoint_names_its_limits() -> None:
    said = flow(Endpoints.predict_number.__doc__ or "")
    assert f"at most {limits.MAX_STROKES} strokes and {limits.MAX_POINTS:,} points" in said


def test_as_many_strokes_as_are_taken_fit_into_a_request() -> None:
    points = [[0.5, 0.5]] * (limits.MAX_POINTS // limits.MAX_STROKES)
    request = json.dumps({"data": [{"url": data_url(b""), "meta": {}}, [points] * limits.MAX_STROKES]})
    assert sum(request.count(mark.decode()) for mark in JSON_MARKS) < limits.MAX_JSON_VALUES


def test_largest_picture_fits_into_a_request_as_a_data_url() -> None:
    url = data_url(bytes(limits.MAX_FILE_MB * MB))
    assert len(json.dumps({"data": [{"url": url}]})) <= limits.MAX_REQUEST_MB * MB


def test_no_upload_is_deleted_while_as_many_visitors_as_are_admitted_send_the_largest() -> None:
    assert limits.MAX_REQUESTS * limits.MAX_FILE_MB <= limits.MAX_UPLOADS_MB


def test_server_ends_within_the_documented_time() -> None:
    assert limits.STOP_SECONDS + LAST_PUSH < 5
    assert "and ends within 5 seconds" in flow((ROOT / "docs/serving.md").read_text())
