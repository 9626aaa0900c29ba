"""Propose how the ink of a picture, or the strokes of a pen, may stand in rows of digits."""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.images.loading import flatten
from mnist_cnn.images.normalize import IMAGE_SHAPE, normalize_ink
from mnist_cnn.images.pieces import Piece, find_pieces
from mnist_cnn.images.planes import Plane, find_lines, find_planes, otsu
from mnist_cnn.images.proposals import INK_IS_FULL, INK_STARTS
from mnist_cnn.images.pyramid import Area, Pyramid
from mnist_cnn.images.rows import (
    CANDIDATE_EVIDENCE,
    REMAINDER_EVIDENCE,
    Candidate,
    Row,
    arrange,
    build_row,
    join_stacked,
    measure_height,
)
from mnist_cnn.images.segments import Box
from mnist_cnn.images.strokes import Strokes, draw_strokes

# Pixels of the longer side of a drawing's ink, and of a picture in which rows are searched; of the height of digits
# that are looked at, and of the longer side of what is.
_DRAWING_SPAN, _SEARCH_SIDE, _LOOK_HEIGHT, _LOOK_SIDE = 320, 512, 40, 1024
_MIN_INK = 8  # levels of 255
# Strokes are narrower than these shares of the longer side of what is searched, and of the digits' height.
_WIDEST, _WIDEST_LOOKED = 0.12, 0.6
_LONGEST = 0.7  # of a line that may belong to a digit, as a share of the side
# How many ways to see a picture are looked at, and how much that may be a digit in all of them together.
MAX_LAYOUTS, MAX_CANDIDATES = 6, 1_024
_MARGIN = 0.4  # around the rows, in heights of a digit


class Layout(NamedTuple):
    """One way to see a picture as rows of digits.

    Attributes:
        images: of the candidates, uint8 array of shape (n, 28, 28, 1).
        boxes: of the candidates, in the picture's pixels.
        strips: the ink of each row, uint8 arrays of shape (STRIP_HEIGHT, width); 0 is paper, 255 is ink.
        spans: the first piece of each candidate, and the one after its last, int array of shape (n, 2). The pieces of
            all rows are counted through, from the first row to the last; no candidate has pieces of two.
        rows: the row of each piece, int array of shape (m,).
        candidates: for and against each candidate, without a unit, float32 array of shape (n, k).
        remainders: for and against leaving out each piece, likewise, shape (m, r).
        evidence: for and against the whole, likewise, shape (l,). The first number is 1 if the pieces are strokes.
        candidate_columns: the first column of each candidate in its row's strip, and the one after its last, int array
            of shape (n, 2). A column is `WORD_WIDTH` pixels wide.
        remainder_columns: those of each piece, shape (m, 2).
    """

    images: np.ndarray
    boxes: list[Box]
    strips: list[np.ndarray]
    spans: np.ndarray
    rows: np.ndarray
    candidates: np.ndarray
    remainders: np.ndarray
    evidence: np.ndarray
    candidate_columns: np.ndarray
    remainder_columns: np.ndarray


def propose_layouts(image: Image.Image, strokes: Strokes | None = None) -> Iterator[Layout]:
    """Yield in which ways a picture may show rows of digits, 0 to `MAX_LAYOUTS`; those that tell most come first.

    Each takes its time when it is asked for.

    Args:
        image: of any size and mode; may be transparent.
        strokes: with which it was drawn, if that is known; those of a drawing on transparency.

    Raises:
        EmptyPictureError: if nothing is drawn on a transparent picture.
        UnreadablePictureError: if the strokes are none of the picture.
    """
    pictures, is_drawing = flatten(image)
    if is_drawing:
        drafts = _lay_out_drawing(pictures[0], strokes)
    else:
        glances = [glance for picture in pictures for glance in _glance(Pyramid(picture))]
        heaviest = sorted(glances, key=lambda glance: -glance.share)[:MAX_LAYOUTS]
        drafts = chain.from_iterable(map(_look_closely, heaviest))
    left = MAX_CANDIDATES
    for draft in drafts:
        layout = _stack(draft, left)
        if len(layout.images):
            yield layout
        left -= len(layout.images)


