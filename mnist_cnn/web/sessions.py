"""What Gradio keeps for each visitor's session: as little as it can."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from starlette.exceptions import HTTPException

MAX_NAME_LENGTH = 64  # characters; Gradio's clients send 11 to 36


class Session(SessionState):
    """A session without copies of its components, and of what was sent and answered, which only deep links need."""

    def __init__(self, blocks: gr.Blocks) -> None:
        """Begin a session of a page."""
        super().__init__(blocks)
        self.config_values.clear()

    def _update_value_in_config(self, key: int, value: Any) -> None:  # noqa: ANN401
        pass


class SessionHolder(StateHolder):
    """Holds the sessions, under names that aren't long."""

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session, a new one if there is none of that name.

        Raises:
            HTTPException: if the name is too long.
        """
        if len(session_id) > MAX_NAME_LENGTH:
            raise HTTPException(400, f"The name of a session has at most {MAX_NAME_LENGTH} characters.")
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


def hold_sessions(app: App, page: gr.Blocks) -> None:
    """Let an app keep little of the sessions of its page."""
    app.state_holder = SessionHolder()  # type: ignore[no-untyped-call]
    app.state_holder.set_blocks(page)


def share_configurations(page: gr.Blocks) -> None:
    """Let the sessions of a finished page share the configurations of its components.

    Gradio needs them per session for deep links only. It builds them anew for every session, and for every request over
    HTTP that names none, which takes longer than to read a picture.
    """
    for block in page.blocks.values():
        # A copy each time, because Gradio notes values in it.
        block.get_config = partial(dict, block.get_config())  # type: ignore[method-assign]
