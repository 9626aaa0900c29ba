"""The page: tabs to draw a digit or to give a picture of one, the answer beside them, and the public endpoint."""

import base64
import html
import io
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw
from starlette.middleware import Middleware

from mnist_cnn.api import Prediction, add_endpoints, build_prediction
from mnist_cnn.feedback import Feedback
from mnist_cnn.gate import Gate, GateState
from mnist_cnn.inference import Classifier
from mnist_cnn.limits import MAX_FILE_MB, MAX_QUEUE, THREADS, UPLOADS_KEPT_FOR
from mnist_cnn.look import CSS, DESCRIPTION, FAVICON, MARK_FRAME, TITLE, LinkPreview, build_theme
from mnist_cnn.pad import build_pad
from mnist_cnn.preprocessing import NUM_CLASSES, UnreadablePictureError, find_digit, load_picture, to_mnist
from mnist_cnn.reading import PICTURE_ERRORS, PictureFile, Reader, picture_bytes

logger = logging.getLogger(__name__)

PROMPT = "Draw a digit"
CANVAS_SIZE = (280, 280)
BRUSH_RADIUS = 10

# How the page calls the server: at once, and for itself alone.
QUICKLY: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

SEEN = """
<figure class="tile">
  ${value ? `<img src="${value}" alt="The 28 by 28 pixels that the model sees">` : '<div class="blank"></div>'}
  <figcaption>What the model sees</figcaption>
</figure>
"""

HEAT = """
<figure class="tile">
  ${value
    ? `<img src="${value.url}" alt="The ink that speaks for ${value.first} and for ${value.second}"><figcaption>
         <span class="for">for ${value.first}</span> <span class="against">for ${value.second}</span>
       </figcaption>`
    : '<div class="blank"></div><figcaption>Which ink speaks for it</figcaption>'}
</figure>
"""
FOR, AGAINST = np.array([129, 140, 248]), np.array([251, 146, 60])  # as in page.css

FOUND = """
${value && `<figure class="found">
  <img src="${value}" alt="The picture, with a frame around the part that was read">
  <figcaption>What was read of it</figcaption>
</figure>`}
"""
FOUND_SIDE = 320  # pixels

# The pad's last answer, spread over the components that show it; nothing changes where there is none yet.
SHOW_PAD = """
(answer) => answer
    ? [answer.verdict, answer.label, answer.seen, answer.url ? {url: answer.url} : null, ""]
    : []
"""

CORRECTION = """
<p>Not right? Pick the digit. Your drawing and your answer are kept, for the next model to learn from.</p>
<div role="group" aria-label="The right digit">
  {{#each digits}}<button type="button">{{this}}</button>{{/each}}
</div>
<p role="status">${value}</p>
"""
PICK_DIGIT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("pick", { digit: Number(button.textContent) });
});
"""

# Gradio's editor starts, and restarts after Clear, with no tool in hand, so that a stroke does nothing.
TAKE_BRUSH = """
() => {
    const take = (tries) => {
        const brush = document.querySelector("#sketchpad button[aria-label='Brush']");
        if (brush) brush.click();
        else if (tries > 0) setTimeout(take, 50, tries - 1);
    };
    take(200);
}
"""


class BoundedDict(OrderedDict[str, Any]):
    """A dict that forgets its oldest entry beyond a number of entries."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self.max_entries = max_entries

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > self.max_entries:
            self.popitem(last=False)


class Answer(NamedTuple):
    """What the page shows for a picture, as its components take it.

    Attributes:
        verdict: a sentence, as HTML.
        label: the ten probabilities; empty if no digit was read.
        seen: the 28x28 image that the model saw, as a data URL; empty if there is none.
        picture: that was read, for whatever else is done with it; None if there is none.
        thanks: for a correction; there is none yet.
    """

    verdict: str
    label: Prediction
    seen: str
    picture: PictureFile | None
    thanks: str = ""


