"""Propose what may be a digit in a picture, by rules. They find; only the network and the vote choose.

A drawing of one colour on transparency, or in one piece on plain paper, is one proposal. Any other picture is searched:
first the whole, at two low resolutions, for places where something lies on the paper, in three planes (what is darker,
what is lighter, what has another hue). Then each place is looked at closely, always at the same size: at two
thresholds, and with long straight lines left in and taken out. A sheet or a square in the picture is searched like a
picture of its own.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.images.drawings import THICKEST, find_drawing
from mnist_cnn.images.loading import flatten
from mnist_cnn.images.planes import (
    EIGHT_NEIGHBOURS,
    Components,
    Plane,
    find_components,
    find_lines,
    find_planes,
    measure_stroke,
    otsu,
)
from mnist_cnn.images.pyramid import Area, Pyramid
from mnist_cnn.images.segments import Evidence, Segment

# At most so many segments, whatever the picture, and places that are looked at; a place has one to four segments.
MAX_SEGMENTS = 64
_MAX_PLACES = 22
_SAME_PLACE = 0.75  # boxes that share so much of their area are of the same

# Pixels of the longer side: of a picture in which places are searched, and of a place that is looked at. A digit that
# spans a thirtieth of the picture still has eight pixels in the first; in the second, the normalized image's pixels
# have four each.
_SEARCH_SIDE, _LOOK_SPAN = 256.0, 80
# A picture whose longer side has so many pixels is searched at twice the first, too: it may hold a smaller digit.
_LARGE = 1500
_MARGIN = 0.5  # what is looked at around a place, as a share of its span
# Strokes are narrower than these shares of the picture's longer side, and of the place's span.
_WIDEST_SEARCHED, _WIDEST_LOOKED = 0.2, 0.5
# Lines are longer than these shares of the picture's side, and of the view's.
_SEARCHED_LINE, _LOOKED_LINE = 0.5, 0.7

# A sheet or a square takes at least the first share of the picture's longer side and fills its box by the second.
_MIN_SHEET, _MIN_SHEET_FILL = 0.12, 0.5

# Ink is scaled from 0 to 255 between these shares of the pen's contrast. Halfway lies about where the edge of the
# stroke is, so that blur makes a stroke neither wider nor narrower.
INK_STARTS, INK_IS_FULL = 0.2, 0.85


class _Place(NamedTuple):
    """Where something lies on the paper.

    Attributes:
        picture: that it lies in.
        region: of the picture, that was searched.
        box: of the place, in the picture's pixels.
        plane: in which it was found.
        share: of the plane's contrast.
    """

    picture: Pyramid
    region: Area
    box: Area
    plane: str
    share: float


def propose(image: Image.Image) -> list[Segment]:
    """Return what may be a digit in a picture.

    Args:
        image: of any size and mode, with dark ink on light paper or light ink on dark; may be transparent.

    Returns:
        1 to `MAX_SEGMENTS` segments; only one if nothing else can be meant.

    Raises:
        EmptyPictureError: if there is no ink.
    """
    pictures, is_drawing = flatten(image)
    segments = find_drawing(pictures[0], is_drawing) if len(pictures) == 1 else []
    if not segments:
        places = _take_turns([queue for picture in map(Pyramid, pictures) for queue in _find_queues(picture)])
        segments = list(chain.from_iterable(map(_look, places)))[:MAX_SEGMENTS]
    if not segments:
        raise EmptyPictureError
    return segments


def _find_queues(picture: Pyramid) -> list[list[_Place]]:
    """Return the places in each plane of a picture; if there are any, the first is the picture itself.

    It may be cropped so closely that the strokes are too wide for those of a search.
    """
    queues = list(_search(picture))
    whole = [[_Place(picture, picture.area, picture.area, name, 1)] for name in ("dark", "light")]
    return [*whole, *queues] if any(queues) else []


def _search(picture: Pyramid) -> Iterator[list[_Place]]:
    """Yield the places in each plane of a picture, and in each plane of a sheet in it."""
    searches = [(region, _SEARCH_SIDE) for region in (*_find_sheet(picture), picture.area)]
    searches.append((picture.area, _SEARCH_SIDE / 3))
    if max(picture.size) >= _LARGE:
        searches.append((picture.area, 2 * _SEARCH_SIDE))
    for region, side in searches:
        small = _resize(picture, region, side)
        widest = _WIDEST_SEARCHED * min(max(small.size), _SEARCH_SIDE)
        for plane in find_planes(small, widest, ("dark", "light", "colour")):
            scale = (region[2] - region[0]) / small.width, (region[3] - region[1]) / small.height
            origin = np.array(region[:2] * 2)
            yield [
                _Place(picture, region, tuple(origin + box * (scale * 2)), plane.name, share)
                for box, share in _find_places(plane)
            ]


def _take_turns(queues: list[list[_Place]]) -> list[_Place]:
    """Return a place of each queue in turn, so that none crowds out the others; of the same place, only the first."""
    kept: list[_Place] = []
    for place in (place for turn in zip_longest(*queues) for place in turn if place):
        others = (other for other in kept if other.plane == place.plane and _covers(other, place))
        if len(kept) < _MAX_PLACES and all(_overlap(place.box, other.box) < _SAME_PLACE for other in others):
            kept.append(place)
    return kept


def _covers(one: _Place, other: _Place) -> bool:
    """Return whether the region in which a place was found has the other place in it, too."""
    (left, top, right, bottom), box = one.region, other.box
    return one.picture is other.picture and left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom


def _resize(picture: Pyramid, region: Area, side: float) -> Image.Image:
    """Return a region of a picture, its longer side `side` pixels long, or half that if it has fewer than that."""
    width, height = region[2] - region[0], region[3] - region[1]
    span = max(width, height)
    scale = min(side, max(span, side / 2)) / span
    return picture.view(region, (max(1, round(width * scale)), max(1, round(height * scale))))


def _find_sheet(picture: Pyramid) -> list[Area]:
    """Return the largest light or dark region in a picture that is full like a sheet or a square, if there is one."""
    small = _resize(picture, picture.area, _SEARCH_SIDE / 2).convert("L")
    grey = np.asarray(small)
    scale = picture.size[0] / small.width, picture.size[1] / small.height
    found: list[tuple[float, Area]] = []
    for mask in (grey > (threshold := otsu(grey)), grey <= threshold):
        labels, _ = ndimage.label(mask)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
            region = labels[rows, columns]
            if min(region.shape) < _MIN_SHEET * max(small.size) or region.size > 0.97 * grey.size:
                continue
            area = float(ndimage.binary_fill_holes(region == number).sum())
            if area < _MIN_SHEET_FILL * region.size:
                continue
            inset = 1 + 0.02 * max(region.shape)  # an outline, or the blur of the sheet's edge
            box = columns.start + inset, rows.start + inset, columns.stop - inset, rows.stop - inset
            found.append((area, tuple(np.multiply(box, scale * 2))))
    return [max(found)[1]] if found else []


def _find_places(plane: Plane) -> list[tuple[np.ndarray, float]]:
    """Return the boxes of what may be a digit in a plane, with their share of the contrast; the heaviest first."""
    lines = find_lines(plane.contrast, plane.threshold, _SEARCHED_LINE)
    total = float(plane.contrast.clip(0).sum())
    found: list[tuple[float, float, np.ndarray]] = []
    for contrast in (plane.contrast, np.where(lines, 0, plane.contrast)) if lines.any() else (plane.contrast,):
        above = contrast[contrast > plane.threshold]
        if not above.size:
            continue
        for threshold in (plane.threshold, otsu(above)):
            components = find_components(contrast, threshold)
            # The heaviest is likeliest. What the edge cuts, such as a table, may be much heavier than the digit.
            scores = components.mass * np.where(components.is_cut, 0.3, 1)
            best = [number for number in np.argsort(-scores)[:12] if _may_be_ink(components, number)][:4]
            for numbers in chain.from_iterable(([number], _join(components, number)) for number in best):
                corners = components.boxes[numbers]
                box = np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])
                found.append((scores[numbers].sum(), components.mass[numbers].sum() / total, box))
    kept: list[tuple[np.ndarray, float]] = []
    for _, share, box in sorted(found, key=lambda place: -place[0]):
        if all(_overlap(box, other) < _SAME_PLACE for other, _ in kept):
            kept.append((box, share))
    return kept[:8]


def _may_be_ink(components: Components, number: int) -> bool:
    """Return whether a component is large enough for a digit, and not too thick for strokes."""
    left, top, right, bottom = components.boxes[number]
    span = max(right - left, bottom - top)
    if span < max(components.labels.shape) / 32:
        return False
    return measure_stroke(components.labels[top:bottom, left:right] == number) <= THICKEST * float(span)


def _join(components: Components, main: int) -> list[int]:
    """Return a component and its neighbours, heavy ones from farther away, such as the separate bar of a 5."""
    joined = [main]
    share = components.mass / components.mass[main]
    is_dark = components.mean > 0.4 * components.mean[main]
    start, end = components.boxes[main, :2], components.boxes[main, 2:]
    others = np.flatnonzero((share > 0.01) & is_dark & ~components.is_cut)
    for number in others[np.argsort(-share[others])][:40]:
        first, last = components.boxes[number, :2], components.boxes[number, 2:]
        gap = np.maximum(first - end, start - last).max()
        if number != main and gap < (end - start).max() * min(0.3, 3 * share[number]):
            joined.append(int(number))
            start, end = np.minimum(start, first), np.maximum(end, last)
    return joined


def _overlap(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float:
    """Return the share of the area of two boxes that both have, 0 to 1."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(both / (sum(areas) - both))


