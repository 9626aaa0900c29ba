"""Requests to the endpoints of a running app."""

import httpx2

from tests.support.browsing import App


def upload(app: App, content: bytes, name: str) -> dict:
    paths = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": (name, content)}).json()
    return {"path": paths[0], "meta": {"_type": "gradio.FileData"}}


def call(app: App, endpoint: str, *arguments: object) -> httpx2.Response:
    return httpx2.post(f"{app.url}/gradio_api/run/{endpoint}", json={"data": arguments}, timeout=30)


def predict(app: App, image: dict) -> httpx2.Response:
    return call(app, "predict", image)
