"""What is written in a scene, and how its ink lies on the paper."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn.handwriting.nondigits import FOR_TRAINING, sample_nondigit
from mnist_cnn.handwriting.rendering import render
from mnist_cnn.handwriting.surfaces import smooth_field
from mnist_cnn.handwriting.writing import fit, sample_strokes

# Kinds named after digits hold some: two side by side, or one that is underlined.
_WITHOUT_DIGITS = tuple(kind for kind in FOR_TRAINING if "digit" not in kind)


class Glyph(NamedTuple):
    """Something written: a digit, or what is none.

    Attributes:
        digit: None for a non-digit.
        strokes: as `sample_strokes` returns them.
        size: relative to the largest glyph of the scene.
        middle: x and y, in sizes of the largest glyph.
    """

    digit: int | None
    strokes: list[np.ndarray]
    size: float
    middle: tuple[float, float]


def _write_one(rng: np.random.Generator) -> list[Glyph]:
    digit = int(rng.integers(10))
    return [Glyph(digit, sample_strokes(digit, rng), 1, (0, 0))]


def _write_several(rng: np.random.Generator) -> list[Glyph]:
    """Write two to five digits in a row, or in rows below each other: well apart, close, or touching."""
    columns = int(rng.choice([1, 2, 3, 4, 5], p=[0.2, 0.4, 0.2, 0.1, 0.1]))
    rows = int(rng.integers(2, 4)) if columns == 1 or rng.random() < 0.15 else 1
    gap = rng.choice([rng.uniform(-0.05, 0.1), rng.uniform(0.1, 0.5), rng.uniform(0.5, 1.5)])
    glyphs: list[Glyph] = []
    for row in range(rows):
        end = 0.0
        for _ in range(columns):
            digit = int(rng.integers(10))
            strokes = sample_strokes(digit, rng)
            size = rng.uniform(0.75, 1) if rng.random() < 0.75 else rng.uniform(0.35, 0.75)
            width = size * float(np.ptp(np.concatenate(strokes)[:, 0])) + 0.1
            middle = (end + width / 2, row * (1.1 + max(gap, 0)) + rng.normal(0, 0.05))
            glyphs.append(Glyph(digit, strokes, size, middle))
            end += width + gap
    return glyphs


def _write_nondigit(rng: np.random.Generator) -> list[Glyph]:
    return [Glyph(None, sample_nondigit(rng, _WITHOUT_DIGITS), 1, (0, 0))]


def _write_nothing(_: np.random.Generator) -> list[Glyph]:
    return []


# Content -> relative frequency, and what writes it.
CONTENTS: dict[str, tuple[float, Callable[[np.random.Generator], list[Glyph]]]] = {
    "one": (50, _write_one),
    "several": (25, _write_several),
    "non-digit": (12, _write_nondigit),
    "nothing": (13, _write_nothing),
}


def draw_turned(strokes: list[np.ndarray], size: float, pen: float, angle: float) -> Image.Image:
    """Return how far the strokes, turned by an angle, cover each pixel of a square of about this size; mode L."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = fit([stroke @ np.array([[cosine, sine], [-sine, cosine]]) for stroke in strokes])
    return render(turned, max(8, round(size)) + 4, pen).getchannel("A")


def _press(mask: Image.Image, rng: np.random.Generator, _: float, strength: float) -> Image.Image:
    """Return an even mark with soft edges, or hard ones without antialiasing."""
    if rng.random() < 0.3:
        mask = mask.point([0] * 128 + [255] * 128)
    return mask.point([int(strength * level) for level in range(256)])


def _brush(mask: Image.Image, rng: np.random.Generator, pen: float, strength: float) -> Image.Image:
    """Return a mark with blurred edges."""
    return _press(mask.filter(ImageFilter.GaussianBlur(pen * rng.uniform(0.05, 0.3))), rng, pen, strength)


def _rub(mask: Image.Image, rng: np.random.Generator, pen: float, strength: float) -> Image.Image:
    """Return a mark of pencil or chalk: with grains, the coarser the thicker the pen."""
    cells = int(mask.width / max(1, pen * rng.uniform(0.08, 0.3))) + 1
    grain = smooth_field(rng, mask.size, (cells, cells))
    floor = rng.uniform(0.1, 0.7)
    covered = np.asarray(mask, np.float32) * strength * np.clip(floor + 1.3 * grain * (1 - floor) + 0.1, 0, 1)
    return Image.fromarray(covered.astype(np.uint8))


def _vary(mask: Image.Image, rng: np.random.Generator, _: float, strength: float) -> Image.Image:
    """Return a mark of a pen that is pressed harder here than there."""
    pressure = 1 - rng.uniform(0.2, 0.6) * smooth_field(rng, mask.size, (4, 4))
    return Image.fromarray((np.asarray(mask, np.float32) * strength * pressure).astype(np.uint8))


# Manner -> what makes ink of a coverage, a pen's width in pixels, and a strength from 0 to 1.
MANNERS = {"even": _press, "brush": _brush, "pencil": _rub, "pressure": _vary}