def build_demo(classifier: Classifier, feedback: Feedback) -> gr.Blocks:
    """Build the page around a classifier and a keeper of corrections; `launch` serves it."""

    reader = Reader(classifier)

    def answer(picture: PictureFile | None, source: str) -> Answer:
        if picture is None:
            return Answer(PROMPT, {}, "", None)
        try:
            image, probabilities = reader.read(picture, source)
        except PICTURE_ERRORS as error:
            drawn = picture.get("path") is None
            return Answer(PROMPT if drawn else html.escape(str(error)), {}, "", None)
        seen = _png_url(Image.fromarray(image[..., 0]))
        sentence = verdict(probabilities, classifier.looks_like_one_digit(probabilities))
        return Answer(sentence, build_prediction(probabilities), seen, picture)

    def read(url: str | None) -> dict[str, Any]:
        return answer({"url": url} if url else None, "pad")._asdict()

    def answer_sketch(sketch: dict[str, Any]) -> Answer:
        drawing = sketch["composite"]
        return answer({"url": _png_url(drawing)} if drawing else None, "sketchpad")

    def answer_picture(picture: PictureFile | None) -> Answer:
        return answer(picture, "picture")

    def explain(picture: PictureFile | None) -> dict[str, str] | None:
        if picture is None:
            return None
        image = to_mnist(load_picture(picture_bytes(picture)))
        second, first = np.argsort(classifier.read(image[np.newaxis])[0])[-2:]
        heat = _draw_heat(image, classifier.explain(image, first, second))
        return {"url": _png_url(heat), "first": _with_article(first), "second": _with_article(second)}

    def locate(picture: PictureFile | None) -> str:
        if picture is None:
            return ""
        loaded = load_picture(picture_bytes(picture))
        return _png_url(_mark(loaded, find_digit(loaded).box))

    def correct(picture: PictureFile | None, event: gr.EventData) -> str:
        digit = event.digit
        if picture is None or digit not in range(NUM_CLASSES):
            return f"{PROMPT} first."
        try:
            drawing = load_picture(picture_bytes(picture))
        except UnreadablePictureError:  # uploads are not kept for long
            return "The picture is not here any more. Please give it again."
        image = to_mnist(drawing)
        probabilities = classifier.read(image[np.newaxis])[0]
        try:
            feedback.save(drawing, image, digit, probabilities, classifier.source, classifier.revision)
        except OSError:
            logger.exception("A correction is lost")
            return "It could not be saved. Please try again."
        return f"Thank you. It is saved as {_with_article(digit)}."

    def answer_changes(
        source: gr.Sketchpad | gr.Image, tab: gr.Tab, answer: Callable, **options: Any
    ) -> gr.events.Dependency:
        """Answer a component's changes and returns to its tab; explain the answer afterwards."""
        answered = gr.on(
            [source.change, tab.select],
            answer,
            source,
            outputs,
            trigger_mode="always_last",
            postprocess=False,
            **QUICKLY,
            **options,
        )
        answered.then(explain, given, heat, **QUICKLY)
        return answered

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(UPLOADS_KEPT_FOR, UPLOADS_KEPT_FOR)) as demo:
        gr.Markdown(f"# {TITLE}\n{DESCRIPTION}", elem_id="heading")
        with gr.Row():
            with gr.Column():
                with gr.Tab("Draw", elem_id="draw-tab") as pad_tab:
                    pad = build_pad(read)
                with gr.Tab("Sketchpad", elem_id="sketchpad-tab") as sketchpad_tab:
                    sketchpad = _sketchpad()
                with gr.Tab("Picture", elem_id="picture-tab") as picture_tab:
                    picture = _picture_input()
                    found = gr.HTML("", html_template=FOUND)
            with gr.Column():
                sentence = gr.HTML(PROMPT, elem_id="verdict", html_template='<p role="status">${value}</p>')
                label = gr.Label(num_top_classes=10, elem_id="label", label="Probabilities", show_label=False)
                with gr.Row(elem_id="tiles"):
                    seen = gr.HTML("", elem_id="seen", html_template=SEEN)
                    heat = gr.HTML(html_template=HEAT)
                correction = gr.HTML(
                    "",
                    elem_id="correction",
                    html_template=CORRECTION,
                    js_on_load=PICK_DIGIT,
                    apply_default_css=False,
                    digits=list(range(NUM_CLASSES)),
                )
        given = gr.JSON(visible=False)
        serving = gr.HTML(describe_model(classifier), elem_id="serving")

        outputs = [sentence, label, seen, given, correction]
        pad.change(None, pad, outputs, js=SHOW_PAD, api_visibility="private")
        pad_tab.select(None, pad, outputs, js=SHOW_PAD, api_visibility="private").then(explain, given, heat, **QUICKLY)
        pad.rest(explain, given, heat, trigger_mode="always_last", **QUICKLY)
        answer_changes(sketchpad, sketchpad_tab, answer_sketch)
        answered = answer_changes(picture, picture_tab, answer_picture, preprocess=False)
        answered.then(locate, given, found, **QUICKLY)
        correction.pick(correct, given, correction, **QUICKLY)
        gr.on([sketchpad_tab.select, sketchpad.clear], js=TAKE_BRUSH, api_visibility="private")
        demo.load(lambda: describe_model(classifier), outputs=serving, **QUICKLY)  # another may serve by now
        add_endpoints(reader)
    return demo.queue(max_size=MAX_QUEUE, default_concurrency_limit=THREADS)


