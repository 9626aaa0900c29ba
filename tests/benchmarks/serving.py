"""Measure how fast app.py starts and answers, in turn with a bare Gradio app that returns the picture it gets.

python -m tests.benchmarks.serving [--rounds 5] [--requests 300] [--streamlit PYTHON]

PYTHON is the interpreter of an environment with streamlit, tensorflow-cpu, keras and pillow; with it, the page is
compared in a browser with a minimal Streamlit app that reads digits with TensorFlow.
"""

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import gradio_client
import httpx2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.inference import PRETRAINED
from tests import ROOT
from tests.support.browsing import App, label, launch, run_app, serve
from tests.support.files import encode

ECHO = """
import sys
import gradio as gr

demo = gr.Interface(lambda image: image, gr.Image(), gr.Image(), api_name="predict")
demo.launch(server_port=int(sys.argv[1]))
"""
STREAMLIT = """
import sys
import keras
import numpy as np
import streamlit as st
from PIL import Image, ImageOps

model = st.cache_resource(keras.saving.load_model)(sys.argv[1])
file = st.file_uploader("A digit, black on white")
if file:
    image = ImageOps.invert(Image.open(file).convert("L")).resize((28, 28))
    probabilities = model.predict(np.asarray(image)[np.newaxis, ..., np.newaxis], verbose=0)[0]
    st.write(f"It is a {probabilities.argmax()}")
    st.bar_chart(probabilities)
"""
DRAWING = render(sample_strokes(7, np.random.default_rng(0), "plain"), 400, 20)
PICTURE = encode(DRAWING, "PNG")
SHEET = encode(
    Image.composite(Image.new("L", (400, 400)), Image.new("L", (400, 400), 255), DRAWING.getchannel("A")), "PNG"
)
RUN = "/gradio_api/run/predict"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def run_echo(folder: Path) -> Iterator[App]:
    (folder / "echo.py").write_text(ECHO)
    command = [sys.executable, str(folder / "echo.py"), str(port := free_port())]
    own = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder / "uploads")}
    with serve(command, ROOT, {**os.environ, **own}, port, folder / "log") as app:
        yield app


@contextmanager
def run_streamlit(python: str, folder: Path) -> Iterator[App]:
    (folder / "digits.py").write_text(STREAMLIT)
    options = ["--server.port", str(port := free_port()), "--server.headless", "true"]
    options += ["--browser.gatherUsageStats", "false"]
    command = [python, "-m", "streamlit", "run", str(folder / "digits.py"), *options, str(PRETRAINED)]
    with serve(command, folder, {**os.environ, "KERAS_BACKEND": "tensorflow"}, port, folder / "log") as app:
        yield app


# Without the tests' watch on connections, which would slow app.py down and not the bare app.
run_unwatched = partial(run_app, PYTHONPATH="")
SERVERS: dict[str, Callable] = {"app.py": run_unwatched, "bare echo": run_echo}


def upload(app: App) -> dict:
    path = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": ("7.png", PICTURE)}).json()[0]
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def ask(app: App) -> None:
    answer = httpx2.post(app.url + RUN, json={"data": [upload(app)]}, timeout=60).raise_for_status().json()["data"][0]
    assert "path" in answer or answer["label"] == "7"


def measure_start(rounds: int) -> None:
    """Time the start of the process up to the first right answer."""
    times: dict[str, list[float]] = {name: [] for name in SERVERS}
    for _ in range(rounds + 1):  # the first compiles bytecode
        for name, run in SERVERS.items():
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                with run(Path(folder)) as app:
                    ask(app)
                    times[name].append(time.perf_counter() - started)
    report("start to first answer", {name: values[1:] for name, values in times.items()}, 1e3)


