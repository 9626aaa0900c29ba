"""The endpoints for programs: /predict, /predict_number, /predict_batch and /model; the same as tools over MCP."""

import sys
import threading
from typing import TypedDict

import gradio as gr
import numpy as np
from gradio.components.api_component import Api
from gradio.events import api, on
from gradio_client.utils import python_type_to_json_schema

from mnist_cnn.errors import BusyError, PictureError
from mnist_cnn.inference import Box, NumberReading, Reading, Strokes
from mnist_cnn.web.exchange import AnswerError
from mnist_cnn.web.limits import MAX_BATCH_SIZE, MAX_BATCHES, MAX_POINTS, MAX_STROKES
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.payloads import PictureFile
from mnist_cnn.web.queue import ReadingQueue

_NO_STROKES = "The strokes are none: send lists of points [x, y], one for each stroke, in pixels of the picture."


class Confidence(TypedDict):
    """A digit and its probability."""

    label: str
    confidence: float


class Prediction(TypedDict, total=False):
    """The value of a Label, and what more there is to tell a program.

    Attributes:
        label: the likeliest digit.
        confidences: all ten digits with their probabilities, the greatest first.
        is_digit: whether the picture shows one digit at all.
        is_several: whether it shows several.
        box: where the digit was found: left, top, right, bottom in pixels of the upright picture.
    """

    label: str
    confidences: list[Confidence]
    is_digit: bool
    is_several: bool
    box: Box


class BatchPrediction(Prediction, total=False):
    """A prediction, or the reason why there is none."""

    error: str


class PlacedDigit(Confidence):
    """One digit of a number: which, its probability, and its box as in a `Prediction`."""

    box: Box


class NumberPrediction(TypedDict):
    """A number, as a program gets it.

    Attributes:
        text: its digits, rows joined by a newline; empty if there is none.
        confidence: how likely the whole text is right, 0 to 1.
        digits: one entry for each digit of the text, in reading order.
    """

    text: str
    confidence: float
    digits: list[PlacedDigit]


class ModelInfo(TypedDict):
    """A model's source, commit on the Hub, accuracy on MNIST's test split, and why it isn't the one asked for."""

    name: str
    revision: str | None
    accuracy: float
    fallback_reason: str | None


class Endpoints:
    """What the endpoints answer. Gradio shows the docstrings of the methods to those who call them."""

    def __init__(self, queue: ReadingQueue, models: ModelHolder) -> None:
        """Answer through a queue."""
        self._queue = queue
        self._models = models
        self._batches = threading.BoundedSemaphore(MAX_BATCHES)

    def predict(self, image: PictureFile) -> Prediction:
        """Read a picture of one handwritten digit, and return the probability of each of the ten digits.

        The answer also says whether the picture shows one digit at all (is_digit: if false, the probabilities mean
        nothing, and is_several says whether it shows several), and where the digit was found (box: left, top, right,
        bottom in pixels of the picture, turned upright).
        The picture may be dark on light or light on dark, transparent or not, a drawing or a photo.
        From Python: client.predict(handle_file("seven.png"), api_name="/predict")

        Args:
            image: a PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP or TIFF file, or its data URL.
        """
        try:
            return build_prediction(self._queue.read(image, "predict").reading)
        except PictureError as error:
            raise _explain(error) from error

    def predict_number(self, image: PictureFile, strokes: list[list[list[float]]] | None = None) -> NumberPrediction:
        """Read a handwritten number of any length: all digits of a picture, in one row or several.

        The answer holds the number (text: rows are joined by a newline, and it is empty if the picture shows no digit),
        how likely all of it is right (confidence, 0 to 1), and each of its digits (digits, in reading order) with its
        probability (confidence) and its place (box: left, top, right, bottom in pixels of the picture, turned upright).
        Whoever has the strokes of a drawing on a transparent canvas may send them: they help where digits touch. They
        are in the order of writing, and each is a list of points [x, y] in pixels of the picture; at most 200 strokes
        and 3,000 points. With any other picture they are ignored.
        From Python: client.predict(handle_file("number.png"), api_name="/predict_number")

        Args:
            image: a PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP or TIFF file, or its data URL.
            strokes: of the drawing, such as [[[20, 30], [60, 30], [35, 90]]]; may be left out.
        """
        pen = take_strokes(strokes)
        try:
            return build_number(self._queue.read_number(image, "predict_number", pen).reading)
        except PictureError as error:
            raise _explain(error) from error

    def predict_batch(self, images: list[PictureFile]) -> list[BatchPrediction]:
        """Read many pictures, each of one handwritten digit, and return the answers in the same order.

        An answer holds the ten probabilities, is_digit (whether the picture shows one digit at all: if false, the
        probabilities mean nothing), is_several (whether it shows several) and box (where the digit was found: left,
        top, right, bottom in pixels of the picture, turned upright). A picture that can't be read has an error in place
        of its answer.
        From Python: client.predict([handle_file("one.png"), handle_file("two.png")], api_name="/predict_batch")

        Args:
            images: at most 256 files or data URLs.
        """
        if not isinstance(images, list):
            raise AnswerError("Send a list of pictures.")
        if len(images) > MAX_BATCH_SIZE:
            message = f"{len(images)} pictures are too many: send at most {MAX_BATCH_SIZE} at once."
            raise AnswerError(message)
        if not self._batches.acquire(blocking=False):
            raise AnswerError("The server is reading as many batches as it can: try again soon.", 503)
        try:
            results = self._queue.read_batch(images, "predict_batch")
        finally:
            self._batches.release()
        answers: list[BatchPrediction] = []
        for result in results:
            if isinstance(result, PictureError):
                answers.append({"error": str(result)})
            else:
                answers.append({**build_prediction(result)})  # type: ignore[typeddict-item]
        return answers

    def model(self) -> ModelInfo:
        """Tell which model answers: its name, commit and test accuracy, and why it isn't the one that was asked for."""
        served = self._models.served
        return {
            "name": served.classifier.source,
            "revision": served.classifier.revision,
            "accuracy": served.classifier.metrics["test"]["accuracy"],
            "fallback_reason": served.fallback_reason,
        }


