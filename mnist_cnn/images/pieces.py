"""Part the ink of digits into pieces, of which every digit is one or a few: components, cut where digits touch.

Where two digits touch, nobody can tell by the ink alone. So a component is cut wherever a short way leads through it,
and the pieces are put together again in every way that may be a digit.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnist_cnn.images.planes import EIGHT_NEIGHBOURS, measure_stroke

# A way through a component crosses at most so many pens' widths of ink: where two rings touch, it leads along the wall
# that they share. What is narrower than the second, as a share of its height, is one digit, and so is each piece that a
# cut leaves: the narrowest is a 1 of a thin pen.
_MAX_CROSSED = 6.0
_NARROWEST = 0.07
# The ink at a cut belongs to both sides, up to so many pens' widths from it: strokes that cross are whole in both.
_SHARED = 1.0
# A step aside costs as much as this share of a pixel of ink, and a step beside the ink hardly anything: a way is short
# and straight.
_ASIDE, _STEP = 0.3, 0.02
_MAX_CUTS = 16  # through one component, the cheapest
MAX_PIECES = 256  # in a picture
DARK = 127  # above it is ink, in levels of 255


class Piece(NamedTuple):
    """A part of a row's ink.

    Attributes:
        ink: uint8 array of shape (height, width), 0 to 255.
        box: its place, in the pixels of what was looked at: left, top, right, bottom.
        pen: contrast of the pen, 0 to 1.
        cuts: pens' widths of ink that were cut through on its left and on its right; 0 where nothing was.
        turn: of a stroke, its number in the order of writing.
    """

    ink: np.ndarray
    box: tuple[int, int, int, int]
    pen: float = 1.0
    cuts: tuple[float, float] = (0.0, 0.0)
    turn: int = 0

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box[2] - self.box[0]

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of its box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def find_pieces(contrast: np.ndarray, level: float, ink: tuple[float, float]) -> list[Piece]:
    """Return the connected components of what is above a level as pieces, the heaviest `MAX_PIECES` of them.

    Args:
        contrast: float array of shape (height, width), 0 to 1.
        level: the contrast above which a pixel belongs to a component.
        ink: between which shares of its pen's contrast a component's ink rises from 0 to 255.
    """
    labels, count = ndimage.label(contrast > level, EIGHT_NEIGHBOURS)
    mass = np.bincount(labels.ravel(), contrast.ravel(), count + 1)
    mass[0] = 0
    places = ndimage.find_objects(labels)
    found = []
    for number in np.argsort(-mass)[: min(MAX_PIECES, count)]:
        # A pixel more on each side keeps the soft edge.
        wide = tuple(slice(max(place.start - 1, 0), place.stop + 1) for place in places[number - 1])
        own = labels[wide] == number
        pen = float(np.percentile(contrast[wide][own], 80))
        scaled = np.clip((contrast[wide] / pen - ink[0]) / (ink[1] - ink[0]), 0, 1) * 255
        part = np.where(ndimage.maximum_filter(own.view(np.uint8), 3) * (own | (labels[wide] == 0)), scaled, 0)
        top, left = wide[0].start, wide[1].start
        box = left, top, left + part.shape[1], top + part.shape[0]
        found.append(Piece(np.round(part).astype(np.uint8), box, pen))
    return found


def cut(piece: Piece) -> list[Piece]:
    """Return the pieces, from left to right, into which a piece falls where a short way leads through its ink.

    The ways are the cheapest ones from the top to the bottom, found by dynamic programming as seams are (Avidan and
    Shamir 2007, "Seam carving for content-aware image resizing"). Neighbours overlap: both keep the ink at their cut,
    and whoever has most of a hole keeps all ink around it, such as the wall that two zeros share.
    """
    dark = piece.ink > DARK
    least = _NARROWEST * piece.height
    if piece.width < 2 * least or piece.height < 4 or not dark.any():
        return [piece]
    pen = max(measure_stroke(dark), 1.0)
    seams = list(_find_seams(piece.ink / 255.0, _MAX_CROSSED * pen, least))
    if not seams:
        return [piece]
    seams = sorted(sorted(seams, key=lambda seam: seam[0])[:_MAX_CUTS], key=lambda seam: float(seam[1].mean()))
    crossed = [0.0, *(cost / pen for cost, _ in seams), 0.0]
    owner = _assign(dark, np.sum([np.arange(piece.width) > way[:, None] for _, way in seams], axis=0))
    parts = []
    for index in range(len(seams) + 1):
        own = owner == index
        columns = np.flatnonzero(own.any(axis=0))
        if columns.size:
            near = slice(max(0, columns[0] - int(_SHARED * pen)), columns[-1] + int(_SHARED * pen) + 1)
            is_near = ndimage.distance_transform_edt(~own[:, near]) <= _SHARED * pen
            part = np.where(is_near, piece.ink[:, near], 0)
            parts.append(_trim(part, piece, near.start, (crossed[index], crossed[index + 1])))
    return parts


def _assign(dark: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the part that has each pixel of ink and of the holes in it, and -1 elsewhere.

    Args:
        dark: where ink is, bool array of shape (height, width).
        number: the part on whose side of the cuts each pixel lies. Who has most of a hole gets it wholly.
    """
    holes, _ = ndimage.label(ndimage.binary_fill_holes(dark) & ~dark)
    owner = np.where(dark, number, -1)
    for hole, place in enumerate(ndimage.find_objects(holes), 1):
        inside = holes[place] == hole
        owner[place][inside] = np.bincount(number[place][inside]).argmax()
    return owner