class _View(NamedTuple):
    """A place and its surroundings, as they are looked at.

    Attributes:
        place: in the picture.
        frame: what is looked at, in the picture's pixels.
        scale: pixels of the view for each of the picture, to the right and down.
        plane: of the view.
        inner: the place within the view.
    """

    place: _Place
    frame: Area
    scale: tuple[float, float]
    plane: Plane
    inner: tuple[slice, slice]


def _view(place: _Place) -> _View | None:
    """Look at a place closely; return None if it shows nothing from near."""
    left, top, right, bottom = place.box
    region, margin = place.region, _MARGIN * max(right - left, bottom - top)
    frame = (
        max(region[0], left - margin),
        max(region[1], top - margin),
        min(region[2], right + margin),
        min(region[3], bottom + margin),
    )
    zoom = _LOOK_SPAN / max(right - left, bottom - top)
    size = max(8, round((frame[2] - frame[0]) * zoom)), max(8, round((frame[3] - frame[1]) * zoom))
    image = place.picture.view(frame, size)
    planes = find_planes(image, _WIDEST_LOOKED * _LOOK_SPAN, (place.plane,))
    if not planes:
        return None
    scale = size[0] / (frame[2] - frame[0]), size[1] / (frame[3] - frame[1])
    spare = _LOOK_SPAN // 20  # from afar, the box isn't known better
    columns, rows = (
        slice(max(0, round((start - origin) * unit) - spare), round((end - origin) * unit) + spare)
        for start, end, origin, unit in zip(place.box[:2], place.box[2:], frame[:2], scale, strict=True)
    )
    return _View(place, frame, scale, planes[0], (rows, columns))


