"""Every route that Gradio adds has been decided about, and the closed ones are closed."""

import json
import subprocess
import sys

import httpx2
import pytest

from mnist_cnn.web.routes import ICON_SIZES, ROUTES, Access, find_route
from tests import ROOT
from tests.support.browsing import App

CLOSED = [route for route, access in ROUTES.items() if access is Access.CLOSED]

# In a process of its own, since Gradio leaves event loops behind. Prints the paths of all routes as they are declared,
# those of mounted apps and of included routers among them, and the functions of components that a request may call.
LOOK = """
import json, sys
from pathlib import Path
import gradio as gr
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.page import build_page

def list_routes(routes, prefix=""):
    for route in routes:
        if hasattr(route, "original_router"):
            yield from list_routes(route.original_router.routes, prefix)
        elif getattr(route, "routes", None):
            yield from list_routes(route.routes, prefix + route.path)
        else:
            yield prefix + route.path

page = build_page(ModelHolder.load(), Feedback(Path(sys.argv[1])))
app = gr.routes.App.create_app(page, mcp_server=True)
functions = [
    (block.elem_id, name)
    for block in page.blocks.values()
    for name in dir(block)
    if getattr(getattr(block, name, None), "_is_server_fn", False)
]
print(json.dumps({"routes": list(list_routes(app.routes)), "functions": functions}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The routes and functions of the page."""
    command = [sys.executable, "-c", LOOK, str(tmp_path_factory.mktemp("feedback"))]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.integration
def test_every_route_of_gradio_is_decided_about(built: dict) -> None:
    assert {path.rstrip("/") or "/" for path in built["routes"]} == ROUTES.keys()


@pytest.mark.integration
def test_components_answer_no_calls_but_those_that_the_page_makes(built: dict) -> None:
    reading = [(component, "read") for component in ("camera", "pad", "reader")]
    assert sorted(map(tuple, built["functions"])) == [*reading, ("sketchpad", "accept_blobs")]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config/",
        "/assets/index-1.js",
        "/gradio_api/run/predict",
        "/gradio_api/file=uploads/a/seven.png",
        "/gradio_api/call/predict/1234",
        "/gradio_api/mcp/",
    ],
)
def test_routes_that_are_used_are_open(path: str) -> None:
    assert find_route(path)


FAR_FILES = ["/gradio_api/file=https://example.com/7.png", "/gradio_api/file=HTTP://127.0.0.1/"]


@pytest.mark.parametrize(
    "path", ["/monitoring", "/monitoring/", "/docs", "/gradio_api", "/new", "", "/configs", "//", *FAR_FILES]
)
def test_whatever_is_not_listed_is_closed(path: str) -> None:
    assert not find_route(path)


def test_closed_route_answers_not_found_in_a_sentence(app: App) -> None:
    for route in CLOSED:
        path = route.replace("{size}", "7").replace("{", "").replace("}", "").replace(":path", "")
        for method in ("GET", "POST"):
            answer = httpx2.request(method, app.url + path)
            assert (answer.status_code, answer.json()) == (404, {"error": "There is nothing at this address."}), path


def test_icon_is_served_in_the_sizes_that_the_manifest_names_and_in_no_other(app: App) -> None:
    icons = httpx2.get(f"{app.url}/manifest.json").json()["icons"]
    assert [icon["sizes"] for icon in icons] == [f"{size}x{size}" for size in ICON_SIZES]
    for icon in icons:
        assert httpx2.get(app.url + icon["src"]).headers["Content-Type"] == "image/png"
    for size in ("14000", "46000", "0", "-1", "0192", "1920", "192.0"):
        assert httpx2.get(f"{app.url}/pwa_icon/{size}").status_code == 404, size
