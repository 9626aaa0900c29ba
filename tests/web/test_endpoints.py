"""The endpoints, called over HTTP from another process."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import httpx2
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageFont

from mnist_cnn.web.endpoints import Endpoints
from mnist_cnn.web.limits import THREADS
from tests.support.browsing import App
from tests.support.files import FILES, data_url, encode, picture_of_7
from tests.support.pictures import print_digit
from tests.support.requests import call, predict, upload


@pytest.mark.parametrize("name", FILES)
def test_uploaded_file_is_read(app: App, name: str) -> None:
    answer = predict(app, upload(app, FILES[name], name)).raise_for_status().json()["data"][0]
    assert answer["label"] == "7"
    assert {entry["label"] for entry in answer["confidences"]} == set("0123456789")
    assert sum(entry["confidence"] for entry in answer["confidences"]) == pytest.approx(1, abs=1e-4)


def test_data_url_is_read(app: App) -> None:
    assert predict(app, {"url": data_url(FILES["seven.png"])}).json()["data"][0]["label"] == "7"


def test_gradio_client_gets_the_same_answer(app: App, tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(FILES["seven.png"])
    answer = Client(app.url, verbose=False).predict(handle_file(path), api_name="/predict")
    assert answer == predict(app, upload(app, FILES["seven.png"], "seven.png")).json()["data"][0]


def test_answer_tells_one_digit_from_several(app: App) -> None:
    one, two = print_digit(7, ImageFont.load_default(160)), Image.new("L", (600, 400), "white")
    two.paste(one.crop((100, 0, 300, 400)), (100, 0))
    two.paste(print_digit(4, ImageFont.load_default(160)).crop((100, 0, 300, 400)), (300, 0))
    answers = [predict(app, {"url": data_url(encode(page, "PNG"))}).json()["data"][0] for page in (one, two)]
    assert [(answer["is_digit"], answer["is_several"]) for answer in answers] == [(True, False), (False, True)]


def test_answer_is_fetched_in_two_steps(app: App) -> None:
    image = upload(app, FILES["seven.png"], "seven.png")
    event = httpx2.post(f"{app.url}/gradio_api/call/predict", json={"data": [image]}).json()["event_id"]
    answer = httpx2.get(f"{app.url}/gradio_api/call/predict/{event}").text
    assert answer.startswith("event: complete")
    assert json.loads(answer.split("data: ", 1)[1])[0]["label"] == "7"


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", FILES["seven.png"][:200], encode(Image.new("L", (9, 9)), "PNG")]
)
def test_file_without_a_digit_is_an_error_in_words(app: App, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(AppError, match=r"picture|ink|drawing"):
        Client(app.url, verbose=False).predict(handle_file(path), api_name="/predict")


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_file_of_the_server_is_not_read(app: App, tmp_path: Path, meta: dict) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(FILES["seven.png"])
    response = predict(app, {"path": str(path), **meta})
    assert response.is_error
    assert "confidence" not in response.text


def test_batch_is_answered_in_order_with_errors_in_their_places(app: App, tmp_path: Path) -> None:
    files = {"one.png": encode(picture_of_7(), "PNG"), "bad.png": b"no picture", "three.png": FILES["transparent.png"]}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    pictures = [handle_file(tmp_path / name) for name in files]
    answers = Client(app.url, verbose=False).predict(pictures, api_name="/predict_batch")
    assert [answer.get("label") for answer in answers] == ["7", None, "7"]
    assert "picture" in answers[1]["error"]
    assert len(answers[0]["confidences"]) == 10


def test_batch_of_many_pictures_is_answered(app: App) -> None:
    answers = call(app, "predict_batch", [{"url": data_url(FILES["seven.png"])}] * 70).json()["data"][0]
    assert [answer["label"] for answer in answers] == ["7"] * 70
    assert call(app, "predict_batch", []).json()["data"] == [[]]


def test_batch_of_too_many_pictures_is_refused(app: App) -> None:
    assert "at most 256" in call(app, "predict_batch", [{}] * 257).json()["error"]


def test_model_names_itself(app: App) -> None:
    info = Client(app.url, verbose=False).predict(api_name="/model")
    assert info["name"] == "bundled"
    assert info["revision"] is None
    assert 0.9 < info["accuracy"] <= 1


def test_public_endpoints_are_documented_with_types_and_examples(app: App) -> None:
    info = httpx2.get(f"{app.url}/gradio_api/info").json()
    assert set(info["named_endpoints"]) == {"/predict", "/predict_batch", "/model"}
    assert not info["unnamed_endpoints"]
    predict, predict_batch, model = (info["named_endpoints"][name] for name in ("/predict", "/predict_batch", "/model"))
    assert "handle_file('seven.png')" in predict["code_snippets"]["python"]
    assert predict["parameters"][0]["python_type"]["type"] == "filepath"
    assert predict_batch["parameters"][0]["type"]["items"]["properties"].keys() == {"path", "url", "meta"}
    assert "handle_file" in predict_batch["description"]
    assert model["returns"][0]["type"]["properties"].keys() == {"name", "revision", "accuracy", "fallback_reason"}


def test_batches_leave_a_thread_for_single_pictures() -> None:
    started, end = threading.Barrier(THREADS), threading.Event()

    class SlowQueue:
        def read_batch(self, *_: object) -> list:
            started.wait(timeout=10)
            end.wait(timeout=10)
            return []

    endpoints = Endpoints(SlowQueue(), None)  # type: ignore[arg-type]
    with ThreadPoolExecutor(THREADS) as visitors:
        batches = [visitors.submit(endpoints.predict_batch, []) for _ in range(THREADS - 1)]
        started.wait(timeout=10)
        with pytest.raises(gr.Error, match="reading as many batches as it can"):
            endpoints.predict_batch([])
        end.set()
        assert [batch.result() for batch in batches] == [[]] * (THREADS - 1)
    started.reset()
    with ThreadPoolExecutor(1) as visitor:
        later = visitor.submit(endpoints.predict_batch, [])
        for _ in range(THREADS - 1):
            threading.Thread(target=started.wait).start()
        assert later.result() == []
