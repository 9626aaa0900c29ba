"""Find the ink of one digit in a drawing or a photo.

On plain paper the ink is whatever differs from the paper's colour. Other pictures are looked at twice: first whole and
coarsely, then near the digit, at a scale and with limits that follow from its size and from the width of its strokes.
Each look estimates the paper's light by a morphological closing and divides it out, erases what is thin, straight and
long (printed lines, creases, the edges of shadows), and keeps those parts of the rest that look most like a digit.
"""

from contextlib import suppress
from functools import reduce
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops
from scipy import ndimage

# Less contrast than this, of 255, is no ink on plain paper.
_LEAST_CONTRAST = 8
# Paper whose colour varies by no more than this, of 255, is plain.
_PLAIN_NOISE = 2
# A drawing with a larger span is reduced before it is scaled to MNIST's 20 pixels.
_FINEST_SPAN = 640
# A picture of so few pixels a side shows no paper's structure. MNIST's own images are such.
_ICON_SIDE = 64

# Contrast is the share of the paper's light that is missing. Ink stands out by more than this, and from noise by more
# than five standard deviations: of a million pixels of noise none does.
_LEAST_DARKENING = 0.05
_NOISE_DEVIATIONS = 5
# What is found is no digit, but a piece of lines, noise or a table, if it differs from its surroundings by less than
# this, of 255; if its pen is so pale; if its largest part is less than this share of all that is dark near it; or if
# its strokes are so thin.
_LEAST_SEPARATION = 20
_LEAST_LEVEL = 0.12  # of contrast
_LEAST_SHARE = 0.3
_LEAST_STROKE = 0.012  # of the span
# Noise beyond this is smoothed away first.
_MUCH_NOISE = 0.03
# The ink begins at this share of the pen's own contrast and is full at the second: half of it lies about where the
# stroke's edge does, so that a blurred edge makes a stroke neither wider nor narrower.
_INK_BEGINS, _INK_IS_FULL = 0.2, 0.85
# A digit takes at least this share of the picture's longer side.
_LEAST_SPAN = 0.03
# More parts alike than this are no digits.
_MOST_DIGITS = 24
# From near, a digit spans 80 pixels or more, four for each pixel of the result, and its strokes 5, so that printed
# lines can be told from a thin pen's.
_NEAR_SPAN, _NEAR_STROKE = 80, 5


class EmptyPictureError(ValueError):
    """The picture holds no ink."""

    def __init__(self) -> None:
        super().__init__("There is no ink in the picture: draw a digit, or send a picture of one.")


_Box = tuple[int, int, int, int]  # left, top, right, bottom


class Found(NamedTuple):
    """The ink of a digit and where it was."""

    ink: np.ndarray  # uint8 of shape (height, width), perhaps reduced; 0 is paper, 255 is ink
    box: _Box  # left, top, right, bottom, in pixels of the picture


