"""Connections on which nothing happens are closed, and the oldest give way."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mnist_cnn.web import connections
from mnist_cnn.web.connections import Sweeper, sweep_connections
from mnist_cnn.web.limits import GRACE, MAX_CONNECTIONS


class Transport:
    """A transport that notes whether it is aborted."""

    def __init__(self) -> None:
        self.aborted = self.closing = False

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing


class Connection:
    """A connection whose request is being answered, if it has one."""

    def __init__(self, address: str = "8.8.8.8", answering: bool = False) -> None:
        self.transport: Any = Transport()
        self.client: tuple[str, int] | None = (address, 1)
        self.cycle: Any = SimpleNamespace(response_complete=False) if answering else None


def sweep(sweeper: Sweeper, *open_connections: Connection, until: float) -> list[bool]:
    """Sweep once a second; return which connections were aborted."""
    for now in range(round(until) + 1):
        sweeper.sweep(open_connections, float(now))
    return [connection.transport.aborted for connection in open_connections]


def test_half_a_head_is_given_up_and_an_answer_under_way_is_not() -> None:
    half, answering = Connection(), Connection(answering=True)
    assert sweep(Sweeper(), half, answering, until=GRACE) == [False, False]
    assert sweep(Sweeper(), half, answering, until=GRACE + 1) == [True, False]


def test_connection_that_waits_for_its_client_to_take_the_end_of_an_answer_is_given_up() -> None:
    closing = Connection(answering=True)
    closing.transport.closing = True
    assert sweep(Sweeper(), closing, until=GRACE + 1) == [True]


def test_new_request_starts_the_time_anew() -> None:
    sweeper, connection = Sweeper(), Connection()
    for now in range(5 * GRACE):
        if now % (GRACE - 1) == 0:
            connection.cycle = SimpleNamespace(response_complete=True)
        sweeper.sweep([connection], float(now))
    assert not connection.transport.aborted


def test_whoever_has_most_connections_loses_the_oldest() -> None:
    sweeper = Sweeper()
    visitor = Connection("1.1.1.1", answering=True)
    crowd = [Connection(answering=True) for _ in range(MAX_CONNECTIONS + 1)]
    sweeper.sweep([visitor], 0.0)
    sweeper.sweep([visitor, *crowd[:500]], 1.0)
    sweeper.sweep([visitor, *crowd], 2.0)
    assert not visitor.transport.aborted
    assert [connection.transport.aborted for connection in crowd] == [True] * 2 + [False] * (MAX_CONNECTIONS - 1)


def test_idle_connections_go_before_those_that_are_answered() -> None:
    sweeper = Sweeper()
    answering = [Connection(answering=True) for _ in range(5)]
    idle = [Connection() for _ in range(MAX_CONNECTIONS)]
    sweeper.sweep(answering, 0.0)
    sweeper.sweep([*answering, *idle], 1.0)
    assert not any(connection.transport.aborted for connection in answering)
    assert sum(connection.transport.aborted for connection in idle) == len(answering)


@contextmanager
def serve() -> Iterator[socket.socket]:
    """Serve with uvicorn, and yield a connection to the server."""

    async def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("yes")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with sweep_connections(lambda: server.server_state.connections):
            yield

    app = Starlette(routes=[Route("/", answer)], lifespan=lifespan)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=asyncio.run, args=[server.serve([listening])])
    thread.start()
    try:
        with socket.create_connection(listening.getsockname(), timeout=20) as connection:
            yield connection
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.integration
def test_uvicorns_connection_with_half_a_head_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GRACE", 0.3)
    monkeypatch.setattr(connections, "SWEEP_EVERY", 0.05)
    with serve() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"yes"):
            answer += connection.recv(1000)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        with suppress(ConnectionResetError):
            assert connection.recv(1000) == b""  # closed, before the socket's own time is up