def report(what: str, seconds: dict[str, list[float]], scale: float) -> None:
    """Print the median, the 95th and the 99th percentile of each, and the ratio of the medians."""
    for name, values in seconds.items():
        p50, p95, p99 = np.percentile(np.array(values) * scale, [50, 95, 99])
        print(f"{what}, {name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    ours, bare = (statistics.median(values) for values in seconds.values())
    print(f"{what}, ratio: {ours / bare:.2f}\n", flush=True)


def over_http(app: App, at_once: int, requests: int) -> list[float]:
    """Send requests for a picture that was uploaded before, so many at once; return the seconds that each took."""
    body = {"data": [upload(app)]}

    async def visit(client: httpx2.AsyncClient, count: int) -> list[float]:
        times = []
        for _ in range(count):
            started = time.perf_counter()
            (await client.post(RUN, json=body)).raise_for_status()
            times.append(time.perf_counter() - started)
        return times

    async def visit_all() -> list[list[float]]:
        limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        async with httpx2.AsyncClient(base_url=app.url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(visit(client, requests // at_once) for _ in range(at_once)))

    return [seconds for times in asyncio.run(visit_all()) for seconds in times]


def over_client(app: App, at_once: int, requests: int) -> list[float]:
    """Do the same through gradio_client, which uploads the picture each time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "7.png")
        path.write_bytes(PICTURE)
        # Without the files: the bare app deletes a file that two visitors fetch at once.
        options = {"verbose": False, "ssl_verify": False, "download_files": False}
        clients = [gradio_client.Client(app.url, **options) for _ in range(at_once)]

        def visit(client: gradio_client.Client) -> list[float]:
            times = []
            for _ in range(requests // at_once):
                started = time.perf_counter()
                client.predict(gradio_client.handle_file(path), api_name="/predict")
                times.append(time.perf_counter() - started)
            return times

        with ThreadPoolExecutor(at_once) as visitors:
            return [seconds for times in visitors.map(visit, clients) for seconds in times]


def measure_answers(requests: int) -> None:
    """Print latency and throughput for 1, 8 and 32 visitors, measured in four blocks of each server in turn.

    The throughput of gradio_client includes opening the clients, each of which reads the page's configuration first,
    and then sends ten requests or more.
    """
    with ExitStack() as stack:
        apps = {}
        for name, run in SERVERS.items():
            apps[name] = stack.enter_context(run(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        for way, visit, share in (("HTTP", over_http, 1), ("gradio_client", over_client, 4)):
            for at_once in (1, 8, 32):
                times: dict[str, list[float]] = {name: [] for name in apps}
                spent = dict.fromkeys(apps, 0.0)
                for _ in range(4):
                    for name, app in apps.items():
                        started = time.perf_counter()
                        times[name] += visit(app, at_once, max(requests // share, 10 * at_once))
                        spent[name] += time.perf_counter() - started
                report(f"{way}, {at_once} at once", times, 1e3)
                rates = [len(times[name]) / spent[name] for name in apps]
                print(f"{way}, {at_once} at once, answers a second: {rates[0]:.0f} and {rates[1]:.0f}, ", end="")
                print(f"ratio: {rates[0] / rates[1]:.2f}\n", flush=True)


def measure_streamlit(python: str, rounds: int) -> None:
    """Time the start up to an answer on the page, and the answer to a picture on a new page."""
    starts: dict[str, list[float]] = {"app.py": [], "Streamlit": []}
    answers: dict[str, list[float]] = {"app.py": [], "Streamlit": []}
    with (
        sync_playwright() as playwright,
        launch(playwright.chromium) as browser,
    ):

        def visit(name: str, app: App) -> float:
            page = browser.new_page()
            page.goto(app.url)
            if name == "app.py":
                page.get_by_role("tab", name="Picture").click()
            file = page.locator("input[type=file]").last
            file.wait_for(state="attached", timeout=120_000)
            started = time.perf_counter()
            file.set_input_files({"name": "7.png", "mimeType": "image/png", "buffer": SHEET})
            answer = label(page) if name == "app.py" else page.get_by_text("It is a ")
            answer.wait_for(timeout=120_000)
            seconds = time.perf_counter() - started
            page.close()
            return seconds

        for _ in range(rounds + 1):  # the first compiles bytecode
            for name, run in (("app.py", run_unwatched), ("Streamlit", partial(run_streamlit, python))):
                with tempfile.TemporaryDirectory() as folder:
                    started = time.perf_counter()
                    with run(Path(folder)) as app:
                        visit(name, app)
                        starts[name].append(time.perf_counter() - started)
                        answers[name] += [visit(name, app) for _ in range(5)]
    report("start to first answer on the page", {name: values[1:] for name, values in starts.items()}, 1e3)
    report("picture given to answer on the page", {name: values[5:] for name, values in answers.items()}, 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts of each server")
    parser.add_argument("--requests", type=int, default=300, help="requests to each server, in each of four blocks")
    parser.add_argument("--streamlit", metavar="PYTHON", help="interpreter of an environment with Streamlit")
    arguments = parser.parse_args()
    if arguments.rounds:
        measure_start(arguments.rounds)
    if arguments.requests:
        measure_answers(arguments.requests)
    if arguments.streamlit:
        measure_streamlit(arguments.streamlit, arguments.rounds)


if __name__ == "__main__":
    main()
