"""Pictures as Gradio's clients send them."""

import base64
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from gradio.utils import get_upload_folder

from mnist_cnn.errors import UnreadablePictureError
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
