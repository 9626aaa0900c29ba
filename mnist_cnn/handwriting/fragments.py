"""Draws what is not one digit but made of digits: several of them, pieces of one, and a digit among lines."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mnist_cnn.handwriting.outlines import Drawer, Strokes, line
from mnist_cnn.handwriting.writing import fit, sample_spacing, sample_strokes, travel


def _row(rng: np.random.Generator, count: int, axis: int, gaps: tuple[float, float] = (0.1, 0.4)) -> Strokes:
    """Return random digits that follow each other along an axis, 0 for x or 1 for y, with gaps between them."""
    row: Strokes = []
    end = 0.0
    for _ in range(count):
        scale = rng.uniform(0.7, 1)
        digit = [scale * stroke for stroke in sample_strokes(int(rng.integers(10)), rng)]
        points = np.concatenate(digit)
        shift = rng.normal(0, 0.06, 2)
        shift[axis] = end - points[:, axis].min()
        row += [stroke + shift for stroke in digit]
        end += np.ptp(points[:, axis]) + rng.uniform(*gaps)
    return fit(row)


# Kind -> digit, its styles, axis, which end along that axis is kept (-1: left or top, 1: right or bottom),
# and the smallest and the largest share of the ink that is kept. Cuts that leave something like another digit are
# missing: the right half of an 8 is a 3, its upper half a 0, the lower part of a 9 a 1.
_Cut = tuple[int, tuple[str, ...], int, int, float, float]
_CUTS: dict[str, _Cut] = {
    "top of a 0": (0, ("closed", "overlapping", "two arcs"), 1, -1, 0.3, 0.42),
    "bottom of a 0": (0, ("closed", "pointed", "open", "two arcs"), 1, 1, 0.3, 0.42),
    "bottom of a 2": (2, ("plain", "long base", "falling base", "Z"), 1, 1, 0.35, 0.55),
    "left of a 3": (3, ("plain", "flat top", "open tail"), 0, -1, 0.35, 0.45),
    "top of a 5": (5, ("plain", "one stroke", "long bar"), 1, -1, 0.35, 0.5),
    "bar of a 7": (7, ("crossed", "curved and crossed"), 1, 1, 0.6, 0.68),
    "left of an 8": (8, ("S and close", "two loops"), 0, -1, 0.43, 0.48),
}


def _piece(rng: np.random.Generator, cut: _Cut) -> Strokes:
    """Return what a straight cut leaves of a digit."""
    digit, styles, axis, side, least, most = cut
    strokes = [
        side * travel(stroke, 0.01, rng) for stroke in sample_strokes(digit, rng, styles[rng.integers(len(styles))])
    ]
    edge = np.quantile(np.concatenate(strokes)[:, axis], 1 - rng.uniform(least, most))
    kept: Strokes = []
    for stroke in strokes:
        inside = stroke[:, axis] > edge
        runs = np.split(stroke, np.flatnonzero(np.diff(inside)) + 1)
        kept += [side * run for run in runs if run[0, axis] > edge and len(run) > 1]
    return fit(kept)


def _drawn_line(start: Sequence[float], end: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Return a nearly straight line as a device records it."""
    bend = (np.add(start, end) / 2 + rng.normal(0, 0.02, 2)).tolist()
    return travel(np.array([start, bend, end]), sample_spacing(rng), rng)


def _with_line(rng: np.random.Generator, digits: Sequence[int], y: tuple[float, float]) -> Strokes:
    """Return a digit with a level line at a height of at least y[0] and at most y[1] that is far wider than it."""
    height = rng.uniform(*y)
    start, end = (0.5 - rng.uniform(0.7, 1.1), height), (0.5 + rng.uniform(0.7, 1.1), height + rng.normal(0, 0.04))
    return fit([*sample_strokes(digits[int(rng.integers(len(digits)))], rng), _drawn_line(start, end, rng)])


def _in_frame(rng: np.random.Generator, sides: Sequence[Sequence[int]]) -> Strokes:
    """Return a digit within one of the sides given, as numbers of corners clockwise from the upper left one."""
    near, far = -rng.uniform(0.1, 0.4, 2), 1 + rng.uniform(0.1, 0.4, 2)
    corners = np.array([near, [far[0], near[1]], far, [near[0], far[1]]])
    chosen = sides[int(rng.integers(len(sides)))]
    frame = line(*corners[list(chosen)] + rng.normal(0, 0.03, (len(chosen), 2)))
    return fit([*sample_strokes(int(rng.integers(10)), rng), travel(frame, sample_spacing(rng), rng)])


# Kind -> a function that returns the points of random strokes as a device records them.
ROWS: dict[str, Drawer] = {
    "two digits": partial(_row, count=2, axis=0),
    "three digits": partial(_row, count=3, axis=0),
    "four digits": partial(_row, count=4, axis=0),
    "two digits, one below the other": partial(_row, count=2, axis=1),
    "touching digits": partial(_row, count=2, axis=0, gaps=(-0.12, 0.0)),
}
PIECES: dict[str, Drawer] = {kind: partial(_piece, cut=cut) for kind, cut in _CUTS.items()}
FRAMED: dict[str, Drawer] = {
    # A line below a 1 is a foot, one through a 1, 4 or 7 a bar, and one above a 5 as well.
    "underlined digit": partial(_with_line, digits=(0, 2, 3, 4, 5, 6, 7, 8, 9), y=(1.08, 1.3)),
    "crossed out digit": partial(_with_line, digits=(0, 2, 3, 5, 6, 8, 9), y=(0.35, 0.65)),
    "digit in a box": partial(_in_frame, sides=[(0, 1, 2, 3, 0)]),
    "digit with a corner": partial(_in_frame, sides=[(3, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 0)]),
    "digit between three sides": partial(_in_frame, sides=[(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)]),
}
