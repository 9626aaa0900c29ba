"""Memory that is free again goes back to the operating system."""

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

TRIM_EVERY = 5.0  # seconds


def trim() -> None:
    """Make glibc return the memory that it keeps for later, a few hundred MB after large pictures.

    With another C library this does nothing.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@asynccontextmanager
async def keep_trimming() -> AsyncIterator[None]:
    """Return memory from time to time, until the end of the block."""

    async def trim_forever() -> None:
        while True:
            await asyncio.sleep(TRIM_EVERY)
            await asyncio.to_thread(trim)

    task = asyncio.create_task(trim_forever())
    try:
        yield
    finally:
        task.cancel()