class _Draft(NamedTuple):
    """The rows of a layout in what was looked at.

    Attributes:
        rows: from top to bottom.
        size: of the picture.
        origin: where what was looked at begins in the picture.
        scale: pixels of the picture for each of what was looked at.
        evidence: for and against the whole, as in `Layout`.
    """

    rows: list[Row]
    size: tuple[int, int]
    origin: tuple[float, float]
    scale: float
    evidence: list[float]


def _lay_out_drawing(picture: Image.Image, strokes: Strokes | None) -> Iterator[_Draft]:
    """Yield the layouts of a drawing, dark on white: its strokes, from left to right and in time; its components."""
    full = ImageChops.invert(picture)
    left, top, right, bottom = full.getbbox() or (0, 0, 0, 0)
    scale = max(1, max(right - left, bottom - top) // _DRAWING_SPAN)
    ink = np.asarray(full.reduce(scale))
    if ink.max() < _MIN_INK:
        raise EmptyPictureError

    def build(
        pieces: list[Piece], rows: list[list[Piece]], *, are_strokes: bool = False, in_order: bool = False
    ) -> _Draft:
        outside = 1 - sum(map(_weigh, rows)) / max(_weigh(pieces), 1e-6)
        built = [build_row(row, are_strokes=are_strokes, in_order=in_order) for row in rows]
        flags = False, False, False, False, in_order
        evidence = [float(are_strokes), 1.0, outside, 1.0, 0.0, *map(float, flags)]
        return _Draft(built, picture.size, (0.0, 0.0), scale, evidence)

    if strokes:
        drawn = draw_strokes(strokes, ink, 1 / scale)
        joined = join_stacked(drawn)
        rows = arrange(joined)
        yield build(joined, rows, are_strokes=True)
        in_time = [sorted(row, key=lambda piece: piece.turn) for row in rows]
        if any(one.middle[0] > other.middle[0] for row in in_time for one, other in pairwise(row)):
            yield build(joined, in_time, are_strokes=True, in_order=True)
        if len(joined) < len(drawn):  # they may belong to two rows
            yield build(drawn, arrange(drawn), are_strokes=True)
    components = find_pieces(ink / 255, _MIN_INK / 255, (0, 1))
    yield build(components, arrange(components))


def _stack(draft: _Draft, most: int) -> Layout:
    """Return a layout of at most so many candidates; the rows with the least ink are left out for that."""
    rows = draft.rows
    heaviest, tallest = max((row.mass for row in rows), default=1.0), max((row.height for row in rows), default=1.0)
    kept = set[int]()
    for number in sorted(range(len(rows)), key=lambda number: -rows[number].mass):
        if len(rows[number].candidates) <= most:
            most -= len(rows[number].candidates)
            kept.add(number)
    chosen: list[Candidate] = []
    spans: list[tuple[int, int]] = []
    numbers: list[int] = []
    candidates: list[list[float]] = []
    remainders: list[list[float]] = []
    columns: list[tuple[int, int]] = []
    for index, number in enumerate(sorted(kept)):
        row, first = rows[number], len(numbers)
        known = [float(np.log(row.mass / heaviest)), float(np.log(row.height / tallest)), float(len(rows) > 1)]
        chosen += row.candidates
        spans += [(first + candidate.start, first + candidate.stop) for candidate in row.candidates]
        candidates += [[*candidate.evidence, *known] for candidate in row.candidates]
        remainders += [[*remainder, *known] for remainder in row.remainders]
        numbers += [index] * len(row.remainders)
        columns += row.columns
    return Layout(
        np.array([normalize_ink(candidate.ink) for candidate in chosen], np.uint8).reshape(-1, *IMAGE_SHAPE),
        [_place(candidate.box, draft) for candidate in chosen],
        [rows[number].strip for number in sorted(kept)],
        np.array(spans, int).reshape(-1, 2),
        np.array(numbers, int),
        np.array(candidates, np.float32).reshape(-1, LAYOUT_EVIDENCE.candidates),
        np.array(remainders, np.float32).reshape(-1, LAYOUT_EVIDENCE.remainders),
        np.array([*draft.evidence, float(len(rows)), float(len(rows) - len(kept))], np.float32),
        np.array([candidate.columns for candidate in chosen], int).reshape(-1, 2),
        np.array(columns, int).reshape(-1, 2),
    )


def _place(box: Box, draft: _Draft) -> Box:
    """Return a box in the picture's pixels."""
    corners = np.array(box) * draft.scale + np.array(draft.origin * 2)
    left, top, right, bottom = np.clip((*np.floor(corners[:2]), *np.ceil(corners[2:])), 0, draft.size * 2).tolist()
    return int(left), int(top), int(right), int(bottom)


class _Evidence(NamedTuple):
    """How many numbers are known of each candidate, of each remainder, and of the whole of a layout."""

    candidates: int
    remainders: int
    whole: int


LAYOUT_EVIDENCE = _Evidence(CANDIDATE_EVIDENCE + 3, REMAINDER_EVIDENCE + 3, 12)  # three are known of a row


class _Glance(NamedTuple):
    """Where rows are in a picture, seen from afar.

    Attributes:
        picture: that they are in.
        area: of all rows, in the picture's pixels.
        height: of the digits, in the picture's pixels.
        plane: in which they are seen.
        share: of the plane's contrast.
        look: that the threshold is the low one, and that long lines are taken out.
    """

    picture: Pyramid
    area: Area
    height: float
    plane: str
    share: float
    look: tuple[bool, bool]


def _glance(picture: Pyramid) -> Iterator[_Glance]:
    """Yield where rows are in a picture: in each plane, at two thresholds, with long lines left in and taken out."""
    longer = max(picture.size)
    side = min(_SEARCH_SIDE, max(longer, _SEARCH_SIDE / 2))
    small = picture.view(picture.area, _fit(picture.size, side / longer))
    for plane in find_planes(small, _WIDEST * side, ("dark", "light", "colour")):
        total = float(plane.contrast.clip(0).sum())
        for contrast, level, look in _look(plane):
            pieces = [
                piece for row in arrange(find_pieces(contrast, level, (INK_STARTS, INK_IS_FULL))) for piece in row
            ]
            if not pieces:
                continue
            boxes, height = np.array([piece.box for piece in pieces]), measure_height(pieces)
            margin = _MARGIN * height
            ends = np.concatenate([boxes[:, :2].min(axis=0) - margin, boxes[:, 2:].max(axis=0) + margin])
            left, top, right, bottom = np.clip(ends * (longer / side), 0, picture.size * 2).tolist()
            area = left, top, right, bottom
            yield _Glance(picture, area, height * longer / side, plane.name, _weigh(pieces) / total, look)


def _weigh(pieces: Sequence[Piece]) -> float:
    """Return the sum of the contrast of pieces."""
    return sum(float(piece.ink.sum()) / 255 * piece.pen for piece in pieces)


def _look(plane: Plane) -> Iterator[tuple[np.ndarray, float, tuple[bool, bool]]]:
    """Yield what is looked at of a plane, the level of ink, and whether that is the low one, and lines are out."""
    above = plane.contrast[plane.contrast > plane.threshold]
    if not above.size:
        return
    middle = otsu(above)
    yield plane.contrast, middle, (False, False)
    yield plane.contrast, (plane.threshold + middle) / 2, (True, False)
    lines = find_lines(plane.contrast, middle, _LONGEST)
    if lines.any():
        yield np.where(lines, 0, plane.contrast), middle, (False, True)


def _fit(size: tuple[float, float], scale: float) -> tuple[int, int]:
    return max(8, round(size[0] * scale)), max(8, round(size[1] * scale))


def _look_closely(glance: _Glance) -> Iterator[_Draft]:
    """Yield the layout of what was seen from afar, if it has rows from near, too."""
    left, top, right, bottom = glance.area
    extent = right - left, bottom - top
    scale = min(_LOOK_HEIGHT / glance.height, _LOOK_SIDE / max(extent))
    view = glance.picture.view(glance.area, _fit(extent, scale))
    for plane in find_planes(view, _WIDEST_LOOKED * glance.height * scale, (glance.plane,)):
        for contrast, level, look in _look(plane):
            rows = arrange(find_pieces(contrast, level, (INK_STARTS, INK_IS_FULL))) if look == glance.look else []
            if rows:
                pieces = [piece for row in rows for piece in row]
                pen = max(piece.pen for piece in pieces)
                outside = max(0.0, 1 - _weigh(pieces) / max(float(contrast.clip(0).sum()), 1e-6))
                flags = glance.plane == "light", glance.plane == "colour", *look, False
                evidence = [0.0, glance.share, outside, pen, plane.noise / pen, *map(float, flags)]
                built = [build_row(row) for row in rows]
                yield _Draft(built, glance.picture.size, (left, top), 1 / scale, evidence)
