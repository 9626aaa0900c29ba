"""What a trained model is worth: on MNIST, on digits in other styles, on non-digits, and under bad conditions."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from mnist_cnn.decision import digit_score
from mnist_cnn.handwriting import FOR_MEASURING
from mnist_cnn.training.card import render_card
from mnist_cnn.training.data import Mnist, Split
from mnist_cnn.training.figures import save_figures
from mnist_cnn.training.metrics import (
    Evaluation,
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    predict,
)
from mnist_cnn.training.robustness import measure_robustness
from mnist_cnn.training.storage import replace_files
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits

DRAWINGS = 4_000

# Two different seeds, so that the threshold isn't measured on the drawings that it was chosen by. Both are far from the
# seeds that people give to training runs.
CHOICE_SEED, MEASURING_SEED = 1_000_001, 1_000_002

# The largest share that the threshold may refuse: of the validation split, and of drawn digits, whose styles are rarer.
REFUSED_VAL, REFUSED_DRAWN = 0.005, 0.01


class Measurement(NamedTuple):
    """What was found out about a model.

    Attributes:
        metrics: the part of metrics.json that depends on the model alone.
        read: "test" and "drawn": a split, and the probabilities that the model gave to it.
    """

    metrics: dict[str, Any]
    read: dict[str, tuple[Split, np.ndarray]]


def measure(model: keras.Model, mnist: Mnist, drawings: int = DRAWINGS) -> Measurement:
    """Return what a model is worth; nothing is written.

    Args:
        model: from images of shape (n, 28, 28, 1) to probabilities of shape (n, 10).
        mnist: the test split is scored; the validation split determines the threshold.
        drawings: number of digits to draw. Half as many non-digits are drawn, and a twentieth for each level of each
            condition.
    """
    val, test = evaluate(model, mnist.val), evaluate(model, mnist.test)
    drawn_split = draw_digits(drawings, MEASURING_SEED)
    drawn = evaluate(model, drawn_split)
    nondigits = predict(model, draw_nondigits(drawings // 2, MEASURING_SEED, FOR_MEASURING).images)
    choice = predict(model, draw_digits(drawings, CHOICE_SEED).images)
    threshold = choose_threshold(val.probabilities, choice)
    metrics = {
        "parameters": model.count_params(),
        "val": _summarize(val, mnist.val, threshold),
        "test": {
            **_summarize(test, mnist.test, threshold),
            "confusion_matrix": confusion_matrix(mnist.test.labels, test.probabilities).tolist(),
        },
        "drawn": _summarize(drawn, drawn_split, threshold),
        "nondigits": {"refused": _refused(nondigits, threshold), "images": len(nondigits)},
        "digit_threshold": threshold,
        "robustness": measure_robustness(model, drawings // 20, MEASURING_SEED),
    }
    return Measurement(metrics, {"test": (mnist.test, test.probabilities), "drawn": (drawn_split, drawn.probabilities)})


def write_measurement(
    folder: Path, measurement: Measurement, run: dict[str, Any], history: list[dict[str, float]], train_split: Split
) -> dict[str, Any]:
    """Write metrics.json, the figures and the model card into a model's folder, all of them or none.

    Args:
        folder: of the model.
        measurement: of the model.
        run: what metrics.json says about the training run, such as `output.describe_run` returns.
        history: a dict for each epoch, with the fields of `loop.Epoch`.
        train_split: what the model was trained on, to show samples of.

    Returns:
        The content of metrics.json.

    Raises:
        WriteError: if the folder can't be written; the earlier files stay.
    """
    metrics = {**run, **measurement.metrics}
    with replace_files(folder) as unfinished:
        (unfinished / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
        save_figures(unfinished / "figures", history, train_split, measurement.read, metrics["robustness"])
        figures = sorted(path.name for path in (unfinished / "figures").glob("*.png"))
        (unfinished / "README.md").write_text(render_card(metrics, figures))
    return metrics


def choose_threshold(val: np.ndarray, drawn: np.ndarray) -> float:
    """Return the `digit_score` below which a picture doesn't look like exactly one digit.

    It refuses at most `REFUSED_VAL` of the first and `REFUSED_DRAWN` of the second.

    Args:
        val: probabilities of the validation split, shape (n, 10).
        drawn: probabilities of drawn digits, shape (m, 10).
    """
    candidates = ((val, REFUSED_VAL), (drawn, REFUSED_DRAWN))
    return min(float(np.quantile(digit_score(probabilities), share)) for probabilities, share in candidates)


def _summarize(evaluation: Evaluation, split: Split, threshold: float) -> dict[str, float]:
    return {
        "accuracy": evaluation.accuracy,
        "loss": evaluation.loss,
        "errors": int((evaluation.probabilities.argmax(axis=1) != split.labels).sum()),
        "calibration_error": expected_calibration_error(evaluation.probabilities, split.labels),
        "refused": _refused(evaluation.probabilities, threshold),
        "images": len(split.labels),
    }


def _refused(probabilities: np.ndarray, threshold: float) -> float:
    """Return the share of the images that don't look like exactly one digit."""
    return float(np.mean(digit_score(probabilities) < threshold))
