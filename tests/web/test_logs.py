"""The log: what a line holds, who is heard in it, and what happens when too much is said or nobody reads it."""

import fcntl
import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mnist_cnn.errors import ModelError
from mnist_cnn.web import logs
from mnist_cnn.web.limits import MAX_LOG_TEXT, MAX_REPEATS
from mnist_cnn.web.logs import JsonFormatter, LogHandler, describe_error
from tests import ROOT
from tests.support.browsing import App, run_app
from tests.support.files import FILES

Line = dict[str, Any]


def record(**options: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "mnist_cnn.test", "levelno": 20, "levelname": "INFO", "msg": "read %s"})
    made.args = (7,)
    made.__dict__.update(options)
    return made


def log_in_process(code: str, returncode: int = 0) -> list[Line]:
    """Return the lines that a program writes after it has called `configure_logging`."""
    program = (
        f"import logging\nfrom mnist_cnn.web.logs import configure_logging\nSENT = 'seven' + '.png'\n"
        f"configure_logging()\n{code}"
    )
    path = [sys.executable, "-c", program]
    finished = subprocess.run(path, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert (finished.returncode, finished.stdout) == (returncode, ""), finished.stderr
    assert "seven" not in finished.stderr
    return [json.loads(line) for line in finished.stderr.splitlines()]


# A line


def test_record_is_one_line_of_json_with_its_fields() -> None:
    said = json.loads(JsonFormatter().format(record(fields={"digit": 7, "text": "a\nb ü"})))
    assert {name: said[name] for name in said if name != "time"} == {
        "level": "INFO",
        "logger": "mnist_cnn.test",
        "message": "read 7",
        "digit": 7,
        "text": "a\nb ü",
    }


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x1b[2J", "\x7f", "\x85", "\u2028", "\u202e", "\ud800", "ü"])
def test_no_sign_in_a_text_can_begin_a_line_or_drive_a_terminal(sign: str) -> None:
    line = JsonFormatter().format(record(args=(sign,), fields={"text": sign}))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["text"] == sign


def test_time_is_in_utc_with_milliseconds() -> None:
    line = json.loads(JsonFormatter().format(record(created=0.5)))
    assert datetime.fromisoformat(line["time"]) == datetime(1970, 1, 1, microsecond=500_000, tzinfo=UTC)
    assert line["time"] == "1970-01-01T00:00:00.500+00:00"


def test_value_that_json_does_not_know_is_logged_as_text() -> None:
    assert json.loads(JsonFormatter().format(record(fields={"path": {1}})))["path"] == "{1}"


def test_line_is_bounded_however_long_its_texts_are() -> None:
    long = "\U0001f522" * 10**6
    assert len(JsonFormatter().format(record(args=(long,), fields={"text": long}))) < 30 * MAX_LOG_TEXT


# Errors


def test_error_has_its_type_its_cause_and_their_tracebacks_without_their_messages() -> None:
    try:
        try:
            int("seven.png")
        except ValueError as error:
            raise KeyError("seven.png") from error
    except KeyError:
        text = json.loads(JsonFormatter().format(record(exc_info=sys.exc_info())))["exception"]
    assert re.search(r'line \d+, in test_error.*int\("seven.png"\)\nValueError\n', text, re.DOTALL)
    assert text.endswith("\nKeyError")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelError("This model is damaged."), "mnist_cnn.errors.ModelError: This model is damaged."),
        (OSError(28, "seven.png", "seven.png"), "OSError: No space left on device"),
        (OSError("seven.png"), "OSError"),
        (httpx2.ConnectError("seven.png"), "httpx2.ConnectError"),
        (ExceptionGroup("seven.png", [KeyError("seven.png")]), "KeyError\nExceptionGroup"),
    ],
)
def test_message_of_an_error_is_told_only_if_it_is_ours_or_the_systems(error: Exception, said: str) -> None:
    assert describe_error(error) == said


def fail_deep(depth: int) -> None:
    fail_deeper(depth - 1) if depth else divmod(7, 0)


def fail_deeper(depth: int) -> None:
    fail_deep(depth)


