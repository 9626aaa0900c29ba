"""The page with the environment of a Space, in which Gradio would put a Node server in front of it."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from mnist_cnn.web.limits import MAX_REQUEST_MB
from tests.support.browsing import App, draw, label, run_app, wait_for_pad
from tests.support.embedding import serve_html
from tests.support.files import FILES, data_url
from tests.support.requests import predict, stop
from tests.support.strokes import DIGITS

pytestmark = pytest.mark.integration

SEVEN = {"url": data_url(FILES["seven.png"])}

# Leaves a trace, and goes on as Node if there is one.
NODE = f"""#!/bin/sh
touch "$(dirname "$0")/started"
exec {shutil.which("node") or "false"} "$@"
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the environment says is Node; a file named "started" beside it tells whether it was used."""
    path = tmp_path_factory.mktemp("node") / "node"
    path.write_text(NODE)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, node: Path) -> Iterator[App]:
    """app.py as a Space starts it."""
    environment = {
        "SYSTEM": "spaces",
        "SPACE_ID": "owner/page",
        "GRADIO_SSR_MODE": "true",
        "GRADIO_NODE_PATH": str(node),
    }
    with run_app(tmp_path_factory.mktemp("space"), **environment) as running:
        yield running


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    window = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    yield window
    window.context.close()


def test_python_answers_without_node_in_front_of_it(space: App, node: Path) -> None:
    assert httpx2.get(f"{space.url}/health").json()["status"] == "ok"
    assert not (node.parent / "started").exists()


def test_page_reads_what_is_drawn_on_it(space: App, window: Page) -> None:
    window.goto(space.url)
    wait_for_pad(window)
    draw(window, window.locator("#pad canvas"), DIGITS["7"])
    expect(label(window)).to_have_text("7")


def test_page_works_inside_one_of_another_origin(space: App, window: Page, tmp_path: Path) -> None:
    with serve_html(tmp_path) as serve:
        window.goto(serve(f'<iframe src="{space.url}" width="1000" height="720"></iframe>'))
        inside = window.frame_locator("iframe")
        wait_for_pad(inside)
        draw(window, inside.locator("#pad canvas"), DIGITS["3"])
        expect(inside.get_by_test_id("label-output-value")).to_have_text("3")


def test_link_shows_the_title_and_description_of_the_page(space: App) -> None:
    assert '<meta property="og:title" content="Handwritten digit reader">' in httpx2.get(space.url).text


def test_programs_get_answers(space: App, tmp_path: Path) -> None:
    (tmp_path / "seven.png").write_bytes(FILES["seven.png"])
    answer = Client(space.url, verbose=False).predict(handle_file(tmp_path / "seven.png"), api_name="/predict")
    assert answer == predict(space, SEVEN).json()["data"][0]
    assert answer["label"] == "7"


@pytest.mark.parametrize("path", ["monitoring", "openapi.json", "agents.md", "nothing", "gradio_api/token", "svelte/x"])
def test_closed_routes_stay_closed(space: App, path: str) -> None:
    response = httpx2.get(f"{space.url}/{path}")
    assert (response.status_code, list(response.json())) == (404, ["error"])


@pytest.mark.parametrize("path", ["gradio_api/run/predict", "gradio_api/queue/join", ""])
def test_huge_request_is_refused(space: App, path: str) -> None:
    body = bytes((MAX_REQUEST_MB + 1) * 2**20)
    response = httpx2.post(f"{space.url}/{path}", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert "too large" in response.json()["error"]


def test_address_in_place_of_a_picture_is_refused(space: App) -> None:
    response = predict(space, {"path": "https://127.0.0.1/seven.png", "meta": {"_type": "gradio.FileData"}})
    assert response.is_client_error
    assert "send a data URL" in response.json()["error"]


def test_log_is_json_line_by_line(space: App) -> None:
    assert all("message" in json.loads(line) for line in space.log.splitlines())


def test_sigterm_ends_it_in_time_with_what_is_in_flight_answered(space: App, node: Path) -> None:
    body = json.dumps({"data": [SEVEN]}).encode()
    begun, finish = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield body[:-1]
        begun.set()
        finish.wait(timeout=10)
        yield body[-1:]

    with ThreadPoolExecutor(1) as visitor:
        answer = visitor.submit(
            httpx2.post,
            f"{space.url}/gradio_api/run/predict",
            content=slowly(),
            headers={"content-type": "application/json", "content-length": str(len(body))},
        )
        begun.wait(timeout=10)
        time.sleep(0.5)
        stopped = time.monotonic()
        stop(space)
        finish.set()
        assert answer.result().json()["data"][0]["label"] == "7"
    assert space.process.wait(timeout=30) == 0
    assert time.monotonic() - stopped < 5
    assert not (node.parent / "started").exists()
