"""Pictures as Gradio's clients send them."""

import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import gradio as gr
from gradio.utils import get_upload_folder
from gradio_client.utils import is_http_url_like

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.web.exchange import AnswerError
from mnist_cnn.web.limits import MAX_FILE_MB


class PictureFile(TypedDict, total=False):
    """A picture in a request: the path of an uploaded file, or a data URL as `url`."""

    path: str | None
    url: str | None
    meta: dict[str, str]


def load_content(picture: PictureFile | None) -> bytes:
    """Return the content of a picture's file.

    Raises:
        UnreadablePictureError: if it is neither an uploaded file nor a data URL, or is too large.
    """
    fields: dict[str, Any] = dict(picture) if isinstance(picture, dict) else {}
    path, url = fields.get("path"), fields.get("url")
    content = None
    if isinstance(path, str) and path:
        content = _load_upload(path)
    elif isinstance(url, str) and url.startswith("data:image/"):
        content = _decode_data_url(url)
    if content is None:
        message = "This request holds no picture: upload a file and send its path, or send a data URL."
        raise UnreadablePictureError(message)
    if len(content) > MAX_FILE_MB * 2**20:
        raise UnreadablePictureError(f"The picture is too large: send a file of at most {MAX_FILE_MB} MB.")
    return content


def refuse_addresses(page: gr.Blocks) -> None:
    """Let no component of a page fetch a file from an address that a request names.

    Gradio would fetch it before any handler is called, however large it is and however long it takes.
    """
    for block in page.blocks.values():
        block.async_move_resource_to_block_cache = partial(  # type: ignore[method-assign]
            _move_to_cache, block.async_move_resource_to_block_cache
        )


async def _move_to_cache(move: Callable[[Any], Awaitable[str | None]], path: Any) -> str | None:  # noqa: ANN401
    """Do what Gradio does with the path of a file in a request or an answer, unless it is an address."""
    if isinstance(path, str) and is_http_url_like(path):
        message = "Pictures are not fetched from addresses: upload the file and send its path, or send a data URL."
        raise AnswerError(message)
    return await move(path)


def _load_upload(path: str) -> bytes | None:
    """Return the content of an uploaded file, None if the path names no such file.

    Gradio checks only paths that carry its own mark, so a request could name any file of the server.
    """
    with suppress(OSError, ValueError):  # the name is too long or holds a null character, or the file was just deleted
        file = Path(path).resolve()
        if file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file():
            return file.read_bytes()
    return None


def _decode_data_url(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except ValueError as error:
        raise UnreadablePictureError("This data URL is damaged or incomplete: send it again.") from error
