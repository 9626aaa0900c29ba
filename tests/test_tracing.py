import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from mnist_cnn.data import Split, draw_digits, trace_digits
from mnist_cnn.inference import Classifier
from mnist_cnn.tracing import CANVAS, THICKEST, THINNEST, follow, thin, trace

EVERY_NEIGHBOUR = np.ones((3, 3))


def test_thinned_ink_is_a_line_with_the_same_parts_and_the_same_holes() -> None:
    ink = np.stack([image[..., 0] for image in draw_digits(40, seed=8).images.repeat(3, 1).repeat(3, 2)]) > 110
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    for before, after in zip(ink, thin(ink), strict=True):
        assert not (after & ~before).any()
        assert distance_transform_edt(after).max() < 2  # no pixel is surrounded
        assert label(after, EVERY_NEIGHBOUR)[1] == label(before, EVERY_NEIGHBOUR)[1]
        assert label(~after)[1] == label(~before)[1]


def test_strokes_hold_the_pixels_of_a_line_and_go_from_each_to_one_beside_it() -> None:
    images = draw_digits(40, seed=8).images
    for line in thin(images[..., 0].repeat(3, 1).repeat(3, 2) > 110):
        strokes = follow(line)
        seen = np.zeros_like(line)
        for stroke in strokes:
            assert len(stroke) == 1 or set(np.abs(np.diff(stroke, axis=0)).max(axis=1)) == {1}
            seen[tuple(stroke[:, ::-1].T)] = True
        assert not (seen & ~line).any()
        assert np.count_nonzero(line & ~seen) < 0.1 * np.count_nonzero(line)  # but for spurs


@pytest.mark.parametrize(
    ("drawing", "lengths"),
    [
        ("...../.###./.....", [3]),  # a line from one end
        ("...../..#../.....", [1]),  # a dot
        (".###./.#.#./.###.", [9]),  # a loop, closed
        ("#.../.#../..##", [4]),  # across corners, and then straight on
        ("....../#.####/......", [1, 4]),
    ],
)
def test_a_line_is_followed_from_end_to_end(drawing: str, lengths: list[int]) -> None:
    line = np.array([[pixel == "#" for pixel in row] for row in drawing.split("/")])
    assert sorted(len(stroke) for stroke in follow(line)) == lengths


def test_a_twig_at_a_fork_is_left_out_and_a_long_branch_is_not() -> None:
    line = np.zeros((30, 30), bool)
    line[15, 2:28] = True
    line[12:15, 9] = line[5:15, 20] = True
    assert sorted(stroke[:, 1].min() for stroke in follow(line)) == [5, 15, 15, 15]


def test_tracings_are_black_on_transparent_with_pens_from_thin_to_thick() -> None:
    images = draw_digits(60, seed=8).images
    inks = [np.asarray(picture)[..., 3] for picture in trace(images, np.random.default_rng(0)) if picture]
    assert {ink.shape for ink in inks} == {(CANVAS, CANVAS)}
    assert not any(ink[0].any() for ink in inks)
    widths = [2 * distance_transform_edt(ink > 127).max() / CANVAS for ink in inks]
    assert min(widths) < 2 * THINNEST
    assert 0.75 * THICKEST < max(widths) < 2 * THICKEST  # thicker where strokes meet


def test_a_traced_digit_is_still_that_digit(classifier: Classifier) -> None:
    digits = draw_digits(400, seed=8)
    traced = trace_digits(digits, 400, seed=0)
    assert sorted(traced.labels) == sorted(digits.labels)
    assert np.mean(classifier.read(traced.images).argmax(axis=1) == traced.labels) > 0.95


def test_each_is_traced_twice_at_most_and_the_same_for_the_same_seed_only() -> None:
    digits = draw_digits(20, seed=8)
    first, second, other = (trace_digits(digits, 50, seed) for seed in (1, 1, 2))
    assert sorted(first.labels) == sorted([*digits.labels, *digits.labels])
    assert len(np.unique(first.images, axis=0)) == 40  # another pen each time
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != other.images).any()


def test_a_digit_too_faint_to_be_traced_stays_as_it_is() -> None:
    faint = Split(draw_digits(5, seed=8).images // 4, np.arange(5, dtype=np.int32))
    traced = trace_digits(faint, 5, seed=0)
    np.testing.assert_array_equal(traced.images, faint.images[traced.labels])
