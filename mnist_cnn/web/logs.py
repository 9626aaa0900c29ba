"""The log: one JSON object a line on stderr, for people and for machines, whoever has something to say.

No line holds a picture, a visitor's address or the name of a visitor's file. What this program says is written as it
is. Whatever a library logs, prints, warns of or raises may repeat what a visitor sent, so only what stands in its code
is written: the place, the words if they are a constant there, else the statement; of an error its type and where it
came from.
"""

import inspect
import io
import json
import linecache
import logging
import os
import queue
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from uvicorn.config import LOGGING_CONFIG

from mnist_cnn.errors import MnistCnnError
from mnist_cnn.web.limits import LOG_PERIOD, MAX_LOG_LINES, MAX_LOG_TEXT, MAX_REPEATS

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

logger = logging.getLogger(__name__)
_printed = logging.getLogger("print")

MAX_ERRORS = 5  # of one line: an error, its causes, and the members of a group
MAX_FRAMES = 20  # of one error, the innermost
# Between the line of code that has something to say and the log.
_PLUMBING = {__file__, logging.__file__, traceback.__file__, warnings.__file__}


class JsonFormatter(logging.Formatter):
    """Formats time, level, logger, message and place, then what the call passed as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON in ASCII, without a control character."""
        line = {
            "time": _format_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if _is_ours(record) else _find_words(record),
            **getattr(record, "fields", {}),
        }
        if _can_be_repeated(record):
            line["place"] = _find_place(record)
        if error := _find_error(record):
            line["exception"] = describe_error(error)
        return _to_json(line)


