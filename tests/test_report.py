from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.report import confusion_matrix, save_figures


def test_the_confusion_matrix_has_a_row_per_label_and_a_column_per_reading() -> None:
    probabilities = np.eye(10)[[1, 7, 7]]
    counts = confusion_matrix(np.array([1, 1, 7]), probabilities)
    assert counts[1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert counts[7, 7] == 1
    assert counts.sum() == 3


@pytest.mark.parametrize("wrong", [0, 20])
def test_figures_are_drawn_whether_or_not_anything_was_misread(tmp_path: Path, wrong: int) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 28, 28, 1), np.uint8), np.arange(40) % 10
    probabilities = np.eye(10, dtype=np.float32)[(labels + (np.arange(40) < wrong)) % 10]
    row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 0.9, "val_accuracy": 0.6}
    reliability = np.array([0.5, 0.5]), np.array([0.6, 0.9]), np.array([0.5, 1.0])
    robustness = {"blur": {"0": 1.0, "1": 0.5}, "noise": {"0": 1.0}}
    save_figures(tmp_path, [row], (images, labels), {"test": (images, labels, probabilities)}, reliability, robustness)
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as figure:
            assert np.unique(np.asarray(figure.convert("L"))).size > 2
    assert len(list(tmp_path.iterdir())) == 7
