"""The field of the Picture tab, and what is pasted into or dropped on the page."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from mnist_cnn.web.limits import MAX_FILE_MB
from mnist_cnn.web.theme import build_part

PICTURE_PROMPT = "Give a picture of a digit or a number"


def build_picture() -> gr.Image:
    """Build the field that shows a picture. It reads none of its files itself: `build_reader` does."""
    return gr.Image(
        elem_id="picture",
        label="A picture of a digit or a number",
        show_label=False,
        interactive=True,
        sources=["upload", "clipboard"],
        placeholder=f"Drop a picture anywhere, paste it,\nor click to choose a file of up to {MAX_FILE_MB} MB.",
        buttons=[],
    )


def build_reader(read_picture: Callable[[Any], Mapping[str, Any]]) -> gr.HTML:
    """Build what takes pictures, wherever on the page they are given, and has them read.

    It shows nothing itself, and stands outside the tabs, since Gradio builds a tab only when it is opened.

    Args:
        read_picture: answers a picture, as a `handlers.PictureFile`. One call of a visitor at a time.

    Returns:
        A component whose value is the last answer, or why there is none, with the picture's address as its "shown". It
        fires `answer` with every one that is to be shown, and `give` when there is another picture.
    """
    value = {"verdict": PICTURE_PROMPT}
    return build_part("reader", value, read_picture, max_file_mb=MAX_FILE_MB, prompt=PICTURE_PROMPT)
