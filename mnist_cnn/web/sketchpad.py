"""Gradio's Sketchpad, with bounds on what browsers leave in it."""

from collections import UserDict
from collections.abc import MutableMapping

import gradio as gr
from gradio.components.base import server
from gradio.components.image_editor import AcceptBlobs, EditorData, EditorDataBlobs
from starlette.exceptions import HTTPException

from mnist_cnn.web.limits import MAX_FILE_MB, MAX_SKETCHES_MB
from mnist_cnn.web.payloads import PictureFile

CANVAS_SIZE = (280, 280)
BRUSH_RADIUS = 10
LAYERS = 1  # that the editor sends, since it is built without layers of its own
MAX_ID_LENGTH = 64  # characters; the editor's ids have about ten
ENTRY_BYTES = 1000  # what an entry takes besides its files, generously


class BlobStore(UserDict[str, EditorDataBlobs]):
    """A dict of drawings in the making; beyond a number of bytes, the ones that changed least recently are dropped.

    Gradio keeps here what a browser sent until it is fetched, and by itself never drops what nobody fetches.
    """

    def __init__(self, max_bytes: int) -> None:
        """Keep at most so many bytes."""
        super().__init__()
        self._max_bytes = max_bytes
        self._sizes: dict[str, int] = {}  # an entry grows in place, so its former size must be remembered
        self._total = 0

    def __setitem__(self, key: str, value: EditorDataBlobs) -> None:
        """Add or replace an entry."""
        if key in self:
            del self[key]  # the dict's order is that of the last changes
        super().__setitem__(key, value)
        files = (value.background, value.composite, *value.layers)
        size = ENTRY_BYTES + sum(len(file) for file in files if file)
        self._sizes[key] = size
        self._total += size
        while self._total > self._max_bytes:
            del self[next(iter(self))]

    def __delitem__(self, key: str) -> None:
        """Drop an entry."""
        super().__delitem__(key)
        self._total -= self._sizes.pop(key)


def build_sketchpad() -> gr.Sketchpad:
    """Build the Sketchpad: one black pen on a canvas of fixed size.

    Browsers load its large library once it is visible, so it isn't until its tab is opened.
    """
    sketchpad = gr.Sketchpad(
        visible=False,
        elem_id="sketchpad",
        label="Sketchpad",
        show_label=False,
        type="pil",
        canvas_size=CANVAS_SIZE,
        fixed_canvas=True,
        brush=gr.Brush(default_size=BRUSH_RADIUS, colors=["#000000"], color_mode="fixed"),
        layers=False,
        transforms=(),
        buttons=[],
    )
    sketchpad.blob_storage = BlobStore(MAX_SKETCHES_MB * 2**20)  # type: ignore[assignment]  # as good as a dict
    accept = sketchpad.accept_blobs

    def accept_blobs(data: AcceptBlobs) -> None:
        check_blobs(data)
        accept(data)

    def preprocess(payload: EditorData | None) -> PictureFile | bytes | None:
        return take_drawing(sketchpad.blob_storage, payload)

    sketchpad.accept_blobs = server(accept_blobs)  # type: ignore[no-untyped-call]
    sketchpad.preprocess = preprocess  # type: ignore[method-assign, assignment]
    return sketchpad


def take_drawing(store: MutableMapping[str, EditorDataBlobs], payload: EditorData | None) -> PictureFile | bytes | None:
    """Return the drawing's file, or the name under which it was uploaded; None if the pad is blank.

    Gradio would decode the background and every layer as well, however many and however large they are.
    """
    if payload is None:
        return None
    if payload.id is not None:
        blobs = store.pop(payload.id, None)
        return blobs.composite if blobs else None
    file = payload.composite
    return {"path": file.path, "url": file.url} if file else None


def check_blobs(data: AcceptBlobs) -> None:
    """Refuse what the editor of this page never sends.

    Gradio makes room for any index of a layer, and keeps a file of any size under any id.

    Raises:
        HTTPException: with status 400 or 413.
    """
    try:
        kind, index, key = data.data["type"], str(data.data["index"]), data.data["id"]
        ((_, file),) = data.files
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HTTPException(400, "This is no part of a drawing: draw on the page.") from error
    if kind not in ("background", "composite", "layer") or index not in ("None", "null", "", *map(str, range(LAYERS))):
        raise HTTPException(400, "This is no part of a drawing on this page: draw on the page.")
    if not isinstance(key, str) or len(key) > MAX_ID_LENGTH:
        raise HTTPException(400, f"The id of a drawing is a text of at most {MAX_ID_LENGTH} characters.")
    if len(file) > MAX_FILE_MB * 2**20:
        raise HTTPException(413, f"The drawing is too large: send at most {MAX_FILE_MB} MB.")
