"""How accurate a model stays when digits are rotated, small, noisy, blurred, or drawn with thin and thick pens."""

from collections.abc import Callable

import keras
import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import IMAGE_SHAPE, to_mnist
from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.data import Split
from mnist_cnn.training.metrics import evaluate

CANVAS = 160  # side of the pictures, in pixels; pen widths and blur radii below are relative to it

Strokes = list[np.ndarray]


def measure_robustness(model: keras.Model, count: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the accuracy on drawn digits at every level of every condition in `CONDITIONS`.

    Args:
        model: from images of shape (n, 28, 28, 1) to probabilities of shape (n, 10).
        count: number of digits; each is drawn anew for every level.
        seed: of the digits and the noise.

    Returns:
        For each condition, the accuracy by level; levels are strings, as JSON keys are.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % NUM_CLASSES
    strokes = [sample_strokes(int(label), rng) for label in labels]
    accuracies: dict[str, dict[str, float]] = {}
    for condition, (levels, picture) in CONDITIONS.items():
        accuracies[condition] = {}
        for level in levels:
            images = [_to_mnist_or_blank(picture(digit, level, rng)) for digit in strokes]
            accuracies[condition][str(level)] = evaluate(model, Split(np.stack(images), labels)).accuracy
    return accuracies


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


def _to_mnist_or_blank(picture: Image.Image) -> np.ndarray:
    """Return a blank image if no digit is found, so that the picture counts like any other."""
    try:
        return to_mnist(picture)
    except EmptyPictureError:
        return np.zeros(IMAGE_SHAPE, np.uint8)
