"""Digits of MNIST as their writers would have left them with another pen: their shapes, in a drawing program's look."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

SCALE = 4  # pixels per pixel of MNIST, on which the middle of a stroke is found
INK = 110  # of 255: what is ink there
THINNEST, THICKEST = 0.5, 4.0  # pixels of MNIST; a pen's width
MARGIN = 10  # pixels around the tracing
CHUNK = 500  # images that are thinned together


def trace(images: np.ndarray, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Trace the middle of each digit's strokes with a round pen of one width, a random one.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        rng: of the widths.

    Yields:
        Grey images, black on white, four times as large and with a margin; blank where there was hardly any ink.
    """
    for start in range(0, len(images), CHUNK):
        for line in thin(np.stack([_enlarge(image) > INK for image in images[start : start + CHUNK]])):
            paper = ~np.pad(line, MARGIN)
            distance = distance_transform_edt(paper) if line.any() else np.full(paper.shape, np.inf)
            width = SCALE * np.exp(rng.uniform(np.log(THINNEST), np.log(THICKEST)))
            grey = 255 * np.clip(distance - (width - 1) / 2, 0, 1)
            yield Image.fromarray(grey.astype(np.uint8))


def thin(ink: np.ndarray) -> np.ndarray:
    """Peel ink off its edges until lines of one pixel are left, connected as the ink was.

    Zhang and Suen 1984, "A fast parallel algorithm for thinning digital patterns".

    Args:
        ink: bool array of shape (n, height, width).

    Returns:
        bool array of the same shape.
    """
    ink = ink.copy()
    while True:
        before = np.count_nonzero(ink)
        for corner in (0, 4):  # peels from the south-east, then from the north-west
            ink &= ~_removable(ink, corner)
        if np.count_nonzero(ink) == before:
            return ink


def _removable(ink: np.ndarray, corner: int) -> np.ndarray:
    _, height, width = ink.shape
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    around = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))  # clockwise from the north
    neighbours = [padded[:, row : row + height, column : column + width] for row, column in around]
    count = sum(neighbour.view(np.uint8) for neighbour in neighbours)
    starts = sum((~neighbours[i - 1] & neighbours[i]).view(np.uint8) for i in range(8))  # of runs of ink
    north, east, south, west = (neighbours[(corner + i) % 8] for i in range(0, 8, 2))
    return ink & (count >= 2) & (count <= 6) & (starts == 1) & ~(east & south & (north | west))


def _enlarge(image: np.ndarray) -> np.ndarray:
    height, width, _ = image.shape
    return np.asarray(Image.fromarray(image[..., 0]).resize((width * SCALE, height * SCALE), Image.Resampling.BICUBIC))
