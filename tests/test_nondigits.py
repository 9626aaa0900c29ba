import numpy as np
import pytest

from mnist_cnn import nondigits
from mnist_cnn.handwriting import draw, render
from mnist_cnn.preprocessing import to_mnist


@pytest.mark.parametrize("kind", nondigits.NONDIGITS)
def test_every_kind_is_drawn_on_the_canvas_and_becomes_an_mnist_image(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        strokes = nondigits.sample_nondigit(rng, [kind])
        points = np.concatenate(strokes)
        assert points.min() > -1e-9
        assert points.max() < 1 + 1e-9
        assert to_mnist(draw(strokes, rng)).max() > 100


def test_kinds_for_measuring_are_not_for_training() -> None:
    assert not set(nondigits.FOR_TRAINING) & set(nondigits.FOR_MEASURING)
    assert set(nondigits.FOR_TRAINING) | set(nondigits.FOR_MEASURING) == set(nondigits.NONDIGITS)


def test_equal_generators_draw_equal_nondigits() -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(50):
        for one, other in zip(nondigits.sample_nondigit(first), nondigits.sample_nondigit(second), strict=True):
            np.testing.assert_array_equal(one, other)


def test_paper_shows_between_digits_in_a_row() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        picture = render(nondigits.sample_nondigit(rng, ["two digits"]), 112, 2)
        inked = np.flatnonzero(np.asarray(picture.getchannel("A")).max(axis=0))
        assert np.diff(inked).max() > 1


def test_a_scribble_is_never_the_same() -> None:
    rng = np.random.default_rng(3)
    assert len({draw(nondigits.sample_nondigit(rng, ["tangle"]), rng).tobytes() for _ in range(20)}) == 20
