"""What happens when a visitor draws, gives a picture, or corrects an answer."""

import hashlib
import html
import logging
from collections.abc import Sequence
from typing import Any, TypedDict

import gradio as gr
import numpy as np
from PIL import Image

from mnist_cnn.errors import CorrectionError, EmptyPictureError, PictureError
from mnist_cnn.inference import NUM_CLASSES, NumberReading, Reading, Strokes
from mnist_cnn.web.camera import Vote, take_recent
from mnist_cnn.web.corrections import parse_number
from mnist_cnn.web.endpoints import Confidence, Prediction, build_prediction, take_strokes
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.limits import MAX_READINGS_MB
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.payloads import PictureFile
from mnist_cnn.web.pictures import draw_heat_map, encode_drawing, encode_png_url, encode_preview
from mnist_cnn.web.queue import Answered, ReadingQueue
from mnist_cnn.web.readings import KeptReading, ReadingStore

logger = logging.getLogger(__name__)

PROMPT = "Draw a digit or a number"
EMPTY_FRAME = "There is no ink in this frame: draw it around the digit."
UNSHOWN = ("HEIF", "TIFF")  # kinds of files that most browsers can't show
MAX_SHOWN = 0.99  # of a probability: nothing is certain


class Drawing(PictureFile, total=False):
    """A drawing on the pad: a PNG file, and its strokes in the file's pixels, if they aren't too many."""

    strokes: list[list[list[float]]] | None


class FramedPicture(PictureFile, total=False):
    """A picture, and the frame that a visitor drew around what is to be read, as `pictures.cut_out` takes it."""

    frame: list[float] | None


class Frame(PictureFile, total=False):
    """A frame of a film: a picture, and what was read of the frames before it."""

    recent: list[str]


class Tile(TypedDict):
    """A digit of a number.

    Attributes:
        name: which digit it is, the how manieth, and how sure that is.
        label: its ten probabilities, and where it is.
        seen: the 28x28 image that the model saw, as a data URL.
    """

    name: str
    label: Prediction
    seen: str


class Found(TypedDict):
    """Where in a picture something was read.

    Attributes:
        alt: what the picture with its frames shows, in words.
        width: of the picture, in the pixels of the boxes.
        height: likewise.
        boxes: left, top, width and height of a frame around each part that was read.
        url: the picture as a data URL, if browsers can't show its file; else empty.
    """

    alt: str
    width: int
    height: int
    boxes: list[list[int]]
    url: str


class Answer(TypedDict):
    """What the page shows for a picture, as its components take it.

    Attributes:
        verdict: a sentence, as HTML.
        text: the number that was read, rows joined by a newline; empty for a single digit or none.
        digits: those of the number, in reading order.
        chosen: the index of the digit that the next two belong to.
        label: the ten probabilities; empty if no digit was read.
        seen: the 28x28 image that the model saw, as a data URL; empty if there is none.
        found: where it was found; None for a drawing, and for what the visitor has framed.
        reading: the id under which the reading is kept; None if there is none.
    """

    verdict: str
    text: str
    digits: list[Tile]
    chosen: int
    label: Prediction
    seen: str
    found: Found | None
    reading: str | None


