"""The lines in docs/serving.md that call the page from other programs, run as they are but for the address."""

import ast
import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image, ImageDraw

from tests import ROOT
from tests.support.browsing import App
from tests.support.documents import find_blocks, find_section
from tests.support.files import FILES, data_url, encode
from tests.support.numbers import draw_number

SECTION = find_section((ROOT / "docs" / "serving.md").read_text(), "From programs")
CLIENT = ROOT / ".venv" / "node" / "node_modules"


def draw_star() -> bytes:
    picture = Image.new("L", (300, 300), "white")
    ImageDraw.Draw(picture).line((150, 40, 210, 250, 40, 110, 260, 110, 90, 250, 150, 40), fill="black", width=10)
    return encode(picture, "PNG")


NUMBER, STROKES = draw_number("42")
PICTURES = {"7": FILES["seven.png"], "That is no digit.": draw_star()}


@pytest.fixture
def blocks(app: App) -> Callable[[str], list[str]]:
    """What the section has in a language, with the app's address."""
    return lambda language: find_blocks(SECTION.replace("http://localhost:7860", app.url), language)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which the lines look for one.png, and for a number and its strokes."""
    monkeypatch.chdir(tmp_path)
    NUMBER.save("number.png")
    Path("strokes.json").write_text(json.dumps(STROKES))
    return tmp_path


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(("printed", "content"), PICTURES.items())
def test_lines_in_python_tell_whether_it_is_a_digit(
    blocks: Callable, folder: Path, printed: str, content: bytes, capsys: pytest.CaptureFixture
) -> None:
    (folder / "one.png").write_bytes(content)
    exec(blocks("python")[0], {})
    assert capsys.readouterr().out.splitlines()[-1] == printed


@pytest.mark.usefixtures("folder")
def test_lines_in_python_read_a_number(blocks: Callable, capsys: pytest.CaptureFixture) -> None:
    exec(blocks("python")[1], {})
    assert capsys.readouterr().out.splitlines()[-1] == "42"


@pytest.mark.parametrize(("printed", "content"), PICTURES.items())
def test_lines_in_javascript_tell_whether_it_is_a_digit(
    blocks: Callable, folder: Path, printed: str, content: bytes
) -> None:
    (folder / "one.png").write_bytes(content)
    assert run_javascript(blocks("js")[0], folder).splitlines() == [printed]


def test_lines_in_javascript_read_a_number(blocks: Callable, folder: Path) -> None:
    assert run_javascript(blocks("js")[1], folder).splitlines() == ["42"]


def run_javascript(snippet: str, folder: Path) -> str:
    node = shutil.which("node")
    if not (node and (CLIENT / "@gradio" / "client").exists()):
        pytest.skip("Node or its package @gradio/client isn't there: `make javascript` installs the package with npm")
    (folder / "read.mjs").write_text(snippet)
    (folder / "node_modules").symlink_to(CLIENT)
    return run(node, "read.mjs")


def run_shell_lines(shell_blocks: list[str]) -> list[str]:
    """Run the blocks as one session, as a reader does; return what each of them prints."""
    return run("bash", "-c", "\necho; echo NEXT\n".join(shell_blocks)).split("\nNEXT\n")


def test_lines_for_the_shell_get_the_same_answer_in_every_way(blocks: Callable, folder: Path) -> None:
    (folder / "one.png").write_bytes(FILES["seven.png"])
    at_once, number, called, called_by_name, queued = run_shell_lines(blocks("sh"))
    answer = json.loads(at_once)["data"][0]
    assert answer["label"] == "7"
    assert json.loads(number)["data"][0]["text"] == "7"
    for stream in (called, called_by_name):
        assert stream.startswith("event: complete\ndata: ")
        assert json.loads(stream.splitlines()[1].removeprefix("data: ")) == [answer]
    messages = [json.loads(data) for data in re.findall(r"data: (.+)$", queued, re.MULTILINE)]
    assert [message["msg"] for message in messages] == [
        "estimation",
        "process_starts",
        "process_completed",
        "close_stream",
    ]
    assert messages[0]["rank"] == 0
    assert messages[2]["output"]["data"] == [answer]


def test_lines_for_the_shell_get_a_sentence_for_a_file_that_is_no_picture(blocks: Callable, folder: Path) -> None:
    (folder / "one.png").write_bytes(b"no picture")
    at_once, number, called, called_by_name, queued = run_shell_lines(blocks("sh"))
    sentence = json.loads(at_once)["error"]
    assert "not a picture that can be read" in sentence
    assert json.loads(number)["error"] == sentence
    for stream in (called, called_by_name):
        assert stream.startswith("event: error\ndata: ")
        assert json.loads(stream.splitlines()[1].removeprefix("data: "))["error"] == sentence
    assert sentence in queued


def test_address_for_mcp_leads_to_the_tools(blocks: Callable) -> None:
    address = json.loads(blocks("json")[2])["mcpServers"]["digits"]["url"]

    async def read() -> Any:
        async with (
            streamable_http_client(address) as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            return await session.call_tool("predict", {"image": data_url(FILES["seven.png"])})

    with ThreadPoolExecutor(1) as thread:  # of its own: Playwright's loop runs in this one
        result = thread.submit(lambda: asyncio.run(read())).result()
    assert ast.literal_eval(result.content[0].text)["label"] == "7"


def test_answer_that_is_shown_is_the_one_that_is_given(app: App, blocks: Callable) -> None:
    shown = json.loads(blocks("json")[0].replace(", …", ""))
    request = {"data": [{"url": data_url(FILES["seven.png"])}]}
    given = httpx2.post(f"{app.url}/gradio_api/run/predict", json=request).json()["data"][0]
    assert shown["confidences"] == [{"label": "7", "confidence": round(given["confidences"][0]["confidence"], 4)}]
    assert {**shown, "confidences": given["confidences"]} == given


def test_number_that_is_shown_is_the_one_that_is_given(app: App, blocks: Callable) -> None:
    shown = json.loads(blocks("json")[1].replace(", …", ""))
    request = {"data": [{"url": data_url(encode(NUMBER, "PNG"))}, None]}
    given = httpx2.post(f"{app.url}/gradio_api/run/predict_number", json=request).json()["data"][0]
    assert shown.keys() == given.keys()
    assert shown["text"] == given["text"]
    assert shown["confidence"] == pytest.approx(given["confidence"], abs=0.1)
    assert shown["digits"] == [{**given["digits"][0], "confidence": round(given["digits"][0]["confidence"], 4)}]


def test_instructions_for_agents_are_not_served_here(app: App) -> None:
    assert "This server has no `/agents.md` of its own and answers 404 there." in " ".join(SECTION.split())
    response = httpx2.get(f"{app.url}/agents.md")
    assert response.status_code == 404
    assert "error" in response.json()
