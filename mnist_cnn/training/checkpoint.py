"""The state of a training run on disk. A process killed at any moment leaves a whole checkpoint or none."""

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.errors import CheckpointError
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.storage import replace_files

CHECKPOINT_FILE = "checkpoint.npz"


def save_checkpoint(path: Path, arrays: Sequence[np.ndarray], facts: dict[str, Any]) -> None:
    """Write a checkpoint, and its folder if need be.

    An earlier file is replaced only once the new bytes are on the disk, so one of the two always exists.

    Args:
        path: the file.
        arrays: of any shapes and dtypes.
        facts: values that JSON can hold.

    Raises:
        WriteError: if there is no room for it; an earlier file stays.
    """
    with replace_files(path.parent) as unfinished, (unfinished / path.name).open("wb") as file:
        np.savez(file, *arrays, facts=np.array(json.dumps(facts)))


def load_checkpoint(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Return the arrays and facts that `save_checkpoint` wrote.

    Raises:
        CheckpointError: if the file can't be read or is no checkpoint.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = [saved[f"arr_{number}"] for number in range(len(saved.files) - 1)]
            return arrays, json.loads(str(saved["facts"]))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no checkpoint ({error}): start anew with --force.") from error


def identify_run(config: TrainConfig, *splits: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return what a run must share with a checkpoint to resume it: every field of the config, and a hash of the data.

    Args:
        config: of the run.
        splits: the data, as tuples of arrays.
    """
    digest = hashlib.sha256()
    for array in (array for split in splits for array in split):
        digest.update(array.tobytes())
    return {**dataclasses.asdict(config), "data": digest.hexdigest()}


def check_same_run(saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to resume another run's checkpoint.

    Args:
        saved: what `identify_run` returned for the checkpoint's run.
        wanted: the same for this run.

    Raises:
        CheckpointError: naming the differences.
    """
    differences = [name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name)]
    if differences:
        options = ", ".join(
            "other data" if name == "data" else f"{name} {saved.get(name)} rather than {wanted.get(name)}"
            for name in sorted(differences)
        )
        raise CheckpointError(
            f"The run to resume had {options}: resume it with the same settings, or start anew with --force."
        )
