import keras
import numpy as np
import pytest

from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import load_model
from mnist_cnn.training.robustness import CANVAS, CONDITIONS, measure_robustness


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_model(PRETRAINED)


@pytest.fixture(scope="module")
def accuracies(model: keras.Model) -> dict[str, dict[str, float]]:
    return measure_robustness(model, 20, seed=1)


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
    assert min(accuracies[condition][level] for level in mild[condition]) >= 0.9


def test_the_harshest_blur_costs_accuracy(accuracies: dict[str, dict[str, float]]) -> None:
    blur = accuracies["blur radius, pixels of 160"]
    assert blur["8"] < blur["0"] - 0.2


def test_the_same_seed_gives_the_same_accuracies(model: keras.Model) -> None:
    assert measure_robustness(model, 5, seed=2) == measure_robustness(model, 5, seed=2)


@pytest.mark.parametrize("share", [0.1, 0.4, 1])
def test_a_small_digit_takes_up_its_share_of_the_canvas(share: float) -> None:
    bar = [np.array([[0.5, 0.0], [0.5, 1.0]])]
    _, draw = CONDITIONS["size and place, share of the canvas"]
    picture = draw(bar, share, np.random.default_rng(0))
    assert picture.size == (CANVAS, CANVAS)
    inked = np.flatnonzero((np.asarray(picture) < 128).any(axis=1))
    assert 0.6 * share * CANVAS <= np.ptp(inked) + 1 <= share * CANVAS
