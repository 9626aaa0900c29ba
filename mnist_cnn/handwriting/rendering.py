"""Turns pen strokes into pixels, as a drawing program does."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw


def draw(strokes: Sequence[np.ndarray], rng: np.random.Generator, size: int = 112) -> Image.Image:
    """Return the strokes drawn with a pen of random width, from very thin to very thick.

    Args:
        strokes: as for `render`.
        rng: source of the pen width.
        size: width and height of the canvas in pixels.

    Returns:
        As `render` does.
    """
    steps = np.concatenate([np.diff(stroke, axis=0) for stroke in strokes])
    box = np.maximum(np.ptp(np.concatenate(strokes), axis=0), 0.25)
    # A pen that covers more than this share of the box would close the loops.
    thickest = 0.6 * box.prod() / np.hypot(*steps.T).sum()
    return render(strokes, size, size * min(thickest, np.exp(rng.uniform(np.log(0.015), np.log(0.16)))))


def render(strokes: Sequence[np.ndarray], size: int, pen_width: float) -> Image.Image:
    """Return the strokes drawn with a round pen: black and antialiased on a transparent canvas.

    Args:
        strokes: one array of shape (points, 2) per stroke, x to the right and y down. The unit square fits on the
            canvas including the width of the pen.
        size: width and height of the canvas in pixels.
        pen_width: in pixels.

    Returns:
        An RGBA image of shape (size, size).
    """
    scale = 4  # supersampling per axis, for 17 levels of antialiasing
    ink = Image.new("L", (size * scale, size * scale))
    pen = ImageDraw.Draw(ink)
    nib = max(2, round(pen_width * scale))
    margin = 2 * scale  # keeps antialiased edges off the border
    for stroke in strokes:
        corners = np.round(margin + stroke * (size * scale - 2 * margin - nib)).tolist()
        pen.line([(x + (nib - 1) // 2, y + (nib - 1) // 2) for x, y in corners], fill=255, width=nib)
        for x, y in corners:
            pen.ellipse((x, y, x + nib - 1, y + nib - 1), fill=255)  # Pillow includes the last pixel
    canvas = Image.new("RGBA", (size, size))
    canvas.putalpha(ink.reduce(scale))
    return canvas
