"""Model folders that differ from the bundled one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mnist_cnn.inference import PRETRAINED


def retrained(folder: Path) -> Path:
    """The bundled model with other metrics: another revision, as good."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"seed": metrics["seed"] + 1}))
    return folder


def with_weights(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """The bundled model with changed weights."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    with h5py.File(folder / "model.weights.h5", "a") as file:

        def visit(_: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                item[...] = change(item[...])

        file.visititems(visit)
    return folder
