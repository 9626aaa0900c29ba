"""Turns a style into pen strokes, written differently each time as if by another hand."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mnist_cnn.handwriting.styles import STYLES


def sample_strokes(digit: int, rng: np.random.Generator, style: str | None = None) -> list[np.ndarray]:
    """Return a digit as someone might write it with a pen, a finger or a mouse.

    Args:
        digit: 0 to 9.
        rng: the only source of randomness; equal generators give equal strokes.
        style: a key of `STYLES[digit]`. By default a random one, weighted by how common it is.

    Returns:
        One float64 array of shape (points, 2) per stroke, in the order of writing: x to the right and y down. The
        digit spans the unit square in its longer direction and is centred in the other.
    """
    _, one, other = STYLES[digit][style or sample_style(digit, rng)]
    return write(one, other, rng)


def sample_style(digit: int, rng: np.random.Generator) -> str:
    """Return a key of `STYLES[digit]`, weighted by how common it is."""
    styles = STYLES[digit]
    weights = np.array([weight for weight, _, _ in styles.values()])
    return list(styles)[rng.choice(len(styles), p=weights / weights.sum())]


def write(one: str, other: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return strokes somewhere between two drawings, with all the variation of a hand.

    Args:
        one: a drawing in the notation of `STYLES`.
        other: a drawing with the same strokes and the same number of points.
        rng: the only source of randomness.

    Returns:
        Strokes as `sample_strokes` returns them.
    """
    points, outline = _parse(one)
    mix = rng.uniform(-0.35, 1.35) + rng.normal(0, 0.35, (len(points), 1))
    points = points + mix * (_parse(other)[0] - points)
    sloppiness = rng.uniform(0.3, 2.4)
    points += rng.normal(0, 0.018 * sloppiness, points.shape)
    spacing = sample_spacing(rng)
    strokes = []
    for pieces in outline:
        shift = rng.normal(0, 0.015 * sloppiness, 2) if len(outline) > 1 else 0.0
        stroke = np.concatenate([travel(_catmull_rom(points[piece]), spacing, rng) for piece in pieces])
        strokes.append(stroke + shift)
    strokes = _split(_distort(np.concatenate(strokes), sloppiness, rng), strokes)
    return record([_slip(stroke, rng) for stroke in _drag(strokes, rng)], rng)


def sample_spacing(rng: np.random.Generator) -> float:
    """Return a random mean distance between the points that a device records, as a share of the digit's height."""
    return float(rng.choice([0.02, 0.04, 0.08, 0.16], p=[0.4, 0.3, 0.2, 0.1]))


