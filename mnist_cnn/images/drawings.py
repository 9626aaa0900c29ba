"""Find the ink of a drawing on plain paper, as drawing programs and pads give it: there is nothing to choose."""

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.images.planes import EIGHT_NEIGHBOURS, find_rim, measure_stroke
from mnist_cnn.images.segments import Box, Segment

# In levels of 255: ink differs from the paper by at least the first, and paper varies by no more than the second.
_MIN_INK_LEVELS = 8
_MAX_VARIATION = 2
# What is thicker than the first share of its span is no stroke, and what fills more of its box's edges than the second
# isn't written: it may be a square with a digit in it.
THICKEST, _FULL = 0.3, 0.5
# Of a drawing in several pieces, those that are at least so tall for the whole may be digits of their own.
_TALL = 0.5
# A drawing whose span is a multiple of this is reduced by that factor: MNIST's 20 pixels show no finer detail.
_SPAN = 640


def find_drawing(picture: Image.Image, is_drawing: bool) -> list[Segment]:
    """Return the ink of a drawing, and that of its pieces if several may be digits; nothing if it may be no drawing.

    Args:
        picture: mode L or RGB.
        is_drawing: whether the picture is known to be a drawing, dark on white. If it isn't, the drawing has to be of
            one piece, thin, and on paper of one colour.

    Raises:
        EmptyPictureError: if nothing differs from the paper.
    """
    scale = max(1, max(picture.size) // _SPAN)
    pixels = _pixels(picture.reduce(scale))
    rim = find_rim(pixels)
    paper = np.full_like(rim[0], 255) if is_drawing else rim[0]
    if not is_drawing and np.abs(rim - paper).max() > _MAX_VARIATION:
        return []
    ink = _differ(pixels, paper)
    if ink.max() < _MIN_INK_LEVELS:
        raise EmptyPictureError
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > _MAX_VARIATION)[[0, -1]] + (0, 1) for axis in (1, 0))
    labels, count = ndimage.label(ink > _MAX_VARIATION, EIGHT_NEIGHBOURS)
    if not is_drawing:
        strokes = ink[rows[0] : rows[1], columns[0] : columns[1]] > ink.max() / 2
        is_soft = np.count_nonzero(labels) > 3 * np.count_nonzero(strokes)
        thickest = THICKEST * max(strokes.shape)
        is_square = min(strokes.shape) > thickest and np.mean(find_rim(strokes)) > _FULL
        if count > 1 or is_soft or is_square or measure_stroke(strokes) > thickest:
            return []
    left, top, right, bottom = (int(end) * scale for end in (columns[0], rows[0], columns[1], rows[1]))
    box = left, top, min(right, picture.width), min(bottom, picture.height)
    near = picture.crop(box)
    whole = _to_segment(_differ(_pixels(near.reduce(max(1, max(near.size) // _SPAN))), paper), box)
    tall = [
        (number, place)
        for number, place in enumerate(ndimage.find_objects(labels), 1)
        if place[0].stop - place[0].start > _TALL * np.ptp(rows)
    ]
    if len(tall) < 2:
        return [whole]
    pieces = (
        _to_segment(np.where(labels[place] == number, ink[place], 0), _to_box(place, scale)) for number, place in tall
    )
    return [whole, *pieces]


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(np.int16).reshape(image.height, image.width, -1)


def _differ(pixels: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return how much each pixel differs from the paper in the channel in which it does most, 0 to 255."""
    difference: np.ndarray = np.abs(pixels - paper).max(axis=2)
    return difference


def _to_segment(ink: np.ndarray, box: Box) -> Segment:
    return Segment(np.round(ink * (255 / ink.max())).astype(np.uint8), box, None)


def _to_box(place: tuple[slice, slice], scale: int) -> Box:
    rows, columns = place
    return columns.start * scale, rows.start * scale, columns.stop * scale, rows.stop * scale
