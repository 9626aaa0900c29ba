"""Open connections: those on which a client does nothing are closed, and when there are too many, the oldest."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from mnist_cnn.web.limits import GRACE, MAX_CONNECTIONS
from mnist_cnn.web.upkeep import repeat

SWEEP_EVERY = 1.0  # seconds
FILES = 2 * MAX_CONNECTIONS  # that the process may have open: sockets, uploads, and what else there is


class Connection(Protocol):
    """What uvicorn keeps of a connection.

    Attributes:
        transport: the connection itself.
        client: the address and port of the other end.
        cycle: the request that came last and its answer, None before the first.
    """

    transport: asyncio.Transport
    client: tuple[str, int] | None
    cycle: Any


class Sweeper:
    """Closes connections.

    A client that sends the head of a request bit by bit, or doesn't take the end of an answer, would keep its
    connection for ever, since uvicorn bounds only the time between two requests.
    """

    def __init__(self) -> None:
        """Start without knowing any connection."""
        # When each was first seen, the request it had when last seen, and since when it has been idle with that one.
        self._known: dict[Connection, tuple[float, object, float]] = {}

    def sweep(self, connections: Collection[Connection], now: float) -> None:
        """Close what has to be closed.

        Args:
            connections: all that are open.
            now: the time in seconds.
        """
        known, self._known = self._known, {}
        for connection in connections:
            opened, cycle, idle_since = known.get(connection, (now, None, now))
            if connection.cycle is not cycle or _is_answering(connection):
                idle_since = now
            self._known[connection] = (opened, connection.cycle, idle_since)
            if now - idle_since > GRACE:
                connection.transport.abort()
        self._thin_out()

    def _thin_out(self) -> None:
        """Close connections of whoever has most, the idle and the oldest first, until there are no more than may be."""
        ranked = sorted(self._known, key=lambda connection: (_is_answering(connection), self._known[connection][0]))
        count = Counter(_address(connection) for connection in ranked)
        while count.total() > MAX_CONNECTIONS:
            ((address, _),) = count.most_common(1)
            first = next(connection for connection in ranked if _address(connection) == address)
            ranked.remove(first)
            count[address] -= 1
            first.transport.abort()


def sweep_connections(find_connections: Callable[[], Collection[Any]]) -> AbstractAsyncContextManager[None]:
    """Close connections that have to be closed, from time to time, until the end of an `async with` block.

    Args:
        find_connections: returns those that are open, each a `Connection`.
    """
    sweeper = Sweeper()

    async def sweep() -> None:
        sweeper.sweep(tuple(find_connections()), time.monotonic())

    return repeat(sweep, SWEEP_EVERY)


def allow_files() -> None:
    """Let the process open as many files as connections need, as far as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_answering(connection: Connection) -> bool:
    """Return whether a request is being answered."""
    answering = connection.cycle is not None and not connection.cycle.response_complete
    return answering and not connection.transport.is_closing()


def _address(connection: Connection) -> str:
    return connection.client[0] if connection.client else ""
