import numpy as np
import pytest

from mnist_cnn.handwriting.outlines import ARCS, OUTLINES, ellipse, line, polygon, ring, turned

RNG = np.random.default_rng


def measure_roundness(stroke: np.ndarray) -> float:
    """Return the area of a closed stroke in relation to that of a circle as long as it: 1 for a circle."""
    x, y = stroke.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    return float(4 * np.pi * area / np.hypot(*np.diff(stroke, axis=0).T).sum() ** 2)


def test_every_corner_of_a_line_comes_twice() -> None:
    np.testing.assert_array_equal(line((0, 0), (1, 0), (1, 1)), [[0, 0], [1, 0], [1, 0], [1, 1]])


def test_ellipse_runs_clockwise_from_its_start() -> None:
    quarter = ellipse(1, 2, 3, 4, turn=0.25, points=2)
    np.testing.assert_allclose(quarter, [[4, 2], [1, 6]], atol=1e-12)


def test_turned_strokes_keep_their_distance_from_the_origin() -> None:
    [stroke] = turned([line((0, 0), (3, 4))], RNG(0))
    assert np.hypot(*stroke[1]) == pytest.approx(5)
    assert stroke[1].tolist() != [3, 4]


def test_bodies_are_closed_and_about_2_wide() -> None:
    rng = RNG(1)
    for _ in range(30):
        for stroke in (ring(rng), polygon(rng)):
            assert np.hypot(*(stroke[0] - stroke[-1])) < 0.6
            assert 0.6 < np.hypot(*stroke.T).mean() < 1.4


@pytest.mark.parametrize("kind", [kind for kind in OUTLINES if kind.startswith("outline with")])
def test_something_is_drawn_besides_the_outline(kind: str) -> None:
    rng = RNG(2)
    assert min(len(OUTLINES[kind](rng)) for _ in range(20)) > 1


@pytest.mark.parametrize("kind", ["corners", "lobed outline", "dented outline", "pointed outline"])
def test_bare_outlines_are_less_round_than_a_zero(kind: str) -> None:
    rng = RNG(3)
    zero = np.median([measure_roundness(ring(rng)) for _ in range(50)])
    roundness = [measure_roundness(OUTLINES[kind](rng)[0]) for _ in range(50)]
    assert max(roundness) < zero
    assert np.median(roundness) < zero - 0.1


@pytest.mark.parametrize("kind", ["arc", "hook"])
def test_arcs_are_open_by_more_than_a_quarter(kind: str) -> None:
    rng = RNG(4)
    for _ in range(50):
        [stroke] = ARCS[kind](rng)
        start, end = stroke[0], stroke[-1]
        assert np.hypot(*(start - end)) > 0.5 * np.ptp(stroke, axis=0).min()
