"""Whole numbers, written on a drawing pad."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from mnist_cnn.handwriting.contents import Glyph, measure_gap, write_nondigit, write_number, write_out
from mnist_cnn.handwriting.rendering import render

_SIDES = 160, 900  # pixels of the canvas's longer side


class Number(NamedTuple):
    """A number on a pad.

    Attributes:
        text: its digits, rows joined by a newline.
        image: black on a transparent canvas, mode RGBA.
        strokes: in the image's pixels, in the order of writing; float64 arrays of shape (points, 2).
        gap: the smallest between neighbours in a row, in heights of a digit; infinite where there are none.
    """

    text: str
    image: Image.Image
    strokes: list[np.ndarray]
    gap: float


def sample_number(rng: np.random.Generator, *, is_number: bool = True) -> Number:
    """Return a random number of one to eight digits, in one row or a few; or something that is none, without a text."""
    glyphs = (write_number if is_number else write_nondigit)(rng)
    strokes = _write_in_time(glyphs, rng)
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    longer = float(extent.max())
    side = int(np.exp(rng.uniform(*np.log(_SIDES))))
    pen = side / longer * float(rng.uniform(0.03, 0.12))
    margin = 2 + pen  # the canvas is the pad's, and the number may reach its edges
    scale = (side - 2 * margin) / longer
    # `render` takes the unit square to lie within a canvas, a pen's width from its edges.
    inner = side - 4 - pen
    placed = [(stroke - low) * scale + margin for stroke in strokes]
    canvas = render([(stroke - 2 - pen / 2) / inner for stroke in placed], side, pen)
    width, height = (int(min(side, end)) for end in np.ceil(extent * scale + 2 * margin + rng.uniform(0, 60, 2)))
    return Number(write_out(glyphs), canvas.crop((0, 0, width, height)), placed, measure_gap(glyphs))


def _write_in_time(glyphs: list[Glyph], rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes of the glyphs in their places; now and then one comes late, or is gone over again."""
    strokes = [(stroke - 0.5) * glyph.size + np.array(glyph.middle) for glyph in glyphs for stroke in glyph.strokes]
    if len(strokes) > 2 and rng.random() < 0.1:
        late = int(rng.integers(1, len(strokes) - 1))
        strokes.append(strokes.pop(late))
    if rng.random() < 0.05:
        again = int(rng.integers(len(strokes)))
        strokes.append(strokes[again] + rng.normal(0, 0.015, 2))
    return strokes