class LogHandler(logging.Handler):
    """Hands lines to a thread that writes them: who logs never waits for whoever reads the log.

    While nobody reads it, `MAX_LOG_LINES` lines wait; those beyond are lost and counted. Of faults of one kind,
    `MAX_REPEATS` are written in `LOG_PERIOD` seconds; the others are counted, and one line tells their number.
    """

    def __init__(self, output: int) -> None:
        """Write to a file descriptor."""
        super().__init__()
        self.setFormatter(JsonFormatter())
        self._output = output
        # Unlike queue.Queue, it may be used by a finalizer that runs in the middle of another use.
        self._lines: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        self._lost = 0
        self._counting = threading.RLock()  # the handler's own lock is held while `flush` waits for the thread
        self._repeats: Counter[_Kind] = Counter()
        self._since = time.time()
        threading.Thread(target=self._write_lines, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, unless there were too many like it."""
        if _can_be_repeated(record):
            kind = _Kind(record.levelname, record.name, _find_place(record), _find_origin(_find_error(record)))
            with self._counting:
                self._repeats[kind] += 1
                if self._repeats[kind] > MAX_REPEATS:
                    return
        if self._lines.qsize() < MAX_LOG_LINES:
            self._lines.put(self.format(record))
        else:
            with self._counting:
                self._lost += 1

    def flush(self) -> None:
        """Wait until all is written, at most a second: called when the program ends."""
        written = threading.Event()
        self._lines.put(written)
        written.wait(1)

    def _write_lines(self) -> None:
        period_ends = time.monotonic() + LOG_PERIOD
        while True:
            with suppress(queue.Empty):
                self._take(self._lines.get(timeout=max(0, period_ends - time.monotonic())))
            if time.monotonic() >= period_ends:
                self._tell_repeats()
                period_ends = time.monotonic() + LOG_PERIOD

    def _take(self, line: str | threading.Event) -> None:
        """Write what comes next in the queue, or tell whoever waits that all before it is written."""
        if isinstance(line, threading.Event):
            self._tell_repeats()
            line.set()
            return
        self._write(line)
        with self._counting:
            lost, self._lost = self._lost, 0
        if lost:
            self._tell(f"{lost} lines are lost: nobody read the log.", level="WARNING")

    def _tell_repeats(self) -> None:
        with self._counting:
            repeats, self._repeats = self._repeats, Counter()
            since, self._since = self._since, time.time()
        for kind, count in repeats.items():
            if count > MAX_REPEATS:
                said = {name: value for name, value in kind._asdict().items() if value}
                self._tell("More like this", count=count - MAX_REPEATS, since=_format_time(since), **said)

    def _tell(self, message: str, **fields: object) -> None:
        self._write(_to_json({"time": _format_time(time.time()), "logger": __name__, "message": message, **fields}))

    def _write(self, line: str) -> None:
        rest = f"{line}\n".encode()
        with suppress(OSError):  # nobody is left to read it, or the disk is full: no reason to stop serving
            while rest:
                rest = rest[os.write(self._output, rest) :]


class _Kind(NamedTuple):
    """What records that repeat each other have in common. None of it comes from a visitor, so there are few kinds."""

    level: str
    logger: str
    place: str
    exception: str


class _PrintedText(io.StringIO):
    """Stands for stdout and stderr, and makes a record of each line that is printed."""

    def write(self, text: str) -> int:
        """Log a text that ends a line, with the error that is being handled."""
        if text.endswith("\n"):
            error = sys.exc_info()[1]
            _printed.log(logging.ERROR if error else logging.INFO, text, exc_info=error)
        return len(text)


def configure_logging() -> None:
    """Log to stderr: this program and what is printed from INFO on, everything else from WARNING on.

    Call it once, before there is a server. Nothing is written to stdout from then on.
    """
    # Started with stderr closed, the program has none, and its descriptor may be anything later.
    handler = LogHandler(sys.stderr.fileno() if sys.stderr else os.open(os.devnull, os.O_WRONLY))
    logging.basicConfig(handlers=[handler])
    for name in ("mnist_cnn", _printed.name):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.raiseExceptions = False  # a record that can't be formatted would be printed
    # Uvicorn would give its loggers handlers of plain text.
    LOGGING_CONFIG.clear()
    LOGGING_CONFIG.update(version=1, incremental=True)
    logging.captureWarnings(True)
    warnings.simplefilter("always", append=True)  # else each module keeps all texts that it has warned with
    sys.stdout = sys.stderr = _PrintedText()
    traceback.print_exc = _log_handled_error
    threading.excepthook = sys.unraisablehook = _log_stray_error
    sys.excepthook = _log_last_error


def describe_error(error: BaseException) -> str:
    """Return the traceback of an error after those of its causes; without messages, but for this program's own."""
    errors = [error]
    for one in errors:  # it grows meanwhile
        context = None if one.__suppress_context__ else one.__context__
        related = (*getattr(one, "exceptions", ()), one.__cause__, context)
        errors += [other for other in related if other is not None and other not in errors]
        if len(errors) >= MAX_ERRORS:
            break
    return "\n".join(
        "".join(traceback.format_tb(one.__traceback__, -MAX_FRAMES)) + _name_error(one)
        for one in reversed(errors[:MAX_ERRORS])
    )


def _name_error(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, MnistCnnError):
        return f"{name}: {error}"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: {os.strerror(error.errno)}"
    return name


def _find_origin(error: BaseException | None) -> str:
    """Return an error's type and the line that raised it; nothing if there is no error."""
    if error is None:
        return ""
    frames = [f" in {frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    return f"{type(error).__qualname__}{frames[-1] if frames else ''}"


def _find_error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _can_be_repeated(record: logging.LogRecord) -> bool:
    """Return whether a record tells of a fault; the others tell what this program did, each of them something new."""
    return record.levelno >= logging.WARNING or not _is_ours(record)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "mnist_cnn"


def _find_place(record: logging.LogRecord) -> str:
    """Return the module and the line that had something to say."""
    if _is_ours(record):
        return f"{record.name}:{record.lineno}"
    frame = _find_speaker()
    return f"{frame.f_globals.get('__name__')}:{frame.f_lineno}"


def _find_words(record: logging.LogRecord) -> str:
    """Return what a library says, as far as it stands in its code: a constant, else the whole statement."""
    frame = _find_speaker()
    words = record.msg.strip() if isinstance(record.msg, str) else ""
    if words and words in (constant.strip() for constant in frame.f_code.co_consts if isinstance(constant, str)):
        return words
    place = inspect.getframeinfo(frame, context=0)
    last = (place.positions and place.positions.end_lineno) or place.lineno
    return " ".join(line.strip() for line in linecache.getlines(place.filename)[place.lineno - 1 : last])


def _find_speaker() -> FrameType:
    """Return the frame of whoever is logging, printing or warning in this thread."""
    frame = sys._getframe()
    while frame.f_back and frame.f_code.co_filename in _PLUMBING:
        frame = frame.f_back
    return frame


def _log_handled_error(limit: int | None = None, file: "SupportsWrite[str] | None" = None, chain: bool = True) -> None:
    """Do what traceback.print_exc does, with a record instead of a text on stderr."""
    if file is None:
        _printed.error("", exc_info=True)
    else:
        traceback.print_exception(*sys.exc_info(), limit=limit, file=file, chain=chain)


def _log_stray_error(stray: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    """Log an error that nobody caught, in a thread or in a finalizer."""
    logger.error("Nobody caught an error", exc_info=stray.exc_value)


def _log_last_error(_kind: object, error: BaseException, _traceback: object) -> None:
    """Log the error that ends the program. It is the main thread's, which never handles what a visitor sent."""
    logger.critical("The program ends: %r", error, exc_info=error)


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _to_json(line: dict[str, Any]) -> str:
    """Return an object as one line of bounded length; whatever JSON doesn't know becomes text."""
    bounded = {name: value[:MAX_LOG_TEXT] if isinstance(value, str) else value for name, value in line.items()}
    return json.dumps(bounded, default=str)
