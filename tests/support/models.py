"""Model folders that differ from the bundled one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mnist_cnn.decision import Outcome, Perceptron, describe_segments
from mnist_cnn.images import Evidence
from mnist_cnn.inference import PRETRAINED


def retrained(folder: Path) -> Path:
    """The bundled model with other metrics: another revision, as good."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"seed": metrics["seed"] + 1}))
    return folder


def with_vote(folder: Path, vote: dict[str, Any] | None) -> Path:
    """The bundled model with another vote, or with none, as a model that was trained before there was a vote."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics.pop("vote", None)
    (folder / "metrics.json").write_text(json.dumps(metrics | ({} if vote is None else {"vote": vote})))
    return folder


def with_rows(folder: Path, change: Callable[[Any], Any] | None) -> Path:
    """The bundled model with changed rows, or with none, as a model that was trained before whole numbers were read."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = metrics.pop("rows")
    (folder / "metrics.json").write_text(json.dumps(metrics | ({"rows": change(rows)} if change else {})))
    return folder


def vote_for(outcome: Outcome) -> dict[str, Any]:
    """A vote that finds the same in every photo, and in which all segments count alike, as metrics.json holds it."""
    evidence = np.ones((1, len(Evidence._fields)))
    features, units = describe_segments(np.full((1, 10), 0.1), np.ones((1, 4)), evidence).shape[1], 3
    says = np.zeros(1 + len(Outcome))
    says[1 + outcome] = 9
    vote = Perceptron(
        np.zeros(features), np.ones(features), np.zeros((features, units)), np.zeros(units), np.zeros((units, 4)), says
    )
    return {name: array.tolist() for name, array in vote._asdict().items()}


def with_weights(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """The bundled model with changed weights."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    with h5py.File(folder / "model.weights.h5", "a") as file:

        def visit(_: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                item[...] = change(item[...])

        file.visititems(visit)
    return folder
