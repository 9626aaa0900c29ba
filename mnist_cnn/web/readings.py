"""What visitors were answered, kept for a while: to explain it, and to correct exactly what was shown."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from mnist_cnn.inference import Classifier, NumberReading, Reading


@dataclass(eq=False)
class KeptReading:
    """An answer that a visitor was shown.

    Attributes:
        reading: what was read.
        classifier: the model that read it, which may not be the one that serves by now.
        drawing: the picture, as `pictures.encode_drawing` encodes it.
        visitor: who may correct it; None as long as anyone may who knows its id.
        corrected: what that visitor said last; None if nothing, or if it was taken back.
    """

    reading: NumberReading
    classifier: Classifier
    drawing: bytes
    visitor: str | None = None
    corrected: str | None = None

    @property
    def shown(self) -> tuple[Reading, ...]:
        """What the page shows: each digit in reading order, or the whole picture where no digit was read."""
        return self.reading.digits or (self.reading.whole,)

    @property
    def size(self) -> int:
        """How much memory it takes, in bytes; models are shared, and don't count."""
        readings = {self.reading.whole, *self.reading.digits}  # a single digit is the whole as well
        return len(self.drawing) + sum(one.image.nbytes + one.probabilities.nbytes for one in readings)


class ReadingStore:
    """Keeps readings under ids that nobody can guess; a page holds the id of the reading that it shows."""

    def __init__(self, max_bytes: int) -> None:
        """Keep at most so many bytes; beyond that, what was not used for the longest time is dropped."""
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, KeptReading] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def keep(self, kept: KeptReading) -> str:
        """Keep a reading, and return its id."""
        reading_id = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[reading_id] = kept
            self._size += kept.size
            while self._size > self._max_bytes:
                self._size -= self._kept.popitem(last=False)[1].size
        return reading_id

    def get(self, reading_id: object) -> KeptReading | None:
        """Return the reading with an id, None if it is not here any more or never was."""
        with self._lock:
            if not isinstance(reading_id, str) or reading_id not in self._kept:
                return None
            self._kept.move_to_end(reading_id)
            return self._kept[reading_id]

    def claim(self, reading_id: object, visitor: str) -> KeptReading | None:
        """Return the reading with an id to the first visitor who claims it; None to others, and where `get` does."""
        kept = self.get(reading_id)
        if kept is None:
            return None
        with self._lock:
            kept.visitor = kept.visitor or visitor
            return kept if kept.visitor == visitor else None
