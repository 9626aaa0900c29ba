"""Work on many items on every core, with the same outcome however many cores there are."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

# Items per chunk. A drawing takes one or two milliseconds, and another process takes a few seconds to start.
CHUNK = 1_000


def map_chunks(
    function: Callable[[np.ndarray, np.random.Generator], Result], items: np.ndarray, seed: int, size: int = CHUNK
) -> list[Result]:
    """Return what a function makes of each chunk of the items, in order.

    Every chunk has a generator of its own, so that the results depend on the seed and the items alone. If there are
    several chunks and cores, other processes do the work. They import the main module anew, as `multiprocessing`
    explains, but touch no device.

    Args:
        function: takes a chunk and its generator. It has to be defined at the top of a module, or to be a `partial` of
            such a function.
        items: array of shape (n, ...); a chunk is at most `size` of its rows. Without items there is one empty chunk.
        seed: of the generators.
        size: of a chunk.
    """
    chunks = [items[start : start + size] for start in range(0, max(len(items), 1), size)]
    rngs = np.random.default_rng(seed).spawn(len(chunks))
    num_workers = min(count_cores(), len(chunks))
    if num_workers == 1:
        return list(map(function, chunks, rngs))
    # A fork would copy the locks of JAX's threads, which nobody in the copy would ever release.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, initializer=_start_worker) as pool:
        return list(pool.map(function, chunks, rngs))


def count_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is killed: a pool's workers would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
