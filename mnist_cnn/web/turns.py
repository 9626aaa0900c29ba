"""Whose picture is next: a large one, or a photo, takes as long as many drawings, and must not hold them up."""

import heapq
import itertools
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


class NetworkTurns:
    """Lets one picture at a time through the network: of those that wait, the one with the fewest images.

    So a drawing waits for one photo at most. Drawings can't hold up a photo for long: each of them takes longer to be
    decoded than to be read.
    """

    def __init__(self) -> None:
        """Start with the network free."""
        self._busy = False
        self._waiting: list[tuple[int, int]] = []  # a heap of images, and numbers in the order of arrival
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, images: int) -> Iterator[None]:
        """Wait until the network is free; it is kept so, until the end of the block.

        Args:
            images: that the picture has for the network.
        """
        with self._changed:
            ticket = images, next(self._numbers)
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: not self._busy and self._waiting[0] == ticket)
            heapq.heappop(self._waiting)
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
