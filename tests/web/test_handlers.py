import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import gradio as gr
import httpx2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFile

from mnist_cnn import inference
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import PRETRAINED, Classifier, NumberReading, Reading
from mnist_cnn.web import payloads
from mnist_cnn.web.exchange import AnswerError
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.handlers import MAX_SHOWN, Drawing, Frame, FramedPicture, Handlers, with_article, write_verdict
from mnist_cnn.web.limits import MAX_CORRECTIONS
from mnist_cnn.web.model_source import ModelHolder, ServedModel
from mnist_cnn.web.queue import ReadingQueue
from tests.support.browsing import App
from tests.support.files import FILES, data_url, encode, picture_of_7
from tests.support.numbers import draw_number


class OtherClassifier(Classifier):
    """A model that takes every digit for a 3, and says so when it explains."""

    def compute_probabilities(self, images: np.ndarray) -> np.ndarray:
        rows = np.full((len(images), 10), 0.001, np.float32)
        rows[:, 3] = 0.991
        return rows

    def explain(self, *_: object) -> np.ndarray:
        raise AssertionError("explained by a model that didn't answer")


@pytest.fixture
def models(classifier: Classifier) -> ModelHolder:
    return ModelHolder(ServedModel(classifier))


@pytest.fixture
def handlers(models: ModelHolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    """The page's handlers; corrections go to the test's folder, and uploads come from it."""
    monkeypatch.setattr(payloads, "get_upload_folder", lambda: str(tmp_path))
    return Handlers(models, ReadingQueue(models), Feedback(tmp_path / "feedback"))


@pytest.fixture
def upload(tmp_path: Path) -> FramedPicture:
    (tmp_path / "seven.jpg").write_bytes(encode(picture_of_7(), "JPEG"))
    return {"path": str(tmp_path / "seven.jpg")}


def drawing(name: str) -> Drawing:
    return {"url": data_url(FILES[name])}


def number(text: str) -> Drawing:
    """A number as the pad sends it."""
    image, strokes = draw_number(text)
    return {"url": data_url(encode(image, "PNG")), "strokes": [[list(point) for point in stroke] for stroke in strokes]}


def say(text: object, session: str | None = "session") -> tuple[Any, gr.Request]:
    """Return what Gradio hands on when a visitor says what is right."""
    return {"text": text}, gr.Request(session_hash=session)


def reading(is_digit: bool = True, is_several: bool = False, **digits: float) -> Reading:
    """A reading with the given probabilities; the digits that aren't given share what is left."""
    rest = (1 - sum(digits.values())) / (10 - len(digits))
    probabilities = np.array([digits.get(f"p{digit}", rest) for digit in range(10)], np.float32)
    return Reading(probabilities, is_digit, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8), is_several)


@pytest.mark.parametrize(
    ("whole", "text", "confidence", "sentence"),
    [
        (reading(p7=0.976), "7", 0.976, "7, 98 % sure"),
        (reading(p7=0.9999), "7", 0.9999, "7, 99 % sure"),
        (reading(p7=0.55, p1=0.4), "7", 0.55, "A 7 or a 1"),
        (reading(p8=0.5, p3=0.4), "8", 0.5, "An 8 or a 3"),
        (reading(is_digit=False, is_several=True), "42", 0.9999, "42, 99 % sure"),
        (reading(is_digit=False, is_several=True), "42", 0.41, "42, perhaps (41 % sure)"),
        (reading(is_digit=False, is_several=True), "42\n7", 0.6, "42 7, 60 % sure"),
        (reading(is_digit=False, p7=0.6, p1=0.3), "7", 0.8, "7, 80 % sure"),
        (
            reading(is_digit=False, is_several=True),
            "",
            0.9,
            "Several digits, but they can't be read: write them further apart",
        ),
        (
            reading(is_digit=False, p7=0.6),
            "",
            0.9,
            "There is something, but no digit: try once more, or say which one it is",
        ),
    ],
)
def test_verdict_says_what_was_read_and_how_sure_it_is(
    whole: Reading, text: str, confidence: float, sentence: str
) -> None:
    given = NumberReading(text, confidence, (whole,) * len(text.replace("\n", "")), whole)
    assert write_verdict(given).replace("\N{NO-BREAK SPACE}", " ") == sentence


