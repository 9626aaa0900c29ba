"""Whole numbers, written on a drawing pad."""

import itertools
from typing import NamedTuple

import numpy as np
from PIL import Image

from mnist_cnn.handwriting.contents import Glyph, measure_gap, write_out
from mnist_cnn.handwriting.rendering import render

_SIDES = 160, 900  # pixels of the canvas's longer side


class Number(NamedTuple):
    """A number on a pad.

    Attributes:
        text: its digits, rows joined by a newline.
        image: black on a transparent canvas, mode RGBA.
        strokes: in the image's pixels, in the order of writing; float64 arrays of shape (points, 2).
        owners: the digit that each stroke belongs to, counted through all rows; None for a mark.
        pen: its width, in pixels.
        gap: the smallest between neighbours in a row, in heights of a digit; infinite where there are none.
    """

    text: str
    image: Image.Image
    strokes: list[np.ndarray]
    owners: list[int | None]
    pen: float
    gap: float

    def draw_digit(self, digit: int) -> Image.Image:
        """Return one digit by itself, as its strokes were drawn: black on a transparent canvas."""
        own = [stroke for stroke, owner in zip(self.strokes, self.owners, strict=True) if owner == digit]
        points = np.concatenate(own)
        low, side = points.min(axis=0), int(np.ceil(np.ptp(points, axis=0).max() + self.pen)) + 5
        # `render` takes the unit square to lie within a canvas, a pen's width from its edges.
        return render([(stroke - low) / (side - 4 - self.pen) for stroke in own], side, self.pen)


def sample_number(rng: np.random.Generator, glyphs: list[Glyph]) -> Number:
    """Return glyphs as they may be written on a pad, in their order."""
    strokes, owners = _write_in_time(glyphs, rng)
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    longer = float(extent.max())
    side = int(np.exp(rng.uniform(*np.log(_SIDES))))
    pen = side / longer * float(rng.uniform(0.03, 0.12))
    margin = 2 + pen  # the canvas is the pad's, and the number may reach its edges
    scale = (side - 2 * margin) / longer
    placed = [(stroke - low) * scale + margin for stroke in strokes]
    canvas = render([(stroke - 2 - pen / 2) / (side - 4 - pen) for stroke in placed], side, pen)
    width, height = (int(min(side, end)) for end in np.ceil(extent * scale + 2 * margin + rng.uniform(0, 60, 2)))
    image = canvas.crop((0, 0, width, height))
    return Number(write_out(glyphs), image, placed, owners, pen, measure_gap(glyphs))


def _write_in_time(glyphs: list[Glyph], rng: np.random.Generator) -> tuple[list[np.ndarray], list[int | None]]:
    """Return the strokes of the glyphs in their places, and their digits.

    Now and then a stroke comes late, or is gone over again.
    """
    strokes = [(stroke - 0.5) * glyph.size + np.array(glyph.middle) for glyph in glyphs for stroke in glyph.strokes]
    digits = itertools.count()
    numbers = [None if glyph.digit is None else next(digits) for glyph in glyphs]
    owners = [number for number, glyph in zip(numbers, glyphs, strict=True) for _ in glyph.strokes]
    if len(strokes) > 2 and rng.random() < 0.1:
        late = int(rng.integers(1, len(strokes) - 1))
        strokes.append(strokes.pop(late))
        owners.append(owners.pop(late))
    if rng.random() < 0.05:
        again = int(rng.integers(len(strokes)))
        strokes.append(strokes[again] + rng.normal(0, 0.015, 2))
        owners.append(owners[again])
    return strokes, owners
