"""From the picture in a request to its reading, for the page and for programs alike; the log gets a line for each."""

import base64
import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
from gradio.utils import get_upload_folder

from mnist_cnn.inference import BATCH_SIZES, Classifier
from mnist_cnn.limits import MAX_FILE_MB
from mnist_cnn.preprocessing import EmptyPictureError, UnreadablePictureError, load_picture, to_mnist

logger = logging.getLogger(__name__)

PICTURE_ERRORS = (EmptyPictureError, UnreadablePictureError)


class PictureFile(TypedDict, total=False):
    """A picture as Gradio's clients send it: the path of an uploaded file, or a data URL as `url`."""

    path: str | None
    url: str | None
    meta: dict[str, str]


class Reading(NamedTuple):
    """What was read.

    Attributes:
        image: what the network saw, uint8 array of shape (28, 28, 1).
        probabilities: float32 array of shape (10,).
    """

    image: np.ndarray
    probabilities: np.ndarray


class Reader:
    """Reads the pictures of many visitors at once: those that wait for the network go through it together."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._waiting: queue.SimpleQueue[tuple[np.ndarray, Future[np.ndarray]]] = queue.SimpleQueue()
        self._network = threading.Lock()

    def read(self, picture: PictureFile | None, source: str) -> Reading:
        """Read one picture.

        Args:
            picture: as a client sent it.
            source: which part of the page or which endpoint it came through, for the log.

        Raises:
            UnreadablePictureError: if it is no picture.
            EmptyPictureError: if there is no ink in it.
        """
        (reading,) = self.read_batch([picture], source)
        if isinstance(reading, Exception):
            raise reading
        return reading

    def read_batch(self, pictures: Sequence[PictureFile | None], source: str) -> list[Reading | ValueError]:
        """Read pictures; what can't be read has its error, as `read` would raise it, in the place of its reading."""
        prepared = [_prepare(picture) for picture in pictures]
        futures = {}
        for place, (image, _) in enumerate(prepared):
            if not isinstance(image, Exception):
                futures[place] = self._enqueue(image)
        readings: list[Reading | ValueError] = []
        for place, (image, about) in enumerate(prepared):
            started = time.perf_counter()
            if isinstance(image, Exception):
                reading: Reading | ValueError = image
                about["error"] = str(image)
            else:
                reading = Reading(image, self._result(futures[place]))
                digit = int(reading.probabilities.argmax())
                about |= {"digit": digit, "confidence": round(float(reading.probabilities[digit]), 4)}
            about["ms"] = round(about["ms"] + (time.perf_counter() - started) * 1e3, 2)
            logger.info("read", extra={"fields": {"source": source, **about}})
            readings.append(reading)
        return readings

    def _enqueue(self, image: np.ndarray) -> Future[np.ndarray]:
        future: Future[np.ndarray] = Future()
        self._waiting.put((image, future))
        return future

    def _result(self, future: Future[np.ndarray]) -> np.ndarray:
        """Return the probabilities of an image in the queue.

        Whoever finds the network free takes all that waits through it; who comes meanwhile waits for the next pass.
        """
        while not future.done():
            with self._network:
                batch: list[tuple[np.ndarray, Future[np.ndarray]]] = []
                while len(batch) < BATCH_SIZES[-1] and not self._waiting.empty():
                    batch.append(self._waiting.get())
                if batch:
                    self._read_prepared(batch)
        return future.result()

    def _read_prepared(self, batch: list[tuple[np.ndarray, Future[np.ndarray]]]) -> None:
        try:
            rows = self.classifier.read(np.stack([image for image, _ in batch]))
        except BaseException as error:  # of the network: each of them is told
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), row in zip(batch, rows, strict=True):
                future.set_result(row)


def picture_bytes(picture: PictureFile | None) -> bytes:
    """The content of a picture that a client sent.

    Raises:
        UnreadablePictureError: if it is neither an uploaded file nor a data URL, or is too large.
    """
    fields: dict[str, Any] = dict(picture) if isinstance(picture, dict) else {}
    path, url = fields.get("path"), fields.get("url")
    content = None
    if isinstance(path, str) and path:
        with suppress(OSError, ValueError):  # too long a name, one with a null character, or just deleted
            # Gradio checks only paths that carry its own mark, so that a request could name any file of the server.
            file = Path(path).resolve()
            if file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file():
                content = file.read_bytes()
    elif isinstance(url, str) and url.startswith("data:image/"):
        try:
            content = base64.b64decode(url.partition(",")[2], validate=True)
        except ValueError as error:
            raise UnreadablePictureError("This data URL is damaged or incomplete: send it again.") from error
    if content is None:
        message = "This request holds no picture: upload a file and send its path, or send a data URL."
        raise UnreadablePictureError(message)
    if len(content) > MAX_FILE_MB * 2**20:
        raise UnreadablePictureError(f"The picture is too large: send a file of at most {MAX_FILE_MB} MB.")
    return content


def _prepare(picture: PictureFile | None) -> tuple[np.ndarray | ValueError, dict[str, Any]]:
    """Return the image for the network, or why there is none, and what the log says of the picture."""
    started = time.perf_counter()
    about: dict[str, Any] = {}
    try:
        content = picture_bytes(picture)
        about["bytes"] = len(content)
        loaded = load_picture(content)
        about["size"] = loaded.size
        image: np.ndarray | ValueError = to_mnist(loaded)
    except PICTURE_ERRORS as error:
        image = error
    about["ms"] = (time.perf_counter() - started) * 1e3
    return image, about
