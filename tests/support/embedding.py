"""A page of somebody else, on another origin than the app's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_html(folder: Path) -> Iterator[Callable[[str], str]]:
    """Give a function that serves a page with the given HTML until the end of the block, and returns its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()

    def serve(html: str) -> str:
        viewport = '<meta name="viewport" content="width=device-width">'
        (folder / "page.html").write_text(f"<!doctype html>{viewport}<body style='margin: 0'>{html}")
        return f"http://localhost:{server.server_port}/page.html"

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()
