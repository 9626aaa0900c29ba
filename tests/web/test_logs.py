import json
import logging
import subprocess
import sys
from datetime import UTC, datetime

from mnist_cnn.web.logs import JsonFormatter


def record(**options: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "mnist_cnn.test", "levelname": "INFO", "msg": "read %s", "args": (7,)})
    made.__dict__.update(options)
    return made


def test_record_is_one_line_of_json_with_its_fields() -> None:
    line = JsonFormatter().format(record(fields={"digit": 7, "text": "a\nb ü"}))
    assert "\n" not in line
    assert "ü" in line
    said = json.loads(line)
    assert {name: said[name] for name in ("level", "logger", "message", "digit", "text")} == {
        "level": "INFO",
        "logger": "mnist_cnn.test",
        "message": "read 7",
        "digit": 7,
        "text": "a\nb ü",
    }


def test_time_is_in_utc_with_milliseconds() -> None:
    line = json.loads(JsonFormatter().format(record(created=0.5)))
    assert datetime.fromisoformat(line["time"]) == datetime(1970, 1, 1, microsecond=500_000, tzinfo=UTC)
    assert line["time"] == "1970-01-01T00:00:00.500+00:00"


def test_exception_is_told() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        line = JsonFormatter().format(record(exc_info=sys.exc_info()))
    assert "RuntimeError: broken" in json.loads(line)["exception"]


def test_value_that_json_does_not_know_is_logged_as_text() -> None:
    assert json.loads(JsonFormatter().format(record(fields={"path": {1}})))["path"] == "{1}"


def test_program_logs_from_info_and_others_from_warning() -> None:
    code = """
import logging
from mnist_cnn.web.logs import configure_logging
configure_logging()
for name in ("mnist_cnn.web", "other"):
    logging.getLogger(name).debug("debug")
    logging.getLogger(name).info("info")
    logging.getLogger(name).warning("warning")
"""
    errors = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    lines = [(line["logger"], line["message"]) for line in map(json.loads, errors.splitlines())]
    assert lines == [("mnist_cnn.web", "info"), ("mnist_cnn.web", "warning"), ("other", "warning")]
