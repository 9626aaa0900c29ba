import jax
import numpy as np
import pytest

from mnist_cnn.images import INK_SIDE
from mnist_cnn.training.augmentation import CENTRE, INK, JITTER, augment
from mnist_cnn.training.synthetic import draw_digits


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw_digits(60, seed=0).images


@pytest.fixture(scope="module")
def augmented(images: np.ndarray) -> np.ndarray:
    return np.asarray(augment(images, jax.random.key(0)))


def test_the_same_key_gives_the_same_changes(images: np.ndarray, augmented: np.ndarray) -> None:
    np.testing.assert_array_equal(augment(images, jax.random.key(0)), augmented)


def test_each_image_of_a_batch_is_changed_in_its_own_way(images: np.ndarray) -> None:
    copies = np.asarray(augment(np.repeat(images[:1], 8, axis=0), jax.random.key(0)))
    assert len({copy.tobytes() for copy in copies}) == 8


def test_without_strength_a_digit_keeps_its_shape_but_not_its_stroke() -> None:
    bar = np.zeros((8, 28, 28, 1), np.uint8)
    bar[:, 4:24, 12:17] = 255
    plain = np.asarray(augment(bar, jax.random.key(1), 0.0))[..., 0]
    np.testing.assert_allclose(plain[:, 8:20], np.repeat(plain[:, 8:9], 12, axis=1), atol=1)  # upright and straight
    assert np.unique(plain.sum(axis=(1, 2)).round()).size == 8


def test_values_stay_in_range_and_reach_full_contrast(augmented: np.ndarray) -> None:
    assert augmented.min() >= 0
    np.testing.assert_allclose(augmented.max(axis=(1, 2, 3)), 255, atol=1e-3)


def test_digits_stay_centred_and_fill_their_box(augmented: np.ndarray) -> None:
    grid = np.indices((28, 28)).reshape(2, -1) - CENTRE
    weights = augmented.reshape(len(augmented), -1)
    centres = weights @ grid.T / weights.sum(axis=1, keepdims=True)
    missed = np.abs(centres).max(axis=1)
    assert np.quantile(missed, 0.95) < JITTER + 0.5  # pixels
    assert missed.max() < 2
    sides = [max(np.ptp(positions) + 1 for positions in np.nonzero(image[..., 0] > INK)) for image in augmented]
    assert min(sides) >= INK_SIDE - 4
    assert max(sides) <= INK_SIDE + 5


def test_blank_images_stay_blank() -> None:
    blank = np.zeros((2, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(augment(blank, jax.random.key(0)), blank)
