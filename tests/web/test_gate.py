"""What the server refuses, how it says so, whether it is well, and how it stops."""

import asyncio
import errno
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mnist_cnn.web.gate import MIN_FILE, Gate, GateState, trim_folder
from mnist_cnn.web.health import Health, Waiting
from mnist_cnn.web.limits import MAX_BATCH_SIZE, MAX_FILE_MB, MAX_REQUEST_MB, MAX_REQUESTS
from mnist_cnn.web.page import launch
from tests.support.asynchronous import run
from tests.support.browsing import App, draw, label, run_app
from tests.support.files import FILES, data_url, encode
from tests.support.models import with_weights
from tests.support.requests import call, predict, stop, upload
from tests.support.strokes import DIGITS

SEVEN = {"url": data_url(FILES["seven.png"])}


def well() -> Health:
    return None, Waiting(0, None)


def connect(app: App) -> socket.socket:
    address = urlsplit(app.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def head(length: int) -> bytes:
    """Return the head of a request to /predict whose body has the given length."""
    lines = ["POST /gradio_api/run/predict HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


async def post(app: ASGIApp, address: str) -> httpx2.Response:
    """Send a request to an app as a client with an address, through uvicorn's own middleware."""
    config = uvicorn.Config(app, log_config=None)
    config.load()
    transport = httpx2.ASGITransport(config.loaded_app, client=(address, 1))
    headers = {"X-Forwarded-For": "1.1.1.1"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://server", headers=headers) as client:
        return await client.post("/gradio_api/run/predict", json={})


def fill(addresses: list[str], then: str) -> tuple[list[int], httpx2.Response]:
    """Have an app answer requests of some addresses at once, and ask once more from another meanwhile.

    Returns:
        The statuses of the first requests, and the answer to the last.
    """

    async def ask() -> tuple[list[int], httpx2.Response]:
        proceed = asyncio.Event()
        waiting = 0

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal waiting
            waiting += 1
            await proceed.wait()
            await Response("done")(scope, receive, send)

        gate = Gate(app, well, GateState())
        asked = []
        for address in [*addresses, then]:
            asked.append(asyncio.create_task(post(gate, address)))
            while waiting + sum(task.done() for task in asked) < len(asked):
                await asyncio.sleep(0)
        proceed.set()
        *answers, last = [await task for task in asked]
        return [answer.status_code for answer in answers], last

    return run(ask())


def test_more_requests_than_the_limit_are_refused_in_words() -> None:
    statuses, refused = fill(["10.0.0.1"] * MAX_REQUESTS, then="8.8.8.8")
    assert set(statuses) == {200}
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert f"answers {MAX_REQUESTS} requests at once" in refused.json()["error"]


def test_one_address_has_a_quarter_of_the_places() -> None:
    statuses, other = fill(["8.8.8.8"] * (MAX_REQUESTS // 4 + 5), then="8.8.4.4")
    assert sorted(statuses) == [200] * (MAX_REQUESTS // 4) + [503] * 5
    assert other.status_code == 200


@pytest.mark.parametrize(("trusted", "refused"), [(None, 0), ("127.0.0.1", 5), ("10.0.0.0/8", 0)])
def test_forwarded_address_counts_only_if_the_operator_says_so(
    monkeypatch: pytest.MonkeyPatch, trusted: str | None, refused: int
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted or "")
    if trusted is None:
        monkeypatch.delenv("FORWARDED_ALLOW_IPS")
    page: Any = SimpleNamespace(launch=lambda **_options: None, local_url="", block_thread=lambda: None)
    launch(page, GateState(), well)
    statuses, _ = fill(["127.0.0.1"] * (MAX_REQUESTS // 4 + 5), then="8.8.8.8")
    assert statuses.count(503) == refused


def test_places_are_free_again_afterwards() -> None:
    async def ask_often() -> set[int]:
        gate = Gate(Response("done"), well, GateState())
        return {(await post(gate, "8.8.8.8")).status_code for _ in range(MAX_REQUESTS + 1)}

    assert run(ask_often()) == {200}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (RuntimeError("/home/someone"), 400, "compare it with"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk is full"),
    ],
)
def test_whatever_the_app_raises_is_a_sentence(error: Exception, status: int, words: str) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    answer = run(post(Gate(app, well, GateState()), "8.8.8.8"))
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)


def test_clients_that_send_a_byte_now_and_then_lock_nobody_out(app: App) -> None:
    slow = [connect(app) for _ in range(MAX_REQUESTS + 20)]
    try:
        for connection in slow:
            connection.sendall(head(100) + b"{")
        assert predict(app, SEVEN).json()["data"][0]["label"] == "7"
        assert httpx2.get(f"{app.url}/health").is_success
    finally:
        for connection in slow:
            connection.close()


def test_pad_asks_again_when_the_server_was_busy(page: Page) -> None:
    calls = re.compile("/component_server")
    page.route(calls, lambda route: route.fulfill(status=503, json={"error": "busy"}))
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(page.locator("#pad .notice")).to_contain_text("The server is busy or away", timeout=20_000)
    page.unroute(calls)
    expect(label(page)).to_have_text("7", timeout=20_000)


def test_batch_stops_when_its_client_has_hung_up(app: App) -> None:
    pictures = [{"url": data_url(encode(Image.new("L", (5000, 4000), shade), "PNG"))} for shade in range(10)]
    body = json.dumps({"data": [pictures]}).encode()
    before = len(app.log)
    with connect(app) as connection:
        connection.sendall(head(len(body)).replace(b"predict HTTP", b"predict_batch HTTP") + body)
    assert "A batch was given up" in app.read_log(before, until="A batch was given up")


def test_large_request_is_refused(app: App) -> None:
    def send(content: bytes | Iterator[bytes]) -> httpx2.Response:
        return httpx2.post(f"{app.url}/gradio_api/run/predict", content=content, timeout=60)

    with connect(app) as connection:  # by what it says of its length, before any of it comes
        connection.sendall(head(MAX_REQUEST_MB * 2**20 + 1))
        assert b"413" in connection.recv(1000).partition(b"\r\n")[0]
    refused = send(bytes(2**20) for _ in range(MAX_REQUEST_MB + 1))
    assert (refused.status_code, f"at most {MAX_REQUEST_MB} MB" in refused.json()["error"]) == (413, True)


def test_long_address_is_refused(app: App) -> None:
    refused = httpx2.post(f"{app.url}/gradio_api/upload?upload_id={'a' * 3000}")
    assert (refused.status_code, "too long" in refused.text) == (414, True)


def test_nobody_can_put_an_address_into_what_others_are_told(app: App) -> None:
    info = f"{app.url}/gradio_api/info"
    assert "evil.example" in httpx2.get(info, headers={"Host": "evil.example"}).text
    told = httpx2.get(info).json()
    assert "evil.example" not in json.dumps(told)
    assert app.url in json.dumps(told["named_endpoints"]["/predict"])
    for path in ("openapi.json", "mcp/schema"):
        httpx2.get(f"{app.url}/gradio_api/{path}", headers={"Host": "evil.example"})
        assert "evil.example" not in httpx2.get(f"{app.url}/gradio_api/{path}").text


def test_large_picture_is_refused(app: App) -> None:
    content = FILES["seven.bmp"] + bytes(MAX_FILE_MB * 2**20)
    refused = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": ("a.bmp", content)})
    assert refused.status_code == 413
    assert str(MAX_FILE_MB * 2**20) in refused.text
    assert f"at most {MAX_FILE_MB} MB" in predict(app, {"url": data_url(content)}).json()["error"]


def test_limits_are_said_to_gradios_client(app: App) -> None:
    with pytest.raises(AppError, match=f"at most {MAX_BATCH_SIZE}"):
        Client(app.url, verbose=False).predict([{}] * (MAX_BATCH_SIZE + 1), api_name="/predict_batch")


def test_oldest_uploads_go_first(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old", "oldest"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "picture").write_bytes(bytes(MIN_FILE if name == "new" else 1))  # small ones count as much
        then = time.time() - 60 * age
        os.utime(tmp_path / name / "picture", (then, then))
    trim_folder(tmp_path, 2 * MIN_FILE)
    assert [(tmp_path / name / "picture").exists() for name in ("new", "old", "oldest")] == [True, True, False]
    trim_folder(tmp_path, MIN_FILE - 1)
    assert not list(tmp_path.rglob("picture"))


def test_health_is_green_while_the_model_reads_digits(app: App) -> None:
    answer = httpx2.get(f"{app.url}/health").json()
    assert answer["status"] == "ok"
    assert answer["corrections"] == {
        "waiting": len(list((app.log_file.parent / "feedback").rglob("*.parquet"))),
        "error": None,
    }


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
            httpx2.get(f"{app.url}/health").raise_for_status()  # asked for later: by now the server has read the above
            stopped = time.monotonic()
            stop(app)
            connection.sendall(body[-1:])
            answer = b"".join(iter(lambda: connection.recv(10_000), b""))  # until the server closes it
        app.process.wait(timeout=30)
        took = time.monotonic() - stopped
    assert answer[:12] == b"HTTP/1.1 200"
    assert b'"label":"7"' in answer
    assert took < 5
    assert '"exception"' not in app.log


def test_log_has_a_line_for_each_picture_and_no_picture_in_it(app: App) -> None:
    before = len(app.log)
    predict(app, SEVEN)
    predict(app, {"url": data_url(b"none")})
    call(app, "predict_batch", [upload(app, FILES["seven.png"], "seven.png")])
    lines = [json.loads(line) for line in app.read_log(before).splitlines()]
    lines = [line for line in lines if line["message"] == "read"]
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
