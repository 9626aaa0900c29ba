"""Whatever is sent, the answer is ten probabilities or an error in a sentence."""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from mnist_cnn.errors import EmptyPictureError, UnreadablePictureError
from mnist_cnn.images import MAX_PIXELS, load_image, to_mnist
from mnist_cnn.inference import Classifier
from mnist_cnn.web.answers import FAILURE
from tests.support.browsing import App
from tests.support.damage import damage, seed_files
from tests.support.files import FILES, data_url, encode
from tests.support.requests import call, predict, upload

DOCUMENTED = (EmptyPictureError, UnreadablePictureError)
NO_PICTURE = "holds no picture"
NOT_FETCHED = "not fetched from addresses: upload the file"
NOT_A_PICTURE = "not a picture that can be read"
TOO_LARGE = f"at most {MAX_PIXELS // 10**6} megapixels"


def png(width: int, height: int, rows: int) -> bytes:
    """Return a grey PNG file that claims the given size and holds only some of its rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width + 1) * rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def animated(file_format: str) -> bytes:
    """Return an animation: a 7, then a blank frame."""
    picture = Image.open(io.BytesIO(FILES["seven.png"]))
    blank = Image.new("RGB", picture.size, "white")
    return encode(picture, file_format, save_all=True, append_images=[blank], duration=100)


def with_deep_exif() -> bytes:
    """Return a 7 in a JPEG file whose Exif data refers to itself: the directory after the first is the first."""
    directory = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 8)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory
    picture = Image.open(io.BytesIO(FILES["seven.png"]))
    return encode(picture, "JPEG", exif=exif)


# What is sent as a file -> what comes back: the digit, or a part of the error.
FILES_SENT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", NOT_A_PICTURE),
    "text": (b"seven", NOT_A_PICTURE),
    "PDF": (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", NOT_A_PICTURE),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>', NOT_A_PICTURE),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), NOT_A_PICTURE),
    "truncated PNG": (FILES["seven.png"][:200], "damaged or incomplete"),
    "truncated JPEG": (FILES["turned.jpg"][:-900], "damaged or incomplete"),
    "truncated TIFF": (FILES["seven.tif"][:400], "damaged or incomplete|not a picture"),
    "decompression bomb": (png(20_000, 20_000, 20_000), TOO_LARGE),
    "bomb of one row": (png(2**31 - 1, 1, 0), TOO_LARGE),
    "no width": (png(0, 0, 0), NOT_A_PICTURE),
    "one pixel": (encode(Image.new("L", (1, 1)), "PNG"), "no ink"),
    "one row": (encode(Image.new("L", (20_000, 1)), "PNG"), "no ink"),
    "deep Exif": (with_deep_exif(), "7"),
    "animated GIF": (animated("GIF"), "7"),
    "animated WebP": (animated("WEBP"), "7"),
    "animated PNG": (animated("PNG"), "7"),
    **{f"{name} under a wrong extension": (content, "7") for name, content in FILES.items()},
}


def said(answer: httpx2.Response) -> str:
    """Return the digit of an answer, or its error."""
    content = answer.json()
    return content["data"][0]["label"] if "data" in content else content["error"]


@pytest.mark.parametrize("name", FILES_SENT)
def test_file_gets_its_digit_or_an_error_in_words(app: App, name: str) -> None:
    content, expected = FILES_SENT[name]
    answer = said(predict(app, upload(app, content, "picture.heic" if "wrong" in name else "picture.png")))
    assert any(part in answer for part in expected.split("|")), answer
    assert said(predict(app, {"url": data_url(content)})) == answer


SECRET = {"meta": {"_type": "gradio.FileData"}}
ARGUMENTS: dict[str, tuple[list[Any], str]] = {
    "none": ([], FAILURE),
    "too many": ([{}, {}], NO_PICTURE),
    "null": ([None], NO_PICTURE),
    "number": ([7], FAILURE),
    "text": (["seven.png"], FAILURE),
    "list": ([[{}]], FAILURE),
    "no fields": ([{}], NO_PICTURE),
    "path of a wrong type": ([{"path": 7}], FAILURE),
    "path of the server": ([{"path": "/etc/passwd"}], NO_PICTURE),
    "path of the server, marked": ([{"path": "/etc/passwd", **SECRET}], FAILURE),
    "way out of the folder": ([{"path": "../../../../etc/passwd"}], NO_PICTURE),
    "path with a null": ([{"path": "/tmp/\0"}], NO_PICTURE),
    "endless path": ([{"path": "a" * 1_000_000}], NO_PICTURE),
    "address within": ([{"path": "http://169.254.169.254/latest", "url": "http://169.254.169.254/latest"}], NO_PICTURE),
    "address within, marked": ([{"path": "http://127.0.0.1:1/", "url": "http://127.0.0.1:1/", **SECRET}], NOT_FETCHED),
    "address of another host, marked": ([{"path": "https://example.com/7.png", **SECRET}], NOT_FETCHED),
    "file as an address": ([{"url": "file:///etc/passwd"}], NO_PICTURE),
    "broken data URL": ([{"url": "data:image/png;base64,%%%"}], "damaged or incomplete"),
    "data URL of letters beyond ASCII": ([{"url": "data:image/png;base64,é"}], "damaged or incomplete"),
    "data URL of nothing": ([{"url": "data:image/png;base64,"}], NOT_A_PICTURE),
    "data URL of a page": ([{"url": "data:text/html,<b>7</b>"}], NO_PICTURE),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument_that_is_no_picture_is_an_error_in_words(app: App, name: str) -> None:
    arguments, expected = ARGUMENTS[name]
    assert expected in said(call(app, "predict", *arguments))
    event = httpx2.post(f"{app.url}/gradio_api/call/predict", json={"data": arguments}).json()["event_id"]
    answer = httpx2.get(f"{app.url}/gradio_api/call/predict/{event}").text
    assert answer.startswith("event: error")
    assert expected in json.loads(answer.partition("data: ")[2])["error"]
    assert "contacted another host" not in app.log


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("run/predict", b"{"),
        ("run/predict", b""),
        ("run/predict", b'{"data": "seven"}'),
        ("run/predict", b'{"data": [], "fn_index": 99}'),
        ("run/predict", b'{"data": [], "session_hash": 7}'),
        ("run/predict", b"[" * 100_000),
        ("run/predict", b'{"data": ' + b"[" * 4_000 + b"]" * 4_000 + b"}"),
        ("run/predict", b'{"data": [NaN]}'),
        ("run/nothing", b'{"data": []}'),
        ("run/predict_batch", b'{"data": [null]}'),
        ("run/predict_batch", b'{"data": ["seven"]}'),
        ("run/predict_number", b'{"data": []}'),
        ("run/predict_number", b'{"data": [null, [[[NaN, 1e999]]]]}'),
        ("component_server", b'{"data": 7, "component_id": 9999, "fn_name": "read", "session_hash": "x"}'),
        ("component_server", b'{"data": 7, "component_id": 1, "fn_name": "__init__", "session_hash": "x"}'),
        ("component_server", b"{}"),
        ("upload", b""),
    ],
)
def test_request_that_makes_no_sense_is_refused_in_words(app: App, path: str, content: bytes) -> None:
    for content_type in ("application/json", "text/plain", "multipart/form-data"):
        headers = {"Content-Type": content_type}
        answer = httpx2.post(f"{app.url}/gradio_api/{path}", content=content, headers=headers, timeout=30)
        assert 400 <= answer.status_code < 500
        words = answer.json()["error"] if "upload" not in path else answer.text
        assert len(words.split()) > 2  # a sentence, not a code or an empty text
        assert "detail" not in answer.text
        for secret in ("Traceback", "site-packages", ".py", "File "):
            assert secret not in answer.text


def test_data_url_of_60_megabytes_is_refused_in_words(app: App) -> None:
    answer = predict(app, {"url": "data:image/png;base64," + "A" * 60 * 2**20})
    assert (answer.status_code, "too large" in answer.json()["error"]) == (413, True)


def check(read: Callable[[], np.ndarray]) -> None:
    """Check that the result is ten finite probabilities that sum to 1, or a documented error."""
    try:
        probabilities = read()
    except DOCUMENTED:
        return
    assert probabilities.shape == (1, 10)
    assert np.isfinite(probabilities).all()
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
MODES += ["I", "F", "I;16", "I;16L", "I;16B"]
no_deadline = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


@no_deadline
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 2**32 - 1),
    strokes=st.integers(0, 4),
)
def test_picture_of_any_size_and_mode_gets_probabilities_or_a_documented_error(
    classifier: Classifier, size: tuple[int, int], mode: str, seed: int, strokes: int
) -> None:
    rng = random.Random(seed)
    picture = Image.new("L", size, rng.randrange(256))
    draw = ImageDraw.Draw(picture)
    for _ in range(strokes):
        ends = [(rng.uniform(-9, size[0] + 9), rng.uniform(-9, size[1] + 9)) for _ in range(rng.randrange(1, 5))]
        draw.line(ends * 2, fill=rng.randrange(256), width=rng.randrange(1, 40))
    if rng.random() < 0.3:
        picture = Image.blend(picture, Image.effect_noise(size, rng.uniform(1, 200)), rng.random())
    if mode.startswith(("I", "F")):
        picture = Image.fromarray(np.asarray(picture).astype({"I": "i4", "F": "f4"}.get(mode, "u2")) * 257)
        picture = picture if picture.mode == mode else picture.convert(mode)
    else:
        steps = {"LAB": ["RGB"], "HSV": ["RGB"], "La": ["LA"], "RGBa": ["RGBA"], "PA": ["P"]}.get(mode, [])
        for step in [*steps, mode]:
            picture = picture.convert(step)
    check(lambda: classifier.predict_batch([picture]))


@no_deadline
@given(
    arrays.arrays(
        dtype=st.sampled_from([np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float32, np.float64, bool]),
        shape=arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=40),
    )
)
def test_array_of_any_kind_gets_probabilities_or_a_documented_error(classifier: Classifier, array: np.ndarray) -> None:
    check(lambda: classifier.predict_batch([array]))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of much of what it meets here and below
@no_deadline
@given(st.binary(max_size=500), st.sampled_from(sorted(FILES)))
def test_any_bytes_get_probabilities_or_a_documented_error(classifier: Classifier, content: bytes, name: str) -> None:
    check(lambda: classifier.predict_batch([FILES[name][:12] + content]))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_two_thousand_damaged_files_get_an_image_or_a_documented_error() -> None:
    rng = random.Random(0)
    seeds = seed_files()
    read = 0
    for number in range(2_000):
        try:
            image = to_mnist(load_image(damage(seeds[number % len(seeds)], rng)))
        except DOCUMENTED:
            continue
        assert image.shape == (28, 28, 1)
        assert image.dtype == np.uint8
        assert image.max() == 255
        read += 1
    assert 200 < read < 1_800  # both ends are reached


def test_same_damage_over_http_gets_words(app: App) -> None:
    rng = random.Random(1)
    for content in seed_files():
        answer = predict(app, {"url": data_url(damage(content, rng))})
        assert said(answer), answer.text
    assert httpx2.get(f"{app.url}/health").is_success