def _trim(ink: np.ndarray, whole: Piece, start: int, cuts: tuple[float, float]) -> Piece:
    """Return a part of a piece, which begins in that column of it, without empty edges."""
    columns, rows = np.flatnonzero((ink > DARK).any(axis=0)), np.flatnonzero((ink > DARK).any(axis=1))
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    x, y = whole.box[0] + start, whole.box[1]
    box = int(x + left), int(y + top), int(x + right), int(y + bottom)
    return Piece(ink[top:bottom, left:right], box, whole.pen, cuts, whole.turn)


def enclose(pieces: Sequence[Piece]) -> tuple[int, int, int, int]:
    """Return the box around several pieces."""
    boxes = np.array([piece.box for piece in pieces])
    left, top, right, bottom = (int(end) for end in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)))
    return left, top, right, bottom


def join(pieces: list[Piece]) -> Piece:
    """Return what several pieces are together."""
    left, top, right, bottom = enclose(pieces)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for piece in pieces:
        x, y = piece.box[0] - left, piece.box[1] - top
        place = ink[y : y + piece.ink.shape[0], x : x + piece.ink.shape[1]]
        np.maximum(place, piece.ink, out=place)
    pen = max(piece.pen for piece in pieces)
    cuts = pieces[0].cuts[0], pieces[-1].cuts[1]
    return Piece(ink, (left, top, right, bottom), pen, cuts)


def _find_seams(ink: np.ndarray, most: float, least: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield ways from the top to the bottom of the ink, with what they cost, and their column in each row.

    Args:
        ink: array of shape (height, width), 0 to 1.
        most: that a way may cost.
        least: distance between ways, and from the sides, in pixels.
    """
    middle, spare = len(ink) // 2, int(np.ceil(least))
    above, below = _travel(ink[:middle]), _travel(ink[: middle - 1 : -1])
    cost = above[-1] + below[-1]
    cost[:spare] = cost[len(cost) - spare :] = np.inf
    is_least = cost <= ndimage.minimum_filter1d(cost, 2 * int(least / 2) + 1)
    cost[~is_least] = np.inf
    while (lowest := float(cost.min())) < most:
        column = int(cost.argmin())
        cost[max(0, column - spare) : column + spare + 1] = np.inf
        yield lowest, np.concatenate([_retrace(above, column)[::-1], _retrace(below, column)])


def _travel(ink: np.ndarray) -> np.ndarray:
    """Return what the cheapest way from the first row costs up to each pixel; infinite beside the ink."""
    costs = np.full((len(ink) + 1, ink.shape[1] + 2), np.inf)
    costs[0, 1:-1] = 0
    for row, before, here in zip(ink, costs, costs[1:], strict=False):
        here[1:-1] = np.minimum(before[1:-1], np.minimum(before[:-2], before[2:]) + _ASIDE) + row + _STEP
    return costs[1:, 1:-1]


def _retrace(costs: np.ndarray, column: int) -> np.ndarray:
    """Return the columns of the cheapest way to a column of the last row, from there to the first row."""
    way, last = [column], costs.shape[1] - 1
    for before in costs[-2::-1]:
        near = range(max(0, column - 1), min(column + 1, last) + 1)
        column = min(near, key=lambda other: before[other] + (other != column) * _ASIDE)
        way.append(column)
    return np.array(way)
