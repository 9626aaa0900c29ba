"""The state of a training run on disk: whole or not at all, whenever the process is killed."""

import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINT_FILE = "checkpoint.npz"


class CheckpointError(ValueError):
    """A checkpoint that can't be gone on from; the message says why."""


def save_checkpoint(path: Path, arrays: Sequence[np.ndarray], facts: dict[str, Any]) -> None:
    """Write arrays, and facts that JSON can hold, in place of the file that may be there.

    The new file takes its name only once its bytes are on the disk, and one of the two is there at any moment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, *arrays, facts=np.array(json.dumps(facts)))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_checkpoint(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        CheckpointError: if the file is none of its.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = [saved[f"arr_{number}"] for number in range(len(saved.files) - 1)]
            return arrays, json.loads(str(saved["facts"]))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no checkpoint ({error}): start anew with --force.") from error


def identify_run(config: Any, *splits: Sequence[np.ndarray]) -> dict[str, Any]:
    """What a run must share with the checkpoint that it goes on from: each field of the config, and the data's hash."""
    digest = hashlib.sha256()
    for array in (array for split in splits for array in split):
        digest.update(array.tobytes())
    return {**dataclasses.asdict(config), "data": digest.hexdigest()}


def check_same_run(saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on from another run's checkpoint.

    Raises:
        CheckpointError: naming what differs.
    """
    differences = [name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name)]
    if differences:
        options = ", ".join(
            "other data" if name == "data" else f"{name} {saved.get(name)} rather than {wanted.get(name)}"
            for name in sorted(differences)
        )
        raise CheckpointError(
            f"The run to go on from had {options}: resume it with what it had, or start anew with --force."
        )
