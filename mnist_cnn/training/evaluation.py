"""What a trained model is worth: on MNIST, on digits in other styles, on non-digits, and under bad conditions."""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from mnist_cnn.decision import Outcome, Perceptron, digit_score
from mnist_cnn.handwriting import DENSE_GAPS, FAMILIES, FOR_MEASURING, SCENES
from mnist_cnn.training.card import render_card
from mnist_cnn.training.data import NO_DIGIT, Mnist, Split
from mnist_cnn.training.figures import save_figures
from mnist_cnn.training.metrics import (
    Evaluation,
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    predict,
)
from mnist_cnn.training.numbers import PAD_SOURCES, fit_rows, make_numbers, measure_numbers
from mnist_cnn.training.pictures import Picture, make_pictures
from mnist_cnn.training.robustness import Read, measure_corrupted, measure_robustness
from mnist_cnn.training.storage import replace_files
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits
from mnist_cnn.training.vote import Predict, fit_vote, read_pictures

DRAWINGS = 4_000

# Two different seeds, so that the threshold isn't measured on the drawings that it was chosen by. Both are far from the
# seeds that people give to training runs.
CHOICE_SEED, MEASURING_SEED = 1_000_001, 1_000_002
DENSE_SEED, PAD_SEED = 1_000_003, 1_000_004  # of more numbers from a pad, to fit to; the first nearly all touch

# The vote and the reading of rows have many weights, and every kind of picture has to be among those that they are
# fitted to. Numbers from a pad, with their strokes or without, cost little: there are more of them.
EXAMPLES_PER_DRAWING = 2

# The largest share that the threshold may refuse: of the validation split, and of drawn digits, whose styles are rarer.
REFUSED_VAL, REFUSED_DRAWN = 0.0025, 0.005


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
        drawings: number of digits to draw. The vote is fitted to `EXAMPLES_PER_DRAWING` times as many pictures, and
            measured on a quarter as many others; the reading of rows is fitted to as many numbers of all kinds, as
            many from a pad, and as many dense ones from a pad as the vote to pictures, and measured on as many others
            as there are drawings. Half as many non-digits are drawn, and a twentieth for each level of each condition.
    """
    val, test = evaluate(model, mnist.val), evaluate(model, mnist.test)
    drawn_split = draw_digits(drawings, MEASURING_SEED)
    drawn = evaluate(model, drawn_split)
    read = partial(predict, model)
    threshold = choose_threshold(val.probabilities, read(draw_digits(drawings, CHOICE_SEED).images))
    examples = EXAMPLES_PER_DRAWING * drawings
    vote = fit_vote(read, make_pictures(examples, CHOICE_SEED), CHOICE_SEED)
    numbers = make_numbers(examples, CHOICE_SEED, mnist.val)
    numbers += make_numbers(examples, DENSE_SEED, mnist.val, PAD_SOURCES, DENSE_GAPS)
    numbers += make_numbers(examples, PAD_SEED, mnist.val, PAD_SOURCES)
    rows = fit_rows(read, numbers, CHOICE_SEED)
    decide = partial(read_pictures, read, vote, threshold)
    unseen = make_numbers(drawings, MEASURING_SEED, mnist.test)
    metrics = {
        "parameters": model.count_params(),
        "val": _summarize(val, mnist.val, threshold),
        "test": {
            **_summarize(test, mnist.test, threshold),
            "confusion_matrix": confusion_matrix(mnist.test.labels, test.probabilities).tolist(),
        },
        "drawn": _summarize(drawn, drawn_split, threshold),
        "nondigits": _measure_nondigits(read, drawings // 2, threshold),
        "pictures": _measure_pictures(decide, make_pictures(max(1, examples // 4), MEASURING_SEED)),
        "numbers": measure_numbers(read, rows, unseen),
        "corrupted": measure_corrupted(model, mnist.test, MEASURING_SEED),
        "robustness": measure_robustness(decide, max(1, drawings // 20), MEASURING_SEED),
        "digit_threshold": threshold,
        "vote": _list_weights(vote),
        "rows": {part: _list_weights(perceptron) for part, perceptron in rows._asdict().items()},
    }
    return Measurement(metrics, {"test": (mnist.test, test.probabilities), "drawn": (drawn_split, drawn.probabilities)})


def _list_weights(perceptron: Perceptron) -> dict[str, Any]:
    return {name: np.round(weights, 5).tolist() for name, weights in perceptron._asdict().items()}


def _measure_nondigits(read: Predict, count: int, threshold: float) -> dict[str, Any]:
    """Return the share of non-digits that are refused: of all that are drawn, and of as many of each family."""
    families = {name: [kind for kind in kinds if kind in FOR_MEASURING] for name, kinds in FAMILIES.items()}
    refused = {
        name: _refused(read(draw_nondigits(max(1, count // len(families)), MEASURING_SEED, kinds).images), threshold)
        for name, kinds in families.items()
    }
    images = draw_nondigits(count, MEASURING_SEED, FOR_MEASURING).images
    return {"refused": _refused(read(images), threshold), "images": count, "families": refused}


def _measure_pictures(decide: Read, pictures: list[Picture]) -> dict[str, Any]:
    """Return how well made pictures are read: those with one digit, and the others."""
    decisions = decide(pictures)
    is_right = [
        (decision.outcome == Outcome.DIGIT) == (picture.outcome == Outcome.DIGIT)
        and picture.label in (NO_DIGIT, decision.probabilities.argmax())
        for picture, decision in zip(pictures, decisions, strict=True)
    ]
    by_kind = {
        kind: [right for right, picture in zip(is_right, pictures, strict=True) if picture.kind == kind]
        for kind in SCENES
    }
    labels = np.array([picture.label for picture in pictures])
    probabilities = np.array([decision.probabilities for decision in decisions])[labels != NO_DIGIT]
    digits = labels[labels != NO_DIGIT]
    return {
        "images": len(pictures),
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == digits)),
        "calibration_error": expected_calibration_error(probabilities, digits),
        "kinds": {
            kind: {"right": float(np.mean(rights)), "images": len(rights)} for kind, rights in by_kind.items() if rights
        },
    }


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
