"""Rows of pieces: which stand beside each other, in reading order, and which of them together may be a digit."""

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np

from mnist_cnn.images.pieces import DARK, Piece, cut, enclose, join
from mnist_cnn.images.strips import draw_strip

# More rows, or more pieces in one, than these are not looked at.
MAX_ROWS, MAX_ROW_PIECES = 16, 64
# Numbers that are known of a candidate, and of a piece that is left out.
CANDIDATE_EVIDENCE, REMAINDER_EVIDENCE = 27, 10
MAX_GROUP, _MAX_STROKES = 8, 5  # pieces of a digit: parts of components, or strokes

# In heights of the row: a piece of a digit's height, how far apart two of a row may stand, and what may be a digit.
_TALL, _TALLEST, _FARTHEST = 0.45, 2.0, 3.0
_WIDEST, _LOWEST, _WIDEST_GAP = 1.6, 0.35, 0.4
_BESIDE = 0.3  # what belongs to the outermost pieces besides their ink, in heights of the row
# Wider pieces, in heights of their own, may be several digits: components, and strokes.
_WIDE_COMPONENT, _WIDE_STROKE = 0.5, 1.5
# Strokes stand on each other if they share at least so much of the narrower's width, and if, in heights of the lower,
# they are at most so far apart, and reach at most so far into each other.
_ABOVE, _PARTED, _STACKED = 0.5, 0.25, 0.5


class Candidate(NamedTuple):
    """A few neighbouring pieces of a row that may be one digit.

    Attributes:
        start: number of the first piece.
        stop: number of the piece after the last.
        ink: uint8 array of shape (height, width).
        box: its place, in the pixels of what was looked at.
        columns: its first column of the row's strip, and the one after its last; each is `WORD_WIDTH` pixels wide.
        evidence: for and against it, floats without a unit; see `_describe`.
    """

    start: int
    stop: int
    ink: np.ndarray
    box: tuple[int, int, int, int]
    columns: tuple[int, int]
    evidence: list[float]


class Row(NamedTuple):
    """A row of pieces, from left to right.

    Attributes:
        candidates: what may be digits.
        remainders: of each piece, what speaks for leaving it out: floats without a unit; see `_describe_remainder`.
        columns: of each piece, as of a candidate.
        strip: of all its ink, uint8 array of shape (STRIP_HEIGHT, width).
        mass: the sum of its ink.
        height: of its digits, in the pixels of what was looked at.
    """

    candidates: list[Candidate]
    remainders: list[list[float]]
    columns: list[tuple[int, int]]
    strip: np.ndarray
    mass: float
    height: float


