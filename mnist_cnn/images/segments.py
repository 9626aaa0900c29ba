"""A segment: what may be a digit, where it is, and what speaks for it."""

from typing import NamedTuple

import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels; right and bottom lie just outside


class Evidence(NamedTuple):
    """What speaks for or against a segment, besides the network; nothing has a unit.

    Attributes:
        share: of all contrast in the picture's plane that lies in the place.
        pen: contrast of the pen.
        left_inside: contrast in the segment's box that isn't the segment's, relative to its own.
        left_around: contrast around the box, likewise.
        unevenness: relative deviation of the contrast within the strokes.
        stroke: their width, relative to the span.
        softness: how much of the contrast's change lies on the outline.
        span: logarithm of the share of the picture's longer side.
        aspect: logarithm of width over height.
        edges: of the picture, that it touches.
        cuts: edges of what was looked at, that it touches.
        pieces: number of components, in quarters.
        noise: relative to the pen's contrast.
        lines: share of the contrast that was taken out as lines.
        lines_out: 1 if lines were taken out.
        low: 1 if the threshold is the lower one.
        cropped: 1 if it is all that lies in the place, cut off where it goes beyond.
        light: 1 if it is lighter than the paper.
        colour: 1 if it has another hue than the paper.
        sheet: 1 if it lies on a sheet in the picture.
    """

    share: float
    pen: float
    left_inside: float
    left_around: float
    unevenness: float
    stroke: float
    softness: float
    span: float
    aspect: float
    edges: float
    cuts: float
    pieces: float
    noise: float
    lines: float
    lines_out: float
    low: float
    cropped: float
    light: float
    colour: float
    sheet: float


class Segment(NamedTuple):
    """The ink of what may be a digit, and where it is.

    Attributes:
        ink: uint8 array of shape (height, width), at any resolution; 0 is paper, 255 is ink.
        box: the ink's place in the image, in the image's pixels.
        evidence: for and against it; None if there is nothing else in the picture.
    """

    ink: np.ndarray
    box: Box
    evidence: Evidence | None
