"""Pictures in, readings out: the public face of the package."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn import hub
from mnist_cnn.decision import is_one_digit
from mnist_cnn.errors import ModelError
from mnist_cnn.images import IMAGE_SHAPE, Box, ImageSource, count_pixels, find_segment, load_image, normalize_ink
from mnist_cnn.network import NUM_CLASSES, build_explainer, compute_logits, load_weights

__all__ = [
    "BATCH_SIZE",
    "NUM_CLASSES",
    "PRETRAINED",
    "Box",
    "Classifier",
    "ImageSource",
    "Prepared",
    "Reading",
    "count_pixels",
    "find_folder",
    "load_image",
    "prepare",
]

PRETRAINED = Path(__file__).parent / "pretrained"
# The network is compiled for one image and for this many. More go through it in parts, which takes no longer per image,
# and the last part is padded with blank images.
BATCH_SIZE = 4


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read in a picture. It is made once for a picture and never changes.

    Attributes:
        probabilities: of the digits 0 to 9, float32 array of shape (10,), read-only; they sum to 1.
        is_digit: whether the picture shows exactly one digit.
        box: where the digit is in the picture: left, top, right, bottom, in pixels.
        image: what the network saw, uint8 array of shape (28, 28, 1), read-only; 0 is paper, 255 is ink.
    """

    probabilities: np.ndarray
    is_digit: bool
    box: Box
    image: np.ndarray

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.probabilities, self.image):
            array.flags.writeable = False

    @property
    def digit(self) -> int:
        """The likeliest digit."""
        return int(self.probabilities.argmax())


class Prepared(NamedTuple):
    """A picture, ready for the network.

    Attributes:
        image: uint8 array of shape (28, 28, 1); 0 is paper, 255 is ink.
        box: where the ink is in the picture: left, top, right, bottom, in pixels.
    """

    image: np.ndarray
    box: Box


def prepare(source: ImageSource) -> Prepared:
    """Find the digit in a picture and turn it into the image that MNIST would hold.

    Raises:
        UnreadablePictureError: if the source is not a picture.
        EmptyPictureError: if there is no ink in it.
    """
    segment = find_segment(load_image(source))
    return Prepared(normalize_ink(segment.ink), segment.box)


class Classifier:
    """A trained network, compiled and warmed up. It never changes.

    Attributes:
        source: where the model came from: "bundled", a folder, or the id of a repo on the Hub.
        revision: the commit of the repo, None for a folder.
        metrics: what training measured, the content of metrics.json.
    """

    def __init__(self, folder: Path, source: str | None = None, revision: str | None = None) -> None:
        """Load a model folder.

        Args:
            folder: with the weights and metrics.json.
            source: what the model is called; the folder by default.
            revision: the commit that the folder holds, if it came from the Hub.

        Raises:
            ModelError: if the folder holds no weights that fit, or no metrics.json.
        """
        self.source = source or str(folder)
        self.revision = revision
        self.metrics = _load_metrics(folder)
        weights = [jnp.asarray(array) for array in load_weights(folder)]
        forward = jax.jit(lambda images: jax.nn.softmax(compute_logits(weights, images)))
        blank = {size: np.zeros((size, *IMAGE_SHAPE), np.uint8) for size in (1, BATCH_SIZE)}
        self._forward = {size: forward.lower(images).compile() for size, images in blank.items()}
        for images in blank.values():
            self.compute_probabilities(images)  # the first call of compiled code is slow too
        self._explain = build_explainer(weights)

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, revision: str | None = None) -> "Classifier":
        """Load the bundled model, a local folder, or a model repo on the Hub.

        Args:
            source: a folder, or the id of a repo such as "owner/name"; None for the bundled model.
            revision: a commit, branch or tag of the repo.

        Raises:
            ModelError: if the source is a path at which there is no folder, or if the folder, or what came from the
                Hub, holds no model that fits.
            HubError: if the repo can't be pulled.
        """
        if source is None:
            return cls(PRETRAINED, "bundled")
        if folder := find_folder(source):
            return cls(folder)
        pulled = hub.pull_model(str(source), revision)
        return cls(pulled, str(source), pulled.name)

    @property
    def description(self) -> str:
        """Which model this is, in a few words for people."""
        return f"{self.source} at revision {self.revision[:7]}" if self.revision else self.source

    def predict(self, image: ImageSource) -> dict[str, float]:
        """Return the probability of each digit.

        Args:
            image: a drawing or photo of one digit, in any form that `load_image` takes.

        Returns:
            The probabilities of "0" to "9"; they sum to 1.

        Raises:
            UnreadablePictureError: if it is not a picture.
            EmptyPictureError: if there is no ink in it.
        """
        return {str(digit): float(share) for digit, share in enumerate(self.read(image).probabilities)}

    def predict_batch(self, images: Sequence[ImageSource]) -> np.ndarray:
        """Return the probabilities of each picture's digits.

        Args:
            images: as in `predict`, which also tells the errors.

        Returns:
            float32 array of shape (n, 10); rows sum to 1.
        """
        prepared = [prepare(image).image for image in images]
        return self.compute_probabilities(np.array(prepared, np.uint8).reshape(-1, *IMAGE_SHAPE))

    def read(self, image: ImageSource) -> Reading:
        """Read one picture; arguments and errors are those of `predict`."""
        (reading,) = self.read_prepared([prepare(image)])
        return reading

    def read_prepared(self, prepared: Sequence[Prepared]) -> list[Reading]:
        """Read pictures that `prepare` has made ready."""
        rows = self.compute_probabilities(
            np.array([image for image, _ in prepared], np.uint8).reshape(-1, *IMAGE_SHAPE)
        )
        threshold = self.metrics.get("digit_threshold", 0.0)
        return [
            Reading(row, is_one_digit(row, threshold), box, image)
            for row, (image, box) in zip(rows, prepared, strict=True)
        ]

    def compute_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return what the network says of images that are MNIST's already.

        Args:
            images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.

        Returns:
            float32 array of shape (n, 10); rows sum to 1.
        """
        size = 1 if len(images) == 1 else BATCH_SIZE
        padded = np.zeros((-(-len(images) // size) * size, *IMAGE_SHAPE), np.uint8)
        padded[: len(images)] = images
        # JAX computes in the background: one part is computed while the next is handed over.
        parts = [self._forward[size](padded[start : start + size]) for start in range(0, len(padded), size)]
        return np.concatenate([np.empty((0, NUM_CLASSES), np.float32), *parts])[: len(images)]

    def explain(self, image: np.ndarray, first: int, second: int) -> np.ndarray:
        """Return which ink of an image speaks for one digit, and which for another.

        Args:
            image: of a `Reading`, uint8 array of shape (28, 28, 1).
            first: a digit, such as the likeliest one.
            second: another, such as the runner-up.

        Returns:
            float32 array of shape (28, 28), above 0 for the first and below 0 for the second. The first call compiles.
        """
        return self._explain(image, first, second)


def find_folder(source: str | Path) -> Path | None:
    """Return the folder that a model's source names, None if it names a repo on the Hub.

    Raises:
        ModelError: if the source looks like a path (absolute, beginning with ./, ../ or ~, or with more than one slash)
            and there is no such folder.
    """
    if Path(source).is_dir():
        return Path(source)
    if isinstance(source, Path) or re.match(r"\.{0,2}/|~|.*/.*/", source):
        raise ModelError(f"There is no folder {source}: check the path, or name a repo on the Hub as owner/name.")
    return None


def _load_metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
        float(metrics["test"]["accuracy"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} is no model folder: its metrics.json can't be read ({error}).") from error
    return metrics
