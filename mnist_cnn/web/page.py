"""The page: its layout, what is wired to what, and how it is served."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from mnist_cnn.inference import NUM_CLASSES
from mnist_cnn.web.camera import build_camera
from mnist_cnn.web.connections import allow_files, sweep_connections
from mnist_cnn.web.endpoints import add_endpoints
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.gate import Gate, GateState
from mnist_cnn.web.handlers import PROMPT, Handlers
from mnist_cnn.web.health import Health
from mnist_cnn.web.limits import (
    MAX_BATCHES,
    MAX_FILE_MB,
    MAX_LARGE_PICTURES,
    MAX_QUEUE,
    MAX_SESSIONS,
    THREADS,
    UPLOADS_KEPT_FOR,
)
from mnist_cnn.web.memory import keep_trimming
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.pad import build_pad
from mnist_cnn.web.payloads import refuse_addresses
from mnist_cnn.web.queue import ReadingQueue
from mnist_cnn.web.sessions import hold_sessions, share_configurations
from mnist_cnn.web.sketchpad import build_sketchpad
from mnist_cnn.web.theme import DESCRIPTION, FAVICON, TITLE, LinkPreview, build_part, build_theme, load_static
from mnist_cnn.web.upload import build_picture, build_reader

logger = logging.getLogger(__name__)

# How the page calls the server: at once, and for itself only.
PRIVATE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Parts:
    """The components of the page that take part in events.

    Each of the four tabs has an input and a holder of its last answer. The pad and the camera are both; the picture's
    answer is held by the reader.
    """

    tabs: gr.Tabs
    pad_tab: gr.Tab
    pad: gr.HTML
    sketchpad_tab: gr.Tab
    sketchpad: gr.Sketchpad
    sketchpad_answer: gr.JSON
    picture_tab: gr.Tab
    picture: gr.Image
    reader: gr.HTML
    camera_tab: gr.Tab
    camera: gr.HTML
    found: gr.HTML
    verdict: gr.HTML
    said: gr.HTML  # the same to screen readers, once nothing changes any more
    digits: gr.HTML
    label: gr.Label
    seen: gr.HTML
    heat: gr.HTML
    correction: gr.HTML
    thanks: gr.HTML
    reading: gr.JSON  # the id of the reading that is shown
    chosen: gr.JSON  # the index of its digit that is shown
    serving: gr.HTML

    @property
    def answer(self) -> list[gr.components.Component]:
        """The components that show an answer, in the order in which static/show_answer.js fills them."""
        shown = [self.verdict, self.digits, self.label, self.seen, self.found]
        return [*shown, self.reading, self.chosen, self.correction, self.thanks]


def build_page(models: ModelHolder, feedback: Feedback) -> gr.Blocks:
    """Build the page around a model and a keeper of corrections; `launch` serves it."""
    queue = ReadingQueue(models)
    handlers = Handlers(models, queue, feedback)
    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(UPLOADS_KEPT_FOR, UPLOADS_KEPT_FOR))
    with page:
        _wire(page, _lay_out(handlers), handlers)
        add_endpoints(queue, models)
    refuse_addresses(page)
    share_configurations(page)
    page.queue(max_size=MAX_QUEUE, default_concurrency_limit=THREADS)
    return page


def launch(
    page: gr.Blocks,
    gate: GateState,
    check: Callable[[], Health],
    host: str | None = None,
    port: int | None = None,
) -> None:
    """Serve the page until interrupted.

    Args:
        page: from `build_page`.
        gate: with which the caller can stop the server from taking requests.
        check: returns what GET /health tells.
        host: the address to listen on; None for Gradio's default.
        port: None for Gradio's default.
    """
    allow_files()
    # Else uvicorn believes whoever connects from this machine, such as a proxy that hands on what visitors write.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    page.launch(
        server_name=host,
        server_port=port,
        theme=build_theme(),
        css="".join(map(load_static, ("loading.css", "page.css", "picture.css"))),
        favicon_path=FAVICON,
        max_file_size=f"{MAX_FILE_MB}mb",
        # Large pictures and batches that wait hold a thread each.
        max_threads=THREADS + MAX_LARGE_PICTURES + MAX_BATCHES,
        footer_links=["api", "gradio"],
        run_history=False,
        state_session_capacity=MAX_SESSIONS,
        mcp_server=True,
        # With Node in front, the gate wouldn't see all requests, and visitors' addresses would be hidden from it.
        ssr_mode=False,
        quiet=True,
        prevent_thread_lock=True,
        app_kwargs={
            "middleware": [Middleware(Gate, check=check, state=gate), Middleware(LinkPreview)],
            "lifespan": partial(_run, page),
        },
    )
    logger.info("Serves at %s", page.local_url)
    page.block_thread()


@asynccontextmanager
async def _run(page: gr.Blocks, app: gr.routes.App) -> AsyncIterator[None]:
    """Bound what sessions, connections and free memory take, while the app runs."""
    hold_sessions(app, page)
    async with sweep_connections(lambda: page.server.server_state.connections), keep_trimming():
        yield


def _lay_out(handlers: Handlers) -> Parts:
    """Place the components."""
    parts: dict[str, Any] = {}
    gr.Markdown(f"# {TITLE}\n{DESCRIPTION}", elem_id="heading")
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="input"), gr.Tabs() as parts["tabs"]:
            with gr.Tab("Draw", elem_id="draw-tab") as parts["pad_tab"]:
                parts["pad"] = build_pad(handlers.read_drawing)
            with gr.Tab("Sketchpad", elem_id="sketchpad-tab") as parts["sketchpad_tab"]:
                parts["sketchpad"] = build_sketchpad()
            picture_tab = gr.Tab("Picture", id="picture", elem_id="picture-tab")
            with picture_tab as parts["picture_tab"], gr.Column(elem_id="stage"):
                parts["picture"] = build_picture()
                parts["found"] = build_part("found", frames=True)
            with gr.Tab("Camera", elem_id="camera-tab") as parts["camera_tab"]:
                parts["camera"] = build_camera(handlers.read_frame)
        parts["verdict"] = gr.HTML(PROMPT, elem_id="verdict", html_template=load_static("verdict.html"))
        with gr.Column(elem_id="details"):
            parts["digits"] = build_part("digits")
            parts["correction"] = build_part("correction", digits=list(range(NUM_CLASSES)))
            parts["thanks"] = gr.HTML("", elem_id="thanks", html_template='<p role="status">${value}</p>')
            parts["label"] = gr.Label(num_top_classes=10, elem_id="label", label="Probabilities", show_label=False)
            with gr.Row(elem_id="tiles"):
                parts["seen"] = gr.HTML("", elem_id="seen", html_template=load_static("seen.html"))
                parts["heat"] = gr.HTML(html_template=load_static("heat.html"))
    parts["reader"] = build_reader(handlers.read_picture)
    parts["said"] = gr.HTML("", elem_id="said", html_template='<p role="status">${value}</p>')
    for hidden in ("sketchpad_answer", "reading", "chosen"):
        parts[hidden] = gr.JSON(visible=False)
    parts["serving"] = gr.HTML(handlers.describe_model(), elem_id="serving")
    return Parts(**parts)


def _wire(page: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    """Connect the components with what they set off."""
    show: dict[str, Any] = {"fn": None, "outputs": parts.answer, "js": load_static("show_answer.js")}
    explain: dict[str, Any] = {"fn": handlers.explain, "outputs": parts.heat, "trigger_mode": "always_last", **PRIVATE}
    explain["inputs"] = [parts.reading, parts.chosen]

    say: dict[str, Any] = {"fn": None, "inputs": parts.verdict, "outputs": parts.said, "api_visibility": "private"}
    say["js"] = load_static("say.js")

    parts.pad.change(inputs=parts.pad, api_visibility="private", **show)
    parts.pad.settle(**say)
    parts.pad.rest(**explain)
    parts.label.select(**explain | {"fn": handlers.explain_row})
    parts.pad.name(fn=None, js=load_static("name_digit.js"), api_visibility="private")
    answered = parts.sketchpad.change(
        handlers.read_sketch,
        parts.sketchpad,
        parts.sketchpad_answer,
        trigger_mode="always_last",
        postprocess=False,
        **PRIVATE,
    )
    answered.then(inputs=parts.sketchpad_answer, api_visibility="private", **show).then(**say).then(**explain)
    parts.camera.answer(inputs=parts.camera, api_visibility="private", **show).then(**say)
    parts.reader.answer(inputs=parts.reader, api_visibility="private", **show).then(**say).then(**explain)
    given = [parts.tabs, parts.picture]
    show_picture = load_static("show_picture.js")
    parts.reader.give(fn=None, inputs=parts.reader, outputs=given, js=show_picture, api_visibility="private")
    for tab, shown in (
        (parts.pad_tab, parts.pad),
        (parts.sketchpad_tab, parts.sketchpad_answer),
        (parts.picture_tab, parts.reader),
        (parts.camera_tab, parts.camera),
    ):
        tab.select(inputs=shown, api_visibility="private", **show).then(**say).then(**explain)
    parts.digits.choose(
        fn=None,
        inputs=[parts.digits, parts.correction],
        outputs=[parts.label, parts.seen, parts.chosen, parts.correction],
        js=load_static("show_digit.js"),
        api_visibility="private",
    ).then(**explain)
    corrected = [parts.reading, parts.correction]
    parts.correction.pick(handlers.correct, corrected, parts.thanks, trigger_mode="always_last", **PRIVATE)
    take_brush: dict[str, Any] = {"js": load_static("take_brush.js"), "api_visibility": "private"}
    reveal = "() => ({ visible: true, __type__: 'update' })"
    revealed = parts.sketchpad_tab.select(outputs=parts.sketchpad, js=reveal, api_visibility="private")
    revealed.then(**take_brush)
    parts.sketchpad.clear(**take_brush)
    page.load(handlers.describe_model, outputs=parts.serving, **PRIVATE)  # another model may serve by now
