"""A client that misbehaves: raw requests, many at once, slow, half sent or never read."""

import asyncio
import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

PATIENCE = 30  # seconds that an answer is waited for


class Answer(NamedTuple):
    """A response: its status, headers and body; or why there is none, with status 0."""

    status: int
    headers: str
    body: bytes
    failure: str = ""

    @property
    def outcome(self) -> str:
        return self.failure or str(self.status)


class Attacker:
    """Attacks a server for some seconds, and counts what it was answered."""

    def __init__(self, url: str, seconds: float) -> None:
        address = urlsplit(url)
        self.host, self.port = str(address.hostname), int(address.port or 80)
        self.seconds = seconds
        self._deadline = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    def start(self) -> None:
        """Begin to count the seconds; what the attack sends is ready."""
        self._deadline = time.monotonic() + self.seconds

    def build(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Return a request as it goes over the wire."""
        lines = {"Host": f"{self.host}:{self.port}", "Connection": "close", "Content-Type": "application/json"}
        if body or method == "POST":
            lines["Content-Length"] = str(len(body))
        lines |= headers or {}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    async def exchange(self, request: bytes, *, wait: float = PATIENCE) -> Answer:
        """Send a request, return its answer and count it."""
        try:
            async with asyncio.timeout(wait):
                answer = await self._exchange(request)
        except TimeoutError:
            answer = Answer(0, "", b"", "no answer")
        except OSError:
            answer = Answer(0, "", b"", "hung up")
            await asyncio.sleep(0.05)
        self.outcomes[answer.outcome] += 1
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.exchange(
            self.build("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})
        )

    async def post(self, path: str, content: object) -> Answer:
        """Send JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.exchange(self.build("POST", path, body))

    async def send_form(
        self,
        path: str,
        fields: Mapping[str, str],
        files: Sequence[tuple[str, str, bytes]] = (),
        cut: int = 0,
    ) -> Answer:
        """Send a form with files, each as (field, file name, content); hang up `cut` bytes before its end."""
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()
        ]
        for field, name, content in files:
            head = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
            parts.append(head.encode() + content + b"\r\n")
        body = b"".join(parts) + b"--b--\r\n"
        request = self.build("POST", path, body, {"Content-Type": "multipart/form-data; boundary=b"})
        if cut:
            await self.abandon(request[:-cut])
            return Answer(0, "", b"", "left")
        return await self.exchange(request)

    async def abandon(self, request: bytes) -> None:
        """Send a request and hang up at once."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.write(request)
                await writer.drain()
                writer.close()
        self.outcomes["left"] += 1

    async def flood(self, send: Callable[[int], Awaitable[object]], at_once: int) -> None:
        """Call `send` with 0, 1, 2, ..., so many calls at once, until the deadline."""
        numbers = itertools.count()
        self.start()

        async def work() -> None:
            while self.left > 0:
                await send(next(numbers))

        await asyncio.gather(*(work() for _ in range(at_once)))

    async def hold(
        self, requests: list[bytes], drip: bytes = b"", every: float = 1, *, read: bool = True, again: bool = True
    ) -> None:
        """Open a connection for each request and keep it until the deadline.

        Args:
            requests: what is sent first.
            drip: what is sent after that, again and again.
            every: seconds between two of these.
            read: whether answers are taken from the socket.
            again: whether a connection that the server closes is opened anew.
        """
        self.start()

        async def keep(request: bytes) -> None:
            while self.left > 0:
                outcome = await self._keep(request, drip, every, read)
                self.outcomes[outcome] += 1
                if not again:
                    return
                await asyncio.sleep(min(0.5, max(0, self.left)))

        await asyncio.gather(*(keep(request) for request in requests))

    async def _keep(self, request: bytes, drip: bytes, every: float, read: bool) -> str:
        connection = socket.socket()
        connection.setblocking(False)
        if not read:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        loop = asyncio.get_running_loop()
        received = b""
        try:
            async with asyncio.timeout(max(0.1, self.left)):
                await loop.sock_connect(connection, (self.host, self.port))
                await loop.sock_sendall(connection, request)
                while True:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(every):
                            if not read:
                                await asyncio.sleep(every)
                            elif chunk := await loop.sock_recv(connection, 65536):
                                received = received or chunk
                                continue
                            else:
                                return _status(received) or "hung up"
                    if drip:
                        await loop.sock_sendall(connection, drip)
        except TimeoutError:
            return f"{_status(received)} held".strip()
        except OSError:
            return _status(received) or "hung up"
        finally:
            connection.close()

    async def _exchange(self, request: bytes) -> Answer:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            with suppress(ConnectionError):  # a server may answer before it has read everything
                writer.write(request)
                await writer.drain()
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status = _status(head)
        return Answer(int(status), head.decode("latin-1"), body) if status else Answer(0, "", b"", "hung up")


def _status(response: bytes) -> str:
    """Return the status of a response, nothing if there is none."""
    return response[9:12].decode("latin-1") if response.startswith(b"HTTP/1.") else ""
