from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.training.data import Split
from mnist_cnn.training.figures import save_figures


def draw_figures(folder: Path, wrong: int) -> None:
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (40, 28, 28, 1), np.uint8), np.arange(40) % 10)
    probabilities = np.eye(10, dtype=np.float32)[(split.labels + (np.arange(40) < wrong)) % 10]
    row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 0.9, "val_accuracy": 0.6}
    robustness = {"blur": {"0": 1.0, "1": 0.5}, "noise": {"0": 1.0}}
    save_figures(folder, [row], split, {"test": (split, probabilities)}, robustness)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folders of the figures, by how many images were misread."""
    folders = {wrong: tmp_path_factory.mktemp("figures") for wrong in (0, 20)}
    for wrong, folder in folders.items():
        draw_figures(folder, wrong)
    return folders


@pytest.mark.parametrize("wrong", [0, 20])
def test_figures_are_drawn_whether_or_not_anything_was_misread(figures: dict[int, Path], wrong: int) -> None:
    for path in figures[wrong].glob("*.png"):
        with Image.open(path) as figure:
            assert np.unique(np.asarray(figure.convert("L"))).size > 2
    assert len(list(figures[wrong].iterdir())) == 7


def test_the_figures_that_depend_on_the_answers_change_with_them(figures: dict[int, Path]) -> None:
    changed = {
        path.stem for path in figures[0].iterdir() if path.read_bytes() != (figures[20] / path.name).read_bytes()
    }
    assert changed == {"confusion_matrix", "misread_test", "reliability"}
