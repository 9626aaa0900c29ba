"""Many visitors' pictures, decoded and read in turn, with a line in the log for each."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from PIL import Image

from mnist_cnn.errors import PictureError, UnreadablePictureError
from mnist_cnn.inference import (
    Classifier,
    Layout,
    NumberReading,
    Reading,
    Strokes,
    count_pixels,
    load_image,
    prepare,
    propose_layouts,
)
from mnist_cnn.web.exchange import CLIENT_GONE, AnswerError, is_abandoned, set_error_status
from mnist_cnn.web.limits import MAX_BATCH_MEGAPIXELS, MAX_BATCH_SECONDS
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.payloads import PictureFile, load_content
from mnist_cnn.web.pictures import cut_out
from mnist_cnn.web.turns import NetworkTurns, Turns

logger = logging.getLogger(__name__)


What = TypeVar("What", Reading, NumberReading)


class Answered(NamedTuple, Generic[What]):
    """A reading and where it came from.

    Attributes:
        reading: what was read.
        image: the picture, or the part of it, that it was read from, decoded and upright.
        classifier: the model that read it.
    """

    reading: What
    image: Image.Image
    classifier: Classifier


class ReadingQueue:
    """Reads the pictures of many visitors."""

    def __init__(self, models: ModelHolder) -> None:
        """Read with whichever model the holder has at the time."""
        self._models = models
        self._turns = Turns()
        self._network_turns = NetworkTurns()

    def read(self, picture: PictureFile | bytes | None, source: str) -> Answered[Reading]:
        """Read one picture of a digit.

        Args:
            picture: as a client sent it, or the content of its file.
            source: the part of the page or the endpoint that it came through, for the log.

        Raises:
            UnreadablePictureError: if it is not a picture.
            EmptyPictureError: if there is no ink in it.
            BusyError: if it is large, and too many such pictures wait already.
        """
        return self._log(partial(self._read, picture, None), source)

    def read_number(
        self, picture: PictureFile | bytes | None, source: str, strokes: Strokes | None = None, frame: object = None
    ) -> Answered[NumberReading]:
        """Read all digits of one picture, or of what a visitor has framed in it.

        Args:
            picture: as for `read`, which also tells the errors.
            source: likewise.
            strokes: with which it was drawn, in its pixels, if that is known.
            frame: as `pictures.cut_out` takes it, which also tells the errors; None for the whole picture.
        """
        return self._log(partial(self._read_number, picture, strokes, frame), source)

    def read_batch(self, pictures: Sequence[PictureFile | None], source: str) -> list[Reading | PictureError]:
        """Read many pictures; an unreadable one has its error, as `read` would raise it, in place of its reading.

        A picture that is named several times is read once. Beyond `MAX_BATCH_MEGAPIXELS` and `MAX_BATCH_SECONDS`, the
        pictures that are left have an error.

        Raises:
            AnswerError: if the client hangs up before the last picture.
        """
        set_error_status(500)
        batch = _Batch(lambda picture, line: self._read(picture, None, line))
        readings: list[Reading | PictureError] = []
        for picture in pictures:
            line = _LogLine(source)
            readings.append(batch.read(picture, line))
            line.write(readings[-1])
        return readings

    def _log(self, read: Callable[["_LogLine"], Answered[What]], source: str) -> Answered[What]:
        """Read a picture, and write the line of the log."""
        set_error_status(500)
        line = _LogLine(source)
        try:
            answered = read(line)
        except PictureError as error:
            line.write(error)
            raise
        line.write(answered.reading)
        return answered

    def _read(self, picture: PictureFile | bytes | None, frame: object, line: "_LogLine") -> Answered[Reading]:
        """Decode a picture, find what may be a digit, and let the network read that."""
        with line.timed():
            content = picture if isinstance(picture, bytes) else load_content(picture)
            with self._turns.take(count_pixels(content)):
                image = line.load(content)
                if frame is not None:
                    image = cut_out(image, frame)
                prepared = prepare(image)
            with self._network_turns.take(len(prepared.images)):
                classifier = self._models.served.classifier
                (reading,) = classifier.read_prepared([prepared])
        return Answered(reading, image, classifier)

    def _read_number(
        self, picture: PictureFile | bytes | None, strokes: Strokes | None, frame: object, line: "_LogLine"
    ) -> Answered[NumberReading]:
        """Read a picture as one digit, and if it is none, as a number: with a turn of its own for each."""
        whole, image, classifier = self._read(picture, frame, line)
        with line.timed():
            layouts = islice(self._propose_in_turn(image, strokes), whole.count_layouts(strokes))
            number = classifier.read_layouts(layouts, whole, self._network_turns.take)
        return Answered(number, image, classifier)

    def _propose_in_turn(self, image: Image.Image, strokes: Strokes | None) -> Iterator[Layout]:
        """Yield the ways to see a picture, with a turn for each; it isn't kept while the network reads."""
        layouts, pixels = propose_layouts(image, strokes), image.width * image.height
        while True:
            with self._turns.take(pixels):
                layout = next(layouts, None)
            if layout is None:
                return
            yield layout
            pixels = 0  # what is looked at closely is small, and a picture that was taken is not refused any more


class _Batch:
    """The pictures of one request: each of them is read once, and all of them within limits."""

    def __init__(self, read: Callable[[PictureFile | None, "_LogLine"], Answered[Reading]]) -> None:
        self._read = read
        self._known: dict[str, Reading | PictureError] = {}
        self._pixels = 0
        self._deadline = time.monotonic() + MAX_BATCH_SECONDS

    def read(self, picture: PictureFile | None, line: "_LogLine") -> Reading | PictureError:
        """Return the reading of a picture, or why there is none."""
        if is_abandoned():
            logger.info("A batch was given up, since its client hung up")
            raise AnswerError("Nobody waits for the answer.", CLIENT_GONE)
        name = repr(picture)
        if name not in self._known:
            try:
                self._known[name] = self._read_within_limits(picture, line)
            except PictureError as error:
                # The traceback would keep the decoded picture, for as long as the error is kept.
                error.__cause__ = error.__context__ = None
                self._known[name] = error.with_traceback(None)
        return self._known[name]

    def _read_within_limits(self, picture: PictureFile | None, line: "_LogLine") -> Reading:
        if self._pixels > MAX_BATCH_MEGAPIXELS * 10**6:
            message = f"The batch is too large: send at most {MAX_BATCH_MEGAPIXELS} megapixels at once."
            raise UnreadablePictureError(message)
        if time.monotonic() > self._deadline:
            message = f"The batch takes longer than {MAX_BATCH_SECONDS} s: send fewer or smaller pictures at once."
            raise UnreadablePictureError(message)
        answered = self._read(picture, line)
        self._pixels += answered.image.width * answered.image.height
        return answered.reading


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

    def write(self, outcome: Reading | NumberReading | PictureError) -> None:
        """Write the line."""
        if isinstance(outcome, PictureError):
            self._fields["error"] = str(outcome)
        elif isinstance(outcome, NumberReading):
            self._fields |= {"text": outcome.text, "confidence": round(outcome.confidence, 4)}
        else:
            confidence = round(float(outcome.probabilities[outcome.digit]), 4)
            self._fields |= {"digit": outcome.digit, "confidence": confidence}
        logger.info("read", extra={"fields": {**self._fields, "ms": round(1e3 * self._seconds, 2)}})
