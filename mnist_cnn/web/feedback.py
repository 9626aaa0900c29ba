"""Corrections by visitors: on disk before anyone is thanked, and pushed to a data set on the Hub in the background."""

import hashlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from mnist_cnn import hub
from mnist_cnn.errors import CorrectionError, HubError
from mnist_cnn.inference import NumberReading, Reading
from mnist_cnn.web import batches
from mnist_cnn.web.batches import Stock
from mnist_cnn.web.corrections import (
    CONFIGURATIONS,
    DIGITS,
    NUMBERS,
    Configuration,
    encode_correction,
    encode_number,
    load_card,
)
from mnist_cnn.web.health import Waiting
from mnist_cnn.web.limits import MAX_CORRECTIONS, MAX_CORRECTIONS_MB

logger = logging.getLogger(__name__)

PUSH_EVERY = 5.0  # minutes
LAST_PUSH = 2.5  # seconds for the last push when the server stops, which is killed soon after
HOUR = 3600.0  # seconds
VISITORS = 4096  # whose corrections are counted; beyond that, those who gave none for the longest time are forgotten


class Feedback:
    """Keeps corrections in a folder, each in a Parquet file that `load_dataset` reads, until they are on the Hub."""

    def __init__(self, folder: Path, repo_id: str | None = None, push_every: float = PUSH_EVERY) -> None:
        """Open the folder, and begin to push what it holds.

        Args:
            folder: created if it doesn't exist.
            repo_id: of a data set on the Hub, created as a private one if it doesn't exist; None to push nothing.
            push_every: minutes between two pushes, and between two attempts while the Hub can't be reached.
        """
        self.folder = folder
        self._folders = {configuration: folder / configuration.waiting for configuration in CONFIGURATIONS}
        for waiting in self._folders.values():
            batches.open_folder(waiting)
        self._stock = Stock(0, 0)
        self._lock = threading.Lock()  # of the stock and of the files that it counts
        self._limit = HourlyLimit(MAX_CORRECTIONS)
        self._error: str | None = None
        self._closed = threading.Event()
        self._pusher = threading.Thread(target=self._keep_pushing, args=[repo_id, push_every * 60], daemon=True)
        self._pusher.start()

    @property
    def waiting(self) -> Waiting:
        """How many corrections wait, and why."""
        return Waiting(self._stock.corrections, self._error)

    def save(
        self, visitor: str, drawing: bytes, reading: Reading, label: int, model: str, revision: str | None
    ) -> Path:
        """Keep a correction. When this returns, it is on disk, whole.

        A second one by the same visitor of the same drawing replaces the first. If that has been pushed, both are in
        the data set, and the later one counts.

        Args:
            visitor: who gives it; nobody can tell from what is kept.
            drawing: the visitor's picture, a PNG file.
            reading: what was read in it and shown.
            label: what it is, 0 to 9.
            model: the name of the model that read it.
            revision: the model's commit on the Hub, None if it isn't from there.

        Raises:
            CorrectionError: if the visitor or all of them have given too many.
            OSError: if it can't be written.
        """
        return self._keep(
            visitor, drawing, DIGITS, lambda name: encode_correction(name, drawing, reading, label, model, revision)
        )

    def save_number(
        self, visitor: str, drawing: bytes, reading: NumberReading, text: str, model: str, revision: str | None
    ) -> Path:
        """Keep a correction of a number, as `save` keeps that of a digit and with the same errors.

        Either replaces the other. Where one digit was read and one is right, `save` that: training learns from those.

        Args:
            visitor: as for `save`, like all that isn't told here.
            drawing: likewise.
            reading: the number that was read in it and shown.
            text: what it is, as `parse_number` returns it.
            model: likewise.
            revision: likewise.
        """
        return self._keep(
            visitor, drawing, NUMBERS, lambda name: encode_number(name, drawing, reading, text, model, revision)
        )

    def take_back(self, visitor: str, drawing: bytes) -> bool:
        """Delete a visitor's correction of a drawing; False if it isn't here, since it was pushed or never given."""
        name = _name_correction(visitor, drawing)
        with self._lock:
            files = [file for folder in self._folders.values() if (file := folder / f"{name}.parquet").exists()]
            size = sum(file.stat().st_size for file in files)
            for file in files:
                file.unlink()
            self._stock = Stock(self._stock.corrections - len(files), self._stock.size - size)
        return bool(files)

    def close(self) -> None:
        """Push what hasn't been pushed yet, if the Hub takes it in time."""
        self._closed.set()
        self._pusher.join(LAST_PUSH)
        if self._pusher.is_alive():
            logger.warning("The last corrections are in %s, and may not be on the Hub yet", self.folder)

    def _keep(self, visitor: str, drawing: bytes, configuration: Configuration, encode: Callable[[str], bytes]) -> Path:
        """Keep what `encode` makes of the name of a visitor's drawing, in place of all former words on it."""
        if not self._limit.take(visitor):
            message = f"Thank you, these are {MAX_CORRECTIONS} in an hour, and enough for now. Please come back later."
            raise CorrectionError(message)
        name = _name_correction(visitor, drawing)
        content = encode(name)
        paths = {configuration: folder / f"{name}.parquet" for configuration, folder in self._folders.items()}
        path = paths.pop(configuration)
        with self._lock:
            former = [file.stat().st_size for file in (path, *paths.values()) if file.exists()]
            stock = Stock(self._stock.corrections + 1 - len(former), self._stock.size + len(content) - sum(former))
            if stock.size > MAX_CORRECTIONS_MB * 2**20:
                message = f"The {MAX_CORRECTIONS_MB:,} MB for corrections are full. Please come back another day."
                raise CorrectionError(message)
            batches.write_correction(path.parent, path.name, content)
            for other in paths.values():
                other.unlink(missing_ok=True)
            self._stock = stock
        return path

    def _keep_pushing(self, repo_id: str | None, pause: float) -> None:
        """Push now, after each pause, and a last time at the end."""
        self._push(repo_id)
        while repo_id and not self._closed.is_set():
            self._closed.wait(pause)
            self._push(repo_id)

    def _push(self, repo_id: str | None) -> None:
        """Count what waits, and push it in batches, if there is somewhere to push it to."""
        try:
            with ExitStack() as locks:
                for folder in self._folders.values():
                    locks.enter_context(batches.lock_batches(folder))
                with self._lock:
                    stocks = map(batches.count_corrections, self._folders.values())
                    self._stock = Stock(*map(sum, zip(*stocks, strict=True)))
                if repo_id:
                    for configuration, folder in self._folders.items():
                        for batch in batches.take_batches(folder):
                            self._push_batch(repo_id, configuration, batch)
            error = None
        except HubError as failure:
            error = str(failure)
        except OSError as failure:
            error = f"They can't be read or moved here: {failure.strerror}."
        if error and error != self._error:  # said once, not every few minutes
            logger.warning("Corrections can't be pushed to %s yet, and are kept: %s", repo_id, error)
        self._error = error

    def _push_batch(self, repo_id: str, configuration: Configuration, batch: Path) -> None:
        content = batches.load_batch(batch, configuration)
        if content:
            hub.push_data_file(repo_id, f"{configuration.folder}/{batch.name}.parquet", content, load_card())
        pushed = batches.delete_batch(batch)
        with self._lock:
            self._stock = Stock(self._stock.corrections - pushed.corrections, self._stock.size - pushed.size)


class HourlyLimit:
    """Counts what each visitor does, for the last hour."""

    def __init__(self, most: int) -> None:
        """Let everybody do something so many times an hour."""
        self._most = most
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, visitor: str) -> bool:
        """Count a visitor's next time, and return True; False if there were too many in the last hour."""
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(visitor, deque(maxlen=self._most))
            self._times.move_to_end(visitor)
            if len(self._times) > VISITORS:
                self._times.popitem(last=False)
            if len(times) == self._most and now - times[0] < HOUR:
                return False
            times.append(now)
            return True


def _name_correction(visitor: str, drawing: bytes) -> str:
    """Return the name under which a visitor's correction of a drawing is kept."""
    return hashlib.sha256(visitor.encode() + hashlib.sha256(drawing).digest()).hexdigest()[:32]
