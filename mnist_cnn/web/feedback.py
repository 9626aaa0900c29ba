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
import pyarrow as pa
import pyarrow.parquet
from huggingface_hub import CommitScheduler
from PIL import Image

from mnist_cnn.inference import NUM_CLASSES, Reading
from mnist_cnn.web.pictures import encode_drawing

logger = logging.getLogger(__name__)

PUSH_EVERY = 5.0  # minutes
LAST_PUSH = 2.5  # seconds for the last push when the server stops, which is killed soon after

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
# What `datasets` itself would write, so that it loads the pictures as pictures and the labels as digits. The columns
# image and label are MNIST's own.
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
    """Keeps corrections in a folder, each in a Parquet file that `load_dataset` reads, and pushes them to the Hub."""

    def __init__(self, folder: Path, repo_id: str | None = None, push_every: float = PUSH_EVERY) -> None:
        """Open the folder, and begin to push what it holds.

        Args:
            folder: created if it doesn't exist.
            repo_id: of a data set on the Hub, created as a private one if it doesn't exist; None to push nothing.
            push_every: minutes between two pushes, and between two attempts while the Hub can't be reached.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._push_every = push_every
        self._scheduler: CommitScheduler | None = None
        self._closed = threading.Event()
        if repo_id:
            # In a thread of its own: the scheduler begins by creating the repo, and nothing bounds the time it takes.
            threading.Thread(target=self._start_pushing, args=[repo_id], daemon=True).start()

    def save(self, drawing: bytes, reading: Reading, label: int, model: str, revision: str | None) -> Path:
        """Keep a correction. When this returns, it is on disk, whole. A second one of the same drawing replaces it.

        Args:
            drawing: the visitor's picture, a PNG file.
            reading: what was read in it and shown.
            label: what it is, 0 to 9.
            model: the name of the model that read it.
            revision: the model's commit on the Hub, None if it isn't from there.

        Raises:
            OSError: if it can't be written.
        """
        row = {
            "image": {"bytes": encode_drawing(Image.fromarray(reading.image[..., 0]))},
            "label": label,
            "drawing": {"bytes": drawing},
            "probabilities": reading.probabilities.tolist(),
            "model": model,
            "revision": revision,
            "time": datetime.now(UTC),
        }
        path = self.folder / f"{hashlib.sha256(drawing).hexdigest()[:32]}.parquet"
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
