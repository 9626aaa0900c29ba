"""Errors are sentences under `error`, and answers tell browsers to be careful."""

import json

import httpx2
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from starlette.types import Message

from mnist_cnn.web.answers import BROKEN, FAILURE, NOTHING_HERE, Explainer
from mnist_cnn.web.exchange import Exchange
from tests.support.asynchronous import run
from tests.support.browsing import App
from tests.support.files import FILES, data_url

Answer = tuple[int, dict[str, str], bytes]


def answer(status: int, *bodies: bytes, content_type: str = "application/json", error_status: int = 400) -> Answer:
    """Return the status, the headers and the content of an app's answer as the client gets it."""
    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    async def send_all() -> None:
        exchange = Exchange({"path": "/gradio_api/run/predict", "method": "POST", "client": None}, collect, collect)  # type: ignore[arg-type]
        exchange.error_status = error_status
        explainer = Explainer(exchange)
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % sum(map(len, bodies)))]
        await explainer.send({"type": "http.response.start", "status": status, "headers": headers})
        for number, body in enumerate(bodies, 1):
            await explainer.send({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})

    run(send_all())
    start, *parts = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(part["body"] for part in parts)


@pytest.mark.parametrize(
    ("status", "content", "error_status", "expected"),
    [
        (500, {"error": None}, 400, (400, FAILURE)),  # before a handler began
        (500, {"error": None}, 500, (500, BROKEN)),
        (500, {"error": "This is no picture."}, 400, (400, "This is no picture.")),
        (500, {"error": "We are busy."}, 503, (503, "We are busy.")),
        (422, {"detail": [{"type": "missing", "loc": ["body", "data"]}]}, 400, (400, FAILURE)),
        (400, {"detail": "Invalid content type."}, 400, (400, "Invalid content type.")),
        (404, {"detail": "Not Found"}, 400, (404, NOTHING_HERE)),
        (405, {"detail": "Method Not Allowed"}, 400, (405, "This address doesn't take requests of this method.")),
        (413, {"error": "code_413"}, 400, (413, FAILURE)),
        (400, ["odd"], 400, (400, FAILURE)),
    ],
)
def test_error_is_a_sentence_under_error(
    status: int, content: object, error_status: int, expected: tuple[int, str]
) -> None:
    body = json.dumps(content).encode()
    got, headers, said = answer(status, body[:5], body[5:], error_status=error_status)
    assert (got, json.loads(said)) == (expected[0], {"error": expected[1]})
    assert int(headers["content-length"]) == len(said)


def test_error_that_is_no_json_stays_what_it_is() -> None:
    assert answer(413, b"too large", content_type="text/plain")[2] == b"too large"


def test_answer_that_is_no_error_passes_as_it_comes() -> None:
    assert answer(200, b'{"error": ', b"null}")[2] == b'{"error": null}'


@pytest.mark.parametrize("hidden", [b'{"error": null}', b'{"error":null}', b'"404: Not Found"'])
def test_error_in_a_stream_of_events_is_a_sentence(hidden: bytes) -> None:
    _, _, said = answer(200, b"event: error\ndata: " + hidden + b"\n\n", content_type="text/event-stream")
    assert json.loads(said.partition(b"data: ")[2]) == {"error": FAILURE}


def test_every_answer_tells_the_browser_to_be_careful(app: App) -> None:
    for path in ("/", "/health", "/nothing", "/gradio_api/info"):
        headers = httpx2.get(app.url + path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == "*"
        assert not any("http" in sources or "*" in sources for name, sources in policy.items() if "frame" not in name)


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "seven.png"])
def test_visitors_file_is_a_download_that_runs_nothing(app: App, name: str) -> None:
    content = FILES.get(name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (path,) = httpx2.post(f"{app.url}/gradio_api/upload", files={"files": (name, content)}).json()
    served = httpx2.get(f"{app.url}/gradio_api/file={path}")
    assert served.content == content
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in served.headers["Content-Security-Policy"]


def test_gradios_client_shows_the_sentence(app: App) -> None:
    client = Client(app.url, verbose=False)
    with pytest.raises(AppError, match="holds no picture"):
        client.predict({"url": "data:text/plain,7"}, api_name="/predict")
    with pytest.raises(AppError, match="not a picture that can be read"):
        client.predict({"url": data_url(b"seven")}, api_name="/predict")
