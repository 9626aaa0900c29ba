"""One request and its answer: how long both may take, who asks, and what the log says of it."""

import asyncio
import ipaddress
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import gradio as gr
from gradio.context import LocalContext
from starlette.types import Message, Receive, Scope, Send

from mnist_cnn.web.limits import (
    FREE_BODY_KB,
    GRACE,
    MAX_BATCH_SIZE,
    MAX_BODIES_MB,
    MAX_JSON_VALUES,
    MAX_QUEUED_KB,
    MAX_REQUEST_MB,
    MIN_KB_PER_SECOND,
)
from mnist_cnn.web.routes import find_route

logger = logging.getLogger(__name__)

MAX_BODY = MAX_REQUEST_MB * 2**20  # bytes, as are the next two
FREE_BODY = FREE_BODY_KB * 2**10
MAX_BODIES = MAX_BODIES_MB * 2**20
MIN_RATE = MIN_KB_PER_SECOND * 2**10  # bytes a second

JSON_MARKS = (b"[", b"{", b",")  # about one for each value, and none in a picture's data

# The routes whose requests wait in Gradio's queue.
QUEUED = ("/gradio_api/queue/join", "/gradio_api/call/{api_name}", "/gradio_api/call/v2/{api_name}")

CLIENT_GONE = 499  # nginx's status, which only the log sees

TOO_LARGE = f"The request is too large: send at most {MAX_REQUEST_MB} MB at once."
TOO_SLOW = f"The request came too slowly: send it again, with at least {MIN_KB_PER_SECOND} KB a second."
TOO_MANY_VALUES = f"The request holds too many values: send at most {MAX_JSON_VALUES:,} at once."
TOO_MANY_FILES = f"The request holds too many files: send at most {MAX_BATCH_SIZE} at once."
TOO_LARGE_TO_WAIT = f"A request for the queue has at most {MAX_QUEUED_KB} KB: upload the picture, and send its path."
TOO_MUCH = "The server is receiving as much as it can hold: try again soon, or send smaller pictures."


class RefusedError(Exception):
    """Why a request isn't taken, or isn't taken to its end."""

    def __init__(self, status: int, message: str) -> None:
        """Refuse with an HTTP status and a sentence."""
        super().__init__(message)
        self.status = status


