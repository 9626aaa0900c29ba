"""The endpoints for programs: /predict, /predict_batch and /model."""

from typing import TypedDict

import gradio as gr
import numpy as np

from mnist_cnn.limits import MAX_BATCH_SIZE
from mnist_cnn.reading import PICTURE_ERRORS, PictureFile, Reader


class Confidence(TypedDict):
    label: str
    confidence: float


class Prediction(TypedDict, total=False):
    """The value of a Label: the most probable digit, and all ten with their probabilities, the greatest first."""

    label: str
    confidences: list[Confidence]


class BatchPrediction(Prediction, total=False):
    """A prediction, or the reason why there is none."""

    error: str


class ModelInfo(TypedDict):
    """The model's source, its commit on the Hub, its accuracy on MNIST's test split; why it isn't the one asked for."""

    name: str
    revision: str | None
    accuracy: float
    fallback_reason: str | None


def add_endpoints(reader: Reader) -> None:
    """Add the endpoints to the page that is being built."""

    def predict(image: PictureFile) -> Prediction:
        """Read a picture of one handwritten digit, and return the probability of each of the ten digits.

        The picture may be dark on light or light on dark, transparent or not, a drawing or a photo.
        From Python: client.predict(handle_file("seven.png"), api_name="/predict")

        Args:
            image: a PNG, JPEG, WebP, GIF, BMP or TIFF file, or its data URL.
        """
        try:
            return build_prediction(reader.read(image, "predict").probabilities)
        except PICTURE_ERRORS as error:
            raise gr.Error(str(error), print_exception=False) from error

    def predict_batch(images: list[PictureFile]) -> list[BatchPrediction]:
        """Read many pictures, each of one handwritten digit, and return the answers in their order.

        A picture that can't be read has an error in the place of its answer.
        From Python: client.predict([handle_file("one.png"), handle_file("two.png")], api_name="/predict_batch")

        Args:
            images: at most 256 files or data URLs.
        """
        if not isinstance(images, list):
            raise gr.Error("Send a list of pictures.", print_exception=False)
        if len(images) > MAX_BATCH_SIZE:
            message = f"{len(images)} pictures are too many: send at most {MAX_BATCH_SIZE} at once."
            raise gr.Error(message, print_exception=False)
        return [
            {"error": str(reading)} if isinstance(reading, ValueError) else {**build_prediction(reading.probabilities)}
            for reading in reader.read_batch(images, "predict_batch")
        ]

    def model() -> ModelInfo:
        """Tell which model answers: its name, commit and test accuracy, and why it isn't the one that was asked for."""
        classifier = reader.classifier
        return {
            "name": classifier.source,
            "revision": classifier.revision,
            "accuracy": classifier.metrics["test"]["accuracy"],
            "fallback_reason": classifier.fallback_reason,
        }

    # A file component, so that the clients and the API page know that the argument is a file.
    image = gr.Image(label="image", visible=False)
    example = {"path": "seven.png", "url": "seven.png", "meta": {"_type": "gradio.FileData"}}
    image.example_payload = lambda: example  # type: ignore[method-assign]
    options = {"preprocess": False, "postprocess": False, "queue": False}
    gr.on([], predict, image, gr.Label(label="prediction", visible=False), api_name="predict", **options)
    gr.api(predict_batch, api_name="predict_batch", queue=False)
    gr.api(model, api_name="model", queue=False)


def build_prediction(probabilities: np.ndarray) -> Prediction:
    """Return ten probabilities as the value of a Label."""
    ranking = np.argsort(-probabilities, kind="stable")
    confidences = [Confidence(label=str(digit), confidence=float(probabilities[digit])) for digit in ranking]
    return {"label": confidences[0]["label"], "confidences": confidences}
