"""The folder in which corrections of one configuration wait for the Hub, and the batches in which they leave it.

    <name>.parquet                  a correction
    batches/<batch>/<name>.parquet  one that is on its way
    .pushed/<batch>/                what has arrived and is being deleted
    .unfinished/                    files that are being written

A batch gets all its corrections before it is pushed for the first time, and loses them all at once, when its folder
moves to .pushed. So whatever happens to the process, what is pushed again has the same name and the same rows.
"""

import fcntl
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mnist_cnn.web.corrections import Configuration, decode_correction, join_corrections

logger = logging.getLogger(__name__)

BATCH_ROWS = 1000
BATCH_MB = 32  # a drawing takes up to 4; a batch that is being pushed is in memory twice
ABANDONED_AFTER = 3600.0  # seconds; nobody writes a file for that long

_CORRECTION = re.compile(r"[0-9a-f]{32}\.parquet")
_BATCHES, _PUSHED, _UNFINISHED, _LOCK = "batches", ".pushed", ".unfinished", ".lock"  # `datasets` skips hidden files


class Stock(NamedTuple):
    """How many corrections there are, and how many bytes they take."""

    corrections: int
    size: int


def open_folder(folder: Path) -> None:
    """Create the folder with all that it needs, as far as it isn't there."""
    for name in (_BATCHES, _PUSHED, _UNFINISHED):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / _LOCK).touch()


def write_correction(folder: Path, name: str, content: bytes) -> None:
    """Write a file of the folder so that it is there whole or not at all, whatever happens to process or machine.

    Raises:
        OSError: if it can't be written. What was there is still there.
    """
    unfinished = folder / _UNFINISHED / name
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(folder)


def count_corrections(folder: Path) -> Stock:
    """Count what waits in the folder, batches included."""
    total = Stock(0, 0)
    for part in (folder, *(folder / _BATCHES).iterdir()):
        with os.scandir(part) as entries:
            for entry in filter(_is_correction, entries):
                total = Stock(total.corrections + 1, total.size + entry.stat().st_size)
    return total


@contextmanager
def lock_batches(folder: Path) -> Iterator[None]:
    """Wait until no other server pushes from the same folder, and keep the others waiting inside the `with` block."""
    with (folder / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # What processes that were killed have left.
        for pushed in (folder / _PUSHED).iterdir():
            shutil.rmtree(pushed)
        for unfinished in (folder / _UNFINISHED).iterdir():
            if time.time() - unfinished.stat().st_mtime > ABANDONED_AFTER:
                unfinished.unlink()
        yield


def take_batches(folder: Path) -> Iterator[Path]:
    """Yield the folder of each batch that is left, then of new ones, until no correction is outside of a batch."""
    yield from sorted((folder / _BATCHES).iterdir())
    while True:
        with os.scandir(folder) as entries:
            chosen = list(_choose(entries))
        if not chosen:
            return
        batch = folder / _BATCHES / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
        batch.mkdir()
        for name in chosen:
            (folder / name).rename(batch / name)
        yield batch


def load_batch(batch: Path, configuration: Configuration) -> bytes | None:
    """Return a batch as a Parquet file, None if nothing is in it. Files that are damaged are set aside."""
    corrections = []
    for path in sorted(batch.iterdir()):
        try:
            corrections.append(decode_correction(path.read_bytes(), configuration.schema))
        except ValueError:
            logger.exception("%s can't be pushed, and is set aside", path.name)
            path.rename(batch.parents[1] / f"{path.name}.damaged")
    return join_corrections(corrections) if corrections else None


def delete_batch(batch: Path) -> Stock:
    """Delete a batch that has arrived, and return what was in it."""
    files = [path.stat().st_size for path in batch.iterdir()]
    pushed = batch.parents[1] / _PUSHED / batch.name
    batch.rename(pushed)
    _sync(batch.parent)
    shutil.rmtree(pushed)
    return Stock(len(files), sum(files))


def _choose(entries: Iterator[os.DirEntry[str]]) -> Iterator[str]:
    """Yield the names of as many corrections as a batch takes."""
    size = 0
    for entry in islice(filter(_is_correction, entries), BATCH_ROWS):
        yield entry.name
        size += entry.stat().st_size
        if size >= BATCH_MB * 2**20:
            return


def _is_correction(entry: os.DirEntry[str]) -> bool:
    return _CORRECTION.fullmatch(entry.name) is not None


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
