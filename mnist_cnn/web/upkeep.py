"""What the server does from time to time while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)


@asynccontextmanager
async def repeat(act: Callable[[], Awaitable[None]], every: float) -> AsyncIterator[None]:
    """Do something after each pause until the end of the block, also if it failed the last time.

    Args:
        act: what is done.
        every: seconds of a pause.
    """

    async def act_forever() -> None:
        while True:
            await asyncio.sleep(every)
            try:
                await act()
            except Exception:
                logger.exception("Upkeep failed, and is tried again")

    task = asyncio.create_task(act_forever())
    try:
        yield
    finally:
        task.cancel()
