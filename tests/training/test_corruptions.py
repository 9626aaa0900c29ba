import numpy as np
import pytest

from mnist_cnn.training.corruptions import CORRUPTIONS, UNSEEN, corrupt
from mnist_cnn.training.synthetic import draw_digits

STEADY = ("scale", "brightness", "stripe", "canny edges")  # kinds without randomness


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return draw_digits(30, seed=0).images


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_every_kind_spoils_every_image_and_leaves_contrast_in_it(images: np.ndarray, kind: str) -> None:
    spoilt = corrupt(images, kind, seed=0)
    assert spoilt.shape == images.shape
    assert spoilt.dtype == np.uint8
    assert (spoilt != images).any(axis=(1, 2, 3)).all()
    assert np.ptp(spoilt[:, 8:20, 8:20], axis=(1, 2, 3)).min() > 40  # in the middle


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind not in STEADY])
def test_images_are_spoilt_at_random_and_alike_for_the_same_seed(images: np.ndarray, kind: str) -> None:
    copies = np.repeat(images[:1], 12, axis=0)
    first, second, other = (corrupt(copies, kind, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) > 1


def test_edges_are_thin_white_lines_around_the_ink() -> None:
    block = np.zeros((1, 28, 28, 1), np.uint8)
    block[:, 8:20, 8:20] = 255
    edges = corrupt(block, "canny edges", seed=0)[0, ..., 0]
    assert set(np.unique(edges)) == {0, 255}
    assert np.count_nonzero(edges[14]) <= 4  # one or two pixels at either side
    assert not edges[11:17, 11:17].any()
    assert not edges[:6].any()


def test_posed_digits_are_moved_as_far_as_the_benchmark_moves_them() -> None:
    dot = np.zeros((8, 28, 28, 1), np.uint8)
    dot[:, 4:6, 13:15] = 255  # 9 pixels above the centre
    moved = {"scale": (6.3, 0), "rotate": (8.3, 3.5), "shear": (9, 3.6)}
    for kind, (up, aside) in moved.items():
        weights = corrupt(dot, kind, seed=0)[..., 0].astype(float)
        rows, columns = np.indices((28, 28)) - 13.5
        centres = [
            np.average(np.broadcast_to(axis, weights.shape), axis=(1, 2), weights=weights) for axis in (rows, columns)
        ]
        np.testing.assert_allclose(-centres[0], up, atol=0.2)
        np.testing.assert_allclose(np.abs(centres[1]), aside, atol=0.2)
    for image in corrupt(dot, "translate", seed=0)[..., 0]:
        assert (np.argwhere(image).min(axis=0) - (4, 13)).tolist() in ([-3, -3], [-3, 3], [3, -3], [3, 3])


def test_most_kinds_measure_what_training_never_shows() -> None:
    assert set(UNSEEN) < set(CORRUPTIONS)
    assert len(UNSEEN) >= 5
