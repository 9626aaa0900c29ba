"""The gate before the app: how much it accepts at once, whether it is well, and how it stops."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_cnn.web.health import build_health_response
from mnist_cnn.web.limits import MAX_PAUSE, MAX_REQUEST_MB, MAX_REQUESTS, MAX_UPLOADS_MB
from mnist_cnn.web.routes import is_open

logger = logging.getLogger(__name__)

HEALTH = "/health"
UPLOAD = "/gradio_api/upload"
CALL = "/gradio_api/call/"
FAILURE = "This request can't be answered: compare it with what /gradio_api/info says."
TOO_LARGE = f"The request is too large: send at most {MAX_REQUEST_MB} MB at once."
NULL_ERROR = re.compile(rb'\{"error": ?null\}')
FAILURE_ERROR = json.dumps({"error": FAILURE}).encode()
MAX_REQUEST_BYTES = MAX_REQUEST_MB * 2**20


class Gate:
    """Middleware that counts requests, refuses what is too much in a sentence, and answers GET /health."""

    def __init__(self, app: ASGIApp, check: Callable[[], str | None], state: "GateState") -> None:
        """Stand before an app.

        Args:
            app: what answers.
            check: returns what is wrong with the server, None if nothing is; called in a thread for each GET /health.
            state: shared with whoever stops the server.
        """
        self.app = app
        self.check = check
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refuse it, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == HEALTH:
            await (await self._answer_health())(scope, receive, send)
        elif not is_open(scope["path"]):
            await JSONResponse({"error": "There is nothing at this address."}, 404)(scope, receive, send)
        elif scope["method"] == "POST":
            await self._take(scope, receive, send)
        else:
            await self.app(scope, receive, _explain_failures(send) if scope["path"].startswith(CALL) else send)

    async def _answer_health(self) -> Response:
        stopping = "The server is stopping." if self.state.stopping else None
        return build_health_response(stopping or await run_in_threadpool(self.check))

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(receive, send)
        try:
            self._admit(scope)
            self.state.in_flight += 1
            try:
                await self.app(scope, exchange.receive, _explain_failures(exchange.send))
            finally:
                self.state.in_flight -= 1
        except _Refusal as refusal:
            exchange.refusal = refusal
        except Exception:  # whatever the app raised, the client gets a sentence
            if exchange.begun:
                raise
            logger.exception("A request failed")
            exchange.refusal = _Refusal(500, FAILURE)
        if exchange.refusal and not exchange.begun:
            await exchange.refusal.response(scope)(scope, receive, send)
        elif scope["path"] == UPLOAD:
            await run_in_threadpool(trim_folder, Path(get_upload_folder()), MAX_UPLOADS_MB * 2**20)

    def _admit(self, scope: Scope) -> None:
        if self.state.stopping:
            raise _Refusal(503, "The server is stopping: try again in a moment.")
        if self.state.in_flight >= MAX_REQUESTS:
            raise _Refusal(503, f"The server answers {MAX_REQUESTS} requests at once, and has as many: try again soon.")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > MAX_REQUEST_BYTES:
            raise _Refusal(413, TOO_LARGE)


class _Exchange:
    """A request and its response, as far as they stay within the limits."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = 0
        self._more = True
        self.begun = False  # the response
        self.refusal: _Refusal | None = None

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout(MAX_PAUSE if self._more else None):
                message = await self._receive()
        except TimeoutError:
            self.refusal = _Refusal(408, f"Nothing came for {MAX_PAUSE} seconds: send the request again.")
            raise self.refusal from None
        self._more = message.get("more_body", False)
        self._received += len(message.get("body", b""))
        if self._received > MAX_REQUEST_BYTES:
            self.refusal = _Refusal(413, TOO_LARGE)
            raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        if not self.refusal:  # the app may have turned the refusal into an answer of its own
            self.begun = True
            await self._send(message)


class _Refusal(Exception):  # noqa: N818  a refusal is no error of the server
    """Why a request isn't taken, or isn't taken to its end."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self, scope: Scope) -> Response:
        headers = {"Retry-After": "1"} if self.status == 503 else None
        if scope["path"] == UPLOAD:  # Gradio's page shows this text as it is
            return PlainTextResponse(str(self), self.status, headers)
        return JSONResponse({"error": str(self)}, self.status, headers)


class GateState:
    """How many requests are being answered, and whether new ones are admitted."""

    def __init__(self) -> None:
        """Start with no requests."""
        self.in_flight = 0
        self.stopping = False

    def stop(self, seconds: float) -> None:
        """Admit no more requests, and wait until those in flight are answered, at most so many seconds."""
        self.stopping = True
        deadline = time.monotonic() + seconds
        while self.in_flight and time.monotonic() < deadline:
            time.sleep(0.02)


def _explain_failures(send: Send) -> Send:
    """Send a response with a sentence where Gradio gives null for an error, or FastAPI a list of invalid fields."""
    held: Message | None = None

    async def send_explained(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start":
            if message["status"] in (422, 500):
                held = message  # its length may change
            else:
                await send(message)
            return
        if held and held["status"] == 422:
            message = {**message, "body": FAILURE_ERROR}
        else:
            message = {**message, "body": NULL_ERROR.sub(FAILURE_ERROR, message.get("body", b""))}
        if held:
            MutableHeaders(raw=held["headers"])["content-length"] = str(len(message["body"]))
            await send(held)
            held = None
        await send(message)

    return send_explained


def trim_folder(folder: Path, max_bytes: int) -> None:
    """Delete the oldest files in a folder and below it, until the rest takes no more than `max_bytes`."""
    files = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        except FileNotFoundError:
            pass  # another thread was faster
    excess = sum(size for _, size, _ in files) - max_bytes
    for _, size, path in sorted(files):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size
