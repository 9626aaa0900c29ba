import numpy as np
import pytest
from PIL import Image, ImageOps

from mnist_cnn.handwriting import STYLES, render, sample_strokes
from mnist_cnn.images import IMAGE_SHAPE, INK_SIDE, normalize_ink, to_mnist
from tests.support.pictures import difference, draw_seven, on_paper


def test_result_has_mnists_shape_contrast_box_and_centre() -> None:
    image = to_mnist(draw_seven())
    assert image.shape == IMAGE_SHAPE
    assert image.dtype == np.uint8
    assert image.min() == 0
    assert image.max() == 255
    ink = image[..., 0].astype(float)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = np.average(np.arange(28) + 0.5, weights=ink.sum(axis=1 - axis))
        assert 14 <= centre <= 15


def test_images_made_like_mnists_come_back_unchanged() -> None:
    rng = np.random.default_rng(0)
    for digit in (0, 2, 3, 6, 7, 8, 9):
        strokes = sample_strokes(digit, rng, next(iter(STYLES[digit])))  # in one piece
        image = to_mnist(render(strokes, 200, 14))
        again = to_mnist(Image.fromarray(image[..., 0]))
        assert np.abs(again.astype(int) - image).max() <= 2, digit  # the faintest fringe may be taken for paper


@pytest.mark.parametrize(("left", "top"), [(0.05, 0.05), (0.5, 0.35), (0.33, 0.12)])
def test_moving_the_drawing_changes_nothing(left: float, top: float) -> None:
    assert difference(to_mnist(draw_seven(left=left, top=top)), to_mnist(draw_seven())) < 1


@pytest.mark.parametrize(("size", "height"), [(400, 0.3), (400, 0.8), (100, 0.6), (1600, 0.7)])
def test_scaling_the_drawing_changes_little(size: int, height: float) -> None:
    assert difference(to_mnist(draw_seven(size, left=0.1, top=0.1, height=height)), to_mnist(draw_seven())) < 3


def test_drawing_smaller_than_the_result_is_enlarged() -> None:
    small = on_paper(draw_seven()).resize((24, 24), Image.Resampling.BOX)
    assert difference(to_mnist(small), to_mnist(draw_seven())) < 12


def test_large_drawing_becomes_the_same_image_as_a_small_one() -> None:
    large = draw_seven(3000, left=0.1, top=0.1, height=0.1)
    assert difference(to_mnist(on_paper(large)), to_mnist(draw_seven())) < 3


def test_inverting_the_drawing_changes_nothing() -> None:
    drawing = on_paper(draw_seven())
    np.testing.assert_array_equal(to_mnist(ImageOps.invert(drawing)), to_mnist(drawing))


@pytest.mark.parametrize(
    ("shape", "size"), [((40, 10), (20, 5)), ((40, 40), (20, 20)), ((28, 40), (14, 20)), ((10, 40), (10, 20))]
)
def test_longer_side_of_the_ink_spans_20_pixels_and_what_is_flat_is_made_narrower_by_half_at_most(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    expected = np.zeros((28, 28), np.uint8)
    height, width = size
    assert max(size) == INK_SIDE
    top, left = (round(14.5 - side / 2) for side in (height, width))
    expected[top : top + height, left : left + width] = 255
    np.testing.assert_array_equal(normalize_ink(np.full(shape, 255, np.uint8))[..., 0], expected)


def test_each_pixel_is_the_mean_of_the_ink_that_it_covers() -> None:
    ink = np.full((30, 30), 255, np.uint8)
    ink[2::3] = 0  # a pixel of the result covers one and a half rows, of which all or a third are ink
    image = normalize_ink(ink)[..., 0]
    rows = image[image.any(axis=1)]
    assert len(rows) == INK_SIDE
    for row, expected in zip(rows, [255, 85] * 10, strict=True):
        assert set(row[row > 0]) == {expected}


def test_lopsided_ink_stays_inside_the_image() -> None:
    ink = np.zeros((200, 200), np.uint8)
    ink[:, :10] = 255
    ink[0] = 40
    image = normalize_ink(ink)[..., 0]
    assert np.count_nonzero(image.max(axis=0)) == INK_SIDE


def test_faint_fringe_does_not_count_towards_the_size() -> None:
    ink = np.zeros((60, 60), np.uint8)
    ink[5:55, 25:35] = 255
    fringed = ink.copy()
    fringed[fringed == 0] = 31
    assert np.count_nonzero((normalize_ink(fringed)[..., 0] > 200).any(axis=1)) == INK_SIDE


def test_strongest_pixel_of_a_thin_pen_is_full_ink() -> None:
    assert normalize_ink(np.eye(200, dtype=np.uint8) * 255).max() == 255
