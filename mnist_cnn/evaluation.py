"""What a trained model is worth: on MNIST, on drawings in many styles, on what is no digit, in bad conditions.

python -m mnist_cnn.evaluation FOLDER --dataset ylecun/mnist
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn import report
from mnist_cnn.card import render_card
from mnist_cnn.data import DataError, Mnist, Split, draw_digits, draw_nondigits, load_mnist
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.inference import digit_score
from mnist_cnn.model import load_model
from mnist_cnn.nondigits import FOR_MEASURING
from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES, EmptyPictureError, to_mnist
from mnist_cnn.training import Evaluation, evaluate

ECE_BINS = 15
DRAWINGS = 4_000
# Far from any seed that a training run is given, and apart: by the one the threshold is chosen, by the other measured.
CHOICE_SEED, MEASURING_SEED = 1_000_001, 1_000_002
# The shares that the threshold may refuse: of the validation part, and of drawn digits, whose styles are stranger.
REFUSED_VAL, REFUSED_DRAWN = 0.005, 0.01
CANVAS = 160  # pixels, and so are the pens and the blur below

Strokes = list[np.ndarray]


class Reliability(NamedTuple):
    """The bins of confidence that hold an image; arrays of shape (bins,)."""

    shares: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray


def measure(
    folder: Path, model: keras.Model, mnist: Mnist, run: dict[str, Any], drawings: int = DRAWINGS
) -> dict[str, Any]:
    """Measure a model and write metrics.json, the figures and the card into its folder, beside history.json.

    Args:
        folder: where to.
        model: images of shape (n, 28, 28, 1) to probabilities of shape (n, 10).
        mnist: its test part is scored, all of it; its validation part gives the threshold.
        run: what metrics.json says of the training run.
        drawings: how many digits the program draws for it; half as many non-digits, and a twentieth for each condition.

    Returns:
        The content of metrics.json.
    """
    val, test = evaluate(model, mnist.val), evaluate(model, mnist.test)
    drawn = draw_digits(drawings, MEASURING_SEED)
    nondigits = draw_nondigits(drawings // 2, MEASURING_SEED, FOR_MEASURING)
    drawn_evaluation, nondigit_evaluation = evaluate(model, drawn), evaluate(model, nondigits)
    threshold = choose_threshold(val, evaluate(model, draw_digits(drawings, CHOICE_SEED)))
    robustness = measure_robustness(model, drawings // 20)
    metrics = {
        **run,
        "parameters": model.count_params(),
        "val": _summary(val, mnist.val, threshold),
        "test": {
            **_summary(test, mnist.test, threshold),
            "confusion_matrix": report.confusion_matrix(mnist.test.labels, test.probabilities).tolist(),
        },
        "drawn": _summary(drawn_evaluation, drawn, threshold),
        "nondigits": {"refused": _refused(nondigit_evaluation, threshold), "images": len(nondigits.labels)},
        "digit_threshold": threshold,
        "robustness": robustness,
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    report.save_figures(
        folder / "figures",
        json.loads((folder / "history.json").read_text()),
        mnist.train,
        {"test": (*mnist.test, test.probabilities), "drawn": (*drawn, drawn_evaluation.probabilities)},
        reliability(test.probabilities, mnist.test.labels),
        robustness,
    )
    figures = sorted(path.name for path in (folder / "figures").glob("*.png"))
    (folder / "README.md").write_text(render_card(metrics, figures))
    return metrics


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """Compare how sure a model is with how often it is right."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    counts = np.bincount(bins, minlength=ECE_BINS)
    held = counts > 0
    sums = [np.bincount(bins, weights=values, minlength=ECE_BINS)[held] for values in (confidence, right)]
    return Reliability(counts[held] / len(labels), sums[0] / counts[held], sums[1] / counts[held])


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean distance between confidence and accuracy, 0 to 1, over 15 bins.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    bins = reliability(probabilities, labels)
    return float(np.sum(bins.shares * np.abs(bins.confidences - bins.accuracies)))


def choose_threshold(val: Evaluation, drawn: Evaluation) -> float:
    """Return the score under which a picture doesn't look like one digit."""
    candidates = ((val, REFUSED_VAL), (drawn, REFUSED_DRAWN))
    return min(float(np.quantile(digit_score(part.probabilities), share)) for part, share in candidates)


def measure_robustness(model: keras.Model, count: int) -> dict[str, dict[str, float]]:
    """Accuracy on a number of drawn digits under each condition, by how bad it is."""
    rng = np.random.default_rng(MEASURING_SEED)
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
    """A digit of the given share of the canvas, anywhere on it."""
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


# What may be wrong with a picture: its levels, and how to make one.
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
    """A digit that isn't found counts as misread."""
    try:
        return to_mnist(picture)
    except EmptyPictureError:
        return np.zeros(IMAGE_SHAPE, np.uint8)


def _summary(evaluation: Evaluation, split: Split, threshold: float) -> dict[str, float]:
    return {
        "accuracy": evaluation.accuracy,
        "loss": evaluation.loss,
        "errors": int((evaluation.probabilities.argmax(axis=1) != split.labels).sum()),
        "calibration_error": expected_calibration_error(evaluation.probabilities, split.labels),
        "refused": _refused(evaluation, threshold),
        "images": len(split.labels),
    }


def _refused(evaluation: Evaluation, threshold: float) -> float:
    """Share of the images that don't look like one digit."""
    return float(np.mean(digit_score(evaluation.probabilities) < threshold))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of a trained model; its metrics, card and figures are made anew")
    parser.add_argument(
        "--dataset", default="ylecun/mnist", help="on the Hub, or a local folder (default: %(default)s)"
    )
    parser.add_argument(
        "--drawings", type=int, default=DRAWINGS, help="digits drawn to measure on (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        run = json.loads((arguments.folder / "metrics.json").read_text())
        metrics = measure(
            arguments.folder, load_model(arguments.folder), load_mnist(arguments.dataset), run, arguments.drawings
        )
    except (DataError, OSError, ValueError) as error:
        sys.exit(f"{error}")
    print(json.dumps({name: metrics[name] for name in ("test", "drawn", "nondigits", "digit_threshold", "robustness")}))


if __name__ == "__main__":
    main()