def fail_again_and_again() -> None:
    error = KeyError()
    for _ in range(100):
        try:
            raise KeyError from error
        except KeyError as another:
            error = another
    raise error


def fail_in_many_ways() -> None:
    raise ExceptionGroup("seven", [KeyError() for _ in range(100)])


@pytest.mark.parametrize("fail", [lambda: fail_deep(300), fail_again_and_again, fail_in_many_ways])
def test_description_of_an_error_is_bounded_however_deep_it_is(fail: Callable[[], None]) -> None:
    with pytest.raises((ZeroDivisionError, KeyError, ExceptionGroup)) as caught:
        fail()
    assert 3 < len(describe_error(caught.value).splitlines()) < 60


# Who is heard


def test_program_logs_from_info_and_others_from_warning() -> None:
    lines = log_in_process("""
for name in ("mnist_cnn.web", "other"):
    logging.getLogger(name).debug("debug")
    logging.getLogger(name).info("info")
    logging.getLogger(name).warning("warning")
""")
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("mnist_cnn.web", "info"),
        ("mnist_cnn.web", "warning"),
        ("other", "warning"),
    ]


# What a library does with something that a visitor sent -> what the log says of it.
LIBRARY = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("library", sys.argv[1] if len(sys.argv) > 1 else {path!r})
library = importlib.util.module_from_spec(spec)
spec.loader.exec_module(library)
library.use(SENT)
"""
SAID_BY_LIBRARIES: dict[str, tuple[str, Line]] = {
    "constant": ('logging.warning("Broken.")', {"level": "WARNING", "message": "Broken."}),
    "template": ('logging.warning("Broken: %s", sent)', {"level": "WARNING", "message": "Broken: %s"}),
    "formatted": ('logging.warning(f"No {sent}")', {"level": "WARNING", "message": 'logging.warning(f"No {sent}")'}),
    "no text": ("logging.error(OSError(sent))", {"level": "ERROR", "message": "logging.error(OSError(sent))"}),
    "print": ('print("No", sent)', {"level": "INFO", "logger": "print", "message": 'print("No", sent)'}),
    "print of lines": (
        "print(\n        f'No\\n{sent}'\n    )",
        {"level": "INFO", "logger": "print", "message": "print( f'No\\n{sent}' )"},
    ),
    "stderr": ("sys.stderr.write(sent + '\\n')", {"level": "INFO", "message": "sys.stderr.write(sent + '\\n')"}),
    "warning": ("warnings.warn('No ' + sent)", {"level": "WARNING", "message": "warnings.warn('No ' + sent)"}),
    "error": (
        "try:\n        open(sent)\n    except OSError:\n        traceback.print_exc()",
        {"level": "ERROR", "logger": "print", "message": "traceback.print_exc()"},
    ),
    "print of an error": (
        "try:\n        open(sent)\n    except OSError as error:\n        print(error)",
        {"level": "ERROR", "logger": "print", "message": "print(error)"},
    ),
}


@pytest.mark.parametrize("name", SAID_BY_LIBRARIES)
def test_what_a_library_says_is_told_in_the_words_of_its_code(tmp_path: Path, name: str) -> None:
    statement, expected = SAID_BY_LIBRARIES[name]
    (tmp_path / "library.py").write_text(
        f"import logging, sys, traceback, warnings\n\n\ndef use(sent):\n    {statement}\n"
    )
    (line,) = log_in_process(LIBRARY.format(path=str(tmp_path / "library.py")))
    assert expected.items() <= line.items()
    assert re.fullmatch(r"library:\d+", line["place"])
    if "error" in name:
        assert line["exception"].endswith("open(sent)\nFileNotFoundError: No such file or directory")


def test_error_that_nobody_catches_is_told_from_threads_and_finalizers() -> None:
    lines = log_in_process("""
import threading

class Finalized:
    def __del__(self):
        int(SENT)

threading.Thread(target=int, args=(SENT,)).start()
Finalized()
""")
    assert {(line["level"], line["message"]) for line in lines} == {("ERROR", "Nobody caught an error")}
    assert len(lines) == 2
    assert all(line["exception"].endswith("ValueError") for line in lines)


def test_error_of_asyncio_is_told() -> None:
    (line,) = log_in_process("""
