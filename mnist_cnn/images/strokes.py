"""The strokes of a pen, as pieces of a row."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.images.pieces import DARK, Piece

Strokes = Sequence[Sequence[tuple[float, float]]]  # x and y of each point of each stroke, in the order of writing

_THINNEST = 1.5  # pixels of a pen
_SUPERSAMPLING = 2
_APART = 0.25  # of the pen's width: points that are closer show nothing new
_POINTS = "x and y of each point of each stroke, in the picture's pixels"


def draw_strokes(strokes: Strokes, ink: np.ndarray, scale: float) -> list[Piece]:
    """Return what lies in the picture of each stroke as a piece, in the order of writing.

    Args:
        strokes: in the pixels of the picture.
        ink: of the picture, uint8 array of shape (height, width), from which the pen's width is taken.
        scale: of the ink: its pixels for each of the picture.

    Raises:
        UnreadablePictureError: if they hold what is no point, or one that lies far from the picture.
    """
    try:
        scaled = [np.array(stroke, np.float64).reshape(-1, 2) * scale for stroke in strokes if len(stroke)]
    except (TypeError, ValueError) as error:
        raise UnreadablePictureError(f"The strokes are none: send {_POINTS}.") from error
    size = np.array(ink.shape[::-1])
    if not all(((points > -size) & (points < 2 * size)).all() for points in scaled):  # nor is NaN between them
        raise UnreadablePictureError(f"The strokes don't lie in the picture: send {_POINTS}.")
    pen = _measure_pen(scaled, ink) if scaled else 0.0
    drawn = [piece for points in scaled if (piece := _draw(points, pen, size))]
    return [piece._replace(turn=turn) for turn, piece in enumerate(drawn)]


def _measure_pen(strokes: list[np.ndarray], ink: np.ndarray) -> float:
    """Return the width of the pen, in pixels of the ink: the ink's area for the length of the strokes."""
    length = sum(float(np.hypot(*np.diff(points, axis=0).T).sum()) for points in strokes)
    area = float((ink > DARK).sum())
    # The round ends of the strokes add a circle to each: area = length * pen + strokes * pi / 4 * pen ** 2.
    ends = len(strokes) * np.pi / 4
    return max(_THINNEST, float(2 * area / (length + np.sqrt(length**2 + 4 * ends * area))))


def _draw(points: np.ndarray, pen: float, size: np.ndarray) -> Piece | None:
    """Return a stroke as a piece, without what lies outside of a picture of that size; None if all of it does."""
    left, top = np.clip(np.floor(points.min(axis=0) - pen / 2) - 1, 0, size).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0) + pen / 2) + 1, 0, size).astype(int)
    points = _thin_out(points, _APART * pen)
    fine = Image.new("L", (int(right - left) * _SUPERSAMPLING, int(bottom - top) * _SUPERSAMPLING))
    pencil = ImageDraw.Draw(fine)
    corners = ((points - (left, top)) * _SUPERSAMPLING).tolist()
    radius = pen * _SUPERSAMPLING / 2
    pencil.line([tuple(corner) for corner in corners], fill=255, width=max(1, round(2 * radius)), joint="curve")
    for x, y in (corners[0], corners[-1]):
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    if not fine.getbbox():
        return None
    ink = np.asarray(fine.reduce(_SUPERSAMPLING))
    rows, columns = (np.flatnonzero(ink.max(axis=axis))[[0, -1]] + (0, 1) for axis in (1, 0))
    box = int(left + columns[0]), int(top + rows[0]), int(left + columns[1]), int(top + rows[1])
    return Piece(ink[rows[0] : rows[1], columns[0] : columns[1]], box)


def _thin_out(points: np.ndarray, apart: float) -> np.ndarray:
    """Return the points at least so far from the one before, with the first and the last."""
    kept = [0]
    for index in range(1, len(points) - 1):
        if np.hypot(*(points[index] - points[kept[-1]])) >= apart:
            kept.append(index)
    return points[[*kept, len(points) - 1]]
