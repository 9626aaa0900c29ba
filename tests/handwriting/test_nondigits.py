import numpy as np
import pytest

from mnist_cnn.handwriting import FOR_MEASURING, FOR_TRAINING, NONDIGITS, draw, render, sample_nondigit
from mnist_cnn.images import to_mnist

# Polygons and blobs are left out: they differ in their proportions alone.
SCRIBBLES = ["tangle", "hatching", "coil", "spiral", "wave", "dots", "dashes", "lines", "grid"]


@pytest.mark.parametrize("kind", NONDIGITS)
def test_every_kind_is_drawn_on_the_canvas_and_becomes_an_mnist_image(kind: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        strokes = sample_nondigit(rng, [kind])
        points = np.concatenate(strokes)
        assert points.min() > -1e-9
        assert points.max() < 1 + 1e-9
        assert to_mnist(draw(strokes, rng)).max() > 100


def test_kinds_for_measuring_are_not_for_training() -> None:
    assert not set(FOR_TRAINING) & set(FOR_MEASURING)
    assert set(FOR_TRAINING) | set(FOR_MEASURING) == set(NONDIGITS)


def test_kinds_for_training_are_the_default() -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(20):
        default, chosen = sample_nondigit(first), sample_nondigit(second, FOR_TRAINING)
        np.testing.assert_array_equal(np.concatenate(default), np.concatenate(chosen))


def test_equal_generators_draw_equal_nondigits() -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for kind in NONDIGITS:
        for one, other in zip(sample_nondigit(first, [kind]), sample_nondigit(second, [kind]), strict=True):
            np.testing.assert_array_equal(one, other)


def test_scribbles_are_drawn_more_often_than_signs() -> None:
    rng = np.random.default_rng(2)
    scribbles = [len(sample_nondigit(rng, ["tangle", "equals"])) == 1 for _ in range(500)]
    assert np.mean(scribbles) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(("kind", "across"), [("two digits", 0), ("two digits, one below the other", 1)])
def test_paper_shows_between_digits_in_a_row(kind: str, across: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        picture = render(sample_nondigit(rng, [kind]), 112, 2)
        inked = np.flatnonzero(np.asarray(picture.getchannel("A")).max(axis=across))
        assert np.diff(inked).max() > 1


@pytest.mark.parametrize("kind", SCRIBBLES)
def test_scribble_is_never_the_same(kind: str) -> None:
    rng = np.random.default_rng(3)
    samples = [sample_nondigit(rng, [kind]) for _ in range(20)]
    assert len({draw(strokes, rng).tobytes() for strokes in samples}) == 20
    lengths = [sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes) for strokes in samples]
    assert max(lengths) > 1.6 * min(lengths)  # the hand alone makes less of a difference