import asyncio

async def fail():
    int(SENT)

async def main():
    asyncio.get_running_loop().call_soon(int, SENT)
    await asyncio.sleep(0.1)

asyncio.run(main())
""")
    assert (line["level"], line["logger"]) == ("ERROR", "asyncio")
    assert line["exception"].endswith("ValueError")


def test_error_that_ends_the_program_is_told_with_its_message() -> None:
    (line,) = log_in_process("raise ValueError('no model')", returncode=1)
    assert (line["level"], line["message"]) == ("CRITICAL", "The program ends: ValueError('no model')")


def test_traceback_that_is_printed_to_a_file_goes_there() -> None:
    (line,) = log_in_process("""
import io, traceback
file = io.StringIO()
try:
    int(SENT)
except ValueError:
    traceback.print_exc(file=file)
logging.getLogger("mnist_cnn").info(file.getvalue().partition(":")[0])
""")
    assert line["message"] == "Traceback (most recent call last)"


def test_thousand_different_warnings_leave_nothing_in_memory() -> None:
    lines = log_in_process("""
import warnings
for number in range(1000):
    warnings.warn(f"{SENT} {number}")
logging.getLogger("mnist_cnn").info(len(globals().get("__warningregistry__", ())))
""")
    assert {"0", "1"} & {line["message"] for line in lines}  # it holds its version


# Too much


class Log:
    """A handler that writes into a pipe, and the pipe's other end."""

    def __init__(self) -> None:
        self.source, self.end = os.pipe()
        self.handler = LogHandler(self.end)

    def say(self, **options: object) -> None:
        self.handler.handle(record(**options))

    def read(self) -> list[Line]:
        """Return all that was written; call it last."""
        with ThreadPoolExecutor() as threads:
            chunks = threads.submit(lambda: list(iter(partial(os.read, self.source, 2**16), b"")))
            self.handler.acquire()  # as logging does when the program ends
            self.handler.flush()
            os.close(self.end)
        return [json.loads(line) for line in b"".join(chunks.result()).splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    yield made
    os.close(made.source)


FAULT = {"levelno": logging.ERROR, "levelname": "ERROR"}


def test_flood_of_one_fault_is_counted_and_its_number_told(log: Log) -> None:
    for number in range(1000):
        log.say(args=(number,), lineno=1, **FAULT)
    log.say(lineno=2, **FAULT)
    *written, other, told = log.read()
    assert [line["message"] for line in written] == [f"read {number}" for number in range(MAX_REPEATS)]
    assert other["place"] == "mnist_cnn.test:2"
    assert told.pop("time") >= told.pop("since")
    assert told == {
        "logger": "mnist_cnn.test",
        "message": "More like this",
        "count": 1000 - MAX_REPEATS,
        "level": "ERROR",
        "place": "mnist_cnn.test:1",
    }


def test_period_ends_by_itself_and_the_next_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_PERIOD", 0.2)
    log = Log()
    for _ in range(3):
        for _ in range(1 + MAX_REPEATS):
            log.say(**FAULT)
        time.sleep(0.5)
    lines = log.read()
    assert [line["message"] for line in lines].count("read 7") > 2 * MAX_REPEATS
    assert sum(line.get("count", 1) for line in lines) == 3 * (1 + MAX_REPEATS)


def test_rare_error_is_written_while_another_floods_the_same_place(log: Log) -> None:
    for error in [ValueError()] * 100 + [KeyError()]:
        log.say(exc_info=(type(error), error, None), **FAULT)
    assert [line["exception"] for line in log.read()] == ["ValueError"] * MAX_REPEATS + ["KeyError", "ValueError"]


def test_line_of_a_picture_or_a_request_is_never_left_out(log: Log) -> None:
    for _ in range(100):
        log.say(fields={"digit": 7})
    assert len(log.read()) == 100


def test_faults_of_endlessly_many_values_are_one_kind(log: Log) -> None:
    for number in range(1000):
        log.say(msg=f"seven {number}", args=(), name="library", **FAULT)
    assert len(log.read()) == MAX_REPEATS + 1


def test_who_logs_never_waits_for_who_reads_and_is_told_what_was_lost(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_LINES", 1000)
    for _ in range(3000):  # the pipe holds some 600
        log.say(fields={"digit": 7})
    lines = log.read()
    lost = [line["message"] for line in lines if "lost" in line["message"]]
    assert sum(int(message.split()[0]) for message in lost) + len(lines) - len(lost) == 3000
    assert 0 < len(lost) < 10


def test_closed_pipe_is_no_error(log: Log) -> None:
    source, end = os.pipe()
    os.close(source)
    handler = LogHandler(end)
    for _ in range(3):
        handler.handle(record())
    handler.flush()
    os.dup2(log.end, end)
    handler.handle(record())
    handler.flush()
    os.close(end)
    assert len(log.read()) == 1


# The app


HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
HOSTILE: list[tuple[str, bytes]] = [
    ("run/predict", b"{seven.png"),
    ("run/predict", b'{"data": "seven.png"}'),
    ("run/predict", b'{"data": [["seven.png"]]}'),
    ("run/predict", b'{"data": [{"path": "/etc/seven.png", "meta": {"_type": "gradio.FileData"}}]}'),
    ("run/predict", b'{"data": [{"path": "https://127.0.0.1/seven.png", "meta": {"_type": "gradio.FileData"}}]}'),
    ("run/predict", b'{"data": ["seven.png"], "fn_index": 99}'),
    ("run/seven.png", b'{"data": []}'),
    ("run/predict", b"[" * 100_000),
    ("run/predict_batch", b'{"data": [["seven.png"]]}'),
    ("call/predict", b'{"data": [["seven.png"]]}'),
    ("queue/join", b'{"data": ["seven.png", 2], "fn_index": 1, "session_hash": "seven.png"}'),
    ("component_server", b'{"data": "seven.png", "component_id": 9999, "fn_name": "read", "session_hash": "x"}'),
    ("mcp/", b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "seven.png", "arguments": {}}}'),
    ("mcp/", b'{"jsonrpc": "2.0", "id": 1, "method": "seven.png"}'),
    ("mcp/messages/?session_id=seven.png", b"{}"),
]


@pytest.mark.integration
def test_every_line_of_the_app_is_json_and_holds_nothing_that_a_visitor_sent(app: App) -> None:
    for path, content in HOSTILE:
        httpx2.post(f"{app.url}/gradio_api/{path}", content=content, headers=HEADERS, timeout=30)
    for name in ("seven.png", "../\x1b[2Jseven.png"):
        file = {"files": (name, FILES["seven.png"][:200], "image/png")}
        (path,) = httpx2.post(f"{app.url}/gradio_api/upload", files=file, timeout=30).json()
        httpx2.post(f"{app.url}/gradio_api/run/predict", json={"data": [{"path": path}]}, timeout=30)
    httpx2.get(f"{app.url}/gradio_api/file=/etc/seven.png")
    lines = [json.loads(line) for line in app.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {"print", "mcp.shared.session", "mcp.server.sse"} & {line["logger"] for line in lines}
    log = app.log.replace(app.url, "its own address")
    for part in ("seven.png", "127.0.0.1", "\\u001b"):
        assert part not in log


@pytest.mark.integration
def test_app_serves_while_nobody_reads_its_log_and_counts_a_flood(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with run_app(tmp_path) as app, httpx2.Client(timeout=30) as client, ThreadPoolExecutor() as threads:
        url = httpx2.URL(app.url)
        for _ in range(1000):
            with socket.create_connection((url.host, url.port or 0)) as connection:
                connection.sendall(b"seven.png\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 400")
        for _ in range(100):
            assert client.get(f"{app.url}/robots.txt").is_success
        os.set_blocking(reader, True)
        chunks = threads.submit(lambda: list(iter(partial(os.read, reader, 2**16), b"")))
        app.process.terminate()
        lines = [json.loads(line) for line in b"".join(chunks.result(30)).splitlines()]
    os.close(reader)
    assert [line.get("route") for line in lines].count("/robots.txt") == 100
    flood = [line for line in lines if line["logger"] == "uvicorn.error"]
    assert sum(line.get("count", 1) for line in flood) == 1000
    assert len(flood) < 50