class BodyStore:
    """Counts the bytes of all bodies in memory.

    While there is room, a body may be as large as what is still free. So a few large ones can't keep out the many
    small ones, and a body of up to `FREE_BODY_KB` is always taken.
    """

    def __init__(self) -> None:
        """Start with no bodies."""
        self._total = 0

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Count a body until the end of the block; what is yielded is called with the length of each of its chunks.

        That call raises `RefusedError` if there is no room for so long a body.
        """
        size = 0

        def add(length: int) -> None:
            nonlocal size
            if size + length > max(FREE_BODY, MAX_BODIES - self._total - length):
                raise RefusedError(503, TOO_MUCH)
            size += length
            self._total += length

        try:
            yield add
        finally:
            self._total -= size


class Exchange:
    """A request and its answer. A body has to come, and an answer has to be taken, within their time.

    That is `GRACE` seconds and their length at `MIN_KB_PER_SECOND`, however the bytes are spread over it.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin with the head of a request."""
        self.scope = scope
        self.path: str = scope["path"]
        self.route = find_route(self.path)
        self.status: int | None = None  # of the answer, once it has begun
        # Of an error that Gradio hides: until a handler has begun, what fails is what Gradio makes of the request.
        self.error_status = 400
        self._receive = receive
        self._send = send
        self._started = time.monotonic()
        self._loaded: Message | None = None  # the body, until the app has it
        self._gone = asyncio.Event()
        self.is_over = False  # tasks that outlive a request may still have its context
        self._sent = 0  # bytes
        self._sending = 0.0  # seconds that the client kept us waiting while it took the answer

    @property
    def is_abandoned(self) -> bool:
        """Whether the client has hung up. May be called from any thread."""
        return self._gone.is_set()

    @property
    def address(self) -> str | None:
        """The visitor's own address, None if it isn't known.

        One that isn't public is that of a proxy or a container, behind which there may be any number of visitors. Which
        proxies are believed when they name another is uvicorn's decision.
        """
        try:
            address = ipaddress.ip_address((self.scope["client"] or ("",))[0])
        except ValueError:
            return None
        if not address.is_global:
            return None
        # Who has one address of IPv6 has the 2 ** 64 of the same network.
        return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)

    @asynccontextmanager
    async def load_body(self, store: BodyStore) -> AsyncIterator[None]:
        """Receive the whole body, which the store counts until the end of the block; notice if the client hangs up.

        Raises:
            RefusedError: if it is too large or too slow, or holds more values than Gradio, which looks at each of them,
                gets through in a moment, or if the client hangs up before its end.
        """
        with store.hold() as add:
            try:
                body = await self._receive_all(add)
            except TimeoutError:
                raise RefusedError(408, TOO_SLOW) from None
            self._check(body)
            self._loaded = {"type": "http.request", "body": body, "more_body": False}
            watcher = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                watcher.cancel()

    async def receive(self) -> Message:
        """Return to the app the body, if it has been loaded; afterwards, that the client has hung up, when it has."""
        if self._loaded is None:
            return await self._receive()
        if self._loaded:
            message, self._loaded = self._loaded, {}
            return message
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _receive_all(self, add: Callable[[int], None]) -> bytes:
        clock = asyncio.get_running_loop().time
        started = clock()
        chunks: list[bytes] = []
        size = 0
        more = True
        async with asyncio.timeout(GRACE) as timeout:
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self._gone.set()
                    raise RefusedError(CLIENT_GONE, "The client hung up.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > MAX_BODY:
                    raise RefusedError(413, TOO_LARGE)
                add(len(chunks[-1]))
                more = message.get("more_body", False)
                timeout.reschedule(started + GRACE + size / MIN_RATE)
        return b"".join(chunks)

    def _check(self, body: bytes) -> None:
        """Refuse a body that Gradio would take long to look through, or keep for long in its queue."""
        content_type: bytes = dict(self.scope["headers"]).get(b"content-type", b"")
        kind, _, parameters = content_type.partition(b";")
        if kind == b"multipart/form-data":
            boundary = parameters.partition(b"boundary=")[2].strip(b'" ')
            if boundary and body.count(b"--" + boundary) > MAX_BATCH_SIZE + 10:  # there are fields besides the files
                raise RefusedError(413, TOO_MANY_FILES)
        elif sum(map(body.count, JSON_MARKS)) > MAX_JSON_VALUES:
            raise RefusedError(413, TOO_MANY_VALUES)
        if self.route in QUEUED and len(body) > MAX_QUEUED_KB * 2**10:
            raise RefusedError(413, TOO_LARGE_TO_WAIT)

    async def _watch(self) -> None:
        """Wait until the client hangs up, or has its answer."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    async def send(self, message: Message) -> None:
        """Send a part of the answer.

        Raises:
            OSError: if the client doesn't take it in time; the app takes that as a client that has hung up.
        """
        if message["type"] == "http.response.start":
            self.status = message["status"]
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(GRACE + self._sent / MIN_RATE - self._sending):
                await self._send(message)
        except TimeoutError:
            self._gone.set()
            raise OSError("The client takes the answer too slowly.") from None
        self._sending += clock() - started
        self._sent += len(message.get("body", b""))

    def close(self) -> None:
        """End, with the request's line in the log.

        It names the route and not the path, which may be a visitor's file.
        """
        self.is_over = True
        fields = {
            "method": self.scope["method"],
            "route": self.route,
            "status": self.status,
            "ms": round(1e3 * (time.monotonic() - self._started), 2),
        }
        logger.info("request", extra={"fields": fields})


exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


class AnswerError(gr.Error):
    """Tells the client of an endpoint in a sentence why it has no answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        """Refuse with a sentence, and over plain HTTP with a status."""
        super().__init__(message, print_exception=False)
        set_error_status(status)


def set_error_status(status: int) -> None:
    """Give the status of the error, should there be one, of the request that this thread answers."""
    if current := exchange.get():
        current.error_status = status


def is_abandoned() -> bool:
    """Return whether the client whom this thread answers has hung up, as far as that is known."""
    current = exchange.get()
    if current and not current.is_over:
        return current.is_abandoned
    # A job of Gradio's queue, whose answer another request waits for.
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    event = blocks._queue.event_ids_to_events.get(event_id) if blocks and event_id else None
    return event is not None and not event.alive
