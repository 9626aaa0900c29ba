"""A row of pieces as one strip of pixels: what is read without cutting it first."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_cnn.images.normalize import INK_SIDE
from mnist_cnn.images.pieces import Piece, join

STRIP_HEIGHT = 32  # pixels, of which a digit takes as many as in MNIST's images
WORD_WIDTH = 2  # pixels: what is said of a strip is said of columns of this width
STRIP_MARGIN = 6  # pixels, before the first ink and after the last
_MAX_WIDTH = 1_024  # pixels: more than 32 digits take; a wider row is squeezed


class Strip(NamedTuple):
    """The ink of a row, its line in the middle.

    Attributes:
        image: uint8 array of shape (STRIP_HEIGHT, width); 0 is paper, 255 is ink, and some of it is.
        left: where it begins, in the pixels of what was looked at.
        scale: the strip's pixels for each of those.
    """

    image: np.ndarray
    left: float
    scale: float

    def find_columns(self, before: float, after: float) -> tuple[int, int]:
        """Return the first column between two places, and the one after the last; there is one at least."""
        width = -(-self.image.shape[1] // WORD_WIDTH)
        start, stop = (round((place - self.left) * self.scale / WORD_WIDTH) for place in (before, after))
        start = min(max(start, 0), width - 1)
        return start, min(max(stop, start + 1), width)


def draw_strip(pieces: Sequence[Piece], height: float, line: np.ndarray) -> Strip:
    """Return the strip of a row.

    Args:
        pieces: of the row.
        height: of its digits, in the pixels of what was looked at.
        line: on which their middles lie: slope, and height at 0.
    """
    whole = join(list(pieces))
    down = INK_SIDE / height
    across = min(down, (_MAX_WIDTH - 2 * STRIP_MARGIN) / whole.width)
    size = max(1, round(whole.width * across)), max(1, round(whole.height * down))
    small = np.asarray(Image.fromarray(whole.ink).resize(size, Image.Resampling.BILINEAR), np.float32)
    left, top = whole.box[:2]
    columns = np.arange(size[0] + 2 * STRIP_MARGIN) + 0.5 - STRIP_MARGIN
    rows = np.arange(STRIP_HEIGHT) + 0.5 - STRIP_HEIGHT / 2
    middle = (np.polyval(line, left + columns / across) - top) * down
    places = np.broadcast_arrays(middle + rows[:, None] - 0.5, columns - 0.5)
    ink = ndimage.map_coordinates(small, places, order=1)
    image = np.round(ink * (255 / max(float(ink.max()), 1.0))).astype(np.uint8)
    return Strip(image, left - STRIP_MARGIN / across, across)
