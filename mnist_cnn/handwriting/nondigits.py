"""Draws what people draw that is not one digit: letters, signs, shapes, scribbles, and several digits at once."""

from collections.abc import Callable, Sequence

import numpy as np

from mnist_cnn.handwriting.writing import fit, sample_strokes, write

# Kind -> drawing, in the notation of the module `styles`. Anything that someone might take for a digit is left out,
# such as the letters B, D, G, I, O, Q, S, T, U, Y and Z.
_DRAWINGS = {
    # Letters
    "A": "0,100 30,0 | 60,100 / 12,64 48,64",
    "E": "56,2 4,2 | 4,100 | 58,100 / 4,50 46,50",
    "F": "56,2 4,2 | 4,100 / 4,48 44,48",
    "H": "4,0 4,100 / 56,0 56,100 / 4,52 56,48",
    "J": "4,2 66,2 / 44,2 42,84 22,100 2,78",
    "K": "4,0 4,100 / 54,2 6,56 | 58,100",
    "M": "0,100 6,0 | 38,62 | 70,0 | 76,100",
    "N": "2,100 4,0 | 56,100 | 58,0",
    "P": "6,100 6,2 | 40,0 56,22 40,46 8,50",
    "R": "6,100 6,2 | 40,0 56,22 40,46 8,50 | 58,100",
    "V": "0,0 28,100 | 58,0",
    "W": "0,0 18,100 | 38,30 | 58,100 | 78,0",
    "X": "2,0 58,100 / 58,0 2,100",
    "d": "54,0 54,100 / 52,56 24,46 2,72 20,98 52,84",
    "f": "52,8 34,0 22,20 20,100 / -4,44 46,42",
    "h": "6,0 6,100 / 6,60 28,42 50,56 52,100",
    "k": "6,0 6,100 / 48,44 8,72 | 52,100",
    "m": "4,100 4,50 / 4,60 20,46 34,58 36,100 / 36,60 54,46 70,58 72,100",
    "r": "8,100 8,40 / 8,64 24,46 44,44",
    "w": "0,44 14,100 34,60 54,100 70,44",
    "pi": "0,12 74,8 / 20,12 12,100 / 52,10 54,100",
    "Omega": "-4,100 22,100 | 4,50 32,0 62,50 42,100 | 70,100",
    "Psi": "0,10 6,50 36,64 66,50 72,8 / 36,0 36,100",
    "Sha": "0,0 0,100 | 68,100 | 68,0 / 34,0 34,100",
    "Ya": "56,100 56,2 | 20,0 4,24 20,48 54,50 | 2,100",
    "Zhe": "0,0 74,100 / 74,0 0,100 / 37,0 37,100",
    "Han big": "0,36 80,34 / 40,0 34,56 0,100 / 40,40 80,100",
    "Han middle": "4,26 4,70 | 76,70 | 76,26 | 4,26 / 40,0 40,100",
    "Han field": "2,0 2,90 | 84,90 | 84,0 | 2,0 / 43,0 43,90 / 2,45 84,45",
    # Signs
    "plus": "50,0 50,100 / 0,50 100,50",
    "equals": "0,30 90,30 / 0,70 90,70",
    "divided": "0,50 90,50 / 45,12 45,18 / 45,82 45,88",
    "root": "0,60 14,54 | 30,100 | 56,0 | 120,0",
    "hash": "30,0 24,100 / 70,0 64,100 / 0,32 96,30 / 0,68 94,66",
    "percent": "90,0 10,100 / 20,4 6,20 20,34 32,20 20,4 / 80,66 66,80 80,96 94,80 80,66",
    "question": "2,22 20,0 52,8 50,34 28,50 28,68 / 28,94 28,99",
    "euro": "60,14 36,0 10,30 10,70 36,100 60,86 / -10,40 44,38 / -10,60 42,58",
    "brackets": "20,0 0,0 | 0,100 | 20,100 / 60,0 80,0 | 80,100 | 60,100",
    "asterisk": "50,0 50,100 / 6,26 94,74 / 94,26 6,74",
    "check": "0,56 30,96 | 110,0",
    "arrow right": "0,50 100,50 / 70,20 100,50 | 70,80",
    "arrow left": "100,50 0,50 / 30,20 0,50 | 30,80",
    "arrow up": "50,100 50,0 / 20,34 50,0 | 80,34",
    "arrow down": "50,0 50,100 / 20,66 50,100 | 80,66",
    # Shapes
    "triangle": "50,0 104,94 | -4,94 | 50,0",
    "triangle down": "50,94 104,0 | -4,0 | 50,94",
    "square": "0,0 90,0 | 90,90 | 0,90 | 0,0",
    "rectangle": "0,0 130,0 | 130,60 | 0,60 | 0,0",
    "star": "20,95 50,0 | 80,95 | 0,35 | 100,35 | 20,95",
    "heart": "50,28 28,0 0,22 18,60 50,100 | 84,58 100,22 72,0 50,28",
    "house": "0,46 0,100 | 80,100 | 80,46 | 0,46 | 40,0 | 80,46",
    "envelope": "0,0 0,70 | 110,70 | 110,0 | 0,0 | 55,40 | 110,0",
    "moon": "60,0 14,20 14,80 60,100 | 36,70 36,30 60,0",
    "cloud": "20,70 0,54 12,36 | 20,10 46,10 56,20 | 86,10 96,36 | 116,44 110,70 20,70",
    "face": "50,0 0,50 50,100 100,50 50,0 / 34,32 34,40 / 66,32 66,40 / 26,62 50,78 74,62",
    "person": "50,0 38,12 50,24 62,12 50,0 / 50,24 50,64 / 16,38 84,38 / 24,100 50,64 | 76,100",
    "tree": "50,100 50,62 / 50,0 8,62 | 92,62 | 50,0",
    "eye": "0,50 50,16 100,50 | 50,84 0,50 / 50,36 38,50 50,64 62,50 50,36",
    "fish": "100,20 60,66 20,70 0,44 20,18 60,22 100,70 | 100,20 / 18,38 18,42",
    "cup": "0,0 10,90 | 60,90 | 70,0 | 0,0 / 67,20 96,24 92,60 64,64",
    "flower": "50,40 30,10 60,4 50,40 84,30 88,62 50,40 60,80 28,84 50,40 10,56 10,24 50,40 / 50,60 52,130",
}  # fmt: skip


