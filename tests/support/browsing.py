"""The app as a process of its own, and a hand that draws on its page."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserType, FrameLocator, Locator, Page

from tests import ROOT
from tests.support.strokes import DIGITS, Stroke

# Chromium as root in a container, calling nobody, with a camera that films a test pattern.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]

# Runs in the app's process before anything else, and logs every other host that it contacts.
WATCH_CONNECTIONS = """
import sys

def watch(event, arguments):
    host = {"socket.connect": lambda: arguments[1][0], "socket.getaddrinfo": lambda: arguments[0]}.get(event)
    if host and str(host()) not in ("127.0.0.1", "localhost", "0.0.0.0", "::1"):
        print("contacted another host:", host(), file=sys.stderr, flush=True)

sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class App:
    """A running app.py."""

    url: str
    process: subprocess.Popen
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def read_log(self, start: int = 0, until: str | None = None) -> str:
        """Return the log from a character on, once it holds the given text, or all that has happened so far.

        A thread of the app writes it, a moment after the answers.
        """
        if until is None:
            until = "/robots.txt"
            seen = self.log.count(until)
            httpx2.get(f"{self.url}/robots.txt")
        else:
            seen = self.log[:start].count(until)
        deadline = time.monotonic() + 30
        while self.log.count(until) <= seen and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.log[start:]


def launch(browser_type: BrowserType, *arguments: str) -> Browser:
    """Start the system's Chromium if there is one, else the one that Playwright installs."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    return browser_type.launch(executable_path=executable, args=[*CHROMIUM_ARGUMENTS, *arguments])


@contextmanager
def run_app(folder: Path, tree: Path = ROOT, /, **environment: str) -> Iterator[App]:
    """Run the app.py of a checkout until the end of the block; its log, uploads and corrections go into the folder."""
    (folder / "sitecustomize.py").write_text(WATCH_CONNECTIONS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "XLA_FLAGS"},  # training sets it, in the tests
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "FEEDBACK_FOLDER": str(folder / "feedback"),
        **environment,
    }
    command = [sys.executable, "app.py", "--port", str(port)]
    with serve(command, tree, environment, port, folder / "log") as app:
        yield app


@contextmanager
def serve(command: list[str], folder: Path, environment: dict[str, str], port: int, log_file: Path) -> Iterator[App]:
    """Run a command that serves the page, wait until it answers, and end it."""
    with log_file.open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    app = App(f"http://127.0.0.1:{port}", process, log_file)
    try:
        wait_until_served(app)
        yield app
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_served(app: App) -> None:
    """Wait until the app answers; fail if it ends before that."""
    deadline = time.monotonic() + 120
    while app.process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(app.url).raise_for_status()
            return
        except httpx2.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"app.py doesn't serve:\n{app.log}")


def wait_for_pad(page: Page | FrameLocator) -> None:
    """Wait until the pad is ready, and Gradio's loading screen, which catches every click, is gone."""
    page.locator("#pad .blank canvas").click(trial=True)


def place(canvas: Locator, strokes: list[Stroke]) -> list[Stroke]:
    """Return the strokes in the window's pixels, on a square in the middle of the canvas."""
    box = canvas.bounding_box()
    assert box
    side = min(box["width"], box["height"]) * 0.75
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    return [[(left + x * side, top + y * side) for x, y in stroke] for stroke in strokes]


def draw(page: Page, canvas: Locator, strokes: list[Stroke]) -> None:
    """Draw strokes with the mouse."""
    for start, *points in place(canvas, strokes):
        page.mouse.move(*start)
        page.mouse.down()
        for point in points:
            page.mouse.move(*point, steps=4)
            page.wait_for_timeout(10)
        page.mouse.up()


def write(page: Page, canvas: Locator, number: str) -> None:
    """Draw a number in the middle of the canvas with the mouse, as large as there is room for."""
    draw(page, canvas, spread(canvas, number))


def spread(canvas: Locator, number: str) -> list[Stroke]:
    """Return the strokes of a number for `place`."""
    box = canvas.bounding_box()
    assert box
    step = 0.65  # from one digit to the next
    width = 1 + step * (len(number) - 1)
    size = min(0.8, box["width"] / min(box["width"], box["height"]) / 0.75 / width)
    return [
        [(0.5 + (x + column * step - width / 2) * size, 0.5 + (y - 0.5) * size) for x, y in stroke]
        for column, digit in enumerate(number)
        for stroke in DIGITS[digit]
    ]


def label(page: Page) -> Locator:
    """Return the digit that the answer names."""
    return page.get_by_test_id("label-output-value")


def verdict(page: Page) -> Locator:
    """Return the sentence of the answer."""
    return page.locator("#verdict p")
