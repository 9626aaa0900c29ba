"""An image -> planes of contrast, in which whatever lies on the paper stands out, and the parts of such a plane."""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

# Contrast is the share of the paper's light that is missing, 0 to 1. Ink exceeds the first; in colours, of which JPEG
# files keep a quarter of the pixels, it exceeds the second. It exceeds the noise by so many standard deviations: of a
# thousand pixels of noise, none does. Stronger noise than the last is smoothed.
_MIN_CONTRAST, _MIN_COLOUR = 0.035, 0.12
_MIN_DEVIATIONS = 4
_MAX_NOISE = 0.03
_MIN_PIXELS = 10  # fewer can't be a digit
_MIN_LIGHT = 64  # of 255: in the dark, a level more or less means nothing

EIGHT_NEIGHBOURS = np.ones((3, 3))  # pixels that touch at a corner belong together


class Plane(NamedTuple):
    """How much each pixel differs from the paper.

    Attributes:
        name: "dark" or "light" for what is darker or lighter than the paper, "colour" for what has another hue.
        contrast: float32 array of shape (height, width), whose median is 0.
        noise: its standard deviation on blank paper.
    """

    name: str
    contrast: np.ndarray
    noise: float

    @property
    def threshold(self) -> float:
        """The contrast above which a pixel isn't paper."""
        least = _MIN_COLOUR if self.name == "colour" else _MIN_CONTRAST
        return max(least, _MIN_DEVIATIONS * self.noise)


class Components(NamedTuple):
    """The connected components of what is above a threshold. Arrays have an entry per component; number 0 is the rest.

    Attributes:
        labels: the component of each pixel, int array of the plane's shape.
        boxes: left, top, right and bottom, in pixels, int array of shape (n, 4).
        mass: the sum of the contrast.
        mean: the mean contrast.
        is_cut: whether the component touches the edge.
    """

    labels: np.ndarray
    boxes: np.ndarray
    mass: np.ndarray
    mean: np.ndarray
    is_cut: np.ndarray


def find_planes(image: Image.Image, widest: float, names: tuple[str, ...]) -> list[Plane]:
    """Return the planes of an image that show anything.

    Args:
        image: mode L or RGB.
        widest: the greatest width of a stroke, in pixels; what is wider counts as paper.
        names: which planes to return, of "dark", "light" and "colour".
    """
    grey = np.asarray(image.convert("L"))
    planes = []
    for name in names:
        if name == "colour":
            channels = [_measure_contrast(np.asarray(band), widest) for band in image.split()]
            contrast = np.max(channels, axis=0) - np.min(channels, axis=0)
        else:
            contrast = _measure_contrast(grey if name == "dark" else 255 - grey, widest)
        middle, noise = _measure_paper(contrast[::3, ::3])
        contrast = contrast - middle
        if noise > _MAX_NOISE:
            contrast, noise = ndimage.uniform_filter(contrast, 3), noise / 2
        plane = Plane(name, contrast, noise)
        if np.count_nonzero(contrast > plane.threshold) >= _MIN_PIXELS:
            planes.append(plane)
    return planes


def _measure_paper(contrast: np.ndarray) -> tuple[float, float]:
    """Return the mean contrast on blank paper, and its standard deviation, if it is normal.

    Two quantiles tell both. They are low ones, so that ink may cover half of the image, as it does in a close crop.
    """
    low, high = np.quantile(contrast, (0.1, 0.25))
    noise = float(high - low) / (1.2816 - 0.6745)  # those quantiles of the standard normal distribution
    return float(high) + 0.6745 * noise, noise


def _measure_contrast(pixels: np.ndarray, widest: float) -> np.ndarray:
    """Return the share of the paper's light that is missing at each pixel.

    The light is estimated by a grey closing, which removes whatever is dark and narrower than `widest` pixels and keeps
    gradients, vignettes and the edges of shadows.

    Args:
        pixels: uint8 array of shape (height, width).
        widest: in pixels.

    Returns:
        float32 array of shape (height, width).
    """
    scale = max(1, int(widest / 12))
    size = int(widest / scale) | 1
    coarse = np.asarray(Image.fromarray(pixels).reduce(scale))
    closed = ndimage.grey_closing(coarse, (size, size), mode="nearest")
    smooth = Image.fromarray(closed).resize(pixels.shape[::-1], Image.Resampling.BILINEAR)
    paper = np.asarray(smooth, np.float32)
    contrast: np.ndarray = (paper - pixels) / np.maximum(paper, _MIN_LIGHT)
    return contrast