def _tangle(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.random((rng.integers(9, 26), 2))]


def _hatching(rng: np.random.Generator) -> list[np.ndarray]:
    turns = rng.integers(6, 18)
    x = np.arange(turns) % 2 + rng.normal(0, 0.12, turns)
    return [_turned(np.stack([x, np.linspace(0, 1, turns)], axis=1), rng)]


def _coil(rng: np.random.Generator) -> list[np.ndarray]:
    turns = rng.integers(3, 7)
    angle = np.linspace(0, 2 * np.pi * turns, 8 * turns)
    width = rng.uniform(0.15, 0.35)
    return [_turned(np.stack([angle / angle[-1] + width * np.cos(angle), 0.35 * np.sin(angle)], axis=1), rng)]


def _spiral(rng: np.random.Generator) -> list[np.ndarray]:
    turns = rng.uniform(2.7, 5)
    angle = np.linspace(0, 2 * np.pi * turns, int(8 * turns))
    radius = angle / angle[-1] / 2
    handedness = rng.choice([-1, 1])
    return [_turned(np.stack([radius * np.cos(angle), handedness * radius * np.sin(angle)], axis=1), rng)]


def _wave(rng: np.random.Generator) -> list[np.ndarray]:
    turns = rng.integers(5, 12)
    y = np.arange(turns) % 2 * rng.uniform(0.15, 0.5) + rng.normal(0, 0.03, turns)
    return [np.stack([np.linspace(0, 1, turns), y], axis=1)]


def _dots(rng: np.random.Generator) -> list[np.ndarray]:
    return [spot + np.array([[0, 0], [0.02, 0.02]]) for spot in rng.random((rng.integers(4, 20), 2))]


def _dashes(rng: np.random.Generator) -> list[np.ndarray]:
    return [spot + rng.normal(0, 0.12, (2, 2)) for spot in rng.random((rng.integers(6, 16), 2))]


def _lines(rng: np.random.Generator) -> list[np.ndarray]:
    return [_turned(np.array([[0, y], [1, y]]), rng, angle=0.1) for y in np.linspace(0, 1, rng.integers(3, 7))]


def _grid(rng: np.random.Generator) -> list[np.ndarray]:
    rows, columns = np.linspace(0, 1, rng.integers(3, 6)), np.linspace(0, 1, rng.integers(3, 6))
    return [np.array([[0, y], [1, y]]) for y in rows] + [np.array([[x, 0], [x, 1]]) for x in columns]


