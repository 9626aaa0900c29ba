"""Find the ink of one digit in a drawing or a photo, by rules.

On plain paper, ink is whatever differs from the colour of the paper. Any other image is searched twice: first the whole
at low resolution, then the surroundings of the digit, at a resolution and with limits that follow from the digit's size
and stroke width. Each search estimates the light on the paper by a morphological closing and divides by it, erases
whatever is thin, straight and long (printed lines, creases, the edges of shadows), and keeps the connected components
that look most like a digit.
"""

from contextlib import suppress
from functools import reduce
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.images.loading import flatten

# Plain paper. The first two are in levels of 255: ink differs from the paper by at least the first, and paper is plain
# if its own colour varies by no more than the second.
_MIN_INK_LEVELS = 8
_MAX_PLAIN_VARIATION = 2
# A drawing whose span is a multiple of this is reduced by that factor: MNIST's 20 pixels show no finer detail.
_DRAWING_SPAN = 640
# An image with sides this short is too coarse to show lines or shadows on the paper. MNIST's own images are such.
_MAX_ICON_SIDE = 64

# Photos. Contrast is the share of the paper's light that is missing, 0 to 1. Ink exceeds the first, and exceeds the
# noise by that many standard deviations: of a million pixels of noise, no pixel does.
_MIN_CONTRAST = 0.05
_MIN_DEVIATIONS = 5
# A candidate is a piece of a line, noise or a table, not a digit, if it differs from its surroundings by fewer levels
# of 255 than this; if its pen has less contrast; if its largest component is a smaller share of everything dark near
# it; or if its strokes are a smaller share of its span.
_MIN_SEPARATION = 20
_MIN_PEN_CONTRAST = 0.12
_MIN_SHARE = 0.3
_MIN_STROKE = 0.012
# Stronger noise, as a standard deviation of contrast, is smoothed first.
_MAX_NOISE = 0.03
# Ink is scaled from 0 to 255 between these shares of the pen's contrast. Halfway lies about where the edge of the
# stroke is, so that blur makes a stroke neither wider nor narrower.
_INK_STARTS, _INK_IS_FULL = 0.2, 0.85
# A digit spans at least this share of the image's longer side.
_MIN_SPAN = 0.03
# More similar components than this are texture, not digits.
_MAX_DIGITS = 24
# The second search sees the digit at 80 pixels or more, four per pixel of the result, and its strokes at 5 or more, so
# that a thin pen can be told from printed lines.
_NEAR_SPAN, _NEAR_STROKE = 80, 5


Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels; right and bottom lie just outside


class Segment(NamedTuple):
    """The ink of what may be a digit, and where it is.

    Attributes:
        ink: uint8 array of shape (height, width), possibly at a lower resolution than the image; 0 is paper, 255 is
            ink.
        box: the ink's place in the image, in the image's pixels.
    """

    ink: np.ndarray
    box: Box


