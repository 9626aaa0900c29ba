"""Pictures in, ten probabilities out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from mnist_cnn import hub
from mnist_cnn.attribution import build_explainer
from mnist_cnn.network import compute_logits, read_weights
from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES, load_picture, to_mnist

Picture = Image.Image | np.ndarray | str | Path | bytes

PRETRAINED = Path(__file__).parent / "pretrained"
# The network is compiled for these numbers of images alone; others are filled up with blank ones. A visitor sends one,
# and few are at it at the same time.
BATCH_SIZES = (1, 8, 64)


class Classifier:
    """A trained network, compiled and warmed up.

    Attributes:
        source: where the model came from: a folder or a Hub repository's id.
        revision: the commit of the Hub repository, None for a folder.
        metrics: what the training measured, as in metrics.json.
        fallback_reason: why this model serves in place of the one that was asked for; None if it is that one.
    """

    def __init__(self, folder: Path, source: str | None = None, revision: str | None = None) -> None:
        """Load a model folder.

        Raises:
            ValueError: if the folder holds no weights that fit, or no metrics.json.
        """
        self.source = source or str(folder)
        self.revision = revision
        self.fallback_reason: str | None = None
        self.metrics = _read_metrics(folder)
        weights = [jnp.asarray(array) for array in read_weights(folder)]
        forward = jax.jit(lambda images: jax.nn.softmax(compute_logits(weights, images)))
        blank = {size: np.zeros((size, *IMAGE_SHAPE), np.uint8) for size in BATCH_SIZES}
        self._forward = {size: forward.lower(images).compile() for size, images in blank.items()}
        for images in blank.values():
            self.read(images)  # the first call of compiled code is slow as well
        self._explain = build_explainer(weights)

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, revision: str | None = None) -> "Classifier":
        """Load the bundled model, a local folder, or a model repository on the Hub.

        Args:
            source: a folder, or a repository's id such as "owner/name"; None for the bundled model.
            revision: a commit, branch or tag of the repository.

        Raises:
            ValueError: if the folder, or what came from the Hub, holds no model that fits.
            HubError: if the repository can't be had.
        """
        if source is None:
            return cls(PRETRAINED, "bundled")
        if Path(source).is_dir():
            return cls(Path(source))
        folder = hub.pull_model(str(source), revision)
        return cls(folder, str(source), folder.name)

    @property
    def description(self) -> str:
        """Which model it is, and why, in a few words for people."""
        revision = f" at revision {self.revision[:7]}" if self.revision else ""
        reason = f". {self.fallback_reason}" if self.fallback_reason else ""
        return f"{self.source}{revision}{reason}"

    def take_up(self, other: "Classifier") -> None:
        """Become another classifier. A request that is being answered ends with the network that it began with."""
        vars(self).update(vars(other))

    def looks_like_one_digit(self, probabilities: np.ndarray) -> bool:
        """Say whether probabilities, shape (10,), are those of one digit, by the threshold that came with the model."""
        return bool(digit_score(probabilities) >= self.metrics.get("digit_threshold", 0.0))

    def predict(self, image: Picture) -> dict[str, float]:
        """Read one picture.

        Args:
            image: a drawing or photo of one digit, in any form that `load_picture` takes.

        Returns:
            The probability of each digit, "0" to "9"; they sum to 1.

        Raises:
            UnreadablePictureError: if it is no picture.
            EmptyPictureError: if there is no ink in it.
        """
        probabilities = self.predict_batch([image])[0]
        return {str(digit): float(probability) for digit, probability in enumerate(probabilities)}

    def predict_batch(self, images: Sequence[Picture]) -> np.ndarray:
        """Read many pictures; float32 array of shape (n, 10), rows sum to 1. Arguments and errors as in `predict`."""
        prepared = [to_mnist(load_picture(image)) for image in images]
        return self.read(np.array(prepared, np.uint8).reshape(-1, *IMAGE_SHAPE))

    def read(self, images: np.ndarray) -> np.ndarray:
        """Read what `to_mnist` has prepared.

        Args:
            images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.

        Returns:
            float32 array of shape (n, 10), rows sum to 1.
        """
        forward = self._forward
        rows = [np.empty((0, NUM_CLASSES), np.float32)]
        for start in range(0, len(images), BATCH_SIZES[-1]):
            chunk = images[start : start + BATCH_SIZES[-1]]
            size = min(size for size in BATCH_SIZES if size >= len(chunk))
            filled = np.zeros((size, *IMAGE_SHAPE), np.uint8)
            filled[: len(chunk)] = chunk
            rows.append(np.asarray(forward[size](filled))[: len(chunk)])
        return np.concatenate(rows)

    def explain(self, image: np.ndarray, first: int, second: int) -> np.ndarray:
        """Tell which ink of an image speaks for one digit, and which for another, as `attribution` does.

        Args:
            image: what `to_mnist` has prepared, uint8 array of shape (28, 28, 1).
            first: a digit, such as the most probable one.
            second: another, such as the runner-up.

        Returns:
            float32 array of shape (28, 28), above 0 for the first and below for the second. The first call compiles.
        """
        return self._explain(image, first, second)


def digit_score(probabilities: np.ndarray) -> np.ndarray:
    """How much each picture looks like one digit: the probability of its two likeliest digits, shape (n,).

    A 1 that might be a 7 is a digit all the same; of what is none the network makes many digits, each a little likely.
    """
    return np.sort(probabilities, axis=-1)[..., -2:].sum(axis=-1)


def _read_metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics = json.loads((folder / "metrics.json").read_text())
        float(metrics["test"]["accuracy"])
        return metrics
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} is no model folder: its metrics.json can't be read ({error}).") from error