def _polygon(rng: np.random.Generator) -> list[np.ndarray]:
    """Return a triangle or a quadrilateral with straight sides."""
    count = rng.integers(3, 5)
    angle = (np.arange(count) + rng.uniform(-0.2, 0.2, count)) * 2 * np.pi / count
    corners = np.stack([np.cos(angle), rng.uniform(0.7, 1) * np.sin(angle)], axis=1) / 2
    sides = [np.linspace(*ends, 8) for ends in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    return [_turned(np.concatenate(sides), rng)]


def _blob(rng: np.random.Generator) -> list[np.ndarray]:
    """Return a spiral so dense that it fills a disc: its turns are a quarter of a pixel apart in the 28x28 image."""
    angle = np.linspace(0, 80 * np.pi, 480)
    return [_turned(np.stack([angle * np.cos(angle), rng.uniform(0.8, 1) * angle * np.sin(angle)], axis=1) / 500, rng)]


def _turned(path: np.ndarray, rng: np.random.Generator, angle: float = np.pi) -> np.ndarray:
    """Return the path rotated by a random angle of at most `angle` radians either way."""
    angle = rng.uniform(-angle, angle)
    turned: np.ndarray = path @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turned


# Kind -> a function that returns the points of random strokes.
_SCRIBBLES: dict[str, Callable[[np.random.Generator], list[np.ndarray]]] = {
    "tangle": _tangle,
    "hatching": _hatching,
    "coil": _coil,
    "spiral": _spiral,
    "wave": _wave,
    "dots": _dots,
    "dashes": _dashes,
    "lines": _lines,
    "grid": _grid,
    "polygon": _polygon,
    "blob": _blob,
}
# Kind -> number of digits, and the axis along which they follow each other: 0 for x, 1 for y.
_ROWS = {"two digits": (2, 0), "three digits": (3, 0), "two digits, one below the other": (2, 1)}

# Kind -> relative frequency. Scribbles count more than letters, because no two are alike.
NONDIGITS = dict.fromkeys(_DRAWINGS, 1) | dict.fromkeys(_SCRIBBLES, 4) | dict.fromkeys(_ROWS, 6)

# Kinds from every group that training never sees. They measure how a model handles what nobody thought of.
FOR_MEASURING = (
    *("E", "H", "K", "R", "V", "d", "f", "m", "Omega", "Ya", "Han big"),
    *("equals", "root", "percent", "brackets", "check", "arrow up", "arrow right"),
    *("house", "moon", "star", "heart", "envelope", "face", "tree", "fish"),
    *("hatching", "spiral", "dashes", "three digits"),
)
FOR_TRAINING = tuple(kind for kind in NONDIGITS if kind not in FOR_MEASURING)


def sample_nondigit(rng: np.random.Generator, kinds: Sequence[str] = FOR_TRAINING) -> list[np.ndarray]:
    """Return a drawing of something that is not one digit.

    Args:
        rng: the only source of randomness; equal generators give equal strokes.
        kinds: keys of `NONDIGITS` to choose from, weighted by their frequency.

    Returns:
        Strokes as `sample_strokes` returns them.
    """
    weights = np.array([NONDIGITS[kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
    if kind in _ROWS:
        return _in_a_row(rng, *_ROWS[kind])
    drawing = _DRAWINGS[kind] if kind in _DRAWINGS else _notation(_SCRIBBLES[kind](rng))
    return write(drawing, drawing, rng)


def _notation(strokes: list[np.ndarray]) -> str:
    """Return the strokes in the notation of drawings, rounded to hundredths."""
    return " / ".join(" ".join(f"{x:.0f},{y:.0f}" for x, y in 100 * stroke) for stroke in strokes)


def _in_a_row(rng: np.random.Generator, count: int, axis: int) -> list[np.ndarray]:
    """Return random digits that follow each other along an axis, with gaps between them."""
    row: list[np.ndarray] = []
    end = 0.0
    for _ in range(count):
        scale = rng.uniform(0.7, 1)
        digit = [scale * stroke for stroke in sample_strokes(int(rng.integers(10)), rng)]
        points = np.concatenate(digit)
        shift = rng.normal(0, 0.06, 2)
        shift[axis] = end - points[:, axis].min()
        row += [stroke + shift for stroke in digit]
        end += np.ptp(points[:, axis]) + rng.uniform(0.1, 0.4)
    return fit(row)