def _look(place: _Place) -> Iterator[Segment]:
    """Yield the segments that are seen at a place, each of them once."""
    view = _view(place)
    if view is None:
        return
    contrast, threshold = view.plane.contrast, view.plane.threshold
    inside = contrast[view.inner]
    above = inside[inside > threshold]
    if not above.size:
        return
    middle = otsu(above)
    lines = find_lines(contrast, middle, _LOOKED_LINE)
    # The second look keeps strokes that are paler than others.
    looks = [(contrast, middle), (contrast, max(threshold, otsu(inside)))]
    if lines.any():
        looks.append((np.where(lines, 0, contrast), middle))
    seen: list[np.ndarray] = []
    for number, (looked, level) in enumerate(looks):
        for chosen, is_cropped in _choose(looked, level, view.inner, crop=number == 0):
            if all(np.count_nonzero(chosen ^ other) >= 0.04 * np.count_nonzero(chosen) for other in seen):
                seen.append(chosen)
                share = float(contrast[lines].sum() / contrast.clip(0).sum()) if number == 2 else 0.0
                flags = {"lines": share, "lines_out": number == 2, "low": number == 1, "cropped": is_cropped}
                yield _cut_out(view, looked, level, chosen, flags)


def _choose(
    contrast: np.ndarray, level: float, inner: tuple[slice, slice], *, crop: bool
) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield masks of what is above a level: the components that lie in the place, and all that can be seen in it.

    Args:
        contrast: of the view.
        level: the contrast of ink.
        inner: the place in the view.
        crop: whether to yield the second as well, if it is more than the first.
    """
    labels, _, mass, _, _ = find_components(contrast, level)
    inside = np.bincount(labels[inner].ravel(), contrast[inner].ravel(), len(mass))
    inside[0] = 0
    belongs = (inside > 0.6 * mass) & (mass > 0.004 * mass.max())
    if belongs.any():
        yield belongs[labels], False
    if crop and inside[~belongs].sum() > 0.1 * inside.sum():
        cropped = np.zeros(contrast.shape, bool)
        cropped[inner] = labels[inner] > 0
        yield cropped, True


def _cut_out(view: _View, contrast: np.ndarray, level: float, chosen: np.ndarray, flags: dict[str, float]) -> Segment:
    """Return the chosen pixels of a view as a segment."""
    rows, columns = (np.flatnonzero(chosen.any(axis=axis))[[0, -1]] + (0, 1) for axis in (1, 0))
    values = contrast[chosen]
    pen = float(np.percentile(values, 80))  # only the middle of the strokes shows it
    wide = np.s_[max(rows[0] - 1, 0) : rows[1] + 1, max(columns[0] - 1, 0) : columns[1] + 1]  # keeps the soft edges
    near, mask = contrast[wide], ndimage.maximum_filter(chosen[wide].view(np.uint8), 3)
    ink = np.clip((near / pen - INK_STARTS) / (INK_IS_FULL - INK_STARTS), 0, 1) * mask

    inner = np.s_[rows[0] : rows[1], columns[0] : columns[1]]
    others = np.where((view.plane.contrast > level) & ~chosen, view.plane.contrast, 0)
    own, left_inside = float(values.sum()), float(others[inner].sum())
    span, stroke = max(np.ptp(rows), np.ptp(columns)), measure_stroke(chosen[inner])
    outline = 2 * values.size / stroke
    change = np.abs(np.diff(near, axis=0)).sum() + np.abs(np.diff(near, axis=1)).sum()
    corners = np.array([columns[0], rows[0], columns[1], rows[1]])
    box = corners / np.array(view.scale * 2) + np.array(view.frame[:2] * 2)
    picture = view.place.picture
    spare = 0.01 * max(picture.size)
    evidence = Evidence(
        share=view.place.share,
        left_inside=min(left_inside / own, 3),
        left_around=min((float(others.sum()) - left_inside) / own, 3),
        pen=pen,
        unevenness=float(values[values > pen / 2].std() / pen),
        stroke=stroke / span,
        softness=change / (outline * pen),
        span=float(np.log(max(box[2] - box[0], box[3] - box[1]) / max(picture.size))),
        aspect=float(np.log(np.ptp(columns) / np.ptp(rows))),
        edges=int((box[:2] < spare).sum() + (box[2:] > np.subtract(picture.size, spare)).sum()),
        cuts=int((corners[:2] == 0).sum() + (corners[2:] == chosen.shape[::-1]).sum()),
        pieces=min(ndimage.label(chosen[inner], EIGHT_NEIGHBOURS)[1], 8) / 4,
        noise=min(view.plane.noise / pen, 1),
        light=view.place.plane == "light",
        colour=view.place.plane == "colour",
        sheet=view.place.region != picture.area,
        **flags,
    )
    (left, top), (right, bottom) = np.floor(box[:2]), np.ceil(box[2:])
    return Segment(np.round(ink * 255).astype(np.uint8), (int(left), int(top), int(right), int(bottom)), evidence)
