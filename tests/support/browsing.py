"""The app as a process of its own, and a hand that draws on its page."""

import os
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
from playwright.sync_api import FrameLocator, Locator, Page

from tests import ROOT

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

# Runs in the app's process before anything else, and writes down every other host that it turns to.
WATCH_CONNECTIONS = """
import sys

def watch(event, arguments):
    host = {"socket.connect": lambda: arguments[1][0], "socket.getaddrinfo": lambda: arguments[0]}.get(event)
    if host and str(host()) not in ("127.0.0.1", "localhost", "0.0.0.0", "::1"):
        print("turned to another host:", host(), file=sys.stderr, flush=True)

sys.addaudithook(watch)
"""

Stroke = list[tuple[float, float]]

# Digits as strokes on a square of side 1, x to the right and y down.
DIGITS: dict[str, list[Stroke]] = {
    "0": [[(0.5, 0.15), (0.33, 0.25), (0.27, 0.5), (0.33, 0.75), (0.5, 0.85), (0.67, 0.75), (0.73, 0.5), (0.67, 0.25),
           (0.5, 0.15)]],
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[(0.3, 0.3), (0.38, 0.18), (0.55, 0.15), (0.68, 0.25), (0.68, 0.4), (0.5, 0.6), (0.3, 0.82), (0.72, 0.82)]],
    "3": [[(0.3, 0.2), (0.5, 0.13), (0.66, 0.22), (0.66, 0.37), (0.47, 0.47), (0.68, 0.58), (0.7, 0.74), (0.52, 0.86),
           (0.3, 0.8)]],
    "4": [[(0.4, 0.15), (0.3, 0.55), (0.75, 0.55)], [(0.66, 0.2), (0.63, 0.85)]],
    "5": [[(0.68, 0.16), (0.36, 0.16), (0.34, 0.46), (0.55, 0.43), (0.69, 0.55), (0.67, 0.75), (0.5, 0.85),
           (0.3, 0.8)]],
    "6": [[(0.62, 0.14), (0.42, 0.35), (0.33, 0.62), (0.4, 0.82), (0.56, 0.86), (0.67, 0.74), (0.62, 0.59),
           (0.48, 0.56), (0.36, 0.66)]],
    "7": [[(0.28, 0.18), (0.72, 0.18), (0.44, 0.86)]],
    "8": [[(0.5, 0.48), (0.36, 0.36), (0.38, 0.2), (0.52, 0.14), (0.65, 0.22), (0.62, 0.37), (0.45, 0.52), (0.34, 0.7),
           (0.42, 0.84), (0.58, 0.85), (0.67, 0.72), (0.6, 0.57), (0.5, 0.48)]],
    "9": [[(0.66, 0.35), (0.55, 0.45), (0.4, 0.42), (0.36, 0.28), (0.46, 0.15), (0.6, 0.16), (0.66, 0.35), (0.64, 0.6),
           (0.56, 0.86)]],
}  # fmt: skip


@dataclass(frozen=True)
class App:
    """A running app.py."""

    url: str
    process: subprocess.Popen
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()


@contextmanager
def run_app(folder: Path, **environment: str) -> Iterator[App]:
    """Run app.py until the end of the block; its log, uploads and corrections lie in the folder."""
    (folder / "sitecustomize.py").write_text(WATCH_CONNECTIONS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "FEEDBACK_FOLDER": str(folder / "feedback"),
        **environment,
    }
    command = [sys.executable, "app.py", "--port", str(port)]
    with serve(command, ROOT, environment, port, folder / "log") as app:
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
    """Wait until the app answers; fails if it ends before."""
    deadline = time.monotonic() + 120
    while app.process.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(app.url).raise_for_status()
            return
        except httpx2.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"app.py doesn't serve:\n{app.log}")


def wait_for_pad(page: Page | FrameLocator) -> None:
    """Wait until the pad draws, and Gradio's loading screen, which takes every click, is gone."""
    page.locator("#pad .blank canvas").click(trial=True)


def place(canvas: Locator, strokes: list[Stroke]) -> list[Stroke]:
    """The strokes in the window's pixels, on a square in the middle of the canvas."""
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


def label(page: Page) -> Locator:
    """The digit that the answer names."""
    return page.get_by_test_id("label-output-value")


def verdict(page: Page) -> Locator:
    """The sentence of the answer, which screen readers announce."""
    return page.locator("#verdict").get_by_role("status")