def launch(
    demo: gr.Blocks,
    gate: GateState,
    check: Callable[[], str | None],
    host: str | None = None,
    port: int | None = None,
) -> None:
    """Serve the page until interrupted.

    Args:
        demo: what `build_demo` made.
        gate: by which the caller may stop taking requests.
        check: says what is wrong with the server, for GET /health; None if nothing is.
        host: the address to listen on; None for Gradio's default.
        port: None for Gradio's default.
    """
    demo.launch(
        server_name=host,
        server_port=port,
        theme=build_theme(),
        css=CSS,
        js=MARK_FRAME,
        favicon_path=FAVICON,
        max_file_size=f"{MAX_FILE_MB}mb",
        max_threads=THREADS,
        footer_links=["api", "gradio"],
        run_history=False,
        mcp_server=True,
        app_kwargs={"middleware": [Middleware(Gate, check=check, state=gate), Middleware(LinkPreview)]},
    )


def describe_model(classifier: Classifier) -> str:
    """Say as HTML how well the model reads, which one it is, and why if it isn't the one that was asked for."""
    accuracy = classifier.metrics["test"]["accuracy"]
    return f"Reads {accuracy:.2%} of MNIST's test images right. Model: {html.escape(classifier.description)}"


def verdict(probabilities: np.ndarray, looks_like_one_digit: bool) -> str:
    """Say in a sentence what the ten probabilities mean: one digit, one of two, or none."""
    if not looks_like_one_digit:
        return "This doesn't look like one digit"
    second, first = (int(digit) for digit in np.argsort(probabilities)[-2:])
    if probabilities[second] > 0.25:
        return f"{_with_article(first)} or {_with_article(second)}".capitalize()
    return f"{first}, {min(probabilities[first], 0.99):.0%} sure".replace("%", "\N{NO-BREAK SPACE}%")


def _draw_heat(image: np.ndarray, attribution: np.ndarray) -> Image.Image:
    """Colour the ink by what it speaks for, the brighter the more."""
    attribution = attribution[..., np.newaxis]
    strength = np.sqrt(np.abs(attribution) / max(np.abs(attribution).max(), 1e-6))
    colours = np.where(attribution > 0, FOR, AGAINST) * strength + image * 0.25 * (1 - strength)
    return Image.fromarray(colours.astype(np.uint8))


def _mark(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return the picture on white, no larger than the page shows it, with a frame around a part of it."""
    scale = min(1.0, FOUND_SIDE / max(picture.size))
    small = picture.convert("RGBA").resize([max(1, round(side * scale)) for side in picture.size])
    marked = Image.new("RGB", small.size, "white")
    marked.paste(small, mask=small.getchannel("A"))
    left, top, right, bottom = (round(edge * scale) for edge in box)
    ImageDraw.Draw(marked).rectangle((left - 4, top - 4, right + 3, bottom + 3), outline=tuple(FOR.tolist()), width=3)
    return marked


def _with_article(digit: int) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _sketchpad() -> gr.Sketchpad:
    sketchpad = gr.Sketchpad(
        elem_id="sketchpad",
        label="Sketchpad",
        show_label=False,
        type="pil",
        canvas_size=CANVAS_SIZE,
        fixed_canvas=True,
        brush=gr.Brush(default_size=BRUSH_RADIUS, colors=["#000000"], color_mode="fixed"),
        layers=False,
        transforms=(),
        buttons=[],
    )
    # Gradio keeps here what the browser sent and nobody fetched: without a bound, an entry for each stroke.
    sketchpad.blob_storage = BoundedDict(max_entries=256)
    return sketchpad


def _picture_input() -> gr.Image:
    # image_mode=None: the files are decoded by load_picture, which knows more kinds of them.
    return gr.Image(
        elem_id="picture",
        label="A picture of one digit",
        show_label=False,
        image_mode=None,
        buttons=[],
        # A mirrored picture of a digit is another picture; on a phone the camera on the back sees the paper.
        webcam_options=gr.WebcamOptions(mirror=False, constraints={"video": {"facingMode": "environment"}}),
    )


def _png_url(picture: Image.Image) -> str:
    """The picture as a data URL, so that showing it costs no further request."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