def test_eight_alone_takes_an() -> None:
    assert [digit for digit in range(10) if with_article(digit).startswith("an ")] == [8]


def load_correction(tmp_path: Path) -> dict[str, Any]:
    (row,) = datasets.load_dataset(str(tmp_path / "feedback"), split="train", cache_dir=str(tmp_path / "cache"))
    return row


def test_correction_stores_what_was_shown_by_the_model_that_answered_after_a_swap(
    handlers: Handlers, models: ModelHolder, tmp_path: Path
) -> None:
    answer = handlers.read_drawing(drawing("transparent.png"))
    models.served = ServedModel(OtherClassifier(PRETRAINED, "owner/other", "c0ffee"))
    assert handlers.read_drawing(drawing("transparent.png"))["label"]["label"] == "3"
    assert handlers.correct(answer["reading"], *say("1")) == "Thank you. It is saved as a 1."
    row = load_correction(tmp_path)
    assert (row["label"], row["model"], row["revision"]) == (1, "bundled", None)
    probabilities = [entry["confidence"] for entry in sorted(answer["label"]["confidences"], key=lambda e: e["label"])]
    shown = np.minimum(row["probabilities"], np.float32(MAX_SHOWN))
    np.testing.assert_array_equal(shown, np.array(probabilities, np.float32))
    picture = Image.open(io.BytesIO(FILES["transparent.png"]))
    np.testing.assert_array_equal(np.asarray(row["image"]), to_mnist(picture)[..., 0])
    np.testing.assert_array_equal(np.asarray(row["drawing"]), np.asarray(picture))


def test_explanation_is_by_the_model_that_answered_after_a_swap(handlers: Handlers, models: ModelHolder) -> None:
    answer = handlers.read_drawing(drawing("seven.png"))
    models.served = ServedModel(OtherClassifier.from_pretrained())
    heat = handlers.explain(answer["reading"], answer["chosen"])
    assert heat is not None
    assert heat["first"] == "a 7"