def find_ink(picture: Image.Image) -> Found:
    """Find the ink of a digit.

    Args:
        picture: mode L or RGB; dark ink on light or light on dark.

    Raises:
        EmptyPictureError: if there is no ink.
    """
    # Coarse enough to be fast, fine enough for a digit of a thirtieth of the picture: sides of 1000 pixels are halved,
    # sides of 4000 quartered.
    scale = max(1, round((max(picture.size) / 250) ** 0.5))
    small = _reduce(picture, scale)
    plain = _find_on_plain_paper(small)
    if plain is None:
        return _find_in_photo(picture, small, scale)
    paper, box = plain
    box = _unreduced(box, scale, picture.size)
    span = max(box[2] - box[0], box[3] - box[1])
    ink = np.asarray(_distance(_reduce(picture.crop(box), max(1, span // _FINEST_SPAN)), paper))
    return Found(np.round(ink * (255 / ink.max())).astype(np.uint8), box)


def _reduce(picture: Image.Image, scale: int) -> Image.Image:
    return picture.reduce(scale) if scale > 1 else picture


def _unreduced(box: _Box, scale: int, size: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> _Box:
    """Return where a box of a reduced part of a picture lies in the picture; the part begins at `origin`."""
    left, top, right, bottom = (side * scale + start for side, start in zip(box, origin * 2, strict=True))
    return left, top, min(right, size[0]), min(bottom, size[1])


def _distance(picture: Image.Image, paper: list[int]) -> Image.Image:
    """Return how far each pixel's colour is from the paper's, in the channel in which it is farthest, in mode L."""
    bands = zip(picture.split(), paper, strict=True)
    distances = [band.point([abs(value - level) for value in range(256)]) for band, level in bands]
    return reduce(ImageChops.lighter, distances)


def _find_on_plain_paper(picture: Image.Image) -> tuple[list[int], _Box] | None:
    """Return the paper's colour, a level per channel, and the box of all that differs from it, if that is ink alone.

    None if lines, shadows or noise are on the paper.

    Raises:
        EmptyPictureError: if nothing is on it.
    """
    paper = [int(np.argmax(np.bincount(_rim(np.asarray(band))))) for band in picture.split()]
    whole = _distance(picture, paper)
    bounds = whole.getbbox() or (0, 0, 1, 1)
    distance = whole.crop(bounds)  # around it is nothing but paper
    counts = np.array(distance.histogram())
    counts[0] += whole.width * whole.height - distance.width * distance.height
    strongest = int(np.flatnonzero(counts)[-1])
    if strongest < _LEAST_CONTRAST:
        raise EmptyPictureError
    left, top, right, bottom = _box_beyond(distance, _PLAIN_NOISE)
    box = left + bounds[0], top + bounds[1], right + bounds[0], bottom + bounds[1]
    if max(picture.size) <= _ICON_SIDE:
        return paper, box

    half = (strongest + 1) // 2
    blank, faint, strong = np.add.reduceat(counts, [0, _PLAIN_NOISE + 1, half])
    # What takes up a part of the rim is a table in view, or else a drawing was cut out without a margin.
    has_margin = np.mean(_rim(np.asarray(whole)) > _PLAIN_NOISE) < 0.1 or counts[0] > 0.9 * blank
    # Ink that covers most of the paper is a heavy scribble, and dark; anything paler is light and shadow.
    paper_share = 0.25 if strongest > 127 else 0.5
    if blank < counts.sum() * paper_share or faint > 2 * strong or not has_margin:
        return None
    # The ink's box doesn't depend on where paper is told from ink, but for a soft brush's fringe.
    fringe = np.abs(np.subtract(_box_beyond(distance, half // 8), _box_beyond(distance, half // 2))).max()
    return (paper, box) if fringe <= max(3, max(picture.size) / 50) else None


def _rim(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _box_beyond(distance: Image.Image, level: int) -> _Box:
    """Return the box of the pixels above a level; there is at least one."""
    return distance.point([255 * (value > level) for value in range(256)]).getbbox() or (0, 0, *distance.size)


class _Sight(NamedTuple):
    """What a look at a part of the picture shows."""

    ink: np.ndarray  # uint8 of the view's shape
    box: _Box  # of the ink, in the view
    stroke: float  # mean width, in pixels of the view
    main_span: int  # of the largest connected part, in pixels of the view
    level: float  # the pen's contrast
    share: float  # of the largest connected part, or of several digits' parts, in all that is darker than the paper

    @property
    def span(self) -> int:
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


def _find_in_photo(picture: Image.Image, small: Image.Image, scale: int) -> Found:
    """Find the ink where the paper isn't plain.

    Args:
        picture: the whole.
        small: the same, reduced by `scale`.
        scale: pixels of the whole per pixel of `small`.
    """
    light_ink, sight = _look_at_whole(small)
    box = _unreduced(sight.box, scale, picture.size)
    for _ in range(4):
        span, stroke = sight.span * scale, sight.stroke * scale
        frame = (
            max(box[0] - span // 2, 0),
            max(box[1] - span // 2, 0),
            min(box[2] + span // 2, picture.width),
            min(box[3] + span // 2, picture.height),
        )
        scale = max(1, int(min(span / _NEAR_SPAN, stroke / _NEAR_STROKE)))
        view = _reduce(picture.crop(frame), scale)
        sight = _look(view, light_ink, (0.6 * stroke / scale, min(4 * stroke / scale, max(view.size) / 2)), 0.7)
        box = _unreduced(sight.box, scale, picture.size, frame[:2])
        # Once more if the digit may go on beyond the frame, or is much smaller than it seemed.
        room = np.abs(np.subtract(box, frame))[np.not_equal(frame, (0, 0, *picture.size))]
        if (room >= span // 8).all() and sight.span * scale > 0.6 * span:
            break
    if (
        sight.level < _LEAST_LEVEL
        or sight.share < _LEAST_SHARE
        or sight.stroke < _LEAST_STROKE * sight.main_span
        or _separation(view, light_ink, sight) < _LEAST_SEPARATION
    ):
        raise EmptyPictureError
    left, top, right, bottom = sight.box
    return Found(sight.ink[top:bottom, left:right], box)


def _look_at_whole(picture: Image.Image) -> tuple[bool, _Sight]:
    """Return whether the ink is lighter than the paper, and a first look at it.

    Raises:
        EmptyPictureError: if nothing is large enough to be a digit.
    """
    side = max(picture.size)
    guess = _is_light_on_dark(picture)
    looks: list[tuple[float, bool, _Sight]] = []
    for light_ink in (guess, not guess):
        with suppress(EmptyPictureError):
            sight = _look(picture, light_ink, (side / 100, side / 5), 0.5)
            if sight.main_span >= _LEAST_SPAN * side:
                looks.append((_separation(picture, light_ink, sight), light_ink, sight))
        if looks and looks[0][0] > 2 * _LEAST_SEPARATION:
            break
    if not looks:
        raise EmptyPictureError
    return max(looks, key=lambda look: look[0])[1:]


def _is_light_on_dark(picture: Image.Image) -> bool:
    """Guess whether strokes are lighter than the paper: they take less room than what is around them."""
    step = max(1, max(picture.size) // 200)
    grey = np.asarray(picture.convert("L"), np.float32)[::step, ::step]
    detail = grey - ndimage.uniform_filter(grey, max(grey.shape) // 5, mode="nearest")
    return bool((detail * detail * detail).sum() > 0)


def _separation(view: Image.Image, light_ink: bool, sight: _Sight) -> float:
    """Return by how many levels the ink is lighter, or darker as it should be, than what lies around the digit.

    Where paper between thick strokes, or a field of lines, was taken for ink, it is about 0 or less.
    """
    left, top, right, bottom = sight.box
    margin = max(2, sight.span // 8)
    frame = np.s_[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
    around = np.ones(sight.ink.shape, bool)
    around[top:bottom, left:right] = False
    around = around[frame]
    if not around.any():
        return np.inf
    pixels = np.atleast_3d(np.asarray(view)[frame])
    differences = np.median(pixels[sight.ink[frame] > 127], axis=0) - np.median(pixels[around], axis=0)
    largest = float(differences[np.argmax(np.abs(differences))])
    return largest if light_ink else -largest


def _look(view: Image.Image, light_ink: bool, strokes: tuple[float, float], reach: float) -> _Sight:
    """Find what looks most like a digit.

    Args:
        view: the picture, or a part of it, perhaps reduced.
        light_ink: whether the ink is lighter than the paper.
        strokes: the least and the greatest width that the digit's strokes may have, in pixels.
        reach: the share of the view's width or height beyond which a thin straight line can't be the digit's.

    Raises:
        EmptyPictureError: if nothing differs from the paper.
    """
    thinnest, widest = strokes
    contrast, noise = _contrast(ImageChops.invert(view) if light_ink else view, widest)
    threshold = max(_LEAST_DARKENING, _NOISE_DEVIATIONS * noise)
    contrast[_find_lines(contrast, threshold, thinnest, reach)] = 0
    parts = _find_parts(contrast, threshold)
    boxes = ndimage.find_objects(parts.labels)
    is_digit = _find_digits(parts, boxes)
    chosen = _join(parts, boxes, is_digit)[parts.labels]
    rows, columns = (np.flatnonzero(chosen.any(axis=axis)) for axis in (1, 0))
    left, top, right, bottom = box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    # Across a stroke, the distance from its edge is a quarter of its width in the mean.
    depths = ndimage.distance_transform_edt(np.pad(chosen[top:bottom, left:right], 1))
    stroke = max(1.5, 4 * depths.sum() / chosen.sum() - 2)
    level = _pen_level(contrast, parts)
    ink = np.clip((contrast / level - _INK_BEGINS) / (_INK_IS_FULL - _INK_BEGINS), 0, 1)
    ink *= ndimage.maximum_filter(chosen.view(np.uint8), 3)  # the parts with their soft edges
    share = parts.mass[is_digit].sum() / parts.mass.sum()
    main_span = _span(boxes[parts.main - 1])
    return _Sight(np.round(ink * 255).astype(np.uint8), box, float(stroke), main_span, level, float(share))


def _contrast(view: Image.Image, widest: float) -> tuple[np.ndarray, float]:
    """Return the share of the paper's light that each pixel lacks, and the standard deviation of its noise.

    The paper's light is what remains when everything narrower than `widest` pixels and darker than its surroundings is
    filled up (a grey closing), which keeps gradients, vignettes and the edges of shadows. Colour by colour, since a
    pale pen shows best in the colour that it absorbs; the noise is taken from the median absolute deviation.
    """
    scale = max(1, int(widest / 12))
    size = int(widest / scale) | 1
    contrast = np.full((view.height, view.width), -np.inf, np.float32)
    for band in view.split():
        coarse = np.pad(np.asarray(_reduce(band, scale)), size, mode="edge")
        filled = ndimage.grey_closing(coarse, (size, size))[size:-size, size:-size]
        paper = Image.fromarray(filled).resize(view.size, Image.Resampling.BILINEAR)
        lit = np.maximum(np.asarray(paper, np.float32), 24)  # in the dark, a level more or less means nothing
        np.maximum(contrast, 1 - np.asarray(band) / lit, out=contrast)
    sample = contrast[::3, ::3]
    middle = np.median(sample)
    noise = 1.4826 * float(np.median(np.abs(sample - middle)))
    contrast -= middle
    if noise > _MUCH_NOISE:
        return ndimage.uniform_filter(contrast, 3), noise / 2
    return contrast, noise


def _find_lines(contrast: np.ndarray, threshold: float, thickest: float, reach: float) -> np.ndarray:
    """Mark lines that are thin, nearly level or upright, and longer than `reach`, a share of the view's side.

    Where the digit crosses a line it is thicker than the line, or darker, and stays.
    """
    dark = contrast > threshold
    lines = np.zeros_like(dark)
    size = max(2, int(thickest) + 1)
    for picture, marks in ((dark, lines), (dark.T, lines.T)):
        long = _on_long_path(picture, reach * picture.shape[1])
        if long.any():
            cores = ndimage.minimum_filter1d(picture, size, axis=0, mode="constant")
            thick = ndimage.maximum_filter1d(cores, size, axis=0, mode="constant", origin=-1 if size % 2 == 0 else 0)
            marks |= ndimage.maximum_filter1d(long, 3, axis=0) & picture & ~thick
    if lines.any():
        lines &= contrast < 1.5 * np.median(contrast[lines])
    return lines


def _on_long_path(dark: np.ndarray, length: float) -> np.ndarray:
    """Mark what lies on a dark path of at least `length` pixels from left to right.

    A path opening (Talbot and Appleton 2007, "Efficient complete and incomplete path openings and closings"): a path
    may bend and skip, as lines do on a sheet seen askew, where opening by a straight element would lose it. It climbs
    or falls by at most one pixel in every six.
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
    """Return, for each place in each column, the length of the longest path that ends there."""
    lengths = np.zeros((len(columns) + 1, columns.shape[1] + 2), np.int16)
    for column, before, here in zip(columns, lengths, lengths[1:], strict=False):
        here[1:-1] = (np.maximum(np.maximum(before[:-2], before[1:-1]), before[2:]) + 1) * column
    return lengths[1:, 1:-1]


class _Parts(NamedTuple):
    """The connected parts of what is darker than the paper: one value per part, of which number 0 is the paper."""

    threshold: float  # the contrast above which pixels belong to parts
    labels: np.ndarray  # of the view's shape: the part to which each pixel belongs
    mass: np.ndarray  # summed contrast
    mean: np.ndarray  # mean contrast
    is_cut: np.ndarray  # whether the view's edge cuts the part
    main: int  # the part most like a digit: large, dark and whole
    score: float  # how much so


def _label(contrast: np.ndarray, threshold: float) -> _Parts:
    """Divide what is darker than the paper by more than `threshold` into its connected parts."""
    labels, count = ndimage.label(contrast > threshold, np.ones((3, 3)))
    mass = np.bincount(labels.ravel(), contrast.ravel(), count + 1)
    mass[0] = 0
    mean = mass / np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1)
    is_cut = np.zeros(count + 1, bool)
    is_cut[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    scores = mass * mean * np.where(is_cut, 0.02, 1)  # a table or a hand in view is that much larger than a digit
    main = int(scores.argmax())
    return _Parts(threshold, labels, mass, mean, is_cut, main, scores[main])


def _pen_level(contrast: np.ndarray, parts: _Parts) -> float:
    """Return the contrast of the pen itself, which only the middle of its strokes shows."""
    return float(np.percentile(contrast[parts.labels == parts.main], 80))


def _find_parts(contrast: np.ndarray, threshold: float) -> _Parts:
    """Divide what is darker than the paper, at a threshold that parts the digit from what is paler.

    Raises:
        EmptyPictureError: if nothing is darker.
    """
    found = [_label(contrast, threshold)]
    # What the view's edge cuts may be a shadow or lines with the digit upon them: Otsu's threshold parts the two.
    while found[-1].is_cut[found[-1].main] and found[-1].score and len(found) < 4:
        found.append(_label(contrast, _otsu(contrast[found[-1].labels == found[-1].main])))
    parts = max(found, key=lambda parts: parts.score)
    if not parts.score:
        raise EmptyPictureError
    return _label(contrast, max(parts.threshold, 0.3 * _pen_level(contrast, parts)))


def _otsu(values: np.ndarray) -> float:
    """Return the threshold that best divides values in two (Otsu 1979)."""
    counts, edges = np.histogram(values, 64)
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    difference = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(difference * difference * below * above)])


def _find_digits(parts: _Parts, boxes: list[tuple[slice, slice]]) -> np.ndarray:
    """Return the main part and, if a pen made them, those that are about as large and as dark: other digits."""
    spans = np.array([0, *map(_span, boxes)])
    mass, mean, span = (values / values[parts.main] for values in (parts.mass, parts.mean, spans))
    found = (mass > 0.2) & (mean > 0.7) & (span > 0.5) & (span < 2) & ~parts.is_cut
    # A shadow's edge falls into pieces that are pale; specks, and the grain of a table in view, into dozens, or the
    # view's edge cuts much of it.
    if parts.mean[parts.main] < 0.15 or found.sum() > _MOST_DIGITS or mass[parts.is_cut].sum() > 0.5:
        found[:] = False
    found[parts.main] = True
    return found


def _join(parts: _Parts, boxes: list[tuple[slice, slice]], is_digit: np.ndarray) -> np.ndarray:
    """Return which parts make up the digit: the main one and its neighbours, the farther the heavier they are.

    So the free bar of a 5 is kept and a speck isn't. Other digits, wherever they lie, are kept too: several digits are
    to be seen as several, not as the most prominent one.
    """
    joined = np.arange(len(parts.mass)) == parts.main
    share = parts.mass / parts.mass[parts.main]
    others = np.flatnonzero((share > 0.005) & (parts.mean > 0.5 * parts.mean[parts.main]) & ~parts.is_cut & ~joined)
    start, end = _corners(boxes[parts.main - 1])
    for number in others[np.argsort(-share[others])]:
        first, last = _corners(boxes[number - 1])
        gap = np.maximum(first - end, start - last).max()
        if is_digit[number] or gap < (end - start).max() * min(0.3, 3 * share[number]):
            joined[number] = True
            start, end = np.minimum(start, first), np.maximum(end, last)
    return joined


def _span(box: tuple[slice, slice]) -> int:
    return max(side.stop - side.start for side in box)


def _corners(box: tuple[slice, slice]) -> np.ndarray:
    return np.array([[side.start for side in box], [side.stop for side in box]])
