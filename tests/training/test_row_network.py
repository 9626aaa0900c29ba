from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.errors import CheckpointError
from mnist_cnn.images import STRIP_HEIGHT
from mnist_cnn.network import stock_block
from mnist_cnn.training import row_network
from mnist_cnn.training.row_network import read_strips, train_row_network
from mnist_cnn.training.strips import MadeStrip


def draw_strips(count: int) -> list[MadeStrip]:
    """Return strips with bars that are high, as ones, or low, as zeros."""
    rng = np.random.default_rng(0)
    strips = []
    for _ in range(count):
        text = "".join(map(str, rng.integers(2, size=rng.integers(1, 4))))
        image = np.zeros((STRIP_HEIGHT, 12 + 14 * len(text)), np.uint8)
        for place, digit in enumerate(text):
            image[6 if digit == "1" else 16 : 26, 10 + 14 * place : 14 + 14 * place] = 255
        strips.append(MadeStrip(image, text))
    return strips


@pytest.fixture(scope="module")
def strips() -> list[MadeStrip]:
    return draw_strips(80)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_BATCH_SIZE", 8), ("_WARMUP", 5), ("_WIDTHS", (56,)), ("_STEPS_PER_CHECKPOINT", 3)):
        monkeypatch.setattr(row_network, name, value)
    monkeypatch.setattr(row_network, "fast_block", stock_block)  # which compiles faster


def test_training_learns_to_read_strips(strips: list[MadeStrip]) -> None:
    weights = train_row_network(strips, seed=0, steps=100)
    assert read_strips(weights, strips) > 0.9


def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    strips: list[MadeStrip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_row_network(strips, 1, steps=6)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    choose_batch = row_network._choose_batch
    taken = iter(range(5))
    monkeypatch.setattr(
        row_network, "_choose_batch", lambda *a: choose_batch(*a) if next(taken, None) is not None else die()
    )
    with pytest.raises(KeyboardInterrupt):
        train_row_network(strips, 1, tmp_path / "kept.npz", steps=6)
    monkeypatch.setattr(row_network, "_choose_batch", choose_batch)
    resumed = train_row_network(strips, 1, tmp_path / "kept.npz", steps=6)
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(CheckpointError, match=r"steps 6 rather than 7"):
        train_row_network(strips, 1, tmp_path / "kept.npz", steps=7)
