"""Digits of MNIST as their writers would have left them with another pen: their shapes, in a drawing program's look."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter1d

from mnist_cnn.handwriting import record, render, sample_spacing, travel

SCALE = 4  # pixels per pixel of MNIST, on which the middle of a stroke is found
INK = 110  # of 255: what is ink there
HEIGHT = 20 * SCALE  # pixels that a digit spans
SPUR = 6  # pixels; a shorter twig at a fork comes from the thinning, not from the writer
STAIRCASE = 9  # pixels over which a thinned line is averaged
CANVAS = 112  # pixels; the side of a tracing
THINNEST, THICKEST = 0.025, 0.2  # of the canvas; a pen's width
CHUNK = 500  # images that are thinned together

# The steps, down and right, to a pixel's neighbours, clockwise from the north.
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))

Pixel = tuple[int, int]  # row and column


def _find_removable(corner: int) -> np.ndarray:
    """Whether a pixel may go, shape (256,), by its neighbours: in the order of `AROUND`, from the lowest bit."""
    neighbours = np.arange(256)[:, None] >> np.arange(8) & 1
    count = neighbours.sum(axis=1)
    starts = np.sum(neighbours > np.roll(neighbours, 1, axis=1), axis=1)  # of runs of ink
    north, east, south, west = (neighbours[:, (corner + i) % 8] for i in range(0, 8, 2))
    return (count >= 2) & (count <= 6) & (starts == 1) & (east & south & (north | west) == 0)


REMOVABLE = [_find_removable(corner) for corner in (0, 4)]  # peels from the south-east, then from the north-west


def trace(images: np.ndarray, rng: np.random.Generator) -> Iterator[Image.Image | None]:
    """Trace the middle of each digit's strokes with a round pen of a random width, as a device records it.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        rng: of the pen's width, its speed and its tremble.

    Yields:
        RGBA pictures, black on transparent, 112x112 pixels; None where there was hardly any ink.
    """
    for start in range(0, len(images), CHUNK):
        for line in thin(np.stack([_enlarge(image) > INK for image in images[start : start + CHUNK]])):
            spacing = sample_spacing(rng)
            strokes = [travel(_smooth(stroke) / HEIGHT, spacing, rng) for stroke in follow(line)]
            width = CANVAS * np.exp(rng.uniform(np.log(THINNEST), np.log(THICKEST)))
            yield render(record(strokes, rng), CANVAS, width) if strokes else None


def thin(ink: np.ndarray) -> np.ndarray:
    """Peel ink off its edges until lines of one pixel are left, connected as the ink was.

    Zhang and Suen 1984, "A fast parallel algorithm for thinning digital patterns".

    Args:
        ink: bool array of shape (n, height, width).

    Returns:
        bool array of the same shape.
    """
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    flat = padded.reshape(-1).view(np.uint8)
    steps = [down * padded.shape[2] + right for down, right in AROUND]
    pixels = np.flatnonzero(flat)
    while True:
        before = len(pixels)
        for removable in REMOVABLE:
            code = sum(flat[pixels + step] << bit for bit, step in enumerate(steps))
            peeled = removable[code]
            flat[pixels[peeled]] = 0
            pixels = pixels[~peeled]
        if len(pixels) == before:
            return padded[:, 1:-1, 1:-1]


def follow(line: np.ndarray) -> list[np.ndarray]:
    """Take a thinned line apart into strokes, which run from an end or a fork to the next.

    Args:
        line: bool array of shape (height, width).

    Returns:
        An array of shape (points, 2) per stroke: its pixels in order, x to the right and y down.
    """
    neighbours = _neighbours(line)
    strokes = [[pixel] for pixel in neighbours if not neighbours[pixel]]  # dots
    # The others begin at ends and forks; what is left then is closed loops, which begin anywhere.
    starts = [pixel for pixel in neighbours if len(neighbours[pixel]) != 2]
    done: set[frozenset[Pixel]] = set()  # steps from a pixel to the next
    for start in [*starts, *neighbours]:
        for pixel in neighbours[start]:
            stroke = [start]
            while frozenset((stroke[-1], pixel)) not in done:
                done.add(frozenset((stroke[-1], pixel)))
                stroke.append(pixel)
                if len(neighbours[pixel]) != 2:
                    break
                pixel = next(other for other in neighbours[pixel] if other != stroke[-2])
            is_spur = len(stroke) < SPUR and {1} < {len(neighbours[end]) for end in (start, stroke[-1])}
            if len(stroke) > 1 and not is_spur:
                strokes.append(stroke)
    return [np.array(stroke)[:, ::-1] for stroke in strokes]


def _neighbours(line: np.ndarray) -> dict[Pixel, list[Pixel]]:
    """The pixels that each one's line goes on to: straight on where there is one, else across the corner."""
    pixels = set(zip(*(axis.tolist() for axis in np.nonzero(line)), strict=True))
    neighbours: dict[Pixel, list[Pixel]] = {}
    for row, column in pixels:
        neighbours[row, column] = [
            (row + down, column + right)
            for down, right in AROUND
            if (row + down, column + right) in pixels
            and not (down and right and {(row + down, column), (row, column + right)} & pixels)
        ]
    return neighbours


def _smooth(stroke: np.ndarray) -> np.ndarray:
    """Average a thinned line's staircase away; its ends, where it may meet others, stay."""
    smooth = uniform_filter1d(stroke.astype(float), STAIRCASE, axis=0, mode="nearest")
    smooth[[0, -1]] = stroke[[0, -1]]
    return smooth


def _enlarge(image: np.ndarray) -> np.ndarray:
    height, width, _ = image.shape
    return np.asarray(Image.fromarray(image[..., 0]).resize((width * SCALE, height * SCALE), Image.Resampling.BICUBIC))
