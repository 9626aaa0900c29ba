"""The gate before the app: how much it accepts at once, whether it is well, and how it stops."""

import asyncio
import errno
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import ERROR, WARNING, getLogger
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mnist_cnn.web.answers import NOTHING_HERE, Explainer, find_sentence
from mnist_cnn.web.exchange import TOO_LARGE, BodyStore, Exchange, RefusedError, exchange
from mnist_cnn.web.health import Health, Waiting, build_health_response
from mnist_cnn.web.limits import MAX_REQUEST_MB, MAX_REQUESTS, MAX_UPLOADS_MB

logger = getLogger(__name__)

HEALTH = "/health"
UPLOAD = "/gradio_api/upload"
INFO = "/gradio_api/info"
STOPPING = "The server is stopping: try again in a moment."
BUSY = f"The server answers {MAX_REQUESTS} requests at once, and has as many: try again soon."
SHARE = MAX_REQUESTS // 4  # of the places, for one address
TOO_MANY = f"The server answers {SHARE} requests of one address at once, and has as many: try again soon."
MIN_FILE = 100_000  # bytes
MAX_ADDRESS = 2000  # characters

_trimming = threading.Lock()  # of the folder of uploads


class GateState:
    """How many requests are being answered, and whether new ones are admitted."""

    def __init__(self) -> None:
        """Start with no requests."""
        self.stopping = False
        self._open = 0  # requests, those whose body is still coming among them
        self._places: Counter[str | None] = Counter()  # taken, by the visitor's address

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Admit a request, whose body may still have to come.

        Raises:
            RefusedError: if the server is stopping.
        """
        if self.stopping:
            raise RefusedError(503, STOPPING)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @contextmanager
    def place(self, address: str | None) -> Iterator[None]:
        """Take a place among those that are answered at once; a known address may have a quarter of them.

        Raises:
            RefusedError: if there is none.
        """
        if self._places.total() >= MAX_REQUESTS:
            raise RefusedError(503, BUSY)
        if address and self._places[address] >= SHARE:
            raise RefusedError(503, TOO_MANY)
        self._places[address] += 1
        try:
            yield
        finally:
            self._places[address] -= 1
            self._places += Counter()  # forgets the addresses without a place

    def stop(self, seconds: float) -> None:
        """Admit no more requests, and wait until the open ones are answered, at most so many seconds."""
        self.stopping = True
        deadline = time.monotonic() + seconds
        while self._open and time.monotonic() < deadline:
            time.sleep(0.02)


class Gate:
    """Middleware that counts requests, refuses what is too much in a sentence, and answers GET /health."""

    def __init__(self, app: ASGIApp, check: Callable[[], Health], state: GateState) -> None:
        """Stand before an app.

        Args:
            app: what answers.
            check: returns what GET /health tells; called in a thread, at most once a second.
            state: shared with whoever stops the server.
        """
        self.app = app
        self.check = check
        self.state = state
        self._bodies = BodyStore()
        self._health: Health = (None, Waiting(0, None))
        self._checked = -math.inf
        self._checking = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refuse it, or pass it on; write its line in the log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        current = Exchange(scope, receive, send)
        exchange.set(current)
        try:
            await self._answer(current, Explainer(current))
        finally:
            current.close()

    async def _answer(self, current: Exchange, answer: Explainer) -> None:
        """Answer a request; whatever happens, the client gets a sentence."""
        response: Response | None = None
        try:
            response = await self._pass(current, answer.send)
        except RefusedError as refusal:
            response = _build_refusal(current, refusal.status, str(refusal))
        except Exception as error:
            if current.is_abandoned:
                return
            if current.status is not None and not answer.streams:
                raise
            status = current.error_status
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                status = 507
            # What fails before a handler has begun is Gradio's way to say that a request makes no sense.
            logger.log(WARNING if status < 500 else ERROR, "A request failed", exc_info=status == 500)
            if current.status is not None:  # the stream has said so
                await answer.send({"type": "http.response.body", "body": b""})
            else:
                response = _build_refusal(current, status, find_sentence(status))
        if response and current.is_abandoned:
            current.status = response.status_code  # for the log; nobody else wants it
        elif response:
            await response(current.scope, current.receive, answer.send)
        if current.route == UPLOAD and current.status == 200:
            await run_in_threadpool(trim_folder, Path(get_upload_folder()), MAX_UPLOADS_MB * 2**20)

    async def _pass(self, current: Exchange, send: Send) -> Response | None:
        """Pass a request on, or return the answer to what the app needn't see."""
        if current.path == HEALTH:
            current.route = HEALTH
            if self.state.stopping:
                return build_health_response(STOPPING)
            return build_health_response(*await self._check_health())
        if current.route is None:
            raise RefusedError(404, NOTHING_HERE)
        _check_head(current.scope)
        if current.route == INFO and b"page=" not in current.scope["query_string"]:
            # Else Gradio gives everyone the first client's answer, with the address that it called the server by.
            current.scope["query_string"] += b"&page="
        if current.scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(current.scope, current.receive, send)
            return None
        with self.state.admit():
            async with current.load_body(self._bodies):
                with self.state.place(current.address):
                    await self.app(current.scope, current.receive, send)
        return None

    async def _check_health(self) -> Health:
        """Return how the server is, or was a second ago; it is looked at in a thread that nothing else can take."""
        if time.monotonic() - self._checked > 1:
            async with self._checking:
                if time.monotonic() - self._checked > 1:
                    self._health = await to_thread.run_sync(self.check, limiter=CapacityLimiter(1))
                    self._checked = time.monotonic()
        return self._health


def _check_head(scope: Scope) -> None:
    """Refuse a request by its head: by the length of its address, of which Gradio keeps parts, or of its body."""
    if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS:
        raise RefusedError(414, f"The address is too long: it may have {MAX_ADDRESS:,} characters.")
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and int(length) > MAX_REQUEST_MB * 2**20:
        raise RefusedError(413, TOO_LARGE)


def _build_refusal(current: Exchange, status: int, message: str) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else None
    if current.route == UPLOAD:  # Gradio's page shows this text as it is
        return PlainTextResponse(message, status, headers)
    return JSONResponse({"error": message}, status, headers)


def trim_folder(folder: Path, max_bytes: int) -> None:
    """Delete the oldest files in a folder and below it, until the rest takes no more than `max_bytes`.

    A small file counts as `MIN_FILE`, since each takes room and time. One thread at a time does this.
    """
    with _trimming:
        files = []
        for path in folder.rglob("*"):
            try:
                if path.is_file():
                    status = path.stat()
                    files.append((status.st_mtime, max(status.st_size, MIN_FILE), path))
            except FileNotFoundError:
                pass  # Gradio was faster
        excess = sum(size for _, size, _ in files) - max_bytes
        for _, size, path in sorted(files):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
