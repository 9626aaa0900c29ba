"""Whose picture is decoded next: a large one takes as long as a hundred drawings, and must not hold them up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mnist_cnn.errors import BusyError
from mnist_cnn.web.limits import LARGE_MEGAPIXELS, LARGE_THREADS, MAX_LARGE_PICTURES, THREADS


class Turns:
    """Lets a few pictures at once be decoded, large ones and others apart."""

    def __init__(self) -> None:
        """Start with all turns free."""
        self._small = threading.Semaphore(THREADS)
        self._large = threading.Semaphore(LARGE_THREADS)
        self._places = threading.Semaphore(MAX_LARGE_PICTURES)

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Wait until a picture may be decoded; it is, until the end of the block.

        Args:
            pixels: of the picture.

        Raises:
            BusyError: if it is large, and too many such pictures wait already.
        """
        if pixels <= LARGE_MEGAPIXELS * 10**6:
            with self._small:
                yield
            return
        if not self._places.acquire(blocking=False):
            raise BusyError("The server reads as many large pictures as it can: try again soon, or send a smaller one.")
        try:
            with self._large:
                yield
        finally:
            self._places.release()
