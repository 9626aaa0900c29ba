"""The components' configurations, which Gradio keeps for each visitor's session."""

from functools import partial

import gradio as gr


def share_configurations(page: gr.Blocks) -> None:
    """Let the sessions of a finished page share the configurations of its components.

    Gradio needs them per session for deep links only. It builds them anew for every session, and for every request over
    HTTP that names none, which takes longer than to read a picture.
    """
    for block in page.blocks.values():
        # A copy each time, because Gradio notes values in it.
        block.get_config = partial(dict, block.get_config())  # type: ignore[method-assign]
