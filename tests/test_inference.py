from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from mnist_cnn import handwriting
from mnist_cnn.errors import EmptyPictureError, UnreadablePictureError
from mnist_cnn.handwriting import FOR_MEASURING
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import BATCH_SIZES, Classifier, Prepared
from mnist_cnn.training.synthetic import draw_nondigits
from tests.support.pictures import print_digit


@pytest.fixture(scope="module")
def drawings() -> list[Image.Image]:
    rng = np.random.default_rng(7)
    return [handwriting.draw(handwriting.sample_strokes(digit % 10, rng), rng) for digit in range(BATCH_SIZES[-1] + 6)]


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
