"""What happens when a visitor draws, gives a picture, or corrects an answer."""

import hashlib
import html
import logging
from typing import TypedDict

import gradio as gr
import numpy as np
from PIL import Image

from mnist_cnn.errors import CorrectionError, EmptyPictureError, PictureError
from mnist_cnn.inference import NUM_CLASSES, Reading
from mnist_cnn.web.endpoints import Prediction, build_prediction
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.limits import MAX_READINGS_MB
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.payloads import PictureFile
from mnist_cnn.web.pictures import draw_frame, draw_heat_map, encode_drawing, encode_png_url
from mnist_cnn.web.queue import Answered, ReadingQueue
from mnist_cnn.web.readings import KeptReading, ReadingStore

logger = logging.getLogger(__name__)

PROMPT = "Draw a digit"


class Answer(TypedDict):
    """What the page shows for a picture, as its components take it.

    Attributes:
        verdict: a sentence, as HTML.
        label: the ten probabilities; empty if no digit was read.
        seen: the 28x28 image that the model saw, as a data URL; empty if there is none.
        found: the picture with a frame around what was read, as a data URL; empty for a drawing.
        reading: the id under which the reading is kept; None if there is none.
    """

    verdict: str
    label: Prediction
    seen: str
    found: str
    reading: str | None


class Handlers:
    """Answers the events of the page.

    A picture is read once. What was read is kept, and the page holds its id: the explanation and the correction are
    those of exactly what the visitor was shown, and of the model that answered.
    """

    def __init__(self, models: ModelHolder, readings: ReadingQueue, feedback: Feedback) -> None:
        """Answer with a model, through a queue, and keep corrections."""
        self._models = models
        self._queue = readings
        self._feedback = feedback
        self._kept = ReadingStore(MAX_READINGS_MB * 2**20)

    def read_drawing(self, url: str | None) -> Answer:
        """Read a drawing on the pad: the data URL of a PNG file, None for a blank pad."""
        return self._read({"url": url} if url else None, "pad", on_error=PROMPT)

    def read_sketch(self, drawing: PictureFile | bytes | None) -> Answer:
        """Read a drawing on Gradio's Sketchpad, as `sketchpad.build_sketchpad` hands it on."""
        return self._read(drawing, "sketchpad", on_error=PROMPT)

    def read_picture(self, picture: PictureFile | None) -> Answer:
        """Read a picture that was uploaded, pasted or taken."""
        return self._read(picture, "picture")

    def explain(self, reading_id: str | None) -> dict[str, str] | None:
        """Draw which ink speaks for the likeliest digit, and which for the runner-up; None if there is no reading."""
        kept = self._kept.get(reading_id)
        if kept is None:
            return None
        second, first = np.argsort(kept.reading.probabilities)[-2:].tolist()
        heat = draw_heat_map(kept.reading.image, kept.classifier.explain(kept.reading.image, first, second))
        return {"url": encode_png_url(heat), "first": with_article(first), "second": with_article(second)}

    def correct(self, reading_id: str | None, request: gr.Request, event: gr.EventData) -> str:
        """Keep the digit that a visitor picked as the right one, and return a sentence that says so."""
        visitor, digit = _find_visitor(request), _find_digit(event)
        if digit is None:
            return f"Pick one of the digits from 0 to {NUM_CLASSES - 1}."
        if reading_id is None:
            return f"{PROMPT} first."
        if visitor is None:
            return "Corrections are taken from the page only. Open it, and pick the digit there."
        kept = self._kept.claim(reading_id, visitor)
        if kept is None:
            return "The picture is not here any more. Please give it again."
        try:
            source, revision = kept.classifier.source, kept.classifier.revision
            self._feedback.save(visitor, kept.drawing, kept.reading, digit, source, revision)
        except CorrectionError as error:
            return str(error)
        except OSError:
            logger.exception("A correction can't be written")
            return "It could not be saved. Please try again later."
        return f"Thank you. It is saved as {with_article(digit)}."

    def describe_model(self) -> str:
        """Say as HTML how well the model reads, which one it is, and why if it isn't the one that was asked for."""
        served = self._models.served
        accuracy = served.classifier.metrics["test"]["accuracy"]
        return f"Reads {accuracy:.2%} of MNIST's test images right. Model: {html.escape(served.description)}"

    def _read(self, picture: PictureFile | bytes | None, source: str, on_error: str | None = None) -> Answer:
        """Read a picture; a drawing in which there is nothing yet is answered with `on_error`, not with the error."""
        verdict = PROMPT
        if picture is not None:
            try:
                return self._show(self._queue.read(picture, source), framed=source == "picture")
            except EmptyPictureError as error:
                verdict = on_error or html.escape(str(error))
            except PictureError as error:
                verdict = html.escape(str(error))
        return Answer(verdict=verdict, label={}, seen="", found="", reading=None)

    def _show(self, answered: Answered, framed: bool) -> Answer:
        """Keep a reading, and return what the page shows of it."""
        reading, image, classifier = answered
        return Answer(
            verdict=write_verdict(reading),
            label=build_prediction(reading),
            seen=encode_png_url(Image.fromarray(reading.image[..., 0])),
            found=encode_png_url(draw_frame(image, reading.box)) if framed else "",
            reading=self._kept.keep(KeptReading(reading, classifier, encode_drawing(image))),
        )


def write_verdict(reading: Reading) -> str:
    """Say in a sentence what a reading means: one digit, one of two, several, or something else."""
    if reading.is_several:
        return "Several digits: one at a time, please"
    if not reading.is_digit:
        return "There is something, but no digit"
    second, first = np.argsort(reading.probabilities)[-2:].tolist()
    if reading.probabilities[second] > 0.25:
        return f"{with_article(first)} or {with_article(second)}".capitalize()
    return f"{first}, {min(reading.probabilities[first], 0.99):.0%} sure".replace("%", "\N{NO-BREAK SPACE}%")


def with_article(digit: int) -> str:
    """Return a digit with its indefinite article, such as "an 8"."""
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _find_visitor(request: gr.Request) -> str | None:
    """Return who sends a request, as a name that tells nothing about them; None if it names no session."""
    session = request.session_hash
    return hashlib.sha256(session.encode(errors="surrogatepass")).hexdigest() if session else None


def _find_digit(event: gr.EventData) -> int | None:
    """Return the digit that was picked; None if an event, which can hold anything, holds none."""
    data = event._data  # `event.digit` fails if this is no dict
    digit = data.get("digit") if isinstance(data, dict) else None
    return digit if type(digit) is int and digit in range(NUM_CLASSES) else None