def arrange(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces of each row that has a piece of a digit's height; rows from top to bottom.

    At most `MAX_ROWS`, those with the most ink. What is too large for a digit, and what is small and in no row, is
    left out.
    """
    if not pieces:
        return []
    height = measure_height(pieces)
    tall = [piece for piece in pieces if _TALL * height <= piece.height <= _TALLEST * height]
    rows = sorted(_link(tall, _FARTHEST * height), key=lambda row: -sum(float(piece.ink.sum()) for piece in row))
    rows = sorted(rows[:MAX_ROWS], key=lambda row: float(np.mean([piece.middle[1] for piece in row])))
    lines = [fit_line(row) for row in rows]
    for piece in (piece for piece in pieces if piece.height < _TALL * height):
        x, y = piece.middle
        distances = [
            abs(y - np.polyval(line, x)) + max(0.0, row_left - x, x - row_right)
            for line, (row_left, row_right) in zip(lines, map(_reach, rows), strict=True)
        ]
        if distances and min(distances) < 0.8 * height:
            rows[int(np.argmin(distances))].append(piece)
    return rows


def join_stacked(strokes: Sequence[Piece]) -> list[Piece]:
    """Return strokes in their order; those that stand on each other, such as the rings of an 8, are one."""
    joined: list[Piece] = []
    for stroke in strokes:
        for number, other in enumerate(joined):
            if _are_stacked(stroke, other):
                joined[number] = join([other, stroke])
                break
        else:
            joined.append(stroke)
    return [stroke._replace(turn=turn) for turn, stroke in enumerate(joined)]


def _are_stacked(one: Piece, other: Piece) -> bool:
    across, down = (min(one.box[end + 2], other.box[end + 2]) - max(one.box[end], other.box[end]) for end in (0, 1))
    lower, higher = sorted((one.height, other.height))
    return (
        across >= _ABOVE * min(one.width, other.width)
        and lower >= _TALL * higher
        and -_PARTED * lower <= down <= _STACKED * lower
    )


def measure_height(pieces: Sequence[Piece]) -> float:
    """Return the height of the piece that is higher than those with half the ink."""
    heights, weights = np.array([piece.height for piece in pieces]), np.array([piece.ink.sum() for piece in pieces])
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(weights[order].cumsum(), weights.sum() / 2)])


def build_row(pieces: Sequence[Piece], *, are_strokes: bool = False, in_order: bool = False) -> Row:
    """Return a row and all that may be digits in it.

    Args:
        pieces: of the row.
        are_strokes: each is a stroke, and none a component.
        in_order: the pieces stay in their order, which is that of writing; else they are ordered from left to right.
    """
    tall = [piece for piece in pieces if piece.height >= _TALL * max(piece.height for piece in pieces)]
    height, line = float(np.median([piece.height for piece in tall])), fit_line(tall)
    wide = _WIDE_STROKE if are_strokes else _WIDE_COMPONENT
    parts = [
        part
        for piece in pieces
        for part in (cut(piece) if piece.height > _TALL * height and piece.width > wide * piece.height else [piece])
    ]
    if not in_order:
        parts.sort(key=lambda piece: piece.middle[0])
    parts = parts[:MAX_ROW_PIECES]
    mass, pen = sum(float(part.ink.sum()) for part in parts), max(part.pen for part in parts)
    candidates, most = [], _MAX_STROKES if are_strokes else MAX_GROUP
    strip = draw_strip(pieces, height, line)

    def find_columns(start: int, stop: int, whole: Piece) -> tuple[int, int]:
        return strip.find_columns(*_find_ends(parts, start, stop, whole, height))

    common, twins = _find_common(parts), _measure_twins(parts, height)
    for start in range(len(parts)):
        for stop in range(start + 1, min(start + most, len(parts)) + 1):
            whole = join(parts[start:stop])
            gaps = [_gap(one, other) / height for one, other in pairwise(parts[start:stop])]
            if whole.width > _WIDEST * max(height, whole.height) or max(gaps, default=0) > _WIDEST_GAP:
                break
            if whole.height >= _LOWEST * height:
                evidence = _describe(parts, start, stop, whole, height, line, gaps)
                evidence += [float(whole.ink.sum()) / mass * len(parts), whole.pen / pen]
                evidence += _describe_contacts(parts, start, stop, common)
                evidence += _describe_inside(parts[start:stop], common, twins, start, height)
                evidence.append(float(in_order))
                columns = find_columns(start, stop, whole)
                candidates.append(Candidate(start, stop, whole.ink, whole.box, columns, evidence))
    shared = _share(parts)
    remainders = [
        [
            *_describe_remainder(part, height, line, mass, pen),
            share,
            *_measure_gaps(parts, number, number + 1, part, height),
            twin,
        ]
        for number, (part, share, twin) in enumerate(zip(parts, shared, twins.min(axis=1).tolist(), strict=True))
    ]
    columns_left = [find_columns(number, number + 1, part) for number, part in enumerate(parts)]
    return Row(candidates, remainders, columns_left, strip.image, mass, height)


def fit_line(pieces: Sequence[Piece]) -> np.ndarray:
    """Return slope and height at 0 of the line on which the middles of the pieces lie."""
    x, y = np.array([piece.middle for piece in pieces]).T
    if len(pieces) < 3 or np.ptp(x) < 2 * max(piece.height for piece in pieces):
        return np.array([0.0, float(np.median(y))])
    line: np.ndarray = np.polyfit(x, y, 1)
    return line


def _link(pieces: Sequence[Piece], farthest: float) -> list[list[Piece]]:
    """Return groups of pieces that stand beside each other."""
    pieces = sorted(pieces, key=lambda piece: piece.box[0])
    group = list(range(len(pieces)))
    for index, piece in enumerate(pieces):
        for other in range(index - 1, -1, -1):
            _, top, right, bottom = pieces[other].box
            both = min(piece.box[3], bottom) - max(piece.box[1], top)
            if piece.box[0] - right < farthest and both > 0.5 * min(piece.height, bottom - top):
                old, new = group[index], group[other]
                group = [new if number == old else number for number in group]
    return [[piece for piece, number in zip(pieces, group, strict=True) if number == chosen] for chosen in set(group)]


def _reach(row: Sequence[Piece]) -> tuple[int, int]:
    return min(piece.box[0] for piece in row), max(piece.box[2] for piece in row)


def _gap(one: Piece, other: Piece) -> float:
    """Return the pixels between two pieces from left to right, below 0 if one reaches into the other."""
    return max(other.box[0] - one.box[2], one.box[0] - other.box[2])


def _find_ends(parts: Sequence[Piece], start: int, stop: int, whole: Piece, height: float) -> tuple[float, float]:
    """Return where a few pieces begin and end: halfway to those before and after them, whether apart or overlapping."""
    left, _, right, _ = whole.box
    before, after = left - 2 * _BESIDE * height, right + 2 * _BESIDE * height
    if start and parts[start - 1].middle[0] < whole.middle[0]:
        before = parts[start - 1].box[2]
    if stop < len(parts) and parts[stop].middle[0] > whole.middle[0]:
        after = parts[stop].box[0]
    return (before + left) / 2, (right + after) / 2


def _offset(middle: tuple[float, float], line: np.ndarray, height: float) -> float:
    """Return how far below the row's line a middle is, in heights of the row, -1 to 1."""
    x, y = middle
    return min(max((y - float(line[0] * x + line[1])) / height, -1.0), 1.0)


def _describe(
    parts: Sequence[Piece], start: int, stop: int, whole: Piece, height: float, line: np.ndarray, gaps: list[float]
) -> list[float]:
    """Return what is known of a candidate: its shape, its place in the row, its neighbours and its cuts."""
    healed = [part.cuts[1] for part in parts[start : stop - 1]]
    return [
        log(whole.width / height),
        log(whole.height / height),
        log(whole.width / whole.height),
        _offset(whole.middle, line, height),
        *_measure_gaps(parts, start, stop, whole, height),
        min(max(max(gaps, default=-0.5), -0.5), 1.0),
        *(float(stop - start == count) for count in (1, 2, 3)),
        whole.cuts[0],
        whole.cuts[1],
        float(whole.cuts[0] > 0) + float(whole.cuts[1] > 0),
        max(healed, default=0.0),
        float(sum(cost > 0 for cost in healed)),
        float(start == 0) + float(stop == len(parts)),
    ]


def _measure_gaps(parts: Sequence[Piece], start: int, stop: int, whole: Piece, height: float) -> list[float]:
    """Return the gaps before and after a few pieces, in heights of the row, -0.5 to 1; below 0 they overlap."""
    before = _gap(parts[start - 1], whole) / height if start else 1.0
    after = _gap(whole, parts[stop]) / height if stop < len(parts) else 1.0
    return [min(max(gap, -0.5), 1.0) for gap in (before, after)]


def _find_common(parts: Sequence[Piece]) -> np.ndarray:
    """Return how many pixels of ink each two pieces have in common, all of its own for a piece itself; shape (n, n)."""
    boxes = np.array([part.box for part in parts])
    start, end = np.maximum(boxes[:, None, :2], boxes[:, :2]), np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    common = np.zeros((len(parts), len(parts)), int)
    for one, other in np.argwhere(np.triu((start < end).all(axis=2))):
        corners = start[one, other], end[one, other]
        both = _crop(parts[one], *corners) & _crop(parts[other], *corners)
        common[one, other] = common[other, one] = np.count_nonzero(both)
    return common


def _crop(piece: Piece, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return where a piece has ink between two points."""
    (left, top), (right, bottom) = start - piece.box[:2], end - piece.box[:2]
    return piece.ink[top:bottom, left:right] > DARK


def _describe_contacts(parts: Sequence[Piece], start: int, stop: int, common: np.ndarray) -> list[float]:
    """Return how many of a few pieces touch no other of them, others' share of their ink, and others in between."""
    own = common[start:stop, start:stop]
    loose = np.count_nonzero((own > 0).sum(axis=1) < 2) if stop - start > 1 else 0
    turns = {part.turn for part in parts[start:stop]}
    others = (common[start:stop].sum() - own.sum()) / max(np.trace(own), 1)
    return [float(loose), min(float(others), 1.0), float(min(max(turns) - min(turns) + 1 - len(turns), 3))]


def _measure_twins(parts: Sequence[Piece], height: float) -> np.ndarray:
    """Return how far the boxes of each two pieces differ at most, in heights of the row, up to 1; shape (n, n)."""
    boxes = np.array([part.box for part in parts])
    apart: np.ndarray = np.minimum(np.abs(boxes[:, None] - boxes).max(axis=2) / height, 1.0)
    np.fill_diagonal(apart, 1.0)
    return apart


def _describe_inside(
    own: Sequence[Piece], common: np.ndarray, twins: np.ndarray, start: int, height: float
) -> list[float]:
    """Return how pieces that may be one digit stand to each other."""
    inside = slice(start, start + len(own))
    middles = [piece.middle[0] for piece in own]
    ink = common[inside, inside]
    shared = (ink.sum() - np.trace(ink)) / 2 / max(np.trace(ink), 1)
    others = np.delete(twins[inside], inside, axis=1)
    return [
        min(piece.height for piece in own) / height,
        (max(middles) - min(middles)) / height,
        min(float(shared), 1.0),
        float(twins[inside, inside].min()),
        float(others.min(initial=1.0)),
    ]


def _share(parts: Sequence[Piece]) -> list[float]:
    """Return which share of each piece's ink others have, too: strokes gone over again, and what lies at a cut."""
    left, top, right, bottom = enclose(parts)
    counts, places = np.zeros((bottom - top, right - left), np.uint8), []
    for part in parts:
        x, y = part.box[0] - left, part.box[1] - top
        places.append(counts[y : y + part.ink.shape[0], x : x + part.ink.shape[1]])
        places[-1] += part.ink > DARK
    return [float((place[part.ink > DARK] > 1).mean()) for place, part in zip(places, parts, strict=True)]


def _describe_remainder(piece: Piece, height: float, line: np.ndarray, mass: float, pen: float) -> list[float]:
    """Return what speaks for leaving a piece out: its size, its place in the row, its contrast and its cuts."""
    return [
        log(max(piece.height, 1) / height),
        log(max(piece.width, 1) / height),
        log(piece.ink.sum() / mass + 1e-4),
        _offset(piece.middle, line, height),
        piece.pen / pen,
        float(piece.cuts[0] > 0) + float(piece.cuts[1] > 0),
    ]
