"""Corrections by visitors: on disk before anyone is thanked, and pushed to a data set on the Hub in the background."""

import hashlib
import io
import json
import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from huggingface_hub import CommitScheduler
from PIL import Image

from mnist_cnn.preprocessing import NUM_CLASSES

logger = logging.getLogger(__name__)

PUSH_EVERY = 5.0  # minutes
LAST_PUSH = 2.5  # seconds that the last push may take when the server stops, which is killed soon after
MAX_SIDE = 1024  # pixels; a photo is kept no larger

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
# What `datasets` would write, so that it reads the pictures as pictures and the labels as digits; image and label are
# MNIST's own columns.
_FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": [str(digit) for digit in range(NUM_CLASSES)], "_type": "ClassLabel"},
    "drawing": {"_type": "Image"},
    "probabilities": {"feature": {"dtype": "float32", "_type": "Value"}, "length": NUM_CLASSES, "_type": "List"},
    "model": {"dtype": "string", "_type": "Value"},
    "revision": {"dtype": "string", "_type": "Value"},
    "time": {"dtype": "timestamp[ms, tz=UTC]", "_type": "Value"},
}
_SCHEMA = pa.schema(
    [
        ("image", _PICTURE),
        ("label", pa.int64()),
        ("drawing", _PICTURE),
        ("probabilities", pa.list_(pa.float32(), NUM_CLASSES)),
        ("model", pa.string()),
        ("revision", pa.string()),
        ("time", pa.timestamp("ms", tz="UTC")),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


class Feedback:
    """Keeps corrections in a folder, a Parquet file each, as `load_dataset` reads them; it reads the repository too."""

    def __init__(self, folder: Path, repo_id: str | None = None, push_every: float = PUSH_EVERY) -> None:
        """Open the folder, and begin to push what it holds.

        Args:
            folder: is made if it isn't there.
            repo_id: of a data set on the Hub, which is made, private, if it isn't there; None to push nothing.
            push_every: minutes between two pushes, and between two attempts while the Hub can't be reached.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._push_every = push_every
        self._scheduler: CommitScheduler | None = None
        self._closed = threading.Event()
        if repo_id:
            # In a thread of its own: the scheduler begins by making the repository, which can take as long as it likes.
            threading.Thread(target=self._start_pushing, args=[repo_id], daemon=True).start()

    def save(
        self,
        drawing: Image.Image,
        image: np.ndarray,
        label: int,
        probabilities: np.ndarray,
        model: str,
        revision: str | None,
    ) -> Path:
        """Keep a correction; when this returns it is on disk, whole. A second one of the same drawing replaces it.

        Args:
            drawing: what the visitor drew or sent.
            image: what the model saw of it, uint8 array of shape (28, 28, 1).
            label: what it is, 0 to 9.
            probabilities: what the model answered, shape (10,).
            model: whose answer that was.
            revision: and its commit on the Hub, if it is from there.

        Raises:
            OSError: if it can't be written.
        """
        drawing = drawing.copy()
        drawing.thumbnail((MAX_SIDE, MAX_SIDE))
        content = _encode_png(drawing)
        row = {
            "image": {"bytes": _encode_png(Image.fromarray(image[..., 0]))},
            "label": label,
            "drawing": {"bytes": content},
            "probabilities": probabilities.tolist(),
            "model": model,
            "revision": revision,
            "time": datetime.now(UTC),
        }
        path = self.folder / f"{hashlib.sha256(content).hexdigest()[:32]}.parquet"
        file = io.BytesIO()
        pa.parquet.write_table(pa.Table.from_pylist([row], _SCHEMA), file)
        _write_durably(path, file.getvalue())
        return path

    def close(self) -> None:
        """Push what hasn't been pushed yet, if the Hub takes it in time."""
        self._closed.set()
        if self._scheduler:
            try:
                self._scheduler.trigger().result(timeout=LAST_PUSH)
            except (OSError, httpx2.HTTPError, RuntimeError) as error:
                logger.warning("The last corrections are in %s, but not on the Hub yet: %s", self.folder, error)
            self._scheduler.stop()

    def _start_pushing(self, repo_id: str) -> None:
        while not self._closed.is_set():
            try:
                self._scheduler = CommitScheduler(
                    repo_id=repo_id,
                    repo_type="dataset",
                    private=True,
                    folder_path=self.folder,
                    path_in_repo="data",
                    allow_patterns="*.parquet",
                    every=self._push_every,
                )
                return
            except (OSError, httpx2.HTTPError) as error:
                logger.warning("Corrections can't be pushed to %s yet, and are kept: %s", repo_id, error)
                self._closed.wait(self._push_every * 60)


def _encode_png(picture: Image.Image) -> bytes:
    """Encode the pixels alone: no Exif data, which would say where a photo was taken."""
    file = io.BytesIO()
    bare = picture.convert("RGBA") if picture.has_transparency_data else picture
    bare = bare if bare.mode in ("1", "L", "LA", "RGB", "RGBA") else bare.convert("RGB")
    bare.info = {}
    bare.save(file, "PNG")
    return file.getvalue()


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens to the process or the machine."""
    unfinished = path.with_name(f".{path.name}.{threading.get_ident()}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
