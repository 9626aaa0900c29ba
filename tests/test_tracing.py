import numpy as np
from scipy.ndimage import distance_transform_edt, label

from mnist_cnn.data import Split, draw_digits, trace_digits
from mnist_cnn.inference import Classifier
from mnist_cnn.tracing import MARGIN, SCALE, THICKEST, thin, trace

EVERY_NEIGHBOUR = np.ones((3, 3))


def test_thinned_ink_is_a_line_with_the_same_parts_and_the_same_holes() -> None:
    ink = np.stack([image[..., 0] for image in draw_digits(40, seed=8).images.repeat(3, 1).repeat(3, 2)]) > 110
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    for before, after in zip(ink, thin(ink), strict=True):
        assert not (after & ~before).any()
        assert distance_transform_edt(after).max() < 2  # no pixel is surrounded
        assert label(after, EVERY_NEIGHBOUR)[1] == label(before, EVERY_NEIGHBOUR)[1]
        assert label(~after)[1] == label(~before)[1]


def test_tracings_are_black_on_white_with_pens_from_thin_to_thick() -> None:
    images = draw_digits(60, seed=8).images
    pictures = [np.asarray(picture) for picture in trace(images, np.random.default_rng(0))]
    assert {picture.shape for picture in pictures} == {(28 * SCALE + 2 * MARGIN,) * 2}
    assert all(picture[0].min() == 255 for picture in pictures)
    widths = [2 * distance_transform_edt(picture < 128).max() for picture in pictures]
    assert min(widths) <= SCALE
    assert 0.75 * THICKEST * SCALE < max(widths) < 1.5 * THICKEST * SCALE  # thicker where strokes meet


def test_a_traced_digit_is_still_that_digit(classifier: Classifier) -> None:
    digits = draw_digits(100, seed=8)
    traced = trace_digits(digits, 100, seed=0)
    assert sorted(traced.labels) == sorted(digits.labels)
    assert np.mean(classifier.read(traced.images).argmax(axis=1) == traced.labels) > 0.95


def test_as_many_are_traced_as_there_are_and_the_same_for_the_same_seed_only() -> None:
    digits = draw_digits(20, seed=8)
    first, second, other = (trace_digits(digits, 30, seed) for seed in (1, 1, 2))
    assert len(first.labels) == 20
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != other.images).any()


def test_a_digit_too_faint_to_be_traced_stays_as_it_is() -> None:
    faint = Split(draw_digits(5, seed=8).images // 4, np.arange(5, dtype=np.int32))
    traced = trace_digits(faint, 5, seed=0)
    np.testing.assert_array_equal(traced.images, faint.images[traced.labels])