class FrameAnswer(Answer):
    """What the page shows for a frame of a film, what was read of it, and what most of the last frames show."""

    read: str
    steady: str


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

    def read_drawing(self, drawing: Drawing | None) -> Answer:
        """Read a drawing on the pad, None if it is blank.

        Raises:
            AnswerError: if it has other strokes than the pad sends.
        """
        strokes = take_strokes(drawing.get("strokes")) if isinstance(drawing, dict) else None
        return self._read(drawing or None, "pad", strokes, on_error=PROMPT)

    def read_sketch(self, drawing: PictureFile | bytes | None) -> Answer:
        """Read a drawing on Gradio's Sketchpad, as `sketchpad.build_sketchpad` hands it on."""
        return self._read(drawing, "sketchpad", on_error=PROMPT)

    def read_picture(self, picture: FramedPicture | None) -> Answer:
        """Read a picture that was uploaded, pasted or taken, or what the visitor has framed in it."""
        frame = picture.get("frame") if isinstance(picture, dict) else None
        return self._read(picture, "picture", frame=frame, on_error=None if frame is None else EMPTY_FRAME)

    def read_frame(self, frame: Frame | None) -> FrameAnswer:
        """Read a frame of a film. It isn't kept: a film would soon push out what others were answered."""
        vote = Vote(take_recent(frame.get("recent") if isinstance(frame, dict) else None))
        read = ""
        try:
            answered = self._queue.read_number(frame, "camera")
            read = answered.reading.text
            answer = self._show(answered, framed=True, kept=False)
        except PictureError as error:
            answer = _refuse(html.escape(str(error)))
        vote.add(read)
        return {**answer, "read": read, "steady": vote.winner}

    def explain(self, reading_id: str | None, digit: int | None) -> dict[str, str] | None:
        """Draw which ink of a digit speaks for the likeliest class, and which for the runner-up.

        Args:
            reading_id: of the number that it belongs to.
            digit: its index in reading order; 0 for the only one.

        Returns:
            None if there is no such reading or digit.
        """
        return self._explain(reading_id, digit)

    def explain_row(self, reading_id: str | None, digit: int | None, row: gr.SelectData) -> dict[str, str] | None:
        """Draw which ink speaks for the class of a row that was chosen, as `explain` does for the likeliest."""
        if str(row.value) not in map(str, range(NUM_CLASSES)):
            return None
        return self._explain(reading_id, digit, int(row.value))

    def correct(self, reading_id: str | None, correction: dict[str, Any], request: gr.Request) -> str:
        """Keep what a visitor says is right, the "text" of a correction, and return a sentence that says so."""
        visitor = _find_visitor(request)
        given = correction.get("text") if isinstance(correction, dict) else None
        taken_back = isinstance(correction, dict) and correction.get("taken_back") is True
        text = None if taken_back else parse_number(given)
        if reading_id is None:
            return f"{PROMPT} first."
        if text is None and not taken_back:
            return "Type the right number with the digits from 0 to 9."
        if visitor is None:
            return "Corrections are taken from the page only. Open it, and correct the answer there."
        kept = self._kept.claim(reading_id, visitor)
        if kept is None:
            return "The picture is not here any more. Please give it again."
        try:
            if text is None:
                return self._take_back(visitor, kept)
            former, saved = kept.corrected, self._save(visitor, kept, text)
            kept.corrected = text
            return f"Changed to {saved}." if former not in (None, text) else f"Thank you. It is saved as {saved}."
        except CorrectionError as error:
            return str(error)
        except OSError:
            logger.exception("A correction can't be written")
            return "It could not be saved. Please try again later."

    def describe_model(self) -> str:
        """Say as HTML how well the model reads, which one it is, and why if it isn't the one that was asked for."""
        served = self._models.served
        accuracy = served.classifier.metrics["test"]["accuracy"]
        return f"Reads {accuracy:.2%} of MNIST's test images right. Model: {html.escape(served.description)}"

    def _explain(self, reading_id: str | None, digit: int | None, first: int | None = None) -> dict[str, str] | None:
        """Draw which ink of a digit speaks for a class, by default the likeliest, and which for the likeliest other."""
        kept = self._kept.get(reading_id)
        if kept is None or not kept.reading.text or type(digit) is not int or digit not in range(len(kept.shown)):
            return None
        reading = kept.shown[digit]
        *_, second, likeliest = np.argsort(reading.probabilities).tolist()
        if first is None or first == likeliest:
            first = likeliest
        else:
            second = likeliest
        heat = draw_heat_map(reading.image, kept.classifier.explain(reading.image, first, second))
        return {"url": encode_png_url(heat), "first": with_article(first), "second": with_article(second)}

    def _take_back(self, visitor: str, kept: KeptReading) -> str:
        """Forget what a visitor said of a drawing, and say so."""
        kept.corrected = None
        if self._feedback.take_back(visitor, kept.drawing):
            return "Taken back. Nothing of it is kept."
        return "There is nothing here to take back; what was already sent on stays in the data set."

    def _save(self, visitor: str, kept: KeptReading, text: str) -> str:
        """Keep the right number of a reading, and return it in words."""
        origin = kept.classifier.source, kept.classifier.revision
        if len(text) == len(kept.shown) == 1:
            self._feedback.save(visitor, kept.drawing, kept.shown[0], int(text), *origin)
            return with_article(int(text))
        self._feedback.save_number(visitor, kept.drawing, kept.reading, text, *origin)
        return _join_rows(text)

    def _read(
        self,
        picture: PictureFile | bytes | None,
        source: str,
        strokes: Strokes | None = None,
        frame: object = None,
        on_error: str | None = None,
    ) -> Answer:
        """Read a picture; where there is no ink, the answer is `on_error` if given, else the error."""
        verdict = PROMPT
        if picture is not None:
            try:
                answered = self._queue.read_number(picture, source, strokes, frame)
                return self._show(answered, framed=source == "picture" and frame is None)
            except EmptyPictureError as error:
                verdict = on_error or html.escape(str(error))
            except PictureError as error:
                verdict = html.escape(str(error))
        return _refuse(verdict)

    def _show(self, answered: Answered[NumberReading], framed: bool, kept: bool = True) -> Answer:
        """Return what the page shows of a reading, and keep it if it is to be explained and corrected."""
        number, image, classifier = answered
        reading = KeptReading(number, classifier, encode_drawing(image) if kept else b"")
        tiles = [_build_tile(reading.shown, index) for index in range(len(reading.shown))]
        chosen = int(np.argmin([one.probabilities.max() for one in reading.shown]))
        is_number = len(tiles) > 1
        return Answer(
            verdict=write_verdict(number),
            text=number.text if is_number else "",
            digits=tiles if is_number else [],
            chosen=chosen,
            label=tiles[chosen]["label"] if number.text else {},
            seen=tiles[chosen]["seen"],
            found=_frame(image, reading) if framed else None,
            reading=self._kept.keep(reading) if kept else None,
        )