def test_picture_is_decoded_and_prepared_once_for_answer_frame_explanation_and_correction(
    handlers: Handlers, upload: FramedPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    count(ImageFile.ImageFile, "load_prepare")  # Pillow, when it begins to decode a file
    count(inference, "propose")
    count(Classifier, "compute_probabilities")
    answer = handlers.read_picture(upload)
    assert answer["found"]
    assert (answer["found"]["width"], answer["found"]["height"]) == picture_of_7().size
    assert handlers.explain(answer["reading"], 0)
    assert "Thank you" in handlers.correct(answer["reading"], *say("7"))
    assert calls == {"load_prepare": 1, "propose": 1, "compute_probabilities": 1}


def test_sketch_is_read_from_its_file(handlers: Handlers) -> None:
    assert handlers.read_sketch(FILES["seven.png"])["label"]["label"] == "7"


def test_single_digit_comes_without_tiles(handlers: Handlers) -> None:
    answer = handlers.read_drawing(number("4"))
    assert (answer["label"]["label"], answer["text"], answer["digits"], answer["chosen"]) == ("4", "", [], 0)


def test_refused_drawing_has_no_rows_and_no_explanation_but_can_be_put_right(handlers: Handlers) -> None:
    face = Image.new("RGBA", (280, 280))
    pen = ImageDraw.Draw(face)
    pen.ellipse((40, 40, 240, 240), outline="black", width=14)
    pen.arc((90, 90, 190, 190), 20, 160, fill="black", width=14)
    for x in (105, 165):
        pen.ellipse((x, 95, x + 14, 109), fill="black")
    answer = handlers.read_drawing({"url": data_url(encode(face, "PNG"))})
    assert answer["verdict"].startswith("There is something, but no digit")
    assert (answer["label"], handlers.explain(answer["reading"], 0)) == ({}, None)
    assert handlers.correct(answer["reading"], *say("0")) == "Thank you. It is saved as a 0."


def test_digits_of_a_number_come_in_reading_order_and_the_least_certain_is_chosen(handlers: Handlers) -> None:
    answer = handlers.read_drawing(number("42\n70"))
    assert answer["text"] == "42\n70"
    assert [tile["label"]["label"] for tile in answer["digits"]] == ["4", "2", "7", "0"]
    assert answer["digits"][2]["name"].startswith("7, digit 3 of 4, 9")
    confidences = [max(row["confidence"] for row in tile["label"]["confidences"]) for tile in answer["digits"]]
    assert confidences[answer["chosen"]] == min(confidences)
    chosen = answer["digits"][answer["chosen"]]
    assert (answer["label"], answer["seen"]) == (chosen["label"], chosen["seen"])
    assert len(json.dumps(answer)) < 8000


def test_each_digit_of_a_number_is_explained_by_itself(handlers: Handlers) -> None:
    answer = handlers.read_drawing(number("42"))
    heats = [handlers.explain(answer["reading"], digit) for digit in range(2)]
    assert [heat and heat["first"] for heat in heats] == ["a 4", "a 2"]
    for wrong in (2, -1, None, True, 0.0, "0", [0]):
        assert handlers.explain(answer["reading"], wrong) is None  # type: ignore[arg-type]


def test_digits_of_a_number_in_a_picture_are_framed(handlers: Handlers) -> None:
    image, _ = draw_number("42")
    picture = Image.new("RGB", image.size, "white")
    picture.paste(image, mask=image)
    found = handlers.read_picture({"url": data_url(encode(picture, "PNG"))})["found"]
    assert found
    assert found["alt"] == "The picture, with a frame around each digit of 42"


def test_correction_of_a_frame_stores_what_is_inside(handlers: Handlers, tmp_path: Path) -> None:
    image, _ = draw_number("42")
    picture = Image.new("RGB", image.size, "white")
    picture.paste(image, mask=image)
    answer = handlers.read_picture({"url": data_url(encode(picture, "PNG")), "frame": [0.5, -1, 9, 9]})
    assert (answer["label"]["label"], answer["digits"], answer["found"]) == ("2", [], None)
    assert handlers.correct(answer["reading"], *say("7")) == "Thank you. It is saved as a 7."
    row, inside = load_correction(tmp_path), picture.crop((100, 0, 200, 100))
    np.testing.assert_array_equal(np.asarray(row["drawing"]), np.asarray(inside))
    np.testing.assert_array_equal(np.asarray(row["image"]), to_mnist(inside)[..., 0])
    assert row["label"] == 7


@pytest.mark.parametrize(
    "frame", ["all", 7, {}, [0, 0, 1], [0, 0, 0.01, 1], [1.1, 0, 1, 1], [1, 1, -1, -1], [float("nan")] * 4]
)
def test_frame_in_which_nothing_can_be_read_is_answered_in_a_sentence(handlers: Handlers, frame: Any) -> None:
    answer = handlers.read_picture({"url": data_url(FILES["seven.png"]), "frame": frame})
    assert answer["verdict"].startswith("The frame is too small, or outside the picture")


@pytest.mark.parametrize("strokes", ["all", [[[0, 1, 2]]], [[[0, 0]]] * 201])
def test_strokes_that_the_pad_does_not_send_are_refused(handlers: Handlers, strokes: Any) -> None:
    with pytest.raises(AnswerError):
        handlers.read_drawing({**drawing("seven.png"), "strokes": strokes})


@pytest.mark.parametrize("given", ["seven.png", 7, ["a"], {"path": "/etc/passwd"}, {"url": 7}])
def test_drawing_that_the_pad_does_not_send_is_answered_in_words(handlers: Handlers, given: Any) -> None:
    assert "no picture" in handlers.read_drawing(given)["verdict"]


def test_blank_inputs_are_answered_with_the_prompt(handlers: Handlers) -> None:
    blank: dict[str, Any] = {"verdict": "Draw a digit or a number", "text": "", "digits": [], "chosen": 0}
    blank |= {"label": {}, "seen": "", "found": None, "reading": None}
    empty: Drawing = {"url": data_url(encode(Image.new("RGBA", (50, 50)), "PNG"))}
    assert handlers.read_drawing(None) == handlers.read_drawing(empty) == blank
    assert handlers.read_sketch(None) == handlers.read_picture(None) == blank


def test_picture_that_cannot_be_read_is_answered_with_the_reason(handlers: Handlers) -> None:
    answer = handlers.read_picture({"url": data_url(b"<script>")})
    assert "not a picture" in answer["verdict"]
    assert (answer["label"], answer["reading"]) == ({}, None)


def test_correction_without_a_reading_asks_for_one(handlers: Handlers) -> None:
    assert handlers.correct(None, *say("7")) == "Draw a digit or a number first."
    assert "Please give it again" in handlers.correct("an id that was never given", *say("7"))
    assert handlers.explain(None, 0) is handlers.explain("an id that was never given", 0) is None


def test_reading_is_corrected_by_one_visitor_who_may_think_again(handlers: Handlers, tmp_path: Path) -> None:
    answer = handlers.read_drawing(drawing("seven.png"))
    assert handlers.correct(answer["reading"], *say("1")) == "Thank you. It is saved as a 1."
    refusal = handlers.correct(answer["reading"], *say("2", session="another"))
    assert refusal == "The picture is not here any more. Please give it again."
    assert handlers.correct(answer["reading"], *say("4")) == "Changed to a 4."
    assert handlers.correct(answer["reading"], *say("4")) == "Thank you. It is saved as a 4."
    assert load_correction(tmp_path)["label"] == 4
    back, request = {"taken_back": True}, say("")[1]
    assert handlers.correct(answer["reading"], back, request).startswith("Taken back.")
    assert handlers.correct(answer["reading"], *say("1")) == "Thank you. It is saved as a 1."


def load_number(tmp_path: Path) -> dict[str, Any]:
    folder = str(tmp_path / "feedback" / ".numbers")
    (row,) = datasets.load_dataset(folder, split="train", cache_dir=str(tmp_path / "cache"))
    return row


def test_number_is_corrected_as_a_whole(handlers: Handlers, tmp_path: Path) -> None:
    answer = handlers.read_drawing(number("42\n70"))
    assert handlers.correct(answer["reading"], *say("42\n 76 ")) == "Thank you. It is saved as 42 76."
    row = load_number(tmp_path)
    assert (row["read"], row["text"], len(row["images"])) == ("42\n70", "42\n76", 4)


def test_digit_that_is_a_number_and_number_that_is_a_digit_are_kept_as_numbers(
    handlers: Handlers, tmp_path: Path
) -> None:
    for given, text in {"4": "41", "42": "4"}.items():
        answer = handlers.read_drawing(number(given))
        assert handlers.correct(answer["reading"], *say(text)) == f"Thank you. It is saved as {text}."
    assert len(list((tmp_path / "feedback" / ".numbers").glob("*.parquet"))) == 2


def test_same_picture_is_corrected_by_every_visitor_who_gave_it(handlers: Handlers, tmp_path: Path) -> None:
    for session, digit in {"one": "1", "another": "7"}.items():
        answer = handlers.read_drawing(drawing("seven.png"))
        assert "Thank you" in handlers.correct(answer["reading"], *say(digit, session))
    assert len(list((tmp_path / "feedback").glob("*.parquet"))) == 2


def test_visitor_who_has_given_enough_is_told_so(handlers: Handlers) -> None:
    answer = handlers.read_drawing(drawing("seven.png"))
    said = [handlers.correct(answer["reading"], *say("7")) for _ in range(MAX_CORRECTIONS + 1)]
    assert set(said[:-1]) == {"Thank you. It is saved as a 7."}
    assert said[-1].startswith("Thank you, these are 30 in an hour")


def test_correction_that_cannot_be_written_says_so(handlers: Handlers, tmp_path: Path) -> None:
    answer = handlers.read_drawing(drawing("seven.png"))
    shutil.rmtree(tmp_path / "feedback")
    assert handlers.correct(answer["reading"], *say("7")) == "It could not be saved. Please try again later."


class Stranger:
    """Corrects the page's answers with requests of its own."""

    def __init__(self, app: App) -> None:
        self._url = f"{app.url}/gradio_api"
        config = httpx2.get(f"{app.url}/config").json()
        self._pad = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "pad")
        ((self._pick, self._correction),) = (
            (event["id"], target)
            for event in config["dependencies"]
            for target, name in event["targets"]
            if name == "pick"
        )

    def read(self) -> str:
        """Let a drawing be read, and return the id of the reading."""
        request = {"data": drawing("seven.png"), "component_id": self._pad, "fn_name": "read"}
        answer = httpx2.post(f"{self._url}/component_server", json=request | {"session_hash": "stranger"})
        return answer.json()["reading"]

    def correct(self, reading: object, correction: object, **fields: object) -> str:
        """Return what is said to a correction; the fields are those of the request's body."""
        request = {"data": [reading, correction], "fn_index": self._pick, "trigger_id": self._correction, **fields}
        content = json.dumps(request)  # which can hold half a character, unlike httpx2's own
        answer = httpx2.post(f"{self._url}/run/predict", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]


