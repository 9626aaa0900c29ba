import numpy as np
import pytest

from mnist_cnn.handwriting import STYLES, sample_strokes
from mnist_cnn.handwriting.writing import fit, notation, record, sample_spacing, travel, write

COARSEST_GRID = 1 / 9  # the largest error of a digit on a coarse canvas


def turn_most(stroke: np.ndarray) -> float:
    """Return the largest change of direction from one step to the next, in radians."""
    steps = np.diff(stroke, axis=0)
    angles = np.diff(np.arctan2(steps[:, 1], steps[:, 0]))
    return float(np.abs((angles + np.pi) % (2 * np.pi) - np.pi).max())


def test_every_style_is_written_with_its_strokes(style: tuple[int, str]) -> None:
    digit, name = style
    strokes = sample_strokes(digit, np.random.default_rng(0), name)
    assert len(strokes) == STYLES[digit][name][1].count("/") + 1


def test_digit_spans_the_unit_square_in_one_direction_and_is_centred_in_the_other(style: tuple[int, str]) -> None:
    digit, name = style
    rng = np.random.default_rng(1)
    for _ in range(20):
        points = np.concatenate(sample_strokes(digit, rng, name))
        low, high = points.min(axis=0), points.max(axis=0)
        assert (high - low).max() == pytest.approx(1, abs=COARSEST_GRID)
        np.testing.assert_allclose(low + high, 1, atol=COARSEST_GRID)
        assert low.min() > -1e-9
        assert high.max() < 1 + 1e-9


def test_equal_generators_write_equal_strokes() -> None:
    first = sample_strokes(4, np.random.default_rng(4))
    second = sample_strokes(4, np.random.default_rng(4))
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_two_samples_of_a_style_are_alike() -> None:
    samples = {np.concatenate(sample_strokes(3, np.random.default_rng(seed), "loop")).tobytes() for seed in range(50)}
    assert len(samples) == 50


def test_common_styles_are_written_more_often_than_rare_ones() -> None:
    rng = np.random.default_rng(6)
    strokes_of_ones = [len(sample_strokes(1, rng)) for _ in range(400)]
    styles = STYLES[1].values()
    two_strokes = sum(weight for weight, one, _ in styles if "/" in one)
    expected = two_strokes / sum(weight for weight, _, _ in styles)
    assert np.mean(np.array(strokes_of_ones) == 2) == pytest.approx(expected, abs=0.08)


def test_pen_is_rarely_not_lifted_between_two_strokes() -> None:
    rng = np.random.default_rng(0)
    joined = [len(write("0,0 0,100 / 50,0 50,100", "0,0 0,100 / 50,0 50,100", rng)) == 1 for _ in range(1000)]
    assert np.mean(joined) == pytest.approx(0.04, abs=0.02)


def test_pen_turns_sharply_at_a_bar_only() -> None:
    smooth, sharp = "0,100 0,50 0,0 50,0 100,0", "0,100 0,50 0,0 | 50,0 100,0"
    turns = {
        drawing: np.median([turn_most(write(drawing, drawing, np.random.default_rng(seed))[0]) for seed in range(60)])
        for drawing in (smooth, sharp)
    }
    assert turns[sharp] > 1.3 > turns[smooth]


def test_strokes_lie_between_both_drawings_of_a_style() -> None:
    flat, tall = "0,0 100,0 100,10 0,10", "0,0 10,0 10,100 0,100"
    rng = np.random.default_rng(0)
    sizes = [np.ptp(np.concatenate(write(flat, tall, rng)), axis=0) for _ in range(100)]
    proportions = [np.log(width / height) for width, height in sizes]
    assert min(proportions) < -0.7
    assert max(proportions) > 0.7
    assert np.mean(np.abs(proportions) < 0.7) > 0.2


def test_slow_pens_leave_points_close_together_and_fast_pens_far_apart() -> None:
    rng = np.random.default_rng(0)
    spacings, counts = np.unique([sample_spacing(rng) for _ in range(2000)], return_counts=True)
    np.testing.assert_array_equal(spacings, [0.02, 0.04, 0.08, 0.16])
    np.testing.assert_allclose(counts / 2000, [0.4, 0.3, 0.2, 0.1], atol=0.04)


def test_pen_travels_forward_along_the_curve_from_end_to_end_at_the_mean_spacing() -> None:
    curve = np.array([[0.0, 0.0], [0.3, 0.4], [0.6, 0.8]])
    for seed in range(20):
        points = travel(curve, 0.1, np.random.default_rng(seed))
        np.testing.assert_allclose(points[[0, -1]], curve[[0, -1]], atol=1e-12)
        np.testing.assert_allclose(points @ [4, -3], 0, atol=1e-12)
        assert (np.diff(points[:, 0]) > 0).all()
        assert len(points) == 2 + 1 / 0.1


def test_pen_changes_its_speed() -> None:
    steps = np.diff(travel(np.array([[0.0, 0.0], [0.0, 1.0]]), 0.05, np.random.default_rng(0))[:, 1])
    assert steps.max() > 1.5 * steps.min()


def test_short_curve_is_recorded_by_its_ends() -> None:
    curve = np.array([[0.0, 0.0], [0.0, 0.01]])
    np.testing.assert_array_equal(travel(curve, 0.16, np.random.default_rng(0)), curve)


def test_recorded_strokes_are_fitted_and_keep_their_points() -> None:
    strokes = [np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])]
    recorded = record(strokes, np.random.default_rng(1))
    assert [len(stroke) for stroke in recorded] == [2, 3]
    points = np.concatenate(recorded)
    np.testing.assert_allclose([points[:, 1].min(), points[:, 1].max()], [0, 1], atol=1e-9)
    np.testing.assert_allclose(points, np.concatenate(fit(strokes)), atol=0.05)
    assert (points != np.concatenate(fit(strokes))).any()  # the hand trembles


def test_every_fourth_digit_is_recorded_on_a_coarse_grid() -> None:
    line = np.stack([np.zeros(50), np.linspace(0, 1, 50)], axis=1)
    on_grid = []
    for seed in range(400):
        y = record([line], np.random.default_rng(seed))[0][:, 1]
        on_grid.append(any(np.allclose(y * grid, np.round(y * grid), atol=1e-9) for grid in range(18, 64)))
    assert np.mean(on_grid) == pytest.approx(0.25, abs=0.06)


def test_fitted_strokes_keep_their_proportions() -> None:
    one, other = fit([np.array([[10.0, 10.0], [12.0, 14.0]]), np.array([[11.0, 12.0]])])
    np.testing.assert_allclose(one, [[0.25, 0], [0.75, 1]])
    np.testing.assert_allclose(other, [[0.5, 0.5]])


def test_a_point_that_comes_twice_is_noted_as_a_sharp_turn() -> None:
    angle = np.array([[0.0, 0.0], [0.5, 0.004], [0.5, 0.004], [0.51, 1.0]])
    assert notation([angle, np.array([[0.25, 0.0], [0.25, 0.003]])]) == "0,0 50,0 | 51,100 / 25,0 25,0"
