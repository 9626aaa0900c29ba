"""Bodies and answers have bounds in time and bytes, and what is asked and answered is in the log."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext
from starlette.types import Message

from mnist_cnn.web import exchange as module
from mnist_cnn.web.exchange import (
    AnswerError,
    BodyStore,
    Exchange,
    RefusedError,
    exchange,
    is_abandoned,
    set_error_status,
)
from mnist_cnn.web.limits import MAX_BATCH_SIZE, MAX_QUEUED_KB
from tests.support.asynchronous import run

GONE: Message = {"type": "http.disconnect"}


def chunk(content: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def build(
    *messages: Message,
    pause: float = 0,
    client: tuple[str, int] | None = ("127.0.0.1", 1),
    send: Callable[[Message], Awaitable[None]] | None = None,
    path: str = "/gradio_api/run/predict",
    content_type: bytes = b"application/json",
) -> Exchange:
    """Return an exchange with a client that sends messages, each after a pause, and then nothing more."""
    coming = iter(messages)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        for message in coming:
            return message
        await asyncio.sleep(60)
        return GONE

    async def take(_message: Message) -> None:
        pass

    headers = [(b"content-type", content_type)]
    scope = {"type": "http", "method": "POST", "path": path, "client": client, "headers": headers}
    return Exchange(scope, receive, send or take)


async def load(current: Exchange, store: BodyStore | None = None) -> Message:
    async with current.load_body(store or BodyStore()):
        return await current.receive()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grace of a fifth of a second, and 1,000 bytes a second."""
    monkeypatch.setattr(module, "GRACE", 0.2)
    monkeypatch.setattr(module, "MIN_RATE", 1000)


@pytest.mark.usefixtures("short")
def test_body_of_a_byte_now_and_then_is_refused_though_bytes_keep_coming() -> None:
    with pytest.raises(RefusedError, match="too slowly") as refused:
        run(load(build(*[chunk(b"x")] * 200, pause=0.01)))
    assert refused.value.status == 408


@pytest.mark.usefixtures("short")
def test_body_may_take_its_length_at_the_least_rate() -> None:
    body = [chunk(bytes(100))] * 9 + [chunk(b"", more=False)]
    assert len(run(load(build(*body, pause=0.04)))["body"]) == 900  # in 0.4 seconds of 1.1


def test_body_comes_to_the_app_whole_and_once_and_then_the_news_that_the_client_hung_up() -> None:
    async def receive_all() -> list[Message]:
        current = build(chunk(b"ab"), chunk(b"c", more=False), GONE)
        async with current.load_body(BodyStore()):
            return [await current.receive(), await current.receive()]

    assert run(receive_all()) == [chunk(b"abc", more=False), GONE]


def test_empty_body_is_a_body() -> None:
    assert run(load(build(chunk(b"", more=False)))) == chunk(b"", more=False)


def test_client_that_hangs_up_before_the_end_of_its_body_is_gone() -> None:
    current = build(chunk(b"a"), GONE)
    with pytest.raises(RefusedError) as refused:
        run(load(current))
    assert (refused.value.status, current.is_abandoned) == (499, True)


