"""The drawing pad: a canvas of our own that sends the drawing while the pen still moves."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
import numpy as np

from mnist_cnn.handwriting import sample_strokes
from mnist_cnn.web.theme import load_static

PEN_WIDTH = 0.07  # of the pad's side, at the start
MARGIN = 0.18  # of the pad's side, around an example
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


def build_pad(read_drawing: Callable[[str | None], Mapping[str, Any]]) -> gr.HTML:
    """Build the pad.

    Args:
        read_drawing: answers a drawing, given as the data URL of a PNG file with black ink on nothing; None for a blank
            pad. It is called while the pen moves, one call of a visitor at a time, and at the end with the finished
            drawing.

    Returns:
        A component whose value is the last answer, with the drawing as its "url". It fires `change` with every answer,
        and `rest` when the drawing hasn't changed for a moment.
    """

    def read(url: str | None) -> Mapping[str, Any]:  # a function, since Gradio can't mark a method as public
        return read_drawing(url)

    rng = np.random.default_rng(13)  # a steady hand
    return gr.HTML(
        elem_id="pad",
        html_template=load_static("pad.html"),
        css_template=load_static("pad.css"),
        js_on_load=load_static("pad.js"),
        apply_default_css=False,
        server_functions=[read],
        pen_width=PEN_WIDTH,
        examples=[_build_example(digit, style, rng) for digit, style in EXAMPLES],
    )


def _build_example(digit: int, style: str, rng: np.random.Generator) -> dict[str, Any]:
    """Build an example: its strokes on the pad, as an outline that its button shows.

    One text instead of many numbers: Gradio copies the page's properties number by number for each visitor.
    """
    strokes = (MARGIN + stroke * (1 - 2 * MARGIN) for stroke in sample_strokes(digit, rng, style))
    path = " ".join("M" + " ".join(f"{x:.3f},{y:.3f}" for x, y in stroke) for stroke in strokes)
    return {"digit": digit, "path": path}
