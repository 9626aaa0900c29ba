"""Memory that is free again goes back to the operating system."""

import asyncio
import ctypes
import gc
import resource
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path

from mnist_cnn.web.upkeep import repeat

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's mallopt, from malloc.h
LARGE = 2**20  # bytes
TRIM_EVERY = 5.0  # seconds
GROWTH = 20 * 2**20  # bytes by which memory may grow before garbage is looked for


class Trimmer:
    """Returns memory: what C's allocator keeps for later, and what failed requests have left.

    An error and the functions that it passed through refer to each other, and with them to the request's body. Python
    finds such garbage by the number of objects, however large they are. To look for it stops everything for a tenth of
    a second or two, so that is done only when memory has grown.
    """

    def __init__(self) -> None:
        """Begin; what there is by now is never looked through again."""
        gc.collect()
        gc.freeze()
        self._least = measure_memory()

    def trim(self) -> None:
        """Return what is free."""
        return_free_memory()
        if measure_memory() > self._least + GROWTH:
            gc.collect()
            return_free_memory()
            self._least = measure_memory()
        else:
            self._least = min(self._least, measure_memory())


def keep_trimming() -> AbstractAsyncContextManager[None]:
    """Return memory from time to time, until the end of an `async with` block."""
    return repeat(partial(asyncio.to_thread, Trimmer().trim), TRIM_EVERY)


def avoid_fragments() -> None:
    """Make glibc return each large block once it is free, and put the small ones of all threads into two places.

    By itself it has a place for nearly every thread, and over time each fills with holes. To be called before there are
    threads. With another C library this does nothing.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_ARENA_MAX, 2)


def return_free_memory() -> None:
    """Make glibc return the memory that it keeps for later; with another C library, do nothing."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def measure_memory() -> int:
    """Return how many bytes the process has in memory; 0 where Linux's /proc isn't."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0
