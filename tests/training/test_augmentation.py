import jax
import numpy as np
import pytest

from mnist_cnn.images import INK_SIDE
from mnist_cnn.training.augmentation import CENTRE, INK, JITTER, SIZE, TROUBLED, TROUBLES, augment, distort, trouble
from mnist_cnn.training.synthetic import draw_digits

distort_all, trouble_all = jax.jit(distort), jax.jit(trouble)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw_digits(60, seed=0).images


@pytest.fixture(scope="module")
def distorted(images: np.ndarray) -> np.ndarray:
    return np.asarray(distort_all(images, jax.random.key(0), 1.0))


def test_the_same_key_gives_the_same_changes(images: np.ndarray) -> None:
    first, second, other = (np.asarray(augment(images, jax.random.key(seed), 1.0)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_each_image_of_a_batch_is_changed_in_its_own_way(images: np.ndarray) -> None:
    copies = np.asarray(augment(np.repeat(images[:1], len(images), axis=0), jax.random.key(0), 1.0))
    assert len({copy.tobytes() for copy in copies}) == len(images)


def test_augmented_images_are_distorted_and_then_troubled(images: np.ndarray) -> None:
    # Without a distortion a bar keeps its straight edges, unless it has got a trouble.
    augmented = np.asarray(augment(np.repeat(draw_block(5)[None], len(images), axis=0), jax.random.key(0), 0.0))
    assert augmented.dtype == np.float32
    straight = [np.ptp(image[8:20, :, 0], axis=0).max() < 1 for image in augmented]
    assert len(images) / 5 < sum(straight) < len(images) * 3 / 4


def test_without_strength_a_digit_keeps_its_shape_but_not_its_stroke(images: np.ndarray) -> None:
    bars = np.repeat(draw_block(5)[None], len(images), axis=0)
    plain = np.asarray(distort_all(bars, jax.random.key(1), 0.0))[..., 0]
    np.testing.assert_allclose(plain[:, 8:20], np.repeat(plain[:, 8:9], 12, axis=1), atol=1)  # upright and straight
    assert np.unique(plain.sum(axis=(1, 2)).round()).size == len(images)


def test_values_stay_in_range_and_reach_full_contrast(distorted: np.ndarray) -> None:
    assert distorted.min() >= 0
    np.testing.assert_allclose(distorted.max(axis=(1, 2, 3)), 255, atol=1e-3)


def test_digits_stay_centred_and_fill_their_box(distorted: np.ndarray) -> None:
    grid = np.indices((28, 28)).reshape(2, -1) - CENTRE
    weights = distorted.reshape(len(distorted), -1)
    centres = weights @ grid.T / weights.sum(axis=1, keepdims=True)
    missed = np.abs(centres).max(axis=1)
    assert np.quantile(missed, 0.95) < JITTER + 0.5  # pixels
    assert missed.max() < 2
    sides = [max(np.ptp(positions) + 1 for positions in np.nonzero(image[..., 0] > INK)) for image in distorted]
    assert min(sides) >= INK_SIDE - 4
    assert max(sides) <= INK_SIDE + 5


def test_blank_images_stay_blank(images: np.ndarray) -> None:
    blank = np.zeros_like(images)
    np.testing.assert_array_equal(distort_all(blank, jax.random.key(0), 1.0), blank)


@pytest.fixture(scope="module")
def troubled() -> np.ndarray:
    blocks = np.repeat(draw_block(20).astype(np.float32)[None], 1050, axis=0)
    return np.asarray(trouble_all(blocks, jax.random.key(0)))


def test_a_third_of_the_images_has_no_trouble(troubled: np.ndarray) -> None:
    assert np.mean((troubled == draw_block(20)).all(axis=(1, 2, 3))) == pytest.approx(1 - TROUBLED, abs=0.04)


def test_troubles_stay_in_range_and_leave_the_digit_in_sight(troubled: np.ndarray) -> None:
    assert troubled.dtype == np.float32
    assert troubled.min() >= 0
    assert troubled.max() <= 255
    block = draw_block(20).ravel()
    assert min(abs(np.corrcoef(image.ravel(), block)[0, 1]) for image in troubled) > 0.3


def test_every_trouble_is_as_frequent(troubled: np.ndarray) -> None:
    block = draw_block(20)[..., 0]
    paper, ink = troubled[..., 0][:, block == 0], troubled[..., 0][:, block > 0]
    black_or_white = np.isin(troubled, (0, 255)).all(axis=(1, 2, 3))
    clean_paper, full_ink = (paper == 0).all(axis=1), (ink == 255).all(axis=1)
    flat_paper, flat_ink = np.ptp(paper, axis=1) < 0.1, np.ptp(ink, axis=1) < 0.1
    shares = {
        "salt and pepper": black_or_white & ~full_ink,
        "shots": clean_paper & ~flat_ink,
        "grey paper": flat_paper & flat_ink & ~clean_paper,
        "rests of another digit": black_or_white & full_ink & ~clean_paper,
    }
    for name, found in shares.items():
        assert found.mean() == pytest.approx(TROUBLED / TROUBLES, abs=0.03), name


def test_rests_of_another_digit_are_at_one_edge_and_come_from_the_batch() -> None:
    pair = np.zeros((300, SIZE, SIZE, 1), np.float32)
    pair[::2] = draw_block(20) / 2.55  # this grey level comes from the neighbour alone
    found = np.asarray(trouble_all(pair, jax.random.key(2)))[1::2, ..., 0]
    rests = found[(np.isin(found, (0, 100))).all(axis=(1, 2)) & found.any(axis=(1, 2))]
    assert len(rests) >= 5
    assert not rests[:, 7:-7, 7:-7].any()
    assert len({tuple(rest.any(axis=1)[[0, -1]]) + tuple(rest.any(axis=0)[[0, -1]]) for rest in rests}) > 1


def draw_block(width: int) -> np.ndarray:
    """Return an upright block, 20 pixels high."""
    block = np.zeros((SIZE, SIZE, 1), np.uint8)
    block[4:24, CENTRE - (width + 1) // 2 : CENTRE + width // 2] = 255
    return block
