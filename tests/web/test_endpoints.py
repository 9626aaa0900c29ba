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
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn.web.endpoints import Endpoints, take_strokes
from mnist_cnn.web.limits import MAX_POINTS, MAX_STROKES, THREADS
from tests.support.browsing import App
from tests.support.files import FILES, data_url, encode, picture_of_7
from tests.support.numbers import draw_number
from tests.support.pictures import on_paper, print_digit
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


def read_number(app: App, image: Image.Image, strokes: object = None) -> dict:
    response = call(app, "predict_number", {"url": data_url(encode(image, "PNG"))}, strokes)
    return response.raise_for_status().json()["data"][0]


@pytest.mark.parametrize("with_strokes", [False, True])
@pytest.mark.parametrize("text", ["42", "2026", "23\n58"])
def test_number_is_read_with_its_digits_in_reading_order(app: App, text: str, with_strokes: bool) -> None:
    image, strokes = draw_number(text)
    answer = read_number(app, image, strokes if with_strokes else None)
    assert answer["text"] == text
    assert 0 < answer["confidence"] <= 1
    assert [digit["label"] for digit in answer["digits"]] == list(text.replace("\n", ""))
    assert all(0.5 < digit["confidence"] <= 1 for digit in answer["digits"])
    boxes = [digit["box"] for digit in answer["digits"]]
    squares = [((left + right) // 200, (top + bottom) // 200) for left, top, right, bottom in boxes]
    assert squares == [(column, row) for row, digits in enumerate(text.split("\n")) for column in range(len(digits))]


def test_number_of_one_digit_is_what_is_predicted(app: App) -> None:
    image, strokes = draw_number("7")
    answer, one = read_number(app, image, strokes), predict(app, {"url": data_url(encode(image, "PNG"))}).json()
    (digit,) = answer["digits"]
    assert one["data"][0]["is_digit"]
    assert digit == {**one["data"][0]["confidences"][0], "box": one["data"][0]["box"]}
    assert (answer["text"], answer["confidence"]) == (digit["label"], digit["confidence"])


def test_picture_without_a_digit_has_an_empty_number(app: App) -> None:
    grid = Image.new("RGBA", (300, 300))
    for line in ((100, 20, 100, 280), (200, 20, 200, 280), (20, 100, 280, 100), (20, 200, 280, 200)):
        ImageDraw.Draw(grid).line(line, fill="black", width=9)
    answer = read_number(app, grid)
    assert (answer["text"], answer["digits"]) == ("", [])
    assert 0 <= answer["confidence"] <= 1


def test_strokes_tell_apart_digits_that_touch_in_a_drawing_and_are_ignored_on_paper(app: App) -> None:
    image, strokes = draw_number("306", step=0.4)
    assert read_number(app, image, strokes)["text"] == "306"
    assert read_number(app, on_paper(image), strokes) == read_number(app, on_paper(image))


@pytest.mark.parametrize("strokes", [[], [[]]])
def test_no_strokes_are_as_good_as_none(app: App, strokes: list) -> None:
    image, _ = draw_number("42")
    assert read_number(app, image, strokes) == read_number(app, image)


LINE = [[0, 0], [9, 9]]


@pytest.mark.parametrize(
    ("strokes", "words"),
    [
        ("M0,0L9,9", "lists of points"),
        (LINE, "lists of points"),
        ([{"x": 0}], "lists of points"),
        ([[[0, 0, 1]]], "lists of points"),
        ([[["0", "0"]]], "lists of points"),
        ([[[True, None]]], "lists of points"),
        ([[[0, 10**400]]], "lists of points"),
        ([LINE, [[0, 1e9]]], "don't lie in the picture"),
        ([LINE] * (MAX_STROKES + 1), f"at most {MAX_STROKES} strokes"),
        ([LINE * (MAX_POINTS // 2 + 1)], f"{MAX_POINTS:,} points"),
    ],
)
def test_what_are_no_strokes_is_refused_in_words(app: App, strokes: object, words: str) -> None:
    image, _ = draw_number("42")
    response = call(app, "predict_number", {"url": data_url(encode(image, "PNG"))}, strokes)
    assert (response.status_code, words in response.json()["error"]) == (400, True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_points_are_finite(value: float) -> None:
    with pytest.raises(gr.Error, match="lists of points"):
        take_strokes([[[0.0, value]]])


def test_picture_of_a_number_that_cannot_be_read_is_an_error_in_words(app: App) -> None:
    for content, words in ((b"no picture", "not a picture"), (encode(Image.new("L", (9, 9)), "PNG"), "no ink")):
        response = call(app, "predict_number", {"url": data_url(content)}, None)
        assert (response.status_code, words in response.json()["error"]) == (400, True)


def test_gradio_client_reads_a_number_with_and_without_strokes(app: App, tmp_path: Path) -> None:
    image, strokes = draw_number("42")
    image.save(tmp_path / "number.png")
    client, picture = Client(app.url, verbose=False), handle_file(tmp_path / "number.png")
    assert client.predict(picture, api_name="/predict_number") == read_number(app, image)
    assert client.predict(picture, strokes, api_name="/predict_number") == read_number(app, image, strokes)


def test_log_has_the_number(app: App) -> None:
    before = len(app.log)
    read_number(app, draw_number("42")[0])
    lines = [json.loads(line) for line in app.read_log(before).splitlines()]
    (line,) = [line for line in lines if line["message"] == "read"]
    assert (line["source"], line["text"], line["size"]) == ("predict_number", "42", [200, 100])


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
    assert set(info["named_endpoints"]) == {"/predict", "/predict_number", "/predict_batch", "/model"}
    assert not info["unnamed_endpoints"]
    predict, predict_number, predict_batch, model = (
        info["named_endpoints"][name] for name in ("/predict", "/predict_number", "/predict_batch", "/model")
    )
    assert "handle_file('seven.png')" in predict["code_snippets"]["python"]
    assert predict["parameters"][0]["python_type"]["type"] == "filepath"
    image, strokes = predict_number["parameters"]
    assert (image["python_type"]["type"], image["parameter_has_default"]) == ("filepath", False)
    assert (strokes["python_type"]["type"], strokes["parameter_has_default"]) == ("list[list[list[float]]]", True)
    assert predict_number["returns"][0]["type"]["properties"].keys() == {"text", "confidence", "digits"}
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