def test_whatever_a_stranger_sends_as_a_correction_is_answered_in_a_sentence(app: App) -> None:
    stranger = Stranger(app)
    reading = stranger.read()
    before, log = set((app.log_file.parent / "feedback").rglob("*.parquet")), len(app.log)
    mine = {"session_hash": "stranger"}
    texts = [None, {}, [], True, 7, 7.0, "", " ", "\n", "x", "7x", "-1", "\u0667", "7" * 33, ["7"], {"text": "7"}]
    for correction in [None, 7, "7", "text", [], ["text"], {}, *({"text": text} for text in texts)]:
        said = stranger.correct(reading, correction, **mine)
        assert said == "Type the right number with the digits from 0 to 9.", correction
    seven = {"text": "7"}
    for nobody in ({}, {"session_hash": None}, {"session_hash": ""}):
        assert "from the page only" in stranger.correct(reading, seven, **nobody)
    for wrong in ([], 7, True, "x" * 10**6, [reading], reading[:-1]):
        assert "Please give it again" in stranger.correct(wrong, seven, **mine)
    assert stranger.correct(None, seven, **mine) == "Draw a digit or a number first."
    assert set((app.log_file.parent / "feedback").rglob("*.parquet")) == before
    for session in ("\ud800", "é" * 64):
        assert "Thank you" in stranger.correct(stranger.read(), seven, session_hash=session)
    assert stranger.correct(reading, seven, batched=True, **mine) == "Thank you. It is saved as a 7."
    assert '"exception"' not in app.read_log(log)


def test_frame_of_a_film_is_read_and_not_kept(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers._kept, "keep", lambda _: pytest.fail("kept"))
    frame: Frame = {"url": data_url(FILES["seven.png"]), "recent": ["7", "7", "1"]}
    answer = handlers.read_frame(frame)
    assert (answer["read"], answer["steady"], answer["reading"]) == ("7", "7", None)
    assert answer["found"]
    assert (answer["found"]["width"], answer["found"]["height"]) == picture_of_7().size
    blank: Frame = {"url": data_url(encode(Image.new("L", (99, 99)), "PNG")), "recent": ["7", "1", "7", "7"]}
    answer = handlers.read_frame(blank)
    assert (answer["read"], answer["steady"]) == ("", "7")
    assert handlers.read_frame(None)["steady"] == ""


def test_description_names_the_model_and_escapes_why_it_serves(handlers: Handlers, models: ModelHolder) -> None:
    assert handlers.describe_model() == "Reads 99.64% of MNIST's test images right. Model: bundled"
    models.served = ServedModel(models.served.classifier, "<b> was asked for.")
    assert handlers.describe_model().endswith("Model: bundled. &lt;b&gt; was asked for.")
