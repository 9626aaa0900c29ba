"""Large pictures are decoded a few at a time, photos are read one at a time, and neither holds up drawings."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mnist_cnn.errors import BusyError
from mnist_cnn.web.limits import LARGE_MEGAPIXELS, LARGE_THREADS, MAX_LARGE_PICTURES, THREADS
from mnist_cnn.web.turns import NetworkTurns, Turns

LARGE = LARGE_MEGAPIXELS * 10**6 + 1


class Crowd:
    """Threads that each take a turn, and keep it until told otherwise."""

    def __init__(self, turns: Turns, pixels: int, count: int) -> None:
        self.proceed = threading.Event()
        self._decoding = threading.Semaphore(0)
        self._turns, self._pixels = turns, pixels
        self.threads = [threading.Thread(target=self._decode) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _decode(self) -> None:
        with self._turns.take(self._pixels):
            self._decoding.release()
            self.proceed.wait()

    def count_decoding(self, expected: int) -> int:
        """Return how many have their turn: wait for as many as are expected, and a moment for one too many."""
        count = 0
        while self._decoding.acquire(timeout=10 if count < expected else 0.2):
            count += 1
        return count


@contextmanager
def crowd(turns: Turns, pixels: int, count: int) -> Iterator[Crowd]:
    started = Crowd(turns, pixels, count)
    try:
        yield started
    finally:
        started.proceed.set()
        for thread in started.threads:
            thread.join()


def test_few_large_pictures_are_decoded_at_once_and_drawings_beside_them() -> None:
    turns = Turns()
    with crowd(turns, LARGE, MAX_LARGE_PICTURES) as large:
        assert large.count_decoding(LARGE_THREADS) == LARGE_THREADS
        with crowd(turns, LARGE - 1, THREADS + 3) as small:
            assert small.count_decoding(THREADS) == THREADS


def test_large_picture_is_refused_when_too_many_wait_and_taken_afterwards() -> None:
    turns = Turns()
    with crowd(turns, LARGE, MAX_LARGE_PICTURES) as large, ExitStack() as stack:
        large.count_decoding(LARGE_THREADS)
        with pytest.raises(BusyError, match="try again soon"):
            stack.enter_context(turns.take(LARGE))
    with turns.take(LARGE), turns.take(1):
        pass


def test_picture_with_the_fewest_images_is_read_next_and_of_equals_the_first() -> None:
    turns, order, threads = NetworkTurns(), [], []

    def read(name: str, images: int) -> None:
        with turns.take(images):
            order.append(name)

    with turns.take(64):
        for waiting, (name, images) in enumerate({"photo": 64, "drawing": 1, "sheet": 9, "sketch": 1}.items(), 1):
            threads.append(threading.Thread(target=read, args=(name, images)))
            threads[-1].start()
            while len(turns._waiting) < waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == ["drawing", "sketch", "sheet", "photo"]


def test_network_is_free_again_after_a_failure() -> None:
    turns = NetworkTurns()
    with pytest.raises(MemoryError), turns.take(1):
        raise MemoryError
    with turns.take(64):
        pass