def add_endpoints(queue: ReadingQueue, models: ModelHolder) -> None:
    """Add the endpoints to the page that is being built."""
    endpoints = Endpoints(queue, models)
    # A file component, so that the clients and the API page know that the argument is a file.
    image = gr.Image(label="image", visible=False)
    example = {"path": "seven.png", "url": "seven.png", "meta": {"_type": "gradio.FileData"}}
    image.example_payload = lambda: example  # type: ignore[method-assign]
    on(
        [],
        endpoints.predict,
        image,
        gr.Label(label="prediction", visible=False),
        api_name="predict",
        preprocess=False,
        postprocess=False,
        queue=False,
    )
    strokes = Api(None, python_type_to_json_schema(list[list[list[float]]]), "strokes")
    strokes.example_payload = lambda: [[[20, 30], [60, 30], [35, 90]]]  # type: ignore[method-assign]
    on(
        [],
        endpoints.predict_number,
        [image, strokes],
        Api(None, python_type_to_json_schema(NumberPrediction), "digits"),
        api_name="predict_number",
        preprocess=False,
        postprocess=False,
        queue=False,
    )
    api(endpoints.predict_batch, api_name="predict_batch", queue=False)
    api(endpoints.model, api_name="model", queue=False)


def build_prediction(reading: Reading) -> Prediction:
    """Return a reading as a program gets it."""
    ranking = np.argsort(-reading.probabilities, kind="stable")
    confidences = [Confidence(label=str(digit), confidence=float(reading.probabilities[digit])) for digit in ranking]
    return {
        "label": confidences[0]["label"],
        "confidences": confidences,
        "is_digit": reading.is_digit,
        "is_several": reading.is_several,
        "box": reading.box,
    }


def build_number(number: NumberReading) -> NumberPrediction:
    """Return a number as a program gets it."""
    digits: list[PlacedDigit] = [
        {"label": str(digit.digit), "confidence": float(digit.probabilities.max()), "box": digit.box}
        for digit in number.digits
    ]
    return {"text": number.text, "confidence": number.confidence, "digits": digits}


def take_strokes(strokes: object) -> Strokes | None:
    """Return the strokes that a client sent, None if there are none.

    Raises:
        AnswerError: if they are too many, or no lists of points.
    """
    if strokes is None:
        return None
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise AnswerError(_NO_STROKES)
    points = sum(map(len, strokes))
    if len(strokes) > MAX_STROKES or points > MAX_POINTS:
        message = (
            f"{len(strokes):,} strokes of {points:,} points are too many: send at most {MAX_STROKES} strokes and"
            f" {MAX_POINTS:,} points, or none."
        )
        raise AnswerError(message)
    if not all(_is_point(point) for stroke in strokes for point in stroke):
        raise AnswerError(_NO_STROKES)
    return [[(float(x), float(y)) for x, y in stroke] for stroke in strokes if stroke] or None


def _is_point(point: object) -> bool:
    """Return whether it is a pair of finite numbers."""
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(type(value) in (int, float) and abs(value) <= sys.float_info.max for value in point)
    )


def _explain(error: PictureError) -> AnswerError:
    """Return a picture's error as a program gets it."""
    return AnswerError(str(error), 503 if isinstance(error, BusyError) else 400)
