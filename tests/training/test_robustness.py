import json
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

from mnist_cnn.decision import Perceptron
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import load_model
from mnist_cnn.training.corruptions import CORRUPTIONS
from mnist_cnn.training.metrics import predict
from mnist_cnn.training.robustness import CANVAS, CONDITIONS, Read, Strokes, measure_corrupted, measure_robustness
from mnist_cnn.training.synthetic import draw_digits
from mnist_cnn.training.vote import read_pictures


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_model(PRETRAINED)


@pytest.fixture(scope="module")
def read(model: keras.Model) -> Read:
    """The reading of the bundled model."""
    metrics = json.loads((PRETRAINED / "metrics.json").read_text())
    vote = Perceptron(**{name: np.array(weights, np.float32) for name, weights in metrics["vote"].items()})
    return partial(read_pictures, partial(predict, model), vote, metrics["digit_threshold"])


@pytest.fixture(scope="module")
def accuracies(read: Read) -> dict[str, dict[str, float]]:
    return measure_robustness(read, 10, seed=1)


def test_every_level_of_every_condition_is_measured(accuracies: dict[str, dict[str, float]]) -> None:
    levels = {condition: [str(level) for level in levels] for condition, (levels, _) in CONDITIONS.items()}
    assert {condition: list(measured) for condition, measured in accuracies.items()} == levels
    assert len(levels) == 5


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_bundled_model_reads_nearly_every_digit_in_mild_conditions(
    accuracies: dict[str, dict[str, float]], condition: str
) -> None:
    mild = {
        "rotation, degrees": ["-15", "0", "15"],
        "size and place, share of the canvas": ["0.1", "0.2", "0.4", "0.7", "1"],
        "pen width, pixels of 160": ["1", "3", "6", "10", "15", "20", "25"],
        "noise, grey levels of 255": ["0", "5", "10", "20", "30"],
        "blur radius, pixels of 160": ["0", "2", "4"],
    }
    assert min(accuracies[condition][level] for level in mild[condition]) >= 0.8


def test_a_digit_that_lies_on_its_side_is_misread_more_often(accuracies: dict[str, dict[str, float]]) -> None:
    turned = accuracies["rotation, degrees"]
    assert turned["-45"] + turned["45"] < 2 * turned["0"] - 0.2


def test_the_same_seed_gives_the_same_accuracies(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    _, draw_noisy = CONDITIONS["noise, grey levels of 255"]
    monkeypatch.setattr("mnist_cnn.training.robustness.CONDITIONS", {"noise": ((30, 90), draw_noisy)})
    assert measure_robustness(read, 10, seed=2) == measure_robustness(read, 10, seed=2)


def test_digit_that_is_not_found_counts_as_misread(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    _, draw_turned = CONDITIONS["rotation, degrees"]

    def draw_on_paper(strokes: Strokes, ink: float, rng: np.random.Generator) -> Image.Image:
        return draw_turned(strokes, 0, rng).point([round(255 - ink * (255 - level)) for level in range(256)])

    monkeypatch.setattr("mnist_cnn.training.robustness.CONDITIONS", {"ink": ((0, 1), draw_on_paper)})
    assert measure_robustness(read, 10, seed=0) == {"ink": {"0": 0, "1": pytest.approx(1, abs=0.2)}}


@pytest.mark.parametrize("share", [0.1, 0.4, 1])
def test_a_small_digit_takes_up_its_share_of_the_canvas(share: float) -> None:
    bar = [np.array([[0.5, 0.0], [0.5, 1.0]])]
    _, draw = CONDITIONS["size and place, share of the canvas"]
    picture = draw(bar, share, np.random.default_rng(0))
    assert picture.size == (CANVAS, CANVAS)
    inked = np.flatnonzero((np.asarray(picture) < 128).any(axis=1))
    assert 0.6 * share * CANVAS <= np.ptp(inked) + 1 <= share * CANVAS


def test_the_error_is_measured_for_every_corruption(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.robustness.CORRUPTED", 100)
    split = draw_digits(150, seed=3)
    split.labels[100:] = 99  # would raise an error if it was used
    errors = measure_corrupted(model, split, seed=0)
    assert list(errors) == list(CORRUPTIONS)
    assert 0 <= errors["brightness"] < 0.2 < errors["canny edges"] <= 1
