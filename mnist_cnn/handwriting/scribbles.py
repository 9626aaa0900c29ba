"""Draws random scribbles, and doodles put together from a few parts."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.handwriting.outlines import Drawer, Strokes, ellipse, line, polygon, turned
from mnist_cnn.handwriting.writing import fit


def _tangle(rng: np.random.Generator) -> Strokes:
    return [rng.random((rng.integers(9, 26), 2))]


def _hatching(rng: np.random.Generator) -> Strokes:
    turns = rng.integers(6, 18)
    x = np.arange(turns) % 2 + rng.normal(0, 0.12, turns)
    return turned([np.stack([x, np.linspace(0, 1, turns)], axis=1)], rng)


def _coil(rng: np.random.Generator) -> Strokes:
    turns = rng.integers(3, 7)
    angle = np.linspace(0, 2 * np.pi * turns, 8 * turns)
    width = rng.uniform(0.15, 0.35)
    return turned([np.stack([angle / angle[-1] + width * np.cos(angle), 0.35 * np.sin(angle)], axis=1)], rng)


def _spiral(rng: np.random.Generator) -> Strokes:
    turns = rng.uniform(2.7, 5)
    angle = np.linspace(0, 2 * np.pi * turns, int(8 * turns))
    radius = angle / angle[-1] / 2
    handedness = rng.choice([-1, 1])
    return turned([np.stack([radius * np.cos(angle), handedness * radius * np.sin(angle)], axis=1)], rng)


def _wave(rng: np.random.Generator) -> Strokes:
    turns = rng.integers(5, 12)
    y = np.arange(turns) % 2 * rng.uniform(0.15, 0.5) + rng.normal(0, 0.03, turns)
    return [np.stack([np.linspace(0, 1, turns), y], axis=1)]


def _dots(rng: np.random.Generator) -> Strokes:
    return [spot + np.array([[0, 0], [0.02, 0.02]]) for spot in rng.random((rng.integers(4, 20), 2))]


def _dashes(rng: np.random.Generator) -> Strokes:
    return [spot + rng.normal(0, 0.12, (2, 2)) for spot in rng.random((rng.integers(6, 16), 2))]


def _lines(rng: np.random.Generator) -> Strokes:
    return [turned([line((0, y), (1, y))], rng, 0.1)[0] for y in np.linspace(0, 1, rng.integers(3, 7))]


def _grid(rng: np.random.Generator) -> Strokes:
    rows, columns = np.linspace(0, 1, rng.integers(3, 6)), np.linspace(0, 1, rng.integers(3, 6))
    return [line((0, y), (1, y)) for y in rows] + [line((x, 0), (x, 1)) for x in columns]


def _blob(rng: np.random.Generator) -> Strokes:
    """Return a spiral so dense that it fills a disc: its turns are a quarter of a pixel apart in the 28x28 image."""
    angle = np.linspace(0, 80 * np.pi, 480)
    return turned([np.stack([angle * np.cos(angle), rng.uniform(0.8, 1) * angle * np.sin(angle)], axis=1) / 500], rng)


def _zigzag(rng: np.random.Generator) -> np.ndarray:
    turns = rng.integers(5, 9)
    y = np.arange(turns) % 2 * rng.uniform(0.4, 1.2) + rng.normal(0, 0.06, turns)
    return turned([line(*zip(np.linspace(-1, 1, turns), y, strict=True))], rng)[0]


def _oval(rng: np.random.Generator) -> np.ndarray:
    return ellipse(0, 0, 1, rng.uniform(0.5, 1), rng.random())


def _bow(rng: np.random.Generator) -> np.ndarray:
    return ellipse(0, 0, 1, rng.uniform(0.5, 1), rng.random(), rng.uniform(0.3, 0.6), 8)


def _dash(rng: np.random.Generator) -> np.ndarray:
    return turned([line((-1, 0), (1, 0))], rng)[0]


def _dot(rng: np.random.Generator) -> np.ndarray:
    return ellipse(0, 0, 1, 1, rng.random(), 1, 6) * rng.uniform(0.03, 0.15)


def _compose(rng: np.random.Generator, relations: Sequence[str], fewest: int = 2) -> Strokes:
    """Return a polygon or a zigzag, which no digit has, and other parts, each related to one before."""
    parts = [(polygon, _zigzag)[int(rng.random() < 0.25)](rng)]
    for _ in range(rng.integers(fewest, 7) - 1):
        part = (polygon, _zigzag, _oval, _oval, _bow, _dash, _dot)[rng.integers(7)](rng)
        parts.append(_related(part, parts[rng.integers(len(parts))], relations[int(rng.integers(len(relations)))], rng))
    return fit(parts)


def _related(part: np.ndarray, to: np.ndarray, relation: str, rng: np.random.Generator) -> np.ndarray:
    """Return the part scaled and moved to be beside, on top of, inside or across another."""
    low, high = to.min(axis=0), to.max(axis=0)
    size, centre = (high - low).max() / 2, (low + high) / 2
    part = part * size * (rng.uniform(0.2, 0.5) if relation == "inside" else rng.uniform(0.4, 1.1))
    half, reach = np.ptp(part, axis=0) / 2, (high - low) / 2
    gap = rng.uniform(0, 0.4) * size
    shift = rng.uniform(-0.4, 0.4, 2) * reach
    if relation == "beside":
        shift[0] = rng.choice([-1, 1]) * (reach + half + gap)[0]
    elif relation == "on top":
        shift[1] = rng.choice([-1, 1]) * (reach + half)[1]
    elif relation == "across":
        angle = rng.uniform(0, 2 * np.pi)
        shift = reach * [np.cos(angle), np.sin(angle)]
    placed: np.ndarray = part - (part.min(axis=0) + part.max(axis=0)) / 2 + centre + shift
    return placed


# Kind -> a function that returns the points of random strokes.
SCRIBBLES: dict[str, Drawer] = {
    "tangle": _tangle,
    "hatching": _hatching,
    "coil": _coil,
    "spiral": _spiral,
    "wave": _wave,
    "dots": _dots,
    "dashes": _dashes,
    "lines": _lines,
    "grid": _grid,
    "blob": _blob,
}
DOODLES: dict[str, Drawer] = {
    "parts side by side": lambda rng: _compose(rng, ["beside"]),
    "parts on top of each other": lambda rng: _compose(rng, ["on top"], fewest=4),
    "parts in parts": lambda rng: _compose(rng, ["inside"]),
    "parts across parts": lambda rng: _compose(rng, ["across"]),
    "parts in any place": lambda rng: _compose(rng, ["beside", "on top", "inside", "across"], fewest=3),
}
