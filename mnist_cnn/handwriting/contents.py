"""What is written in a scene, and how its ink lies on the paper."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn.handwriting.nondigits import FAMILIES, FOR_TRAINING, sample_nondigit
from mnist_cnn.handwriting.rendering import render
from mnist_cnn.handwriting.surfaces import smooth_field
from mnist_cnn.handwriting.writing import fit, sample_strokes, sample_style

# Kinds named after digits hold some: two side by side, or one that is underlined.
_WITHOUT_DIGITS = tuple(kind for kind in FOR_TRAINING if "digit" not in kind)
_SIGNS = tuple(kind for kind in FAMILIES["signs"] if kind in FOR_TRAINING)


# Of each digit, some that people wrote: strokes as `sample_strokes` returns them.
Samples = Sequence[Sequence[list[np.ndarray]]]


class Glyph(NamedTuple):
    """Something written: a digit, or what is none.

    Attributes:
        digit: None for a non-digit.
        strokes: as `sample_strokes` returns them.
        size: relative to the largest glyph of the scene.
        middle: x and y, in sizes of the largest glyph.
        row: in which it stands, 0 for the uppermost.
        strength: of its ink, 0 to 1.
    """

    digit: int | None
    strokes: list[np.ndarray]
    size: float
    middle: tuple[float, float]
    row: int = 0
    strength: float = 1


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
            size = rng.uniform(0.75, 1) if rng.random() < 0.65 else rng.uniform(0.35, 0.75)
            width = size * float(np.ptp(np.concatenate(strokes)[:, 0])) + 0.1
            middle = (end + width / 2, row * (1.1 + max(gap, 0)) + rng.normal(0, 0.05))
            strength = rng.uniform(0.3, 0.8) if rng.random() < 0.4 else 1
            glyphs.append(Glyph(digit, strokes, size, middle, row, strength))
            end += width + gap
    return glyphs


def write_number(
    rng: np.random.Generator, samples: Samples | None = None, gaps: tuple[float, float] | None = None
) -> list[Glyph]:
    """Write a number of one to eight digits, sometimes several below each other, in one hand: as people write amounts.

    Digits stand apart, or touch, or overlap, and the pen may go on from one to the next; commas, dots, dashes and signs
    may stand among them.

    Args:
        rng: the only source of randomness.
        samples: digits to write with; by default they are drawn.
        gaps: the narrowest and the widest between digits, in their heights; by default as `sample_gaps` returns them.
    """
    length, rows = int(rng.choice(8, p=_LENGTHS)) + 1, int(rng.choice([1, 2, 3, 4], p=[0.8, 0.1, 0.05, 0.05]))
    closest, farthest = gaps or sample_gaps(rng)
    slope, marks, joins = rng.normal(0, 0.06), rng.choice([0, 0, 0, 0.1, 0.3]), rng.choice([0, 0, 0, 0.7])
    distance = 1.15 + rng.exponential(0.3)
    hand = _Hand(rng, samples)
    glyphs: list[Glyph] = []
    for row in range(rows):
        end = 0.0
        pen: np.ndarray | None = None  # where it left the digit before, if it may go on from there
        for digit in _choose_digits(max(1, length - int(rng.integers(2)) * (rows > 1)), rng):
            line = row * distance + slope * end
            strokes = [stroke + np.array([end, line]) for stroke in hand.write(digit, rng)]
            end = float(max(stroke[:, 0].max() for stroke in strokes)) + rng.uniform(closest, farthest)
            if pen is not None and joins > rng.random():
                strokes[0] = np.concatenate([_join(pen, strokes[0][0], rng), strokes[0]])
            glyphs.append(_place(digit, strokes, row))
            pen = strokes[-1][-1]
            if marks > rng.random():
                end += max(0.0, -closest) + 0.08
                mark, size, drop = _write_mark(rng)
                width = size * float(np.ptp(np.concatenate(mark)[:, 0]))
                glyphs.append(Glyph(None, mark, size, (end + width / 2, line + drop), row))
                end += width + rng.uniform(0.05, 0.3)
                pen = None
    return glyphs


# The narrowest and the widest gap between digits that nearly all touch or overlap, in their heights.
DENSE_GAPS = -0.2, 0.02

# How often numbers have one digit, two, and so on.
_LENGTHS = np.array([15, 20, 15, 15, 12, 10, 7, 6]) / 100


def sample_gaps(rng: np.random.Generator) -> tuple[float, float]:
    """Return the narrowest and the widest gap between a number's digits, in their heights; below 0 they overlap."""
    closest = float(rng.choice([rng.uniform(-0.2, -0.05), rng.uniform(-0.1, 0.05), rng.uniform(0.05, 0.4)]))
    return closest, closest + rng.uniform(0.05, 0.4)


def sample_digits(rng: np.random.Generator) -> list[int]:
    """Return the digits of a number, one to eight of them."""
    return _choose_digits(int(rng.choice(8, p=_LENGTHS)) + 1, rng)


def _choose_digits(length: int, rng: np.random.Generator) -> list[int]:
    """Return any digits, now and then the same again, or zeros at the end."""
    digits: list[int] = rng.integers(10, size=length).tolist()
    for place in range(1, length):
        if rng.random() < 0.1:
            digits[place] = digits[place - 1]
    if rng.random() < 0.3:
        zeros = int(rng.integers(min(length, 4)))
        digits[length - zeros :] = [0] * zeros
    return digits


