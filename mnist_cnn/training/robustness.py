"""How accurate a model stays: on drawn digits in bad conditions, and on MNIST spoilt in many ways."""

from collections.abc import Callable

import keras
import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn.decision import Decision, Outcome
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.corruptions import CORRUPTIONS, corrupt
from mnist_cnn.training.data import Split
from mnist_cnn.training.metrics import evaluate
from mnist_cnn.training.pictures import Picture, propose_in

CANVAS = 160  # side of the pictures, in pixels; pen widths and blur radii below are relative to it
CORRUPTED = 2_000  # images that are spoilt in each way

Strokes = list[np.ndarray]
Read = Callable[[list[Picture]], list[Decision]]


def measure_robustness(read: Read, count: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the accuracy on drawn digits at every level of every condition in `CONDITIONS`.

    Args:
        read: the whole reading. From pictures with known answers to what is decided about each.
        count: number of digits; each is drawn anew for every level.
        seed: of the digits and the noise.

    Returns:
        For each condition, the accuracy by level; levels are strings, as JSON keys are.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % NUM_CLASSES
    strokes = [sample_strokes(int(label), rng) for label in labels]
    accuracies: dict[str, dict[str, float]] = {}
    for condition, (levels, draw) in CONDITIONS.items():
        accuracies[condition] = {}
        for level in levels:
            drawn = [
                propose_in(draw(digit, level, rng), int(label), Outcome.DIGIT)
                for label, digit in zip(labels, strokes, strict=True)
            ]
            found = [picture for picture in drawn if picture]  # a digit that isn't found is misread
            right = [
                decision.probabilities.argmax() == picture.label
                for decision, picture in zip(read(found), found, strict=True)
            ]
            accuracies[condition][str(level)] = sum(right) / count
    return accuracies


def measure_corrupted(model: keras.Model, split: Split, seed: int) -> dict[str, float]:
    """Return the share of a split's first `CORRUPTED` images that are misread, by the kind of `CORRUPTIONS`.

    The spoilt images are read as they are, without the preparation of serving.

    Args:
        model: from images of shape (n, 28, 28, 1) to probabilities of shape (n, 10).
        split: digits.
        seed: of the corruptions.
    """
    images, labels = split.images[:CORRUPTED], split.labels[:CORRUPTED]
    return {kind: 1 - evaluate(model, Split(corrupt(images, kind, seed), labels)).accuracy for kind in CORRUPTIONS}


def _rotated(strokes: Strokes, degrees: float, _rng: np.random.Generator) -> Image.Image:
    return _on_paper(strokes).rotate(degrees, fillcolor=255, expand=True)


def _small(strokes: Strokes, share: float, rng: np.random.Generator) -> Image.Image:
    """Draw a digit that takes up the given share of the canvas's side, at a random place."""
    digit = _on_paper(strokes).resize((round(CANVAS * share),) * 2)
    canvas = Image.new("L", (CANVAS, CANVAS), 255)
    canvas.paste(digit, tuple(rng.integers(0, CANVAS - digit.width, 2, endpoint=True).tolist()))
    return canvas


def _thick(strokes: Strokes, pen_width: float, _rng: np.random.Generator) -> Image.Image:
    return render(strokes, CANVAS, pen_width)


def _noisy(strokes: Strokes, deviation: float, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(_on_paper(strokes), np.float32) * 0.6 + 50
    return Image.fromarray(np.clip(pixels + rng.normal(0, deviation, pixels.shape), 0, 255).astype(np.uint8))


def _blurred(strokes: Strokes, radius: float, _rng: np.random.Generator) -> Image.Image:
    return _on_paper(strokes).filter(ImageFilter.GaussianBlur(radius))


# For each condition: its levels, and a function that draws a digit at one level.
CONDITIONS: dict[str, tuple[tuple[float, ...], Callable[[Strokes, float, np.random.Generator], Image.Image]]] = {
    "rotation, degrees": ((-45, -30, -15, 0, 15, 30, 45), _rotated),
    "size and place, share of the canvas": ((0.1, 0.2, 0.4, 0.7, 1), _small),
    "pen width, pixels of 160": ((1, 3, 6, 10, 15, 20, 25), _thick),
    "noise, grey levels of 255": ((0, 5, 10, 20, 30), _noisy),
    "blur radius, pixels of 160": ((0, 2, 4, 6, 8), _blurred),
}


def _on_paper(strokes: Strokes) -> Image.Image:
    paper = Image.new("L", (CANVAS, CANVAS), 255)
    paper.paste(0, mask=render(strokes, CANVAS, 10).getchannel("A"))
    return paper
