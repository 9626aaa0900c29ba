"""Corrupted MNIST by kind, to measure with: pictures spoilt by noise, blur, a bad pose, light, dirt and scribbles.

The kinds and their strengths are those of Mu and Gilmer 2019, "MNIST-C: A robustness benchmark for computer vision";
the images aren't the same.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from mnist_cnn.images import IMAGE_SHAPE

SIZE = IMAGE_SHAPE[0]


def corrupt(images: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Return images spoilt in one way.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        kind: a key of `CORRUPTIONS`.
        seed: of the corruption; each image is spoilt differently.

    Returns:
        uint8 array of the same shape.
    """
    spoilt = CORRUPTIONS[kind](images[..., 0] / 255, np.random.default_rng(seed))
    rounded: np.ndarray = np.round(np.clip(spoilt, 0, 1) * 255).astype(np.uint8)[..., None]
    return rounded


def _shot_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spoilt: np.ndarray = rng.poisson(images * 3) / 3
    return spoilt


def _impulse_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chance = rng.random(images.shape)
    return np.select([chance < 0.085, chance < 0.17], [0, 1], images)


def _glass_blur(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, swap half of the pixels with a neighbour above or to the left, one after another, twice; blur again."""
    shuffled = _blur(images, 0.7)
    every = np.arange(len(images))
    for _ in range(2):
        for row, column in np.ndindex(SIZE - 1, SIZE - 1):
            up, left = rng.integers(0, 2, (2, len(images))) * rng.integers(0, 2, len(images))
            here = every, SIZE - 1 - row, SIZE - 1 - column
            there = every, here[1] - up, here[2] - left
            shuffled[here], shuffled[there] = shuffled[there], shuffled[here]
    return _blur(shuffled, 0.7)


def _motion_blur(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leave a fading trail of ten pixels, up to 45 degrees from the horizontal."""
    trail = np.arange(11)
    weights = np.exp(-((trail / 3) ** 2) / 2)
    angles = np.radians(rng.uniform(-45, 45, (len(images), 1)))
    steps = np.rint(trail * np.stack([np.sin(angles), np.cos(angles)])).astype(int)[..., None, None]
    padded = np.pad(images, ((0, 0), (10, 10), (10, 10)))
    every, (rows, columns) = np.arange(len(images))[:, None, None], np.indices((SIZE, SIZE)) + 10
    blurred = np.zeros_like(images)
    for step, weight in zip(trail, weights / weights.sum(), strict=True):
        blurred += weight * padded[every, rows + steps[0, :, step], columns + steps[1, :, step]]
    return blurred


def _shear(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _warp(images, np.array([[[1, 0], [slant, 1]] for slant in rng.choice([-0.4, 0.4], len(images))]))


def _scale(images: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return _warp(images, np.broadcast_to(np.eye(2) / 0.7, (len(images), 2, 2)))


def _rotate(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sin, cos = rng.choice([-1, 1], len(images)) * np.sin(0.4), np.full(len(images), np.cos(0.4))
    return _warp(images, np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1))


def _translate(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3)))
    starts = rng.choice([0, 6], (len(images), 2))
    return np.stack(
        [image[top : top + SIZE, left : left + SIZE] for image, (top, left) in zip(padded, starts, strict=True)]
    )


def _brightness(images: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return images + 0.5


def _stripe(images: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Invert the left and the right quarter, which leaves a stripe in the middle."""
    side = np.abs(np.arange(SIZE) - (SIZE - 1) / 2) > SIZE / 4
    return np.where(side, 1 - images, images)


def _fog(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a cloud that is the sum of random values on finer and finer grids."""
    cloud = np.zeros_like(images)
    for octave, step in enumerate((32, 16, 8, 4, 2)):
        knots = np.arange(SIZE // step + 2) * step
        weights = np.clip(1 - np.abs(np.arange(SIZE)[:, None] - knots) / step, 0, 1)
        cloud += weights @ rng.random((len(images), len(knots), len(knots))) @ weights.T / 1.4**octave
    cloud -= cloud.min(axis=(1, 2), keepdims=True)
    foggy: np.ndarray = (images + 3 * cloud / cloud.max(axis=(1, 2), keepdims=True)) / 4
    return foggy


def _spatter(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover the image with grey blots of mud."""
    mud = _blur((_blur(rng.normal(size=images.shape), 1) > 0).astype(float), 1.5)
    mud[mud < 0.8] = 0
    spattered: np.ndarray = images * (1 - mud) + mud / 4
    return spattered


def _dotted_line(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    starts, ends = rng.integers(0, SIZE - 1, (2, len(images), 1))
    columns = np.arange(SIZE)
    return _draw(images, starts + (ends - starts) * columns / (SIZE - 1), columns % 4 >= 2)


def _zigzag(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    start, rise = rng.integers(0, SIZE - 1, (len(images), 1)), rng.integers(-5, 5, (len(images), 1))
    columns = np.arange(SIZE) - 2
    teeth = np.abs((columns - 2) % 8 - 4) - 2  # 2 up and 2 down, in turn, every 4 pixels
    return _draw(images, start + rise * columns / 23 + teeth, (columns >= 0) & (columns <= 23))


def _canny_edges(images: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Return the edges alone, as white lines (Canny 1986, "A computational approach to edge detection")."""
    smooth = _blur(images, 1)
    slopes = [ndimage.sobel(smooth, axis) for axis in (1, 2)]
    steepness = np.hypot(*slopes)
    grid = np.indices(images.shape).astype(float)
    uphill = np.stack([np.zeros_like(smooth), *slopes]) / np.maximum(steepness, 1e-9)
    ridge = np.ones(images.shape, bool)
    for sign in (1, -1):
        ridge &= steepness >= ndimage.map_coordinates(steepness, grid + sign * uphill, order=1)
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = True
    labels, _ = ndimage.label(ridge & (steepness > 0.1), in_plane)
    strong = np.unique(labels[(labels > 0) & (steepness > 0.2)])
    return np.isin(labels, strong).astype(float)


CORRUPTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "shot noise": _shot_noise,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted line": _dotted_line,
    "zigzag": _zigzag,
    "canny edges": _canny_edges,
}

# Kinds that the augmentation has nothing of.
UNSEEN = ("glass blur", "motion blur", "stripe", "spatter", "dotted line", "zigzag", "canny edges")


def _blur(images: np.ndarray, deviation: float) -> np.ndarray:
    blurred: np.ndarray = ndimage.gaussian_filter(images, deviation, axes=(1, 2))
    return blurred


def _warp(images: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Sample each image anew around its centre.

    Args:
        images: shape (n, 28, 28).
        matrices: shape (n, 2, 2); from a pixel's row and column to those where it is taken from.
    """
    centre = (SIZE - 1) / 2
    sources = centre + np.einsum("nij,jrc->inrc", matrices, np.indices((SIZE, SIZE)) - centre)
    every = np.broadcast_to(np.arange(len(images))[:, None, None], images.shape)
    sampled: np.ndarray = ndimage.map_coordinates(images, [every, *sources], order=1)
    return sampled


def _draw(images: np.ndarray, heights: np.ndarray, inked: np.ndarray) -> np.ndarray:
    """Draw a line that lies at the given height in each column where it is inked.

    Args:
        images: shape (n, 28, 28).
        heights: shape (n, 28), in pixels from the top.
        inked: bool, shape (28,).
    """
    distances = np.abs(np.arange(SIZE)[:, None] - heights[:, None, :])
    drawn: np.ndarray = images + inked * np.clip(1.5 - distances, 0, 1)
    return drawn
