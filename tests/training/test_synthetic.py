from collections.abc import Callable

import numpy as np
import pytest

from mnist_cnn.training.data import NO_DIGIT, Split
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits, trace_digits, trace_samples


def test_digits_are_drawn_as_many_of_each() -> None:
    digits = draw_digits(30, seed=0)
    assert digits.images.shape == (30, 28, 28, 1)
    assert digits.images.dtype == np.uint8
    assert digits.labels.tolist() == 3 * list(range(10))


def test_what_is_no_digit_is_labelled_as_none() -> None:
    nondigits = draw_nondigits(5, seed=0)
    assert nondigits.images.shape == (5, 28, 28, 1)
    assert nondigits.labels.tolist() == [NO_DIGIT] * 5


@pytest.mark.parametrize("draw", [draw_digits, draw_nondigits])
def test_nothing_is_drawn_if_nothing_is_asked_for(draw: Callable[[int, int], Split]) -> None:
    assert draw(0, 0).images.shape == (0, 28, 28, 1)


@pytest.mark.parametrize("draw", [draw_digits, draw_nondigits])
def test_drawings_agree_for_the_same_seed_only(draw: Callable[[int, int], Split]) -> None:
    first, second, other = draw(20, 3), draw(20, 3), draw(20, 4)
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != other.images).any()


@pytest.mark.parametrize(("count", "expected"), [(10, 10), (30, 30), (50, 40)])
def test_no_digit_is_traced_more_than_twice(count: int, expected: int) -> None:
    split = draw_digits(20, seed=1)
    traced = trace_digits(split._replace(labels=np.arange(20, dtype=np.int32)), count, seed=0)
    assert len(traced.labels) == expected
    assert np.bincount(traced.labels).max() <= 2
    assert len(np.unique(traced.images, axis=0)) == expected  # with another pen each time


def test_tracings_agree_for_the_same_seed_only() -> None:
    split = draw_digits(20, seed=1)
    first, second, other = (trace_digits(split, 50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != other.images).any()


def test_tracing_changes_the_images_and_keeps_the_labels() -> None:
    split = draw_digits(20, seed=1)._replace(labels=np.arange(20, dtype=np.int32))
    traced = trace_digits(split, 20, seed=0)
    assert sorted(traced.labels) == list(range(20))
    originals = split.images[traced.labels].astype(float)
    assert (traced.images != originals).any(axis=(1, 2, 3)).all()
    correlations = [
        np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(traced.images, originals, strict=True)
    ]
    assert np.median(correlations) > 0.7


def test_a_digit_too_faint_to_trace_stays_as_it_is() -> None:
    faint = Split(draw_digits(5, seed=8).images // 4, np.arange(5, dtype=np.int32))
    traced = trace_digits(faint, 5, seed=0)
    np.testing.assert_array_equal(traced.images, faint.images[traced.labels])


def test_centre_lines_are_those_of_each_digit_or_none_where_one_is_missing() -> None:
    digits = draw_digits(20, seed=0)
    samples = trace_samples(digits, np.random.default_rng(0))
    assert [len(strokes) for strokes in samples] == [2] * 10
    assert not trace_samples(Split(digits.images[:9], digits.labels[:9]), np.random.default_rng(0))
