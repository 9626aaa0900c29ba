"""A segment -> the 28x28 image that MNIST would have made of it."""

import numpy as np
from PIL import Image

from mnist_cnn.images.proposals import propose

IMAGE_SHAPE = (28, 28, 1)

# How MNIST was made, as measured on its training split: the longer side of the ink spans 20 pixels, and the centre of
# mass lies in the pixel of row 14 and column 14, whose own centre is 14.5 pixels from the edge.
INK_SIDE = 20
_CENTRE = 14.5

# The ink's box ignores anything fainter, such as JPEG noise or the fringe of a soft brush. 99.97 % of MNIST's training
# images keep their box.
_MIN_EDGE = 32

# What is wider for its height than the first, as 0.6 % of MNIST's digits are, is made as narrow as that, to the second
# share of its width at least: a flat 0 is a 0, and a dash stays a dash.
_WIDEST, _NARROWED = 1.5, 0.5


def to_mnist(image: Image.Image) -> np.ndarray:
    """Return a drawing or photo of one digit as the image that MNIST would hold.

    Follows the steps by which MNIST was made from NIST (LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section III.A): scale the ink to fit 20x20 pixels, then move its centre of mass to the centre.
    What is flatter than MNIST's digits is made narrower before.

    Args:
        image: of any size and mode, with dark ink on light paper or light ink on dark; may be transparent.

    Returns:
        uint8 array of shape (28, 28, 1); 0 is paper, 255 is ink.

    Raises:
        EmptyPictureError: if there is no ink.
    """
    return normalize_ink(propose(image)[0].ink)


def normalize_ink(ink: np.ndarray) -> np.ndarray:
    """Return the ink scaled to fit 20x20 pixels, with its centre of mass at the centre of 28x28.

    Each pixel of the result is the mean over the area that it covers, whether that is many pixels of the ink or a
    fraction of one. The ink is moved by whole pixels, as in MNIST, so that MNIST's own images come back unchanged, but
    for a few flat ones.

    Args:
        ink: of a `Segment`, array of shape (height, width); 0 is paper, 255 is ink.

    Returns:
        uint8 array of shape (28, 28, 1), whose maximum is 255.
    """
    ink = ink.astype(np.float32)
    spans = [np.flatnonzero(ink.max(axis=1 - axis) >= _MIN_EDGE)[[0, -1]] + (0, 1) for axis in (0, 1)]
    height, width = (end - start for start, end in spans)
    squeezed = min(width, max(_WIDEST * height, _NARROWED * width))
    scale = max(height, squeezed) / INK_SIDE
    scales = scale, scale * width / squeezed
    rows, columns = (_coverage(ink.sum(axis=1 - axis), spans[axis], scales[axis]) for axis in (0, 1))
    # einsum and not a matrix product, because BLAS threads wait about 15 ms for one another when another process
    # occupies a core.
    image = np.einsum("ij,lj->il", np.einsum("ij,jk->ik", rows, ink), columns)
    normalized: np.ndarray = np.round(image * (255 / image.max())).astype(np.uint8).reshape(IMAGE_SHAPE)
    return normalized


def _coverage(mass: np.ndarray, span: np.ndarray, scale: float) -> np.ndarray:
    """Return how much of each output pixel is covered by each ink pixel, along one axis.

    Args:
        mass: sum of the ink in each row or column, shape (n,).
        span: start and end of the ink's box.
        scale: ink pixels per output pixel.

    Returns:
        float32 array of shape (28, n), 0 to 1.
    """
    side = IMAGE_SHAPE[0]
    start, end = span
    edges = (np.arange(len(mass) + 1) - start) / scale
    # Plain sums and comparisons: `np.average`, `np.ptp` and `np.clip` take longer than all of them.
    centre = ((edges[:-1] + edges[1:]) / 2 * mass).sum() / mass.sum(dtype=np.float64)
    room = side - int(np.ceil((end - start) / scale - 1e-6))
    edges += min(max(round(_CENTRE - centre), 0), room)  # lopsided ink must not leave the image
    pixels = np.arange(side)[:, np.newaxis]
    overlap = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    covered: np.ndarray = np.maximum(overlap, 0).astype(np.float32)
    return covered
