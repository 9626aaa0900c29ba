"""What every answer has: headers that keep browsers safe, and a sentence under `error` if it is an error."""

import json
import re

from starlette.datastructures import MutableHeaders
from starlette.types import Message

from mnist_cnn.web.exchange import Exchange

NOTHING_HERE = "There is nothing at this address."
FAILURE = "This request can't be answered: compare it with what /gradio_api/info says."
BROKEN = "Something went wrong in the server: try again, and tell its operator if it stays so."
# What stands for an error in a stream of events.
UNEXPLAINED = re.compile(rb'\{"error": ?null\}|"404: Not Found"')
SENTENCES = {
    404: NOTHING_HERE,
    405: "This address doesn't take requests of this method.",
    507: "The server's disk is full: it can't take files now. Drawings are still read.",
}

FILE_ROUTE = "/gradio_api/file={path_or_url:path}"

# The page may stand in a frame on any site, and loads nothing from elsewhere. Gradio's page has inline scripts, and
# its HTML component makes functions of text.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors *",
    ]
)
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}
# A visitor's file is never a page of this site, even if it holds HTML or SVG.
SAFE_FILE = SAFE | {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "attachment",
}


def find_sentence(status: int) -> str:
    """Return what there is to say of an error of which nothing but the status is known."""
    return SENTENCES.get(status, BROKEN if status >= 500 else FAILURE)


def add_headers(message: Message, route: str | None) -> None:
    """Add what keeps browsers safe to the start of an answer."""
    headers = MutableHeaders(scope=message)
    for name, value in (SAFE_FILE if route == FILE_ROUTE else SAFE).items():
        headers[name] = value


class Explainer:
    """Sends an app's answer, with a sentence in place of an error that nobody understands.

    Gradio says null where it hides what happened, and FastAPI gives a code or a list of fields under `detail`. An
    error that happens before a handler has begun, or that a handler puts down to the client, has status 400.
    """

    def __init__(self, exchange: Exchange) -> None:
        """Answer a request."""
        self.streams = False  # events, as they happen
        self._exchange = exchange
        self._held: Message | None = None  # the start of an error, whose length will change
        self._body = b""

    async def send(self, message: Message) -> None:
        """Send a part of the answer, as `Exchange.send` does."""
        if message["type"] == "http.response.start":
            add_headers(message, self._exchange.route)
            content_type = MutableHeaders(scope=message).get("content-type", "")
            self.streams = content_type.startswith("text/event-stream")
            if message["status"] >= 400 and content_type == "application/json":
                self._held = message
            else:
                await self._exchange.send(message)
        elif self._held:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                status, content = _explain(self._exchange.error_status, self._held["status"], self._body)
                MutableHeaders(scope=self._held)["content-length"] = str(len(content))
                await self._exchange.send({**self._held, "status": status})
                await self._exchange.send({"type": "http.response.body", "body": content})
        elif self.streams:
            body = UNEXPLAINED.sub(json.dumps({"error": FAILURE}).encode(), message.get("body", b""))
            await self._exchange.send({**message, "body": body})
        else:
            await self._exchange.send(message)


def _explain(error_status: int, status: int, body: bytes) -> tuple[int, bytes]:
    """Return the status and the content that an error should have."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    fields = content if isinstance(content, dict) else {}
    detail = fields.pop("detail", None)
    sentence = fields.get("error") or detail
    if status in (422, 500):
        status = error_status
    if not isinstance(sentence, str) or " " not in sentence or status in SENTENCES:
        sentence = find_sentence(status)
    return status, json.dumps({**fields, "error": sentence}).encode()
