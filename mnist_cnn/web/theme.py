"""The look of the page: the theme, the static files, and what a link to the page shows."""

import gzip
import html
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_cnn.hub import PAGE_PICTURE

TITLE = "Handwritten digit reader"
DESCRIPTION = "Draw a digit or a number, or give a picture of one: a small neural network trained on MNIST reads it."
STATIC = Path(__file__).parent / "static"
FAVICON = STATIC / "favicon.png"


def load_static(name: str) -> str:
    """Return the text of a file in static/."""
    return (STATIC / name).read_text()


def build_part(
    name: str,
    value: Mapping[str, Any] | None = None,
    read: Callable[[Any], Mapping[str, Any]] | None = None,
    frames: bool = False,
    **properties: Any,  # noqa: ANN401
) -> gr.HTML:
    """Build a component of our own from the static files of its name: a script, and HTML and CSS if there are any.

    Args:
        name: of the files, and of the element.
        value: the first one.
        read: what the script calls as `server.read`.
        frames: whether the script draws frames.
        properties: what the script and the HTML find beside the value.
    """

    def call(given: Any) -> Mapping[str, Any] | None:  # noqa: ANN401  # Gradio can't mark a method as public
        return read(given) if read else None

    call.__name__ = "read"  # by which the script calls it
    scripts = {"clamp": True, "ask": read, "frames": frames, name: True}
    page, style = STATIC / f"{name}.html", STATIC / f"{name}.css"
    return gr.HTML(
        value,
        elem_id=name,
        html_template=page.read_text() if page.exists() else "",
        css_template=style.read_text() if style.exists() else "",
        js_on_load="".join(load_static(f"{script}.js") for script, wanted in scripts.items() if wanted),
        apply_default_css=False,
        server_functions=[call] if read else None,
        **properties,
    )


def build_theme() -> gr.themes.Base:
    """Build the theme: paper and ink, the visitor's own system font, one accent colour."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        secondary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        color_accent="*primary_600",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        stat_background_fill="*primary_500",
        block_border_width="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
    )


class LinkPreview:
    """Middleware that gives the page a head of its own, in place of Gradio's for shared links, and packs it.

    And its heading, which is seen at once: Gradio builds the page only when all its scripts are there.
    """

    START = f"<style>{load_static('loading.css')}</style><script>({load_static('mark_frame.js')})()</script>".encode()
    HEADING = (
        f'<header id="early"><h1>{TITLE}</h1><p>{DESCRIPTION}</p><noscript><p>This page needs JavaScript: please allow '
        "it here, and load the page again.</p></noscript></header>"
    ).encode()
    BODY = re.compile(rb"<body[^>]*>")
    GRADIO_TAGS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>')

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an app. A Space tells its address and its repository in the environment."""
        self.app = app
        tags = {"description": DESCRIPTION, "og:type": "website", "og:title": TITLE, "og:description": DESCRIPTION}
        link = ""
        host, space = os.environ.get("SPACE_HOST"), os.environ.get("SPACE_ID")
        if host and space:
            address = f"https://{host}/"
            link = f'<link rel="canonical" href="{html.escape(address)}">'
            tags |= {
                "og:url": address,
                "og:image": f"https://huggingface.co/spaces/{space}/resolve/main/{PAGE_PICTURE}",
            }
        tags["twitter:card"] = "summary_large_image" if "og:image" in tags else "summary"
        self.tags = link.encode() + b"".join(map(_write_tag, tags.items()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and rewrite the answer if it is the page."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        page = b""

        async def rewrite(message: Message) -> None:
            nonlocal start, page
            if message["type"] == "http.response.start":
                start = message
                return
            page += message.get("body", b"")
            if not message.get("more_body"):
                page = self.GRADIO_TAGS.sub(b"", page).replace(b"</head>", self.tags + self.START + b"</head>", 1)
                page = self.BODY.sub(lambda body: body[0] + self.HEADING, page, count=1)
                headers = MutableHeaders(raw=start["headers"])
                if "gzip" in Headers(scope=scope).get("accept-encoding", ""):  # Gradio packs files only
                    page = _pack(page)
                    headers["content-encoding"] = "gzip"
                headers.add_vary_header("Accept-Encoding")
                headers["content-length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, rewrite)


@lru_cache(maxsize=4)
def _pack(page: bytes) -> bytes:
    """Return the page packed, which it is once for all visitors, since it is the same for them."""
    return gzip.compress(page)


def _write_tag(tag: tuple[str, str]) -> bytes:
    """Return what a page's head says of it under a name."""
    name, content = tag
    kind = "property" if name.startswith("og:") else "name"
    return f'<meta {kind}="{name}" content="{html.escape(content)}">'.encode()
