"""Redraws MNIST digits as another pen would have left them: the same shapes with the look of a drawing program."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter1d

from mnist_cnn.handwriting.rendering import render
from mnist_cnn.handwriting.writing import record, sample_spacing, travel

CANVAS = 112  # pixels; width and height of a tracing
THINNEST, THICKEST = 0.025, 0.2  # pen width as a share of the canvas

_ENLARGEMENT = 4  # centre lines are found on an enlarged image
_INK_LEVEL = 110  # out of 255; brighter pixels are ink
_DIGIT_HEIGHT = 20 * _ENLARGEMENT  # pixels
_MIN_TWIG = 6  # pixels; a shorter twig at a fork is an artifact of thinning
_SMOOTHING_WINDOW = 9  # pixels; wide enough to level the staircase of a thinned line
_CHUNK = 500  # images thinned together, which saves time

# Steps (down, right) to the neighbours of a pixel, clockwise from the north.
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))

_Pixel = tuple[int, int]  # row, column


def _find_removable(corner: int) -> np.ndarray:
    """Return which pixels one pass of the thinning removes.

    Args:
        corner: 0 for the pass that removes pixels at the south and east edges, 4 for the one at the north and west.

    Returns:
        Bool array of shape (256,). The index holds the eight neighbours as bits, in the order of `_AROUND` from the
        lowest bit.
    """
    neighbours = np.arange(256)[:, None] >> np.arange(8) & 1
    count = neighbours.sum(axis=1)
    runs = np.sum(neighbours > np.roll(neighbours, 1, axis=1), axis=1)
    north, east, south, west = (neighbours[:, (corner + i) % 8] for i in range(0, 8, 2))
    removable: np.ndarray = (count >= 2) & (count <= 6) & (runs == 1) & (east & south & (north | west) == 0)
    return removable


_REMOVABLE = [_find_removable(corner) for corner in (0, 4)]


def trace(images: np.ndarray, rng: np.random.Generator) -> Iterator[Image.Image | None]:
    """Yield each digit redrawn along its centre lines, with a round pen of random width.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        rng: source of the pen's width, speed and tremor.

    Yields:
        An RGBA image of 112x112 pixels, black on transparent, or None if a digit is too faint to trace.
    """
    for strokes in trace_strokes(images, rng):
        width = CANVAS * np.exp(rng.uniform(np.log(THINNEST), np.log(THICKEST)))
        yield render(record(strokes, rng), CANVAS, width) if strokes else None


def trace_strokes(images: np.ndarray, rng: np.random.Generator) -> Iterator[list[np.ndarray]]:
    """Yield the centre lines of each digit as strokes; none if it is too faint to trace.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        rng: source of the pen's speed and tremor.

    Yields:
        float64 arrays of shape (points, 2), in heights of a digit: x to the right and y down.
    """
    for start in range(0, len(images), _CHUNK):
        for line in thin(np.stack([_enlarge(image) > _INK_LEVEL for image in images[start : start + _CHUNK]])):
            spacing = sample_spacing(rng)
            yield [travel(_smooth(stroke) / _DIGIT_HEIGHT, spacing, rng) for stroke in follow(line)]


def thin(ink: np.ndarray) -> np.ndarray:
    """Return the ink reduced to lines one pixel wide.

    The method is Zhang and Suen 1984, "A fast parallel algorithm for thinning digital patterns". Lines stay connected
    and loops stay closed, but a spot of 2x2 pixels disappears. scikit-image is no substitute: its variant of the method
    leaves more twigs that nobody wrote, and its other one (Lee et al. 1994) loses short branches that somebody did.

    Args:
        ink: bool array of shape (n, height, width).

    Returns:
        Bool array of the same shape.
    """
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    flat = padded.reshape(-1).view(np.uint8)
    steps = [down * padded.shape[2] + right for down, right in _AROUND]
    pixels = np.flatnonzero(flat)
    while True:
        before = len(pixels)
        for removable in _REMOVABLE:
            neighbours = sum(flat[pixels + step] << bit for bit, step in enumerate(steps))
            removed = removable[neighbours]
            flat[pixels[removed]] = 0
            pixels = pixels[~removed]
        if len(pixels) == before:
            return padded[:, 1:-1, 1:-1]


def follow(line: np.ndarray) -> list[np.ndarray]:
    """Return a thinned line as strokes, each of which runs from an end or a fork to the next.

    Args:
        line: bool array of shape (height, width).

    Returns:
        One int array of shape (points, 2) per stroke: its pixels in order, x to the right and y down. Short twigs at
        forks are left out.
    """
    neighbours = _find_neighbours(line)
    strokes = [[pixel] for pixel in neighbours if not neighbours[pixel]]  # dots
    # A closed loop has no end to start from, so every pixel gets its turn after the ends and forks.
    starts = [pixel for pixel in neighbours if len(neighbours[pixel]) != 2]
    taken: set[frozenset[_Pixel]] = set()  # steps from one pixel to the next
    for start in [*starts, *neighbours]:
        for pixel in neighbours[start]:
            stroke = [start]
            while frozenset((stroke[-1], pixel)) not in taken:
                taken.add(frozenset((stroke[-1], pixel)))
                stroke.append(pixel)
                if len(neighbours[pixel]) != 2:
                    break
                pixel = next(other for other in neighbours[pixel] if other != stroke[-2])
            is_twig = len(stroke) < _MIN_TWIG and {1} < {len(neighbours[end]) for end in (start, stroke[-1])}
            if len(stroke) > 1 and not is_twig:
                strokes.append(stroke)
    return [np.array(stroke)[:, ::-1] for stroke in strokes]


def _find_neighbours(line: np.ndarray) -> dict[_Pixel, list[_Pixel]]:
    """Return the neighbours to which the line goes on from each pixel.

    A diagonal neighbour counts only if no straight neighbour lies between.
    """
    pixels = set(zip(*(axis.tolist() for axis in np.nonzero(line)), strict=True))
    neighbours: dict[_Pixel, list[_Pixel]] = {}
    for row, column in pixels:
        neighbours[row, column] = [
            (row + down, column + right)
            for down, right in _AROUND
            if (row + down, column + right) in pixels
            and not (down and right and {(row + down, column), (row, column + right)} & pixels)
        ]
    return neighbours


def _smooth(stroke: np.ndarray) -> np.ndarray:
    """Return the stroke without its staircase. The ends stay in place, because other strokes may meet there."""
    smooth: np.ndarray = uniform_filter1d(stroke.astype(float), _SMOOTHING_WINDOW, axis=0, mode="nearest")
    smooth[[0, -1]] = stroke[[0, -1]]
    return smooth


def _enlarge(image: np.ndarray) -> np.ndarray:
    height, width, _ = image.shape
    size = width * _ENLARGEMENT, height * _ENLARGEMENT
    return np.asarray(Image.fromarray(image[..., 0]).resize(size, Image.Resampling.BICUBIC))