def test_large_body_is_refused_and_its_room_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    store = BodyStore()
    with pytest.raises(RefusedError, match="too large") as refused:
        run(load(build(chunk(bytes(600)), chunk(bytes(600))), store))
    assert refused.value.status == 413
    with store.hold() as add:
        add(module.MAX_BODIES // 2)  # as long as a body may ever be: nothing else is held


@pytest.mark.parametrize("body", [b"[" * 20_000, b"{}," * 6_000, b"[" + b"1," * 20_000 + b"1]"])
def test_json_of_many_values_is_refused_before_anyone_looks_at_them(body: bytes) -> None:
    with pytest.raises(RefusedError, match="too many values") as refused:
        run(load(build(chunk(body, more=False))))
    assert refused.value.status == 413


def test_upload_of_more_files_than_a_batch_holds_is_refused() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\na\r\n'

    def upload(count: int) -> Exchange:
        return build(chunk(part * count + b"--x--\r\n", more=False), content_type=b"multipart/form-data; boundary=x")

    assert run(load(upload(MAX_BATCH_SIZE)))
    with pytest.raises(RefusedError, match="too many files"):
        run(load(upload(MAX_BATCH_SIZE + 50)))


@pytest.mark.parametrize("path", ["queue/join", "call/predict", "call/v2/predict"])
def test_request_that_waits_in_the_queue_is_small(path: str) -> None:
    large = chunk(bytes(MAX_QUEUED_KB * 2**10 + 1), more=False)
    with pytest.raises(RefusedError, match="upload the picture"):
        run(load(build(large, path=f"/gradio_api/{path}")))
    assert run(load(build(large)))


def test_largest_batch_and_any_file_have_not_too_many_values() -> None:
    meta = {"_type": "gradio.FileData"}
    picture = {
        "path": "a",
        "url": None,
        "size": 1,
        "orig_name": "a",
        "mime_type": "b",
        "is_stream": False,
        "meta": meta,
    }
    batch = json.dumps({"data": [[picture] * MAX_BATCH_SIZE], "session_hash": "a"}).encode()
    assert run(load(build(chunk(batch, more=False))))
    assert run(load(build(chunk(b"[" * 20_000, more=False), content_type=b"multipart/form-data; boundary=x")))


def test_large_bodies_leave_room_for_smaller_ones() -> None:
    store, half = BodyStore(), module.MAX_BODIES // 2
    with store.hold() as first, store.hold() as second, store.hold() as third:
        first(half)
        second(half // 2)
        with pytest.raises(RefusedError, match="as much as it can hold"):
            third(half // 4 + 1)
        third(half // 4)


def test_small_body_is_taken_even_if_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODIES", 0)
    with BodyStore().hold() as add:
        add(module.FREE_BODY)
        with pytest.raises(RefusedError):
            add(1)


@pytest.mark.usefixtures("short")
def test_answer_that_nobody_takes_is_given_up() -> None:
    async def send(_message: Message) -> None:
        await asyncio.sleep(60)

    current = build(send=send)
    with pytest.raises(OSError, match="too slowly"):
        run(current.send({"type": "http.response.body", "body": b"x", "more_body": True}))
    assert current.is_abandoned


@pytest.mark.usefixtures("short")
def test_answer_may_take_its_length_at_the_least_rate_however_long_the_app_takes() -> None:
    async def send(_message: Message) -> None:
        await asyncio.sleep(0.04)

    async def answer(size: int, pause: float) -> None:
        current = build(send=send)
        for _ in range(10):
            await asyncio.sleep(pause)
            await current.send({"type": "http.response.body", "body": bytes(size), "more_body": True})

    run(answer(100, 0.04))
    with pytest.raises(OSError, match="too slowly"):
        run(answer(1, 0))


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2a00:1450:4001:82b::200e", "2a00:1450:4001:82b::/64"),
        ("127.0.0.1", None),  # Node, or a proxy on this machine
        ("10.16.3.4", None),  # a proxy in front of a container
        ("fd00::1", None),
        ("testclient", None),
    ],
)
def test_only_a_public_address_is_a_visitors_own(client: str, address: str | None) -> None:
    assert build(client=(client, 1)).address == address
    assert build(client=None).address is None


def test_request_has_a_line_in_the_log_that_names_no_file(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    current = build(path="/gradio_api/file=/uploads/my holiday.png")
    run(current.send({"type": "http.response.start", "status": 404}))
    current.close()
    (record,) = caplog.records
    fields: dict[str, Any] = vars(record)["fields"]
    assert (fields["method"], fields["status"]) == ("POST", 404)
    assert fields["route"] == "/gradio_api/file={path_or_url:path}"
    assert fields["ms"] >= 0
    assert "holiday" not in repr(vars(record))


def test_answers_error_has_the_status_that_it_asks_for() -> None:
    async def answer() -> list[int]:
        current = build()
        exchange.set(current)
        statuses = [current.error_status]
        set_error_status(500)
        statuses.append(current.error_status)
        with pytest.raises(gr.Error, match="No picture"):
            raise AnswerError("No picture.")
        return [*statuses, current.error_status]

    assert run(answer()) == [400, 500, 400]
    assert AnswerError("Outside of a request, it is an error like others.")


def test_work_knows_that_its_client_hung_up_and_not_that_an_earlier_one_did() -> None:
    async def work() -> AsyncIterator[bool]:
        current = build(chunk(b"", more=False), GONE)
        exchange.set(current)
        yield is_abandoned()
        async with current.load_body(BodyStore()):
            await current.receive()
            await current.receive()
            yield is_abandoned()
        current.close()
        yield is_abandoned()  # in a task that was begun in the same context

    async def collect() -> list[bool]:
        return [gone async for gone in work()]

    assert run(collect()) == [False, True, False]


@pytest.mark.parametrize("alive", [True, False])
def test_work_of_gradios_queue_knows_that_its_client_hung_up(alive: bool) -> None:
    async def work() -> bool:
        event = SimpleNamespace(alive=alive)
        LocalContext.blocks.set(SimpleNamespace(_queue=SimpleNamespace(event_ids_to_events={"a": event})))  # type: ignore[arg-type]
        LocalContext.event_id.set("a")
        return is_abandoned()

    assert run(work()) is not alive
