"""The endpoints as tools over MCP."""

import ast
import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from mnist_cnn.handwriting import render, sample_strokes
from tests.support.browsing import App
from tests.support.numbers import draw_number


def data_url(digit: int) -> str:
    file = io.BytesIO()
    render(sample_strokes(digit, np.random.default_rng(0)), size=112, pen_width=10).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def ask(app: App, question: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    async def connect() -> Any:
        async with (
            streamable_http_client(f"{app.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await question(session)

    # In a thread of its own: Playwright's loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(connect())).result()


def call(app: App, tool: str, **arguments: object) -> Any:
    result = ask(app, lambda session: session.call_tool(tool, arguments))
    assert not result.isError, result.content
    return ast.literal_eval(result.content[0].text)


def test_tools_are_listed_with_what_they_do(app: App) -> None:
    tools = {tool.name: tool for tool in ask(app, lambda session: session.list_tools()).tools}
    assert tools.keys() == {"predict", "predict_number", "predict_batch", "model"}
    assert "handwritten digit" in tools["predict"].description
    assert tools["predict"].inputSchema["required"] == ["image"]
    assert "handwritten number" in tools["predict_number"].description
    assert tools["predict_number"].inputSchema["properties"].keys() == {"image", "strokes"}
    assert tools["predict_number"].inputSchema["required"] == ["image"]


def test_picture_is_read_by_a_tool(app: App) -> None:
    assert call(app, "predict", image=data_url(7))["label"] == "7"


def test_number_is_read_by_a_tool_with_and_without_strokes(app: App) -> None:
    image, strokes = draw_number("42")
    file = io.BytesIO()
    image.save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    for given in ({}, {"strokes": strokes}):
        assert call(app, "predict_number", image=url, **given)["text"] == "42"


def test_pictures_are_read_by_a_tool(app: App) -> None:
    one, other = call(app, "predict_batch", images=[{"url": data_url(3)}, {"url": "data:image/png;base64,AAAA"}])
    assert one["label"] == "3"
    assert "picture" in other["error"]


def test_tool_names_the_model(app: App) -> None:
    assert call(app, "model")["name"] == "bundled"
