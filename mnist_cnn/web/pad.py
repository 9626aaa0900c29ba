"""The drawing pad: a canvas of our own that sends the drawing while the pen still moves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from mnist_cnn.handwriting import sample_strokes
from mnist_cnn.web.theme import build_part

PEN_WIDTH = 0.07  # of the pad's height, at the start
MARGIN = 0.18  # of the pad's height, above and below an example
ADVANCE = 0.52  # of the pad's height, from one digit of a number to the next
# Digits in the hands of several countries, by their names in `handwriting.STYLES`.
EXAMPLES = [
    (0, "slash"),
    (1, "stem"),
    (1, "long upstroke"),
    (2, "loop"),
    (3, "flat top"),
    (4, "open"),
    (4, "closed"),
    (5, "plain"),
    (6, "plain"),
    (7, "crossed"),
    (8, "S and close"),
    (9, "g"),
]
NUMBERS = [[(4, "open"), (2, "loop")], [(3, "smooth"), (0, "closed"), (7, "plain")]]


def build_pad(read_drawing: Callable[[Any], Mapping[str, Any]]) -> gr.HTML:
    """Build the pad.

    Args:
        read_drawing: answers a drawing, a `handlers.Drawing` with black ink on nothing; None for a blank pad. It is
            called while the pen moves, one call of a visitor at a time, and at the end with the finished drawing.

    Returns:
        A component whose value is the last answer, with the drawing as its "url". It fires `change` with every answer,
        `rest` when the drawing hasn't changed for a moment, `settle` when not for a second, and `name` when the right
        digit is typed.
    """
    rng = np.random.default_rng(13)  # a steady hand
    digits = [_build_example(f"a {digit}", [(digit, style)], rng) for digit, style in EXAMPLES]
    numbers = [_build_example("".join(str(digit) for digit, _ in number), number, rng) for number in NUMBERS]
    return build_part("pad", read=read_drawing, pen_width=PEN_WIDTH, examples=digits + numbers)


def _build_example(name: str, number: Sequence[tuple[int, str]], rng: np.random.Generator) -> dict[str, Any]:
    """Build an example: its strokes as an outline that its button shows, in heights of the pad, x from its middle.

    One text instead of many numbers: Gradio copies the page's properties number by number for each visitor.
    """
    scale = 1 - 2 * MARGIN
    strokes = [
        (stroke - 0.5) * scale + ((place - (len(number) - 1) / 2) * ADVANCE, 0.5)
        for place, (digit, style) in enumerate(number)
        for stroke in sample_strokes(digit, rng, style)
    ]
    path = " ".join("M" + " ".join(f"{x:.3f},{y:.3f}" for x, y in stroke) for stroke in strokes)
    width = 0.768 + (len(number) - 1) * ADVANCE
    return {"name": name, "path": path, "left": -width / 2, "width": width, "is_number": len(number) > 1}