def travel(curve: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Return the points that a device records while a pen follows the curve at a varying speed.

    Args:
        curve: array of shape (n, 2).
        spacing: mean distance between recorded points, in the unit of the curve.
        rng: source of the pen's changes of speed.

    Returns:
        Array of shape (m, 2) with m >= 2, which includes both ends of the curve.
    """
    step = np.diff(curve, axis=0)
    distance = np.concatenate([[0.0], np.hypot(step[:, 0], step[:, 1]).cumsum()])
    time = np.linspace(0, 1, 2 + int(distance[-1] / spacing))
    # Below 1 / (2 pi), the amplitude keeps the pen from moving backward.
    time += rng.uniform(-0.14, 0.14) * np.sin(2 * np.pi * time)
    return np.stack([np.interp(time * distance[-1], distance, axis) for axis in curve.T], axis=1)


def record(strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes as a device records them: with tremor, fitted to the unit square, sometimes on a coarse grid.

    Args:
        strokes: one array of shape (points, 2) per stroke of a digit that is about 1 high.
        rng: source of the tremor and the grid.

    Returns:
        As many strokes with as many points.
    """
    recorded = fit(_split(_tremble(np.concatenate(strokes), rng), strokes))
    if rng.random() < 0.25:
        grid = rng.integers(18, 64)  # the pixels of a small canvas
        recorded = [np.round(stroke * grid) / grid for stroke in recorded]
    return recorded


def fit(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the strokes scaled to span the unit square in their longer direction and centred in the other."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return [(stroke - (low + high) / 2) / (high - low).max() + 0.5 for stroke in strokes]


def notation(strokes: Sequence[np.ndarray]) -> str:
    """Return the strokes as a drawing in the notation of `STYLES`, rounded to hundredths.

    Args:
        strokes: one array of shape (points, 2) per stroke of a figure that is about 1 high. Where a point comes twice
            in a row, the pen turns sharply.
    """
    return " / ".join(_describe(stroke) for stroke in strokes)


def _describe(stroke: np.ndarray) -> str:
    points = [f"{x:.0f},{y:.0f}" for x, y in 100 * stroke]
    corners = [False, *np.isclose(stroke[1:], stroke[:-1], rtol=0, atol=1e-9).all(axis=1)]
    return " ".join("|" if corner else point for point, corner in zip(points, corners, strict=True))


@lru_cache(maxsize=1000)
def _parse(drawing: str) -> tuple[np.ndarray, list[list[slice]]]:
    """Return a drawing's points, shape (n, 2), and per stroke the slices of them between sharp turns."""
    points: list[list[float]] = []
    strokes: list[list[slice]] = []
    for stroke in drawing.split("/"):
        pieces = []
        start = len(points)
        for piece in stroke.split("|"):
            points += [[int(number) / 100 for number in point.split(",")] for point in piece.split()]
            pieces.append(slice(start, len(points)))
            start = len(points) - 1
        strokes.append(pieces)
    return np.array(points), strokes


def _catmull_rom(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """Return a smooth curve through the points, with `steps` points for each interval between them.

    This is the centripetal Catmull-Rom spline, which adds no loops or cusps of its own. See Catmull and Rom 1974, "A
    class of local interpolating splines", and Yuksel et al. 2011, "Parameterization and applications of Catmull-Rom
    curves".
    """
    ends = np.stack([2 * points[0] - points[1], 2 * points[-1] - points[-2]])
    points = np.concatenate([ends[:1], points, ends[1:]])
    step = np.diff(points, axis=0)
    knots = np.sqrt(np.hypot(step[:, 0], step[:, 1]) + 1e-9)[:, None]
    slope = step / knots
    tangent = slope[:-1] + slope[1:] - (step[:-1] + step[1:]) / (knots[:-1] + knots[1:])
    t = np.linspace(0, 1, steps)[:, None, None]
    curve: np.ndarray = (
        points[1:-2]
        + step[1:-1] * t**2 * (3 - 2 * t)
        + knots[1:-1] * t * (1 - t) * (tangent[:-1] * (1 - t) - tangent[1:] * t)
    )
    return curve.swapaxes(0, 1).reshape(-1, 2)


def _distort(path: np.ndarray, sloppiness: float, rng: np.random.Generator) -> np.ndarray:
    """Return the path with other proportions, bent by two slow waves, then slanted, rotated and stretched."""

    def normal(mean: float, deviation: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, deviation), low, high))

    x, y = path.T
    x = x + normal(0, 0.15, -0.35, 0.35) * (x - x.mean()) * (y - 0.5)  # a wider top or bottom
    y = y + normal(0, 0.2, -0.4, 0.4) * y * (1 - y)  # a higher or lower waist
    path = np.stack([x, y], axis=1)
    for _ in range(2):
        wave = rng.normal(0, 3, 2)  # radians per digit height
        path = path + np.sin(path @ wave + rng.uniform(0, 2 * np.pi))[:, None] * rng.normal(0, 0.025 * sloppiness, 2)
    slant, angle, aspect = normal(0.1, 0.2, -0.3, 0.6), normal(0, 0.08, -0.2, 0.2), np.exp(normal(0, 0.22, -0.4, 0.45))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    distorted: np.ndarray = path @ (rotation @ np.array([[aspect, -slant], [0, 1]])).T
    return distorted


def _tremble(path: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the path with the tremor of an unsteady hand or a mouse."""
    shake = rng.normal(0, min(rng.exponential(0.004), 0.012), (len(path) + 1, 2))
    shaken: np.ndarray = path + (shake[1:] + shake[:-1]) / 2
    return shaken


def _drag(strokes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return the strokes, a few of them joined to the next as if the pen had not been lifted."""
    dragged = strokes[:1]
    for stroke in strokes[1:]:
        if rng.random() < 0.04:
            dragged[-1] = np.concatenate([dragged[-1], stroke])
        else:
            dragged.append(stroke)
    return dragged


def _slip(stroke: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the stroke, rarely with a hook at an end or with an end cut off where the pen missed the paper.

    Tappert, Suen and Wakahara 1990, "The state of the art in on-line handwriting recognition", describe the hooks.
    """
    for _ in range(2):
        stroke = stroke[::-1]
        luck = rng.random()
        if luck < 0.04:
            stroke = np.concatenate([stroke, stroke[-1:] + rng.normal(0, 0.05, (1, 2))])
        elif luck < 0.08:
            stroke = stroke[: max(2, round(len(stroke) * rng.uniform(0.85, 1)))]
    return stroke


def _split(path: np.ndarray, strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the path cut into strokes with as many points as the given ones."""
    return np.split(path, np.cumsum([len(stroke) for stroke in strokes])[:-1])
