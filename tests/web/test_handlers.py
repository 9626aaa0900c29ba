import io
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import gradio as gr
import numpy as np
import pytest
from PIL import Image, ImageFile

from mnist_cnn import inference
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import PRETRAINED, Classifier, Reading
from mnist_cnn.web import payloads
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.handlers import Handlers, with_article, write_verdict
from mnist_cnn.web.model_source import ModelHolder, ServedModel
from mnist_cnn.web.payloads import PictureFile
from mnist_cnn.web.queue import ReadingQueue
from tests.support.files import FILES, data_url, encode, picture_of_7


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
def upload(tmp_path: Path) -> PictureFile:
    (tmp_path / "seven.jpg").write_bytes(encode(picture_of_7(), "JPEG"))
    return {"path": str(tmp_path / "seven.jpg")}


def pick(digit: object) -> gr.EventData:
    return gr.EventData(None, {"digit": digit})


def reading(is_digit: bool = True, **digits: float) -> Reading:
    """A reading with the given probabilities; the digits that aren't given share what is left."""
    rest = (1 - sum(digits.values())) / (10 - len(digits))
    probabilities = np.array([digits.get(f"p{digit}", rest) for digit in range(10)], np.float32)
    return Reading(probabilities, is_digit, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (reading(p7=0.976), "7, 98 % sure"),
        (reading(p7=0.9999), "7, 99 % sure"),
        (reading(p7=0.55, p1=0.4), "A 7 or a 1"),
        (reading(p8=0.5, p3=0.4), "An 8 or a 3"),
        (reading(is_digit=False, p7=0.6), "This doesn't look like one digit"),
    ],
)
def test_verdict_says_how_sure_the_answer_is(given: Reading, sentence: str) -> None:
    assert write_verdict(given).replace("\N{NO-BREAK SPACE}", " ") == sentence


def test_eight_alone_takes_an() -> None:
    assert [digit for digit in range(10) if with_article(digit).startswith("an ")] == [8]


def load_correction(tmp_path: Path) -> dict[str, Any]:
    (row,) = datasets.load_dataset(str(tmp_path / "feedback"), split="train", cache_dir=str(tmp_path / "cache"))
    return row


def test_correction_stores_what_was_shown_by_the_model_that_answered_after_a_swap(
    handlers: Handlers, models: ModelHolder, tmp_path: Path
) -> None:
    answer = handlers.read_drawing(data_url(FILES["transparent.png"]))
    models.served = ServedModel(OtherClassifier(PRETRAINED, "owner/other", "c0ffee"))
    assert handlers.read_drawing(data_url(FILES["transparent.png"]))["label"]["label"] == "3"
    assert handlers.correct(answer["reading"], pick(1)) == "Thank you. It is saved as a 1."
    row = load_correction(tmp_path)
    assert (row["label"], row["model"], row["revision"]) == (1, "bundled", None)
    probabilities = [entry["confidence"] for entry in sorted(answer["label"]["confidences"], key=lambda e: e["label"])]
    np.testing.assert_array_equal(row["probabilities"], np.array(probabilities, np.float32))
    drawing = Image.open(io.BytesIO(FILES["transparent.png"]))
    np.testing.assert_array_equal(np.asarray(row["image"]), to_mnist(drawing)[..., 0])
    np.testing.assert_array_equal(np.asarray(row["drawing"]), np.asarray(drawing))


def test_explanation_is_by_the_model_that_answered_after_a_swap(handlers: Handlers, models: ModelHolder) -> None:
    answer = handlers.read_drawing(data_url(FILES["seven.png"]))
    models.served = ServedModel(OtherClassifier.from_pretrained())
    heat = handlers.explain(answer["reading"])
    assert heat is not None
    assert heat["first"] == "a 7"


def test_picture_is_decoded_and_prepared_once_for_answer_frame_explanation_and_correction(
    handlers: Handlers, upload: PictureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    count(ImageFile.ImageFile, "load_prepare")  # Pillow, when it begins to decode a file
    count(inference, "find_segment")
    count(Classifier, "compute_probabilities")
    answer = handlers.read_picture(upload)
    assert answer["found"].startswith("data:image/png")
    assert handlers.explain(answer["reading"])
    assert "Thank you" in handlers.correct(answer["reading"], pick(7))
    assert calls == {"load_prepare": 1, "find_segment": 1, "compute_probabilities": 1}


def test_sketch_that_gradio_decoded_is_not_encoded_and_decoded_again(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", lambda _: pytest.fail("decoded"))
    assert handlers.read_sketch({"composite": picture_of_7()})["label"]["label"] == "7"


def test_blank_inputs_are_answered_with_the_prompt(handlers: Handlers) -> None:
    blank: dict[str, Any] = {"verdict": "Draw a digit", "label": {}, "seen": "", "found": "", "reading": None}
    empty = data_url(encode(Image.new("RGBA", (50, 50)), "PNG"))
    assert handlers.read_drawing(None) == handlers.read_drawing(empty) == blank
    assert handlers.read_sketch({"composite": None}) == handlers.read_picture(None) == blank


def test_picture_that_cannot_be_read_is_answered_with_the_reason(handlers: Handlers) -> None:
    answer = handlers.read_picture({"url": data_url(b"<script>")})
    assert "not a picture" in answer["verdict"]
    assert (answer["label"], answer["reading"]) == ({}, None)


@pytest.mark.parametrize("digit", [None, "7", 10, -1])
def test_pick_that_is_no_digit_is_refused(handlers: Handlers, digit: object) -> None:
    answer = handlers.read_drawing(data_url(FILES["seven.png"]))
    assert handlers.correct(answer["reading"], pick(digit)) == "Draw a digit first."


def test_correction_without_a_reading_asks_for_one(handlers: Handlers) -> None:
    assert handlers.correct(None, pick(7)) == "Draw a digit first."
    assert "Please give it again" in handlers.correct("an id that was never given", pick(7))
    assert handlers.explain(None) is handlers.explain("an id that was never given") is None


def test_correction_that_cannot_be_written_says_so(handlers: Handlers, tmp_path: Path) -> None:
    answer = handlers.read_drawing(data_url(FILES["seven.png"]))
    (tmp_path / "feedback").rmdir()
    assert handlers.correct(answer["reading"], pick(7)) == "It could not be saved. Please try again."


def test_description_names_the_model_and_escapes_why_it_serves(handlers: Handlers, models: ModelHolder) -> None:
    assert handlers.describe_model() == "Reads 99.61% of MNIST's test images right. Model: bundled"
    models.served = ServedModel(models.served.classifier, "<b> was asked for.")
    assert handlers.describe_model().endswith("Model: bundled. &lt;b&gt; was asked for.")
