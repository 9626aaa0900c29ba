"""The Camera tab: a film of which a few frames a second are read, and on whose digits the last of them agree."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gradio as gr

from mnist_cnn.web.theme import build_part

CAMERA_PROMPT = "Hold a digit or a number before the camera"
FRAMES = 5  # that have a vote
MAJORITY = 3  # of them


class Vote:
    """What the last few frames show, so that one that is blurred or in shadow changes nothing."""

    def __init__(self, recent: Iterable[str] = ()) -> None:
        """Begin with what was read of earlier frames, the last one last; an empty text where there was no digit."""
        self._texts = deque(recent, maxlen=FRAMES)

    def add(self, text: str) -> None:
        """Take what was read of the next frame."""
        self._texts.append(text)

    @property
    def winner(self) -> str:
        """What most of the frames show, empty if they disagree or most show no digit."""
        text, count = Counter(self._texts).most_common(1)[0] if self._texts else ("", 0)
        return text if count >= MAJORITY else ""


def take_recent(recent: object) -> list[str]:
    """Return what a browser says of its last frames, without anything that can't be one of our answers."""
    texts = recent[-FRAMES:] if isinstance(recent, list) else []
    return [text for text in texts if isinstance(text, str) and len(text) < 1000]


def build_camera(read_frame: Callable[[Any], Mapping[str, Any]]) -> gr.HTML:
    """Build the camera, which stays closed until it is started by a click.

    Args:
        read_frame: answers a `handlers.Frame`. It is called one frame at a time, and never while the film is hidden.

    Returns:
        A component whose value is the last answer on which the frames agree, or why there is none. It fires `answer`
        with every one that is to be shown. A photo goes the way of all pictures, through `upload.build_reader`.
    """
    value = {"verdict": CAMERA_PROMPT}
    return build_part("camera", value, read_frame, frames=True, prompt=CAMERA_PROMPT, votes=FRAMES)
