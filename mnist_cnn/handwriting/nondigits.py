"""Draws what people draw that is not one digit, in families from letters to pieces of digits."""

from collections.abc import Sequence

import numpy as np

from mnist_cnn.handwriting.drawings import FRAMES, LETTERS, SHAPES, SIGNS, THINGS
from mnist_cnn.handwriting.fragments import FRAMED, PIECES, ROWS
from mnist_cnn.handwriting.outlines import ARCS, OUTLINES
from mnist_cnn.handwriting.scribbles import DOODLES, SCRIBBLES
from mnist_cnn.handwriting.writing import notation, write

_DRAWINGS = LETTERS | SIGNS | SHAPES | THINGS | FRAMES
_RANDOM = OUTLINES | ARCS | SCRIBBLES | DOODLES
_RECORDED = ROWS | PIECES | FRAMED

# Family -> percentage, and kind -> relative frequency in the family. What is never the same twice comes more often than
# what has a fixed form.
_SHARES = {
    "closed outlines": (20, dict.fromkeys(SHAPES, 1) | dict.fromkeys(OUTLINES, 4)),
    "open arcs": (8, dict.fromkeys(ARCS, 1) | {"arc": 3}),
    "letters": (20, dict.fromkeys(LETTERS, 1)),
    "signs": (8, dict.fromkeys(SIGNS, 1)),
    "doodles": (15, dict.fromkeys(THINGS, 1) | dict.fromkeys(DOODLES, 8)),
    "scribbles": (9, dict.fromkeys(SCRIBBLES, 1)),
    "rows": (8, dict.fromkeys(ROWS, 1)),
    "pieces": (6, dict.fromkeys(PIECES, 1)),
    "frames": (6, dict.fromkeys(FRAMES, 1) | dict.fromkeys(FRAMED, 3)),
}
# Family -> its kinds.
FAMILIES = {family: tuple(kinds) for family, (_, kinds) in _SHARES.items()}
# Kind -> relative frequency.
NONDIGITS = {
    kind: share * frequency / sum(kinds.values())
    for share, kinds in _SHARES.values()
    for kind, frequency in kinds.items()
}

# Kinds from every family that training never sees. They measure how a model handles what nobody thought of.
FOR_MEASURING = (
    *("heart", "star", "house", "envelope", "arrow outline"),
    *("outline with a face", "outline with clock hands", "outline with rays", "outline with wings"),
    *("outline with a spiral", "pointed outline"),
    *("rainbow", "arch with legs"),
    *("C", "E", "H", "K", "R", "V", "d", "f", "m", "C with cedilla", "alpha", "Omega", "Ya", "shin", "nun"),
    *("hiragana ki", "hiragana fu", "katakana ru", "devanagari ma", "hangul so", "Han big", "Han king", "Han small"),
    *("equals", "root", "percent", "brackets", "check", "arrow up", "arrow right", "infinity", "peace", "dollar"),
    *("parts across parts", "tree", "fish", "cat", "key", "car", "bulb", "bell", "apple", "bicycle"),
    *("hatching", "spiral", "dashes", "three digits", "bottom of a 2", "left of an 8"),
    *("cross of lines", "three sides open below", "lower right corner", "digit in a box"),
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
    if kind in _RECORDED:
        return _RECORDED[kind](rng)
    if kind in _DRAWINGS:
        return write(_DRAWINGS[kind][0], _DRAWINGS[kind][-1], rng)
    drawing = notation(_RANDOM[kind](rng))
    return write(drawing, drawing, rng)
