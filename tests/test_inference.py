from dataclasses import FrozenInstanceError
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn import handwriting
from mnist_cnn.errors import EmptyPictureError, ModelError, UnreadablePictureError
from mnist_cnn.handwriting import FOR_MEASURING
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import BATCH_SIZE, Classifier, Prepared, find_folder, prepare
from mnist_cnn.training.synthetic import draw_nondigits
from tests.support.pictures import print_digit


@pytest.fixture(scope="module")
def drawings() -> list[Image.Image]:
    rng = np.random.default_rng(7)
    count = 17 * BATCH_SIZE + 1  # the last part of a batch is not full
    return [handwriting.draw(handwriting.sample_strokes(number % 10, rng), rng) for number in range(count)]


@pytest.mark.parametrize("digit", range(10))
def test_the_bundled_model_reads_a_drawing_of_each_digit(classifier: Classifier, drawings: list, digit: int) -> None:
    probabilities = classifier.predict(drawings[digit])
    assert list(probabilities) == [str(label) for label in range(10)]
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert max(probabilities, key=lambda label: probabilities[label]) == str(digit)


def test_the_bundled_model_reads_printed_digits(classifier: Classifier) -> None:
    pages = [print_digit(digit, ImageFont.load_default(160)) for digit in range(10)]
    assert classifier.predict_batch(pages).argmax(axis=1).tolist() == list(range(10))


def test_a_batch_gives_what_its_pictures_give_alone(classifier: Classifier, drawings: list) -> None:
    batch = classifier.predict_batch(drawings)
    assert batch.dtype == np.float32
    assert batch.shape == (len(drawings), 10)
    alone = [list(classifier.predict(drawing).values()) for drawing in drawings]
    np.testing.assert_allclose(batch, alone, atol=1e-5)


def test_probabilities_are_the_same_to_the_bit_in_a_batch_of_any_size(classifier: Classifier, drawings: list) -> None:
    images = np.stack([to_mnist(drawing) for drawing in drawings[: 2 * BATCH_SIZE + 1]])
    whole = classifier.compute_probabilities(images)
    for count in range(2, len(images)):
        np.testing.assert_array_equal(classifier.compute_probabilities(images[:count]), whole[:count])


def test_digits_look_like_one_digit_and_most_other_drawings_do_not(classifier: Classifier, drawings: list) -> None:
    nondigits = draw_nondigits(100, 9, FOR_MEASURING).images
    digits = [classifier.read(drawing).is_digit for drawing in drawings]
    others = [
        reading.is_digit for reading in classifier.read_prepared([Prepared(one, (0, 0, 28, 28)) for one in nondigits])
    ]
    assert np.mean(digits) > 0.97
    assert np.mean(others) < 0.3


def test_an_empty_batch_gives_no_rows(classifier: Classifier) -> None:
    assert classifier.predict_batch([]).shape == (0, 10)


def test_a_picture_reads_the_same_as_image_array_bytes_and_file(
    classifier: Classifier, drawings: list, tmp_path: Path
) -> None:
    path, content = tmp_path / "digit.png", BytesIO()
    drawings[3].save(path)
    drawings[3].save(content, "png")
    forms = [drawings[3], np.asarray(drawings[3]), content.getvalue(), path, str(path)]
    np.testing.assert_array_equal(np.ptp(classifier.predict_batch(forms), axis=0), 0)


def test_prepared_images_read_as_their_pictures_do(classifier: Classifier, drawings: list) -> None:
    prepared = np.stack([to_mnist(drawing) for drawing in drawings[:3]])
    np.testing.assert_allclose(
        classifier.compute_probabilities(prepared), classifier.predict_batch(drawings[:3]), atol=1e-6
    )


def test_blank_paper_and_broken_files_are_refused(classifier: Classifier) -> None:
    with pytest.raises(EmptyPictureError, match="no ink"):
        classifier.predict(Image.new("RGB", (100, 100), "white"))
    with pytest.raises(UnreadablePictureError, match="not a picture"):
        classifier.predict(b"not a picture")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no model folder: its metrics\.json can't be read"):
        Classifier.from_pretrained(tmp_path)


def test_reading_says_what_predict_says(classifier: Classifier, drawings: list) -> None:
    for drawing in drawings[:10]:
        reading = classifier.read(drawing)
        assert [*classifier.predict(drawing).values()] == reading.probabilities.tolist()
        assert reading.digit == reading.probabilities.argmax()


def test_reading_holds_the_image_that_the_network_saw_and_where_it_was_found(classifier: Classifier) -> None:
    sketch = Image.new("RGBA", (200, 300))
    ImageDraw.Draw(sketch).rectangle((90, 50, 109, 249), fill="black")
    reading = classifier.read(sketch)
    assert reading.box == (90, 50, 110, 250)
    np.testing.assert_array_equal(reading.image, to_mnist(sketch))
    assert (reading.digit, reading.is_digit) == (1, True)


def test_reading_never_changes(classifier: Classifier, drawings: list) -> None:
    reading = classifier.read(drawings[0])
    with pytest.raises(FrozenInstanceError):
        reading.is_digit = False  # type: ignore[misc]
    for array in (reading.probabilities, reading.image):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_pictures_read_together_are_read_as_each_alone(classifier: Classifier, drawings: list) -> None:
    readings = classifier.read_prepared([prepare(drawing) for drawing in drawings])
    for together, drawing in zip(readings, drawings, strict=True):
        alone = classifier.read(drawing)
        assert (together.digit, together.is_digit, together.box) == (alone.digit, alone.is_digit, alone.box)
        np.testing.assert_array_equal(together.image, alone.image)


def test_picture_of_several_digits_is_not_one_digit(classifier: Classifier) -> None:
    page = Image.new("RGB", (600, 300), "white")
    page.paste(print_digit(4, ImageFont.load_default(160)).crop((100, 50, 300, 350)), (50, 0))
    page.paste(print_digit(2, ImageFont.load_default(160)).crop((100, 50, 300, 350)), (320, 0))
    assert not classifier.read(page).is_digit


def test_folder_is_told_from_a_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert find_folder(tmp_path) == find_folder(str(tmp_path)) == tmp_path
    assert find_folder("owner/name") == Path("owner/name")  # a folder goes before the Hub
    assert find_folder("owner/other") is None
    assert find_folder("other") is None


@pytest.mark.parametrize("source", ["/nowhere", "./nowhere", "../nowhere", "~/nowhere", "a/b/c", Path("nowhere")])
def test_path_that_is_no_folder_is_refused(source: str | Path) -> None:
    with pytest.raises(ModelError, match=f"There is no folder {source}: check the path, or name a repo"):
        Classifier.from_pretrained(source)


def test_ink_speaks_for_the_digit_that_was_read(classifier: Classifier, drawings: list) -> None:
    reading = classifier.read(drawings[7])
    assert classifier.explain(reading.image, 7, 1).sum() > 0
    np.testing.assert_allclose(
        classifier.explain(reading.image, 7, 1), -classifier.explain(reading.image, 1, 7), atol=1e-4
    )
