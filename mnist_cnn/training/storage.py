"""Files that are replaced as a whole or not at all, whatever happens to the disk or to the process."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_cnn.errors import WriteError

UNFINISHED = ".unfinished"


@contextmanager
def replace_files(folder: Path) -> Iterator[Path]:
    """Give a new folder for files that replace those of the same names in `folder` once the block has ended.

    They have to be on the disk first. If one of them can't be written, none replaces its namesake.

    Args:
        folder: where the files go; made if need be.

    Raises:
        WriteError: if the disk is full or refuses for another reason.
    """
    unfinished = folder / UNFINISHED
    with explain_write_errors(folder):
        shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
        try:
            unfinished.mkdir(parents=True)
            yield unfinished
            paths = sorted(unfinished.rglob("*"))  # a folder comes before what is in it
            for path in paths:
                _write_through(path, folder / path.relative_to(unfinished))
            for path in paths:
                if path.is_file():
                    path.replace(folder / path.relative_to(unfinished))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def explain_write_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk raises during the block into a sentence about `folder`.

    Raises:
        WriteError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{folder} can't be written ({error.strerror or error}). What was there before is whole: make room, or "
            "make the folder writable, and run the command again."
        ) from error


def _write_through(path: Path, target: Path) -> None:
    """Make the folder that `target` stands for, or get the bytes of the file that is to become it onto the disk."""
    if path.is_dir():
        target.mkdir(exist_ok=True)
    else:
        with path.open("rb") as file:
            os.fsync(file.fileno())
