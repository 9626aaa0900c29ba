"""The model folder that the tests of the Hub push and pull."""

import shutil
from pathlib import Path

import pytest

from mnist_cnn.hub.models import MODEL_FILES
from mnist_cnn.inference import PRETRAINED


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A copy of the bundled model with two of its figures, which are enough to upload."""
    folder = tmp_path / "trained"
    (folder / "figures").mkdir(parents=True)
    for name in (*MODEL_FILES, "figures/confusion_matrix.png", "figures/curves.png"):
        shutil.copy(PRETRAINED / name, folder / name)
    return folder
