"""Strips of digits, to train the network of rows on: written by program, or pasted together from a data set's images.

They are drawn at a strip's own size, which is many times faster than to look for rows in a picture.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnist_cnn.handwriting import DENSE_GAPS, Glyph, render, sample_digits, sample_gaps, write_number
from mnist_cnn.images import INK_SIDE, STRIP_HEIGHT, STRIP_MARGIN
from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.chunks import map_chunks
from mnist_cnn.training.data import Split
from mnist_cnn.training.synthetic import trace_samples

# How many strips are pasted, and how many are written along the centre lines of a data set's digits; the other ones
# are drawn.
_PASTED, _TRACED = 0.35, 0.25
_DENSE = 0.5  # so many have digits that nearly all touch, since those are the hardest to read
_PENS = 0.05, 0.22  # in heights of a digit
_WIDEST = 224  # pixels; wider ones are left out
_TILE = 48  # pixels of the square in which a pasted digit is bent


class MadeStrip(NamedTuple):
    """A strip whose digits are known.

    Attributes:
        image: uint8 array of shape (STRIP_HEIGHT, width); 0 is paper, 255 is ink.
        text: its digits.
    """

    image: np.ndarray
    text: str


def make_strips(count: int, seed: int, digits: Split) -> list[MadeStrip]:
    """Return strips of one to eight digits; the same arguments give the same ones.

    Args:
        count: of the strips.
        seed: of everything in them.
        digits: of which as many as there are strips are chosen, each as often as the others.
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(len(digits.labels)) for _ in range(-(-count // len(digits.labels)))])[:count]
    items = np.empty(count, [("image", np.uint8, digits.images.shape[1:]), ("label", np.int32)])
    items["image"], items["label"] = digits.images[rows], digits.labels[rows]
    return [strip for chunk in map_chunks(_make_strips, items, seed) for strip in chunk]


def _make_strips(digits: np.ndarray, rng: np.random.Generator) -> list[MadeStrip]:
    images, labels = digits["image"], digits["label"]
    traced = trace_samples(Split(images, labels), rng)
    by_digit = [images[labels == digit, ..., 0] for digit in range(NUM_CLASSES)]
    strips: list[MadeStrip] = []
    while len(strips) < len(digits):
        kind = rng.random()
        gaps = DENSE_GAPS if rng.random() < _DENSE else sample_gaps(rng)
        if traced and kind < _PASTED:
            made = [_paste(by_digit, gaps, rng)]
        else:
            made = list(_write(write_number(rng, traced if kind < _PASTED + _TRACED else None, gaps), rng))
        strips += [MadeStrip(_spoil(ink, rng), text) for ink, text in made if ink.shape[1] <= _WIDEST]
    return strips[: len(digits)]


def _write(glyphs: list[Glyph], rng: np.random.Generator) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the ink of each row of glyphs, 0 to 1, and its text; height and line are taken a little wrong, as found."""
    pen = INK_SIDE * float(np.exp(rng.uniform(*np.log(_PENS))))
    for row in sorted({glyph.row for glyph in glyphs if glyph.digit is not None}):
        own = [glyph for glyph in glyphs if glyph.row == row]
        placed = [[(stroke - 0.5) * one.size + one.middle for stroke in one.strokes] for one in own]
        digits = [np.concatenate(strokes) for strokes, one in zip(placed, own, strict=True) if one.digit is not None]
        middles = np.array([(points.min(axis=0) + points.max(axis=0)) / 2 for points in digits])
        slope = np.polyfit(middles[:, 0], middles[:, 1], 1)[0] if len(digits) > 2 else 0.0
        bend = np.array([[1, -slope - rng.normal(0, 0.02)], [0, 1]])
        flat = [stroke @ bend for strokes in placed for stroke in strokes]
        height = np.median([np.ptp(points[:, 1]) for points in digits]) * np.exp(rng.normal(0, 0.1))
        middle = np.median(middles @ bend, axis=0)[1] + rng.normal(0, 0.05) * height
        points = np.concatenate(flat)
        low, extent = points.min(axis=0), np.ptp(points, axis=0)
        scale = INK_SIDE / max(float(height), 0.3 * float(extent[1]))
        side = int(np.ceil(extent.max() * scale + pen)) + 4
        # `render` takes the unit square to lie within a canvas, two pixels and a pen's half width from its edges.
        drawn = render([(stroke - low) * scale / (side - 4 - pen) for stroke in flat], side, pen).getchannel("A")
        top = round((middle - low[1]) * scale + 2 + pen / 2 - STRIP_HEIGHT / 2)
        width = int(np.ceil(extent[0] * scale + pen)) + 4
        margin = STRIP_MARGIN - 2
        ink = np.asarray(drawn.crop((-margin, top, width + margin, top + STRIP_HEIGHT)), np.float32) / 255
        yield ink, "".join(str(one.digit) for one in own if one.digit is not None)


def _paste(by_digit: list[np.ndarray], gaps: tuple[float, float], rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Return the ink of a row of a data set's images, 0 to 1, and its text: in about one size, width and slant.

    Args:
        by_digit: images of each digit.
        gaps: the narrowest and the widest between digits, in their heights.
        rng: the only source of randomness.
    """
    digits = sample_digits(rng)
    lean, stretch, size = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.12)), np.exp(rng.normal(0, 0.1))
    zero, sink = rng.choice([1, rng.uniform(0.5, 1)]), rng.uniform(0, 1)  # many write zeros smaller
    strip, end = np.zeros((STRIP_HEIGHT, 2 * STRIP_MARGIN + len(digits) * _TILE), np.float32), float(STRIP_MARGIN)
    last = STRIP_MARGIN
    for digit in digits:
        image = np.pad(by_digit[digit][rng.integers(len(by_digit[digit]))], 6) / np.float32(255)
        scale = size * np.clip(rng.normal(0.97, 0.07), 0.7, 1.15) * (zero if digit == 0 else 1)
        bend = np.array([[1, 0], [lean, 1 / stretch]]) / scale
        offset = (len(image) / 2, image.shape[1] / 2) - bend @ (STRIP_HEIGHT / 2, _TILE / 2)
        ink = ndimage.affine_transform(image, bend, offset, (STRIP_HEIGHT, _TILE), order=1)
        columns, rows = np.flatnonzero(ink.max(axis=0) > 0.25), np.flatnonzero(ink.max(axis=1) > 0.25)
        ink = np.roll(ink, round(sink * max(0, 18 - int(np.ptp(rows))) / 2 + rng.normal(0, 0.8)), axis=0)
        ink = ink[:, columns[0] : columns[-1] + 1]
        start = max(round(end), STRIP_MARGIN)
        last = max(last, start + ink.shape[1])
        place = strip[:, start : start + ink.shape[1]]
        np.maximum(place, ink[:, : place.shape[1]], out=place)
        end = start + ink.shape[1] + rng.uniform(*gaps) * INK_SIDE
    strip = strip[:, : last + STRIP_MARGIN]
    if rng.random() < 0.3:  # thicker or thinner
        strip = ndimage.grey_dilation(strip, (2, 2)) if rng.random() < 0.6 else ndimage.grey_erosion(strip, (2, 1))
    return strip, "".join(map(str, digits))


def _spoil(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a strip's ink as a camera or a scan may show it: blurred, with gaps, lines taken out, harder or softer."""
    if rng.random() < 0.4:
        ink = ndimage.gaussian_filter(ink, rng.uniform(0.2, 1.0))
    if rng.random() < 0.35:
        grain = ndimage.gaussian_filter(rng.normal(size=ink.shape), rng.uniform(0.6, 2.5))
        ink = ink * np.clip(1 - rng.uniform(0.1, 0.5) * np.maximum(grain / grain.std(), 0), 0, 1)
    if rng.random() < 0.2:
        ink = ink.copy()
        top = int(rng.integers(2, STRIP_HEIGHT - 2))
        ink[top : top + rng.integers(1, 3)] *= rng.uniform(0, 0.6)
    ink = ink / max(float(ink.max()), 1e-3)
    low, high = rng.uniform(0, 0.35), rng.uniform(0.6, 1)
    return np.round(np.clip((ink - low) / (high - low), 0, 1) * 255).astype(np.uint8)
