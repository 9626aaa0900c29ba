"""Requests to the endpoints of a running app."""

import time

import httpx2

from tests.support.browsing import App


def upload(app: App, content: bytes, name: str) -> dict:
    paths = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": (name, content)}).json()
    return {"path": paths[0], "meta": {"_type": "gradio.FileData"}}


def call(app: App, endpoint: str, *arguments: object) -> httpx2.Response:
    return httpx2.post(f"{app.url}/gradio_api/run/{endpoint}", json={"data": arguments}, timeout=30)


def predict(app: App, image: dict) -> httpx2.Response:
    return call(app, "predict", image)


def stop(app: App) -> None:
    """Tell an app to end, and wait until it refuses requests in words, because it is ending."""
    app.process.terminate()
    while httpx2.get(f"{app.url}/health").status_code != 503:
        time.sleep(0.02)
    assert "is stopping" in call(app, "model").json()["error"]