def find_components(contrast: np.ndarray, threshold: float) -> Components:
    """Return the connected components of the pixels above a threshold."""
    labels, count = ndimage.label(contrast > threshold, EIGHT_NEIGHBOURS)
    boxes = [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in ndimage.find_objects(labels)]
    mass = np.bincount(labels.ravel(), contrast.ravel(), count + 1)
    mass[0] = 0
    mean = mass / np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1)
    is_cut = np.zeros(count + 1, bool)
    is_cut[find_rim(labels)] = True
    return Components(labels, np.array([(0, 0, 0, 0), *boxes]), mass, mean, is_cut)


def find_rim(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of an array of shape (height, width, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def measure_stroke(mask: np.ndarray) -> float:
    """Return the mean width of strokes, in pixels: twice their area for the length of their outline."""
    outline = (
        np.count_nonzero(mask[1:] != mask[:-1])
        + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
        + sum(map(np.count_nonzero, (mask[0], mask[-1], mask[:, 0], mask[:, -1])))
    )
    return float(2 * np.count_nonzero(mask) / max(int(outline), 1))


def otsu(values: np.ndarray) -> float:
    """Return the threshold with the largest variance between the two classes.

    Otsu 1979, "A threshold selection method from gray-level histograms".

    Args:
        values: float array of any shape, not empty.
    """
    if np.ptp(values) < 1e-3:
        return float(values.min())
    edges = np.linspace(values.min(), values.max(), 65)
    counts = np.histogram(values, edges)[0]
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    difference = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    best = int(np.argmax(difference * difference * below * above))
    return float(edges[1 + best])


def find_lines(contrast: np.ndarray, threshold: float, max_line: float) -> np.ndarray:
    """Return a mask of the nearly horizontal or vertical lines that are too long for a digit, and not too thick.

    Lines are at most as thick as what is above the threshold is on average. The mask spares the digit where it crosses
    a line, because there it is thicker or darker than the line.

    Args:
        contrast: array of shape (height, width).
        threshold: the contrast above which a pixel is dark.
        max_line: the length of a line that may belong to a digit, as a share of the width or the height.
    """
    dark = contrast > threshold
    lines = np.zeros_like(dark)
    size = int(measure_stroke(dark)) + 2
    for mask, marks in ((dark, lines), (dark.T, lines.T)):
        long = _find_long_paths(mask, max_line * mask.shape[1])
        if long.any():
            # An opening across the line. An even size needs the shifted origin to keep its result in place.
            cores = ndimage.minimum_filter1d(mask, size, axis=0, mode="constant")
            thick = ndimage.maximum_filter1d(cores, size, axis=0, mode="constant", origin=-1 if size % 2 == 0 else 0)
            marks |= ndimage.maximum_filter1d(long, 3, axis=0) & mask & ~thick
    if lines.any():
        lines &= contrast < 1.5 * np.median(contrast[lines])
    return lines


def _find_long_paths(dark: np.ndarray, length: float) -> np.ndarray:
    """Return a mask of the pixels on dark paths of at least `length` pixels from left to right.

    This is an incomplete path opening (Talbot and Appleton 2007, "Efficient complete and incomplete path openings and
    closings"). Paths may bend and have gaps, like lines on a sheet seen at an angle, which an opening by a straight
    element would lose. They rise or fall by at most one pixel in six.
    """
    step = 6
    count = dark.shape[1] // step
    if count < 3:
        return np.zeros_like(dark)
    filled = dark[:, : count * step].reshape(len(dark), count, step).mean(axis=2) >= 0.5
    filled[:, 1:-1] |= filled[:, :-2] & filled[:, 2:]
    if np.count_nonzero(filled.any(axis=0)) * step < length:  # most images have no line
        return np.zeros_like(dark)
    columns = np.ascontiguousarray(filled.T)
    lengths = _path_lengths(columns) + _path_lengths(columns[::-1])[::-1] - 1
    long = (lengths * columns * step >= length).T
    return np.pad(np.repeat(long, step, axis=1), ((0, 0), (0, dark.shape[1] - count * step)), mode="edge")


def _path_lengths(columns: np.ndarray) -> np.ndarray:
    """Return the length of the longest path that ends at each place of each column."""
    lengths = np.zeros((len(columns) + 1, columns.shape[1] + 2), np.int16)
    for column, before, here in zip(columns, lengths, lengths[1:], strict=False):
        here[1:-1] = (np.maximum(np.maximum(before[:-2], before[1:-1]), before[2:]) + 1) * column
    return lengths[1:, 1:-1]
