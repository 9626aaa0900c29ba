import numpy as np
import pytest

from mnist_cnn.images import STRIP_HEIGHT, STRIP_MARGIN
from mnist_cnn.training.data import Split
from mnist_cnn.training.strips import _paste, _spoil, make_strips
from mnist_cnn.training.synthetic import draw_digits


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.chunks.count_cores", lambda: 1)


@pytest.fixture(scope="module")
def digits() -> Split:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_cnn.training.chunks.count_cores", lambda: 1)
        return draw_digits(40, seed=0)


def test_strips_hold_ink_and_one_to_eight_digits(digits: Split) -> None:
    strips = make_strips(60, 0, digits)
    assert len(strips) == 60
    for image, text in strips:
        assert image.shape[0] == STRIP_HEIGHT
        assert image.dtype == np.uint8
        assert image.max() > 100
        assert text.isdecimal()
        assert 1 <= len(text) <= 8
        assert 2 * STRIP_MARGIN < image.shape[1] <= 224
    assert len({len(text) for _, text in strips}) > 4


def test_the_same_seed_gives_the_same_strips_and_another_others(digits: Split) -> None:
    first, again, other = (make_strips(8, seed, digits) for seed in (1, 1, 2))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, same.image)
    assert [one.text for one in first] == [one.text for one in again] != [one.text for one in other]


def test_without_all_digits_strips_are_drawn() -> None:
    ones = Split(np.full((3, 28, 28, 1), 200, np.uint8), np.ones(3, np.int32))
    assert len({digit for _, text in make_strips(30, 0, ones) for digit in text}) == 10


def test_pasted_digits_are_those_of_the_images_from_left_to_right() -> None:
    images = [np.zeros((1, 28, 28), np.uint8) for _ in range(10)]
    for digit, (image,) in enumerate(images):
        image[4:24, 10:18] = 100 + 15 * digit  # each has its own grey
    for seed in range(20):
        ink, text = _paste(images, (0.1, 0.3), np.random.default_rng(seed))
        top = ink.max(axis=0)
        levels = [round((level * 255 - 100) / 15) for level in top if level > 0.38]
        assert levels
        assert set(text) >= {str(level) for level in levels if min(abs(level - int(digit)) for digit in text) < 1}
        assert (top[: STRIP_MARGIN - 2] == 0).all()


def test_spoiled_ink_is_still_there_and_nothing_is_where_there_was_only_paper() -> None:
    ink = np.zeros((STRIP_HEIGHT, 60), np.float32)
    ink[6:26, 28:32] = 1
    for seed in range(30):
        spoiled = _spoil(ink, np.random.default_rng(seed))
        assert spoiled.dtype == np.uint8
        assert spoiled.max() == 255
        assert spoiled[:, :20].max() == spoiled[:, 40:].max() == 0
