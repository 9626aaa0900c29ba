import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_cnn.evaluation import choose_threshold, expected_calibration_error, measure_robustness
from mnist_cnn.inference import PRETRAINED, digit_score
from mnist_cnn.model import load_model
from mnist_cnn.training import Evaluation


def sure(confidence: float, prediction: int = 0) -> np.ndarray:
    probabilities = np.full(10, (1 - confidence) / 9)
    probabilities[prediction] = confidence
    return probabilities


def test_a_model_as_often_right_as_it_is_sure_has_no_calibration_error() -> None:
    probabilities = np.stack([sure(0.75)] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_the_calibration_error_weighs_each_bin_by_its_images() -> None:
    probabilities = np.stack([sure(1.0), sure(1.0), sure(1.0), sure(0.5)])
    # Three images: 100 % sure, two thirds right. One image: 50 % sure and right.
    assert expected_calibration_error(probabilities, np.array([0, 0, 1, 0])) == pytest.approx(0.75 / 3 + 0.25 / 2)


def test_the_threshold_refuses_no_more_than_it_may_of_either_part() -> None:
    def part(confidences: np.ndarray) -> Evaluation:
        return Evaluation(np.stack([sure(confidence) for confidence in confidences]), 1.0, 0.0)

    val, drawn = part(np.linspace(0.5, 1, 1001)), part(np.linspace(0.2, 1, 1001))
    threshold = choose_threshold(val, drawn)
    assert np.mean(digit_score(val.probabilities) < threshold) <= 0.005
    assert np.mean(digit_score(drawn.probabilities) < threshold) == pytest.approx(0.01, abs=0.001)


def test_the_bundled_model_bears_bad_conditions() -> None:
    accuracies = measure_robustness(load_model(PRETRAINED), 20)
    assert len(accuracies) == 5
    assert all(max(levels.values()) >= 0.9 for levels in accuracies.values()), accuracies


def test_a_folder_can_be_measured_anew(mnist_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(PRETRAINED, folder)
    (folder / "README.md").unlink()
    options = ["--dataset", str(mnist_folder), "--drawings", "100"]
    command = [sys.executable, "-m", "mnist_cnn.evaluation", str(folder), *options]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert json.loads(process.stdout)["test"] == metrics["test"]
    assert sum(map(sum, metrics["test"]["confusion_matrix"])) == 50
    assert f"{metrics['test']['accuracy']:.2%}" in (folder / "README.md").read_text()
    assert keras.saving.load_model(folder).count_params() == metrics["parameters"]