# Styles of a 1 that is a line and nothing else, and how many writers have one: nearly all whose digits are in MNIST,
# and few in other countries.
_BARE_ONES, _BARE = ("stem", "curved", "slanted"), 0.5


class _Hand:
    """One writer: always about the same style, size and slant of each digit, now and then another style."""

    def __init__(self, rng: np.random.Generator, samples: Samples | None) -> None:
        self._samples = samples
        self._styles = [sample_style(digit, rng) for digit in range(10)]
        if rng.random() < _BARE:
            self._styles[1] = str(rng.choice(_BARE_ONES))
        self._lean, self._stretch, self._sinks = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.12)), rng.uniform(0, 1)
        self._sizes = np.clip(rng.normal(0.92, 0.07, 10), 0.7, 1.1)
        self._sizes[0] *= rng.choice([1, rng.uniform(0.5, 1)])  # many write zeros smaller

    def write(self, digit: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return a digit's strokes; x begins at 0, and y is 0 in the middle of the row."""
        if self._samples:
            upright = self._samples[digit][int(rng.integers(len(self._samples[digit])))]
        else:
            upright = sample_strokes(digit, rng, self._styles[digit] if rng.random() < 0.9 else None)
        leaning = fit([(stroke - self._lean * stroke[:, 1:] * (1, 0)) * (self._stretch, 1) for stroke in upright])
        extent = np.ptp(np.concatenate(leaning), axis=0)
        size = float(np.clip(self._sizes[digit] + rng.normal(0, 0.05), 0.4, 1.1)) * min(1, 1 / float(extent[1]))
        # What is small stands on the line, or in the middle of the row.
        drop = self._sinks * max(0.0, 0.9 - size) / 2 + rng.normal(0, 0.04)
        return [(stroke - 0.5) * size + (extent[0] * size / 2, drop) for stroke in leaning]


def _join(start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the way of a pen that isn't lifted between two digits, without its end; shape (points, 2)."""
    share = np.linspace(0, 1, 6)[:-1, None]
    bow = (0, rng.normal(0, 0.15) * float(np.hypot(*(end - start))))
    way: np.ndarray = start + share * (end - start) + 4 * share * (1 - share) * bow
    return way


def _place(digit: int, strokes: list[np.ndarray], row: int) -> Glyph:
    """Return strokes, in sizes of the largest glyph, as a glyph."""
    points = np.concatenate(strokes)
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    return Glyph(digit, fit(strokes), float(np.ptp(points, axis=0).max()), (float(x), float(y)), row)


def _write_mark(rng: np.random.Generator) -> tuple[list[np.ndarray], float, float]:
    """Return the strokes of what may stand in a number besides digits, its size, and how far below the middle it is."""
    match rng.choice(["dot", "dot", "comma", "dash", "equals", "sign"]):
        case "dot":
            return [np.array([[0.5, 0.5], [0.52, 0.51]])], 0.05, rng.uniform(0.3, 0.5)
        case "comma":
            bent = rng.uniform(0.2, 0.6)
            return fit([np.array([[0.5, 0.0], [0.5, 0.4], [bent - 0.2, 1.0]])]), rng.uniform(0.1, 0.3), 0.5
        case "dash":
            return fit([np.array([[0.0, 0.5], [1.0, 0.5 + rng.normal(0, 0.1)]])]), rng.uniform(0.2, 0.6), 0.0
        case "equals":
            return (
                fit([np.array([[0, y], [1, y + rng.normal(0, 0.05)]]) for y in (0.3, 0.6)]),
                rng.uniform(0.3, 0.6),
                0.0,
            )
        case _:
            return sample_nondigit(rng, _SIGNS), rng.uniform(0.6, 1), 0.0


def write_nondigit(rng: np.random.Generator) -> list[Glyph]:
    """Write something that is no digit, of a kind that training takes."""
    return [Glyph(None, sample_nondigit(rng, _WITHOUT_DIGITS), 1, (0, 0))]


def _write_nothing(_: np.random.Generator) -> list[Glyph]:
    return []


# Content -> relative frequency, and what writes it.
CONTENTS: dict[str, tuple[float, Callable[[np.random.Generator], list[Glyph]]]] = {
    "one": (50, _write_one),
    "several": (30, _write_several),
    "non-digit": (12, write_nondigit),
    "nothing": (13, _write_nothing),
    "number": (0, write_number),  # for those who ask for it
}


def write_out(glyphs: list[Glyph]) -> str:
    """Return the digits of the glyphs as they are read: from left to right, rows joined by a newline."""
    rows = sorted({glyph.row for glyph in glyphs})
    return "\n".join("".join(str(g.digit) for g in glyphs if g.row == row and g.digit is not None) for row in rows)


def measure_gap(glyphs: list[Glyph]) -> float:
    """Return the smallest gap between neighbours in a row, in sizes of the largest glyph; below 0 if they overlap.

    Infinite if no row has two.
    """
    halves = [glyph.size * float(np.ptp(np.concatenate(glyph.strokes)[:, 0])) / 2 for glyph in glyphs]
    gaps = [
        (other.middle[0] - other_half) - (one.middle[0] + half)
        for (one, half), (other, other_half) in pairwise(zip(glyphs, halves, strict=True))
        if one.row == other.row
    ]
    return min(gaps, default=float("inf"))


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
