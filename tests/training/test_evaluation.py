import json
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_cnn.decision import Perceptron, count_votes, describe_segments, digit_score
from mnist_cnn.handwriting import FAMILIES, SCENES
from mnist_cnn.images import Evidence
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import load_model
from mnist_cnn.training.corruptions import CORRUPTIONS
from mnist_cnn.training.data import Mnist, load_mnist
from mnist_cnn.training.evaluation import (
    REFUSED_DRAWN,
    REFUSED_VAL,
    Measurement,
    choose_threshold,
    measure,
    write_measurement,
)
from mnist_cnn.training.robustness import CONDITIONS
from tests.support.metrics import METRICS
from tests.support.probabilities import sure


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> Mnist:
    return load_mnist(str(mnist_folder))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_model(PRETRAINED)


@pytest.fixture(scope="module")
def measurement(model: keras.Model, mnist: Mnist) -> Measurement:
    return measure(model, mnist, drawings=20)


def test_the_threshold_refuses_no_more_than_it_may_of_either_part() -> None:
    val, drawn = (np.stack([sure(confidence) for confidence in np.linspace(least, 1, 1001)]) for least in (0.5, 0.2))
    threshold = choose_threshold(val, drawn)
    assert np.mean(digit_score(val) < threshold) <= REFUSED_VAL
    assert np.mean(digit_score(drawn) < threshold) == pytest.approx(REFUSED_DRAWN, abs=0.001)


def test_the_metrics_agree_with_each_other(measurement: Measurement) -> None:
    test = measurement.metrics["test"]
    matrix = np.array(test["confusion_matrix"])
    assert matrix.sum() == test["images"] == 50
    assert np.trace(matrix) == 50 - test["errors"]
    assert test["accuracy"] == pytest.approx(1 - test["errors"] / 50)
    assert measurement.metrics["val"]["images"] == 30


def test_drawings_and_nondigits_are_measured(measurement: Measurement) -> None:
    drawn, nondigits = measurement.metrics["drawn"], measurement.metrics["nondigits"]
    assert drawn["images"] == 20
    assert drawn["accuracy"] > 0.9
    assert drawn["refused"] < 0.1
    assert nondigits["images"] == 10
    assert nondigits["refused"] > 0.5
    assert list(nondigits["families"]) == list(FAMILIES)
    assert all(0 <= refused <= 1 for refused in nondigits["families"].values())


def test_pictures_are_measured_by_kind(measurement: Measurement) -> None:
    pictures = measurement.metrics["pictures"]
    assert 5 < pictures["images"] <= 10
    assert set(pictures["kinds"]) <= set(SCENES)
    assert sum(kind["images"] for kind in pictures["kinds"].values()) == pictures["images"]
    assert all(0 <= kind["right"] <= 1 for kind in pictures["kinds"].values())
    assert 0.5 < pictures["accuracy"] <= 1
    assert 0 <= pictures["calibration_error"] < 0.5


def test_numbers_are_measured_by_source_length_and_gap(measurement: Measurement) -> None:
    numbers = measurement.metrics["numbers"]
    assert numbers["images"] == 20
    for group in ("sources", "lengths"):
        assert sum(part["images"] for part in numbers[group].values()) == 20
        assert sum(part["right"] * part["images"] for part in numbers[group].values()) == pytest.approx(
            20 * numbers["right"]
        )
    assert set(numbers["sources"]) == {"strokes", "drawing", "photo"}
    assert 0 <= numbers["spaced"]["right"] <= numbers["spaced"]["right_if_cut_out"] <= 1


def test_corrupted_images_and_bad_conditions_are_measured(measurement: Measurement) -> None:
    assert list(measurement.metrics["corrupted"]) == list(CORRUPTIONS)
    assert list(measurement.metrics["robustness"]) == list(CONDITIONS)


def test_the_vote_is_among_the_metrics_and_fits_what_it_reads(measurement: Measurement) -> None:
    vote = Perceptron(**{name: np.array(weights) for name, weights in measurement.metrics["vote"].items()})
    evidence = np.ones((1, len(Evidence._fields)))
    features = describe_segments(np.full((1, 10), 0.1), np.ones((1, 4)), evidence)
    weights, _ = count_votes(vote, features, np.ones(1))
    assert weights == pytest.approx(1)


def test_the_refused_are_those_below_the_threshold(measurement: Measurement) -> None:
    _, probabilities = measurement.read["test"]
    refused = np.mean(digit_score(probabilities) < measurement.metrics["digit_threshold"])
    assert measurement.metrics["test"]["refused"] == refused


def test_writing_adds_what_was_measured_to_what_is_known_of_the_run(
    measurement: Measurement, mnist: Mnist, tmp_path: Path
) -> None:
    run = {name: METRICS[name] for name in ("command", "seed", "hardware", "versions", "config", "dataset")}
    run |= {"train_seconds": 1.0, "best_epoch": 1}
    history = [{"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 0.9, "val_accuracy": 0.6}]
    metrics = write_measurement(tmp_path, measurement, run, history, mnist.train)
    assert metrics == json.loads((tmp_path / "metrics.json").read_text()) == {**run, **measurement.metrics}
    card = (tmp_path / "README.md").read_text()
    assert f"{metrics['test']['accuracy']:.2%}" in card
    for figure in (tmp_path / "figures").iterdir():
        assert f"(figures/{figure.name})" in card
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "figures", "metrics.json"}