def _refuse(verdict: str) -> Answer:
    """Return what the page shows where nothing was read."""
    return Answer(verdict=verdict, text="", digits=[], chosen=0, label={}, seen="", found=None, reading=None)


def write_verdict(number: NumberReading) -> str:
    """Say in a sentence what a reading means: a number, one digit, one of two, or something else."""
    whole = number.whole
    if not number.text:
        if whole.is_several:
            return "Several digits, but they can't be read: write them further apart"
        return "There is something, but no digit: try once more, or say which one it is"
    second, first = np.argsort(whole.probabilities)[-2:].tolist()
    if whole.is_digit and whole.probabilities[second] > 0.25:
        return f"{with_article(first)} or {with_article(second)}".capitalize()
    text, sureness = _join_rows(number.text), f"{_write_percent(number.confidence)} sure"
    return f"{text}, {sureness}" if number.confidence >= 0.5 else f"{text}, perhaps ({sureness})"


def with_article(digit: int) -> str:
    """Return a digit with its indefinite article, such as "an 8"."""
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _find_visitor(request: gr.Request) -> str | None:
    """Return who sends a request, as a name that tells nothing about them; None if it names no session."""
    session = request.session_hash
    return hashlib.sha256(session.encode(errors="surrogatepass")).hexdigest() if session else None


def _order_rows(prediction: Prediction) -> Prediction:
    """Return a prediction as the page shows it: rows that stay where they are, of which none is certain."""
    rows = sorted(prediction["confidences"], key=lambda row: row["label"])
    capped = [Confidence(label=row["label"], confidence=min(row["confidence"], MAX_SHOWN)) for row in rows]
    return {**prediction, "confidences": capped}


def _build_tile(readings: Sequence[Reading], index: int) -> Tile:
    """Return what the page shows of one digit of a number."""
    reading = readings[index]
    sureness = _write_percent(float(reading.probabilities.max()))
    return {
        "name": f"{reading.digit}, digit {index + 1} of {len(readings)}, {sureness} sure",
        "label": _order_rows(build_prediction(reading)),
        "seen": encode_png_url(Image.fromarray(reading.image[..., 0])),
    }


def _frame(image: Image.Image, kept: KeptReading) -> Found:
    """Frame what was read in a picture, a little larger than it is."""
    is_number = len(kept.shown) > 1
    parts = f"each digit of {_join_rows(kept.reading.text)}" if is_number else "the part that was read"
    gap = max(image.size) // 80
    edges = [reading.box for reading in kept.shown]
    return {
        "alt": f"The picture, with a frame around {parts}",
        "width": image.width,
        "height": image.height,
        "boxes": [
            [left - gap, top - gap, right - left + 2 * gap, bottom - top + 2 * gap]
            for left, top, right, bottom in edges
        ],
        "url": encode_preview(image) if image.format in UNSHOWN else "",
    }


def _join_rows(text: str) -> str:
    """Return a number in one line."""
    return text.replace("\n", " ")


def _write_percent(share: float) -> str:
    """Write a probability; nothing is certain."""
    return f"{min(share, MAX_SHOWN):.0%}".replace("%", "\N{NO-BREAK SPACE}%")