def find_segment(image: Image.Image) -> Segment:
    """Return the ink of the digit in an image, and where it is. Several digits are returned as one segment.

    Args:
        image: of any size and mode, with dark ink on light paper or light ink on dark; may be transparent.

    Raises:
        EmptyPictureError: if there is no ink.
    """
    image = flatten(image)
    # Low resolution for speed, but enough of it for a digit that spans a thirtieth of the image: sides of 1000 pixels
    # are halved, sides of 4000 quartered.
    scale = max(1, round((max(image.size) / 250) ** 0.5))
    small = _reduce(image, scale)
    plain = _find_on_plain_paper(small)
    if plain is None:
        return _find_in_photo(image, small, scale)
    paper, box = plain
    box = _to_full_size(box, scale, image.size)
    span = max(box[2] - box[0], box[3] - box[1])
    ink = np.asarray(_difference(_reduce(image.crop(box), max(1, span // _DRAWING_SPAN)), paper))
    return Segment(np.round(ink * (255 / ink.max())).astype(np.uint8), box)


def _reduce(image: Image.Image, scale: int) -> Image.Image:
    """Return the image with its sides divided by `scale`."""
    return image.reduce(scale) if scale > 1 else image


def _to_full_size(box: Box, scale: int, size: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> Box:
    """Return the place in an image of a box in a reduced crop of it.

    Args:
        box: in pixels of the crop.
        scale: the factor by which the crop was reduced.
        size: width and height of the image.
        origin: left and top of the crop, in pixels of the image.
    """
    left, top, right, bottom = (side * scale + start for side, start in zip(box, origin * 2, strict=True))
    return left, top, min(right, size[0]), min(bottom, size[1])


def _difference(image: Image.Image, paper: list[int]) -> Image.Image:
    """Return the largest difference from the paper's colour over the channels of each pixel, in mode L."""
    bands = zip(image.split(), paper, strict=True)
    differences = [band.point([abs(value - level) for value in range(256)]) for band, level in bands]
    return reduce(ImageChops.lighter, differences)


def _find_on_plain_paper(image: Image.Image) -> tuple[list[int], Box] | None:
    """Return the colour of the paper and the box of the ink, if the paper is plain.

    Returns:
        A level per channel, and the box of everything that differs from it. None if anything but ink seems to differ,
        such as lines, shadows or noise.

    Raises:
        EmptyPictureError: if nothing differs from the paper.
    """
    paper = [int(np.argmax(np.bincount(_rim(np.asarray(band))))) for band in image.split()]
    whole = _difference(image, paper)
    bounds = whole.getbbox() or (0, 0, 1, 1)
    difference = whole.crop(bounds)  # smaller, and so faster: outside, everything is 0
    counts = np.array(difference.histogram())
    counts[0] += whole.width * whole.height - difference.width * difference.height
    strongest = int(np.flatnonzero(counts)[-1])
    if strongest < _MIN_INK_LEVELS:
        raise EmptyPictureError
    left, top, right, bottom = _box_above(difference, _MAX_PLAIN_VARIATION)
    box = left + bounds[0], top + bounds[1], right + bounds[0], bottom + bounds[1]
    if max(image.size) <= _MAX_ICON_SIDE:
        return paper, box

    half = (strongest + 1) // 2
    blank, faint, strong = np.add.reduceat(counts, [0, _MAX_PLAIN_VARIATION + 1, half])
    # If much of the rim differs, a table is in view, unless a drawing on perfectly even paper was cropped tightly.
    has_margin = np.mean(_rim(np.asarray(whole)) > _MAX_PLAIN_VARIATION) < 0.1 or counts[0] > 0.9 * blank
    # Only a heavy scribble, which is dark, covers most of the paper; anything paler that does is light and shadow.
    min_blank = 0.25 if strongest > 127 else 0.5
    if blank < counts.sum() * min_blank or faint > 2 * strong or not has_margin:
        return None
    # The box of ink hardly depends on the threshold, except for the fringe of a soft brush; that of a shadow does.
    fringe = np.abs(np.subtract(_box_above(difference, half // 8), _box_above(difference, half // 2))).max()
    return (paper, box) if fringe <= max(3, max(image.size) / 50) else None


def _rim(pixels: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of an array of shape (height, width)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _box_above(difference: Image.Image, level: int) -> Box:
    """Return the box of the pixels above a level, or the whole if there are none."""
    return difference.point([255 * (value > level) for value in range(256)]).getbbox() or (0, 0, *difference.size)


class _Candidate(NamedTuple):
    """What a search found in a view, which is an image or a crop of one, possibly reduced.

    Attributes:
        ink: uint8 array of the view's height and width; 0 is paper, 255 is ink.
        box: of the ink, in pixels of the view.
        stroke: the mean stroke width, in pixels of the view.
        main_span: the longer side of the largest component, in pixels of the view.
        pen_contrast: the contrast of the pen, 0 to 1.
        share: how much of everything dark belongs to the largest component, or to several digits, 0 to 1.
    """

    ink: np.ndarray
    box: Box
    stroke: float
    main_span: int
    pen_contrast: float
    share: float

    @property
    def span(self) -> int:
        """The longer side of the box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


def _find_in_photo(image: Image.Image, small: Image.Image, scale: int) -> Segment:
    """Return the ink of a digit on paper that isn't plain.

    Args:
        image: at full size.
        small: the same image, reduced.
        scale: the factor by which `small` was reduced.

    Raises:
        EmptyPictureError: if nothing looks like a digit.
    """
    light_ink, candidate = _find_coarsely(small)
    box = _to_full_size(candidate.box, scale, image.size)
    for _ in range(4):
        span, stroke = candidate.span * scale, candidate.stroke * scale
        frame = (
            max(box[0] - span // 2, 0),
            max(box[1] - span // 2, 0),
            min(box[2] + span // 2, image.width),
            min(box[3] + span // 2, image.height),
        )
        scale = max(1, int(min(span / _NEAR_SPAN, stroke / _NEAR_STROKE)))
        view = _reduce(image.crop(frame), scale)
        stroke_limits = 0.6 * stroke / scale, min(4 * stroke / scale, max(view.size) / 2)
        candidate = _find_candidate(view, light_ink, stroke_limits, max_line=0.7)
        box = _to_full_size(candidate.box, scale, image.size, frame[:2])
        # Search again if the digit may extend beyond the frame, or is much smaller than it seemed.
        room = np.abs(np.subtract(box, frame))[np.not_equal(frame, (0, 0, *image.size))]
        if (room >= span // 8).all() and candidate.span * scale > 0.6 * span:
            break
    if (
        candidate.pen_contrast < _MIN_PEN_CONTRAST
        or candidate.share < _MIN_SHARE
        or candidate.stroke < _MIN_STROKE * candidate.main_span
        or _separation(view, light_ink, candidate) < _MIN_SEPARATION
    ):
        raise EmptyPictureError
    left, top, right, bottom = candidate.box
    return Segment(candidate.ink[top:bottom, left:right], box)


def _find_coarsely(image: Image.Image) -> tuple[bool, _Candidate]:
    """Return whether the ink is lighter than the paper, and the candidate in the whole image.

    Raises:
        EmptyPictureError: if nothing is large enough to be a digit.
    """
    side = max(image.size)
    guess = _guess_light_ink(image)
    found: list[tuple[float, bool, _Candidate]] = []
    for light_ink in (guess, not guess):
        with suppress(EmptyPictureError):
            candidate = _find_candidate(image, light_ink, (side / 100, side / 5), max_line=0.5)
            if candidate.main_span >= _MIN_SPAN * side:
                found.append((_separation(image, light_ink, candidate), light_ink, candidate))
        if found and found[0][0] > 2 * _MIN_SEPARATION:  # clear enough: the opposite needn't be tried
            break
    if not found:
        raise EmptyPictureError
    return max(found, key=lambda entry: entry[0])[1:]


def _guess_light_ink(image: Image.Image) -> bool:
    """Guess whether the ink is lighter than the paper.

    Strokes cover less area than the paper around them, so the differences from the local mean are skewed to their side.
    """
    step = max(1, max(image.size) // 200)
    grey = np.asarray(image.convert("L"), np.float32)[::step, ::step]
    detail = grey - ndimage.uniform_filter(grey, max(grey.shape) // 5, mode="nearest")
    return bool((detail * detail * detail).sum() > 0)


def _separation(view: Image.Image, light_ink: bool, candidate: _Candidate) -> float:
    """Return by how many levels of 255 the ink differs, in the expected direction, from what lies around its box.

    The result is about 0 or negative if the candidate is a field of lines, or the paper between thick strokes.
    """
    left, top, right, bottom = candidate.box
    margin = max(2, candidate.span // 8)
    frame = np.s_[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
    around = np.ones(candidate.ink.shape, bool)
    around[top:bottom, left:right] = False
    around = around[frame]
    if not around.any():
        return np.inf
    pixels = np.atleast_3d(np.asarray(view)[frame])
    differences = np.median(pixels[candidate.ink[frame] > 127], axis=0) - np.median(pixels[around], axis=0)
    largest = float(differences[np.argmax(np.abs(differences))])
    return largest if light_ink else -largest


def _find_candidate(
    view: Image.Image, light_ink: bool, stroke_limits: tuple[float, float], max_line: float
) -> _Candidate:
    """Return what looks most like a digit.

    Args:
        view: an image, or a crop of one, possibly reduced.
        light_ink: whether the ink is lighter than the paper.
        stroke_limits: the least and the greatest stroke width of the digit, in pixels of the view.
        max_line: how long a thin straight line of the digit may be, as a share of the view's width or height.

    Raises:
        EmptyPictureError: if nothing differs from the paper.
    """
    thinnest, widest = stroke_limits
    contrast, noise = _measure_contrast(ImageChops.invert(view) if light_ink else view, widest)
    threshold = max(_MIN_CONTRAST, _MIN_DEVIATIONS * noise)
    contrast[_find_lines(contrast, threshold, thinnest, max_line)] = 0
    components = _find_components(contrast, threshold)
    boxes = ndimage.find_objects(components.labels)
    is_digit = _find_digits(components, boxes)
    chosen = _join(components, boxes, is_digit)[components.labels]
    rows, columns = (np.flatnonzero(chosen.any(axis=axis)) for axis in (1, 0))
    left, top, right, bottom = box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    # Averaged across a stroke, the distance from its edge is a quarter of its width.
    depths = ndimage.distance_transform_edt(np.pad(chosen[top:bottom, left:right], 1))
    stroke = max(1.5, 4 * depths.sum() / chosen.sum() - 2)
    pen_contrast = _pen_contrast(contrast, components)
    ink = np.clip((contrast / pen_contrast - _INK_STARTS) / (_INK_IS_FULL - _INK_STARTS), 0, 1)
    ink *= ndimage.maximum_filter(chosen.view(np.uint8), 3)  # a pixel wider, to keep the soft edges
    share = components.mass[is_digit].sum() / components.mass.sum()
    main_span = _span(boxes[components.main - 1])
    return _Candidate(np.round(ink * 255).astype(np.uint8), box, float(stroke), main_span, pen_contrast, float(share))


def _measure_contrast(view: Image.Image, widest: float) -> tuple[np.ndarray, float]:
    """Return the share of the paper's light that is missing at each pixel, and the noise in it.

    The light is estimated by a grey closing, which removes whatever is dark and narrower than `widest` pixels and keeps
    gradients, vignettes and the edges of shadows. Each channel is measured, and the largest contrast counts, because a
    pale pen shows best in the colour that it absorbs.

    Returns:
        A float32 array of the view's height and width, whose median is 0, and the standard deviation of its noise,
        estimated from the median absolute deviation. Strong noise is smoothed first.
    """
    scale = max(1, int(widest / 12))
    size = int(widest / scale) | 1
    contrast = np.full((view.height, view.width), -np.inf, np.float32)
    for band in view.split():
        coarse = np.pad(np.asarray(_reduce(band, scale)), size, mode="edge")
        closed = ndimage.grey_closing(coarse, (size, size))[size:-size, size:-size]
        paper = Image.fromarray(closed).resize(view.size, Image.Resampling.BILINEAR)
        light = np.maximum(np.asarray(paper, np.float32), 24)  # in the dark, a level more or less means nothing
        np.maximum(contrast, 1 - np.asarray(band) / light, out=contrast)
    sample = contrast[::3, ::3]
    middle = np.median(sample)
    noise = 1.4826 * float(np.median(np.abs(sample - middle)))  # a standard deviation, if the noise is normal
    contrast -= middle
    if noise > _MAX_NOISE:
        return ndimage.uniform_filter(contrast, 3), noise / 2
    return contrast, noise


def _find_lines(contrast: np.ndarray, threshold: float, thickest: float, max_line: float) -> np.ndarray:
    """Return a mask of the thin, nearly horizontal or vertical lines that are too long for a digit.

    The mask spares the digit where it crosses a line, because there it is thicker or darker than the line.

    Args:
        contrast: array of shape (height, width).
        threshold: the contrast above which a pixel is dark.
        thickest: the greatest thickness of a line, in pixels.
        max_line: the length of a line that may belong to a digit, as a share of the width or the height.
    """
    dark = contrast > threshold
    lines = np.zeros_like(dark)
    size = max(2, int(thickest) + 1)
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


class _Components(NamedTuple):
    """The connected components of the dark pixels. Arrays have an entry per component; number 0 is the paper.

    Attributes:
        threshold: the contrast above which a pixel is dark.
        labels: the component of each pixel, array of the view's height and width.
        mass: the sum of the contrast.
        mean: the mean contrast.
        is_cut: whether the component touches the edge of the view.
        main: the component most like a digit: large, dark and not cut.
        score: how much it is like one.
    """

    threshold: float
    labels: np.ndarray
    mass: np.ndarray
    mean: np.ndarray
    is_cut: np.ndarray
    main: int
    score: float


def _label(contrast: np.ndarray, threshold: float) -> _Components:
    """Return the connected components of the pixels above a threshold."""
    labels, count = ndimage.label(contrast > threshold, np.ones((3, 3)))
    mass = np.bincount(labels.ravel(), contrast.ravel(), count + 1)
    mass[0] = 0
    mean = mass / np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1)
    is_cut = np.zeros(count + 1, bool)
    is_cut[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    scores = mass * mean * np.where(is_cut, 0.02, 1)  # a table or a hand may be 50 times as heavy as the digit
    main = int(scores.argmax())
    return _Components(threshold, labels, mass, mean, is_cut, main, scores[main])


def _pen_contrast(contrast: np.ndarray, components: _Components) -> float:
    """Return the contrast of the pen, which only the middle of the strokes shows."""
    return float(np.percentile(contrast[components.labels == components.main], 80))


def _find_components(contrast: np.ndarray, threshold: float) -> _Components:
    """Return the components of what is dark, at a threshold that separates the digit from anything paler.

    Raises:
        EmptyPictureError: if nothing is above the threshold given.
    """
    found = [_label(contrast, threshold)]
    # A component at the edge of the view may be a shadow, or lines, with the digit on top: Otsu's threshold separates
    # the two.
    while found[-1].is_cut[found[-1].main] and found[-1].score and len(found) < 4:
        found.append(_label(contrast, _otsu(contrast[found[-1].labels == found[-1].main])))
    best = max(found, key=lambda components: components.score)
    if not best.score:
        raise EmptyPictureError
    return _label(contrast, max(best.threshold, 0.3 * _pen_contrast(contrast, best)))


def _otsu(values: np.ndarray) -> float:
    """Return the threshold with the largest variance between the two classes.

    Otsu 1979, "A threshold selection method from gray-level histograms".
    """
    counts, edges = np.histogram(values, 64)
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    difference = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(difference * difference * below * above)])


def _find_digits(components: _Components, boxes: list[tuple[slice, slice]]) -> np.ndarray:
    """Return which components are digits: the main one, and others of about its size and darkness.

    Args:
        components: of the view.
        boxes: of the components, from number 1 on.

    Returns:
        A bool array with an entry per component.
    """
    main = components.main
    spans = np.array([0, *map(_span, boxes)])
    mass, mean, span = (values / values[main] for values in (components.mass, components.mean, spans))
    found: np.ndarray = (mass > 0.2) & (mean > 0.7) & (span > 0.5) & (span < 2) & ~components.is_cut
    # Pale pieces are those of a shadow's edge, dozens of pieces are specks or the grain of a table, and the edge of
    # the view cuts through much of a table too.
    if components.mean[main] < 0.15 or found.sum() > _MAX_DIGITS or mass[components.is_cut].sum() > 0.5:
        found[:] = False
    found[main] = True
    return found


def _join(components: _Components, boxes: list[tuple[slice, slice]], is_digit: np.ndarray) -> np.ndarray:
    """Return which components belong to the segment: the main one and its neighbours, heavy ones from farther away.

    This keeps the separate bar of a 5 and drops a speck. Other digits are kept wherever they are, so that several
    digits are seen as several and not as the most prominent one.

    Args:
        components: of the view.
        boxes: of the components, from number 1 on.
        is_digit: what `_find_digits` returned.

    Returns:
        A bool array with an entry per component.
    """
    joined: np.ndarray = np.arange(len(components.mass)) == components.main
    share = components.mass / components.mass[components.main]
    is_dark = components.mean > 0.5 * components.mean[components.main]
    others = np.flatnonzero((share > 0.005) & is_dark & ~components.is_cut & ~joined)
    start, end = _corners(boxes[components.main - 1])
    for number in others[np.argsort(-share[others])]:
        first, last = _corners(boxes[number - 1])
        gap = np.maximum(first - end, start - last).max()
        if is_digit[number] or gap < (end - start).max() * min(0.3, 3 * share[number]):
            joined[number] = True
            start, end = np.minimum(start, first), np.maximum(end, last)
    return joined


def _span(box: tuple[slice, slice]) -> int:
    """Return the longer side of a box."""
    rows, columns = box
    return max(int(rows.stop - rows.start), int(columns.stop - columns.start))


def _corners(box: tuple[slice, slice]) -> np.ndarray:
    """Return the first and the last corner of a box, shape (2, 2)."""
    return np.array([[side.start for side in box], [side.stop for side in box]])
