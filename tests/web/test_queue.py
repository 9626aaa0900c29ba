"""Pictures that many visitors send at once are read as if each visitor were alone."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.errors import EmptyPictureError, PictureError, UnreadablePictureError
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.inference import Classifier, load_image
from mnist_cnn.web import queue
from mnist_cnn.web.model_source import ModelHolder, ServedModel
from mnist_cnn.web.payloads import PictureFile
from mnist_cnn.web.queue import ReadingQueue
from mnist_cnn.web.turns import Turns
from tests.support.files import data_url, encode
from tests.support.numbers import draw_number
from tests.support.pictures import Scene, on_paper, photograph, write_digit

COUNT = 40


class FailingClassifier(Classifier):
    """The bundled model; its network can be made to fail."""

    failure: Exception | None = None

    def compute_probabilities(self, images: np.ndarray) -> np.ndarray:
        if self.failure:
            raise self.failure
        return super().compute_probabilities(images)


@pytest.fixture(scope="module")
def pictures() -> list[PictureFile]:
    rng = np.random.default_rng(0)
    drawn = [render(sample_strokes(i % 10, rng), size=56, pen_width=5) for i in range(COUNT)]
    return [{"url": data_url(encode(picture, "PNG"))} for picture in drawn]


@pytest.fixture
def classifier() -> Classifier:
    return FailingClassifier.from_pretrained()


def reading_queue(classifier: Classifier) -> ReadingQueue:
    return ReadingQueue(ModelHolder(ServedModel(classifier)))


def test_each_visitor_gets_the_answer_to_the_own_picture(classifier: Classifier, pictures: list[PictureFile]) -> None:
    reader, rng = reading_queue(classifier), np.random.default_rng(0)
    photo = photograph(write_digit(4, rng), Scene(size=(400, 300), lines="squared"), rng)
    pictures = [*pictures[:20], {"url": data_url(encode(photo, "JPEG"))}, *pictures[20:]]
    alone = [reader.read(picture, "test") for picture in pictures]
    with ThreadPoolExecutor(len(pictures)) as visitors:
        together = list(visitors.map(lambda picture: reader.read(picture, "test"), pictures))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.reading.image, other.reading.image)
        np.testing.assert_array_equal(one.reading.probabilities, other.reading.probabilities)


def test_a_batch_is_answered_in_order(classifier: Classifier, pictures: list[PictureFile]) -> None:
    readings = reading_queue(classifier).read_batch(pictures[9::-1], "test")
    assert [reading.digit for reading in readings if not isinstance(reading, Exception)] == [*reversed(range(10))]


def test_what_cannot_be_read_has_its_error_in_its_place(classifier: Classifier, pictures: list[PictureFile]) -> None:
    blank: PictureFile = {"url": data_url(encode(render([np.zeros((1, 2))], 56, 5).convert("1"), "PNG"))}
    first, second, third, fourth = reading_queue(classifier).read_batch([pictures[0], None, blank, pictures[1]], "test")
    assert isinstance(second, UnreadablePictureError)
    assert isinstance(third, EmptyPictureError)
    assert not isinstance(first, Exception)
    assert not isinstance(fourth, Exception)


def test_failure_of_the_network_reaches_each_visitor(
    classifier: FailingClassifier, pictures: list[PictureFile]
) -> None:
    reader = reading_queue(classifier)
    classifier.failure = MemoryError("no room")
    with ThreadPoolExecutor(8) as visitors:
        futures = [visitors.submit(reader.read, picture, "test") for picture in pictures[:8]]
    assert all(isinstance(future.exception(), MemoryError) for future in futures)
    classifier.failure = None
    assert reader.read(pictures[0], "test").reading.digit == 0


def count_decodings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collect the content of each picture that is decoded from now on."""
    decoded: list[bytes] = []

    def load_and_note(content: bytes) -> Image.Image:
        decoded.append(content)
        return load_image(content)

    monkeypatch.setattr(queue, "load_image", load_and_note)
    return decoded


def test_large_picture_of_a_number_waits_as_one_twice_and_is_not_refused_later(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    take = Turns.take

    def count(turns: Turns, pixels: int) -> AbstractContextManager[None]:
        asked.append(pixels)
        return take(turns, pixels)

    monkeypatch.setattr(Turns, "take", count)
    monkeypatch.setattr("mnist_cnn.decision.row._SURE", 1.0)  # so that all ways to see it are looked at
    photo = on_paper(draw_number("42")[0]).convert("RGB").resize((2800, 1600))
    answered = reading_queue(classifier).read_number(encode(photo, "PNG"), "test")
    assert answered.reading.text == "42"
    assert asked[:2] == [2800 * 1600] * 2  # to be decoded and read as one digit, and for the first way to see it
    assert set(asked[2:]) == {0}


def test_picture_that_is_named_often_is_decoded_once(
    classifier: FailingClassifier, pictures: list[PictureFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decodings(monkeypatch)
    broken: PictureFile = {"url": data_url(b"broken")}
    readings = reading_queue(classifier).read_batch([pictures[0], broken, pictures[1]] * 80, "test")
    assert len(decoded) == 3
    assert [reading.digit for reading in readings[::3] if not isinstance(reading, Exception)] == [0] * 80
    assert all(isinstance(reading, UnreadablePictureError) for reading in readings[1::3])


def test_batch_is_limited_in_decoded_pixels(
    classifier: FailingClassifier, pictures: list[PictureFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decodings(monkeypatch)
    monkeypatch.setattr(queue, "MAX_BATCH_MEGAPIXELS", 2.5 * 56 * 56 / 1e6)
    readings = reading_queue(classifier).read_batch(pictures[:5], "test")
    assert len(decoded) == 3
    assert [isinstance(reading, Exception) for reading in readings] == [False] * 3 + [True] * 2
    assert "too large: send at most" in str(readings[4])


def test_batch_is_limited_in_time(
    classifier: FailingClassifier, pictures: list[PictureFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_BATCH_SECONDS", -1)
    (reading,) = reading_queue(classifier).read_batch(pictures[:1], "test")
    assert "send fewer or smaller pictures" in str(reading)


def test_errors_that_are_kept_hold_no_picture(classifier: Classifier) -> None:
    blank: PictureFile = {"url": data_url(encode(Image.new("L", (50, 50)), "PNG"))}
    for error in reading_queue(classifier).read_batch([blank, {"url": data_url(b"broken")}], "test"):
        assert isinstance(error, PictureError)
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
