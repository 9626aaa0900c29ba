"""Many visitors' pictures through the network together, with a line in the log for each."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple

from PIL import Image

from mnist_cnn.errors import PictureError, UnreadablePictureError
from mnist_cnn.inference import BATCH_SIZE, Classifier, Prepared, Reading, count_pixels, load_image, prepare
from mnist_cnn.web.exchange import CLIENT_GONE, AnswerError, is_abandoned, set_error_status
from mnist_cnn.web.limits import MAX_BATCH_MEGAPIXELS, MAX_BATCH_SECONDS
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.payloads import PictureFile, load_content
from mnist_cnn.web.turns import Turns

logger = logging.getLogger(__name__)


class Answered(NamedTuple):
    """A reading and where it came from.

    Attributes:
        reading: what was read.
        image: the picture that it was read from, decoded and upright.
        classifier: the model that read it.
    """

    reading: Reading
    image: Image.Image
    classifier: Classifier


class _Result(NamedTuple):
    reading: Reading
    classifier: Classifier


class ReadingQueue:
    """Reads the pictures of many visitors at once: those that wait for the network go through it in batches."""

    def __init__(self, models: ModelHolder) -> None:
        """Read with whichever model the holder has at the time."""
        self._models = models
        self._waiting: queue.SimpleQueue[tuple[Prepared, Future[_Result]]] = queue.SimpleQueue()
        self._network = threading.Lock()
        self._turns = Turns()

    def read(self, picture: PictureFile | bytes | None, source: str) -> Answered:
        """Read one picture.

        Args:
            picture: as a client sent it, or the content of its file.
            source: the part of the page or the endpoint that it came through, for the log.

        Raises:
            UnreadablePictureError: if it is not a picture.
            EmptyPictureError: if there is no ink in it.
            BusyError: if it is large, and too many such pictures wait already.
        """
        set_error_status(500)
        line = _LogLine(source)
        try:
            with line.timed():
                image, future = self._submit(picture, line)
                reading, classifier = self._wait(future)
        except PictureError as error:
            line.write(error)
            raise
        line.write(reading)
        return Answered(reading, image, classifier)

    def read_batch(self, pictures: Sequence[PictureFile | None], source: str) -> list[Reading | PictureError]:
        """Read many pictures; an unreadable one has its error, as `read` would raise it, in place of its reading.

        A picture that is named several times is read once. Beyond `MAX_BATCH_MEGAPIXELS` and `MAX_BATCH_SECONDS`, the
        pictures that are left have an error.

        Raises:
            AnswerError: if the client hangs up before the last picture.
        """
        set_error_status(500)
        lines = [_LogLine(source) for _ in pictures]
        batch = _Batch(self._submit)
        jobs = [batch.submit(picture, line) for picture, line in zip(pictures, lines, strict=True)]
        readings: list[Reading | PictureError] = []
        for job, line in zip(jobs, lines, strict=True):
            with line.timed():
                readings.append(job if isinstance(job, PictureError) else self._wait(job).reading)
            line.write(readings[-1])
        return readings

    def _submit(self, picture: PictureFile | bytes | None, line: "_LogLine") -> tuple[Image.Image, Future[_Result]]:
        """Decode a picture, and put what was found in it in the queue."""
        content = picture if isinstance(picture, bytes) else load_content(picture)
        with self._turns.take(count_pixels(content)):
            image = line.load(content)
            future: Future[_Result] = Future()
            self._waiting.put((prepare(image), future))
        return image, future

    def _wait(self, future: Future[_Result]) -> _Result:
        """Return the result of a picture in the queue.

        Whoever finds the network free takes the first `BATCH_SIZE` pictures that wait through it, and goes on until
        the own one is among them.
        """
        while not future.done():
            with self._network:
                batch: list[tuple[Prepared, Future[_Result]]] = []
                while len(batch) < BATCH_SIZE and not self._waiting.empty():
                    batch.append(self._waiting.get())
                if batch:
                    self._run(batch)
        return future.result()

    def _run(self, batch: list[tuple[Prepared, Future[_Result]]]) -> None:
        classifier = self._models.served.classifier
        try:
            readings = classifier.read_prepared([prepared for prepared, _ in batch])
        except BaseException as error:  # noqa: BLE001  whatever it is, everyone in the batch gets it
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), reading in zip(batch, readings, strict=True):
                future.set_result(_Result(reading, classifier))


_Job = Future[_Result] | PictureError


class _Batch:
    """The pictures of one request: each of them is decoded once, and all of them within limits."""

    def __init__(self, submit: Callable[[PictureFile | None, "_LogLine"], tuple[Image.Image, Future[_Result]]]) -> None:
        self._submit = submit
        self._jobs: dict[str, _Job] = {}
        self._pixels = 0
        self._deadline = time.monotonic() + MAX_BATCH_SECONDS

    def submit(self, picture: PictureFile | None, line: "_LogLine") -> _Job:
        """Return the future reading of a picture, or why there is none."""
        if is_abandoned():
            logger.info("A batch was given up, since its client hung up")
            raise AnswerError("Nobody waits for the answer.", CLIENT_GONE)
        name = repr(picture)
        if name not in self._jobs:
            try:
                with line.timed():
                    self._jobs[name] = self._decode(picture, line)
            except PictureError as error:
                # The traceback would keep the decoded picture, for as long as the error is kept.
                error.__cause__ = error.__context__ = None
                self._jobs[name] = error.with_traceback(None)
        return self._jobs[name]

    def _decode(self, picture: PictureFile | None, line: "_LogLine") -> Future[_Result]:
        if self._pixels > MAX_BATCH_MEGAPIXELS * 10**6:
            message = f"The batch is too large: send at most {MAX_BATCH_MEGAPIXELS} megapixels at once."
            raise UnreadablePictureError(message)
        if time.monotonic() > self._deadline:
            message = f"The batch takes longer than {MAX_BATCH_SECONDS} s: send fewer or smaller pictures at once."
            raise UnreadablePictureError(message)
        image, future = self._submit(picture, line)
        self._pixels += image.width * image.height
        return future


class _LogLine:
    """What the log says of one picture: where it came from, how large it was, what was read, and how long it took."""

    def __init__(self, source: str) -> None:
        self._fields: dict[str, Any] = {"source": source}
        self._seconds = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time that the block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds += time.perf_counter() - started

    def load(self, content: bytes) -> Image.Image:
        """Decode a picture's file, and note its size."""
        self._fields["bytes"] = len(content)
        image = load_image(content)
        self._fields["size"] = image.size
        return image

    def write(self, outcome: Reading | PictureError) -> None:
        """Write the line."""
        if isinstance(outcome, PictureError):
            self._fields["error"] = str(outcome)
        else:
            confidence = round(float(outcome.probabilities[outcome.digit]), 4)
            self._fields |= {"digit": outcome.digit, "confidence": confidence}
        logger.info("read", extra={"fields": {**self._fields, "ms": round(1e3 * self._seconds, 2)}})
