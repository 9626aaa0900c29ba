"""What the server refuses, how it says so, whether it is well, and how it stops."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from mnist_cnn.web import gate
from mnist_cnn.web.gate import Gate, GateState, trim_folder
from mnist_cnn.web.limits import MAX_BATCH_SIZE, MAX_FILE_MB, MAX_REQUEST_MB, MAX_REQUESTS
from tests.support.browsing import App, draw, label, run_app, verdict
from tests.support.files import FILES, data_url
from tests.support.models import with_weights
from tests.support.requests import call, predict, upload
from tests.support.strokes import DIGITS

SEVEN = {"url": data_url(FILES["seven.png"])}
BUSY = f"answers {MAX_REQUESTS} requests at once"


def connect(app: App) -> socket.socket:
    address = urlsplit(app.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def head(length: int) -> bytes:
    """Return the head of a request to /predict whose body has the given length."""
    lines = ["POST /gradio_api/run/predict HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


@contextmanager
def busy(app: App) -> Iterator[None]:
    """Send as many requests as the server answers at once, none of which makes progress."""
    sockets: list[socket.socket] = []
    refused = 0
    while refused < 5:  # in a row: a request of an open page may have had a place for a moment
        refused = refused + 1 if predict(app, SEVEN).is_error else 0
        for _ in range(0 if refused else max(1, MAX_REQUESTS - len(sockets))):
            sockets.append(connect(app))
            sockets[-1].sendall(head(100))
    try:
        yield
    finally:
        for connection in sockets:
            connection.close()
        while predict(app, SEVEN).is_error:
            time.sleep(0.05)


def test_more_requests_than_the_limit_are_refused_in_words(app: App) -> None:
    with busy(app):
        refused = predict(app, SEVEN)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert BUSY in refused.json()["error"]
        refused = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": ("a.png", FILES["seven.png"])})
        assert (refused.status_code, BUSY in refused.text) == (503, True)
        assert httpx2.get(app.url).is_success
        assert httpx2.get(f"{app.url}/health").is_success
    assert predict(app, SEVEN).json()["data"][0]["label"] == "7"


def test_pad_asks_again_when_the_server_was_busy(page: Page, app: App) -> None:
    with busy(app):
        draw(page, page.locator("#pad canvas"), DIGITS["7"])
        expect(verdict(page)).to_contain_text("the server is busy or away", timeout=20_000)
    expect(label(page)).to_have_text("7", timeout=20_000)


def test_large_request_is_refused(app: App) -> None:
    def send(content: bytes | Iterator[bytes]) -> httpx2.Response:
        return httpx2.post(f"{app.url}/gradio_api/run/predict", content=content, timeout=60)

    with connect(app) as connection:  # by what it says of its length, before any of it comes
        connection.sendall(head(MAX_REQUEST_MB * 2**20 + 1))
        assert b"413" in connection.recv(1000).partition(b"\r\n")[0]
    refused = send(bytes(2**20) for _ in range(MAX_REQUEST_MB + 1))
    assert (refused.status_code, f"at most {MAX_REQUEST_MB} MB" in refused.json()["error"]) == (413, True)


def test_large_picture_is_refused(app: App, page: Page, tmp_path: Path) -> None:
    content = FILES["seven.bmp"] + bytes(MAX_FILE_MB * 2**20)
    refused = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": ("a.bmp", content)})
    assert refused.status_code == 413
    assert str(MAX_FILE_MB * 2**20) in refused.text
    assert f"at most {MAX_FILE_MB} MB" in predict(app, {"url": data_url(content)}).json()["error"]
    (tmp_path / "large.bmp").write_bytes(content)
    page.get_by_role("tab", name="Picture").click()
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "large.bmp")
    expect(page.get_by_text(f"exceed the maximum allowed size of {MAX_FILE_MB}.0 Mb")).to_be_visible()


def test_limits_are_said_to_gradios_client(app: App) -> None:
    with pytest.raises(AppError, match=f"at most {MAX_BATCH_SIZE}"):
        Client(app.url, verbose=False).predict([{}] * (MAX_BATCH_SIZE + 1), api_name="/predict_batch")


def test_request_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_PAUSE", 0.05)

    async def app(_scope: object, receive: Callable, _send: object) -> None:
        while (await receive())["more_body"]:
            pass

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(10)

    async def post() -> httpx2.Response:
        transport = httpx2.ASGITransport(Gate(app, lambda: None, GateState()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.post("/gradio_api/run/predict", content=body())

    with ThreadPoolExecutor(1) as thread:  # the browser's own loop runs in this one
        answer = thread.submit(asyncio.run, post()).result()
    assert (answer.status_code, "Nothing came" in answer.json()["error"]) == (408, True)


def test_oldest_uploads_go_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "oldest"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "picture").write_bytes(bytes(100))
        then = time.time() - 60 * age
        os.utime(tmp_path / name / "picture", (then, then))
    trim_folder(tmp_path, 250)
    assert [(tmp_path / name / "picture").exists() for name in ("new", "old", "oldest")] == [True, True, False]
    trim_folder(tmp_path, 99)
    assert not list(tmp_path.rglob("picture"))


def test_health_is_green_while_the_model_reads_digits(app: App) -> None:
    assert httpx2.get(f"{app.url}/health").json() == {"status": "ok"}


@pytest.mark.integration
def test_health_is_red_while_it_does_not(tmp_path: Path) -> None:
    folder = with_weights(tmp_path / "model", lambda weights: -weights)
    (tmp_path / "app").mkdir()
    with run_app(tmp_path / "app", MODEL_REPO=str(folder)) as app:
        answer = httpx2.get(f"{app.url}/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert "known digits" in answer.json()["error"]


@pytest.mark.integration
def test_stopped_server_answers_what_is_in_flight_and_ends_in_time(tmp_path: Path) -> None:
    with run_app(tmp_path) as app:
        body = json.dumps({"data": [SEVEN]}).encode()
        with connect(app) as connection:
            connection.sendall(head(len(body)) + body[:-1])
            time.sleep(0.5)
            stopped = time.monotonic()
            app.process.terminate()
            while httpx2.get(f"{app.url}/health").status_code != 503:
                time.sleep(0.02)
            assert "is stopping" in call(app, "model").json()["error"]
            connection.sendall(body[-1:])
            answer = b"".join(iter(lambda: connection.recv(10_000), b""))  # until the server closes it
        app.process.wait(timeout=30)
        took = time.monotonic() - stopped
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"label":"7"' in answer
    assert took < 5
    assert "Traceback" not in app.log


def test_log_has_a_line_for_each_picture_and_no_picture_in_it(app: App) -> None:
    before = len(app.log)
    predict(app, SEVEN)
    predict(app, {"url": data_url(b"none")})
    call(app, "predict_batch", [upload(app, FILES["seven.png"], "seven.png")])
    lines = [json.loads(line) for line in app.log[before:].splitlines()]
    assert [(line["source"], line.get("digit")) for line in lines] == [
        ("predict", 7),
        ("predict", None),
        ("predict_batch", 7),
    ]
    assert lines[0].keys() == {
        "time", "level", "logger", "message", "source", "bytes", "size", "digit", "confidence", "ms",
    }  # fmt: skip
    assert lines[0]["size"] == [300, 400]
    assert "not a picture" in lines[1]["error"]
