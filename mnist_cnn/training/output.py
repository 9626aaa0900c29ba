"""What a run leaves behind: a whole model folder or none, and the facts about the run in its metrics.json."""

import dataclasses
import importlib.metadata
import json
import platform
import shlex
import shutil
from pathlib import Path
from typing import Any

import jax
import keras

from mnist_cnn.network import save_model
from mnist_cnn.training.checkpoint import CHECKPOINT_FILE
from mnist_cnn.training.chunks import count_cores
from mnist_cnn.training.config import TrainConfig, format_options
from mnist_cnn.training.data import Mnist, describe_source
from mnist_cnn.training.evaluation import Measurement, write_measurement
from mnist_cnn.training.loop import Epoch, best_epoch
from mnist_cnn.training.storage import explain_write_errors


def partial_folder(folder: Path) -> Path:
    """Return the folder in which a run keeps its checkpoint and assembles the model."""
    return folder.with_name(folder.name + ".partial")


def checkpoint_file(folder: Path) -> Path:
    """Return the checkpoint of a run whose model goes to the given folder."""
    return partial_folder(folder) / CHECKPOINT_FILE


def find_problem(folder: Path, *, resume: bool, force: bool) -> str | None:
    """Return why a run can't start without losing earlier work, or can't be resumed; None if it can.

    Args:
        folder: where the model is to go.
        resume: whether the run continues from a checkpoint.
        force: whether earlier work may be replaced.
    """
    partial = partial_folder(folder)
    if folder.exists() and not force:
        return (
            f"{folder} exists already, and a trained model is never overwritten: name a new folder, or "
            "replace it with --force."
        )
    if partial.exists() and not (resume or force):
        return f"{partial} is left from a run that was killed: continue it with --resume, or start anew with --force."
    if resume and not partial.exists():
        return f"{partial} doesn't exist, so there is no run to resume: leave out --resume."
    return None


def write_model(
    folder: Path,
    model: keras.Model,
    history: list[Epoch],
    mnist: Mnist,
    measurement: Measurement,
    run: dict[str, Any],
) -> None:
    """Write a model folder, in the layout of a model repository on the Hub.

    It is assembled under another name, so that a folder of this name is always complete. An earlier one is replaced.

    Args:
        folder: where to.
        model: the trained model.
        history: of its training.
        mnist: the data set it was trained on.
        measurement: of the model.
        run: what `describe_run` returned.

    Raises:
        WriteError: if the disk is full or refuses for another reason; the checkpoint and an earlier folder stay.
    """
    partial = partial_folder(folder)
    with explain_write_errors(partial):
        save_model(model, partial)
        rows = [row._asdict() for row in history]
        (partial / "history.json").write_text(json.dumps(rows, indent=1) + "\n")
        write_measurement(partial, measurement, run, rows, mnist.train)
        replaced = folder.with_name(folder.name + ".replaced")
        if folder.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            folder.rename(replaced)
        partial.rename(folder)
        (folder / CHECKPOINT_FILE).unlink()
        shutil.rmtree(replaced, ignore_errors=True)


def describe_run(
    config: TrainConfig,
    history: list[Epoch],
    mnist: Mnist,
    source: str,
    revision: str | None = None,
    extra: str | None = None,
) -> dict[str, Any]:
    """Return what metrics.json says about a training run; no path of this machine is in it.

    Args:
        config: of the run.
        history: of the run.
        mnist: what it was trained on.
        source: where MNIST came from, as in `load_mnist`.
        revision: of the data set on the Hub.
        extra: where corrections came from, as in `load_corrections`.
    """
    return {
        "command": _format_command(config, source, revision, extra),
        "seed": config.seed,
        "hardware": _describe_hardware(),
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "jax", "numpy", "datasets")},
        "config": dataclasses.asdict(config),
        "dataset": {
            "source": describe_source(source, "MNIST"),
            "revision": revision,
            "extra": describe_source(extra, "corrections") if extra else None,
            **{name: len(split.labels) for name, split in mnist._asdict().items()},
        },
        "train_seconds": round(sum(row.seconds for row in history), 1),
        "best_epoch": best_epoch(history).epoch,
    }


def _describe_hardware() -> str:
    devices = jax.devices()
    accelerators = f"{len(devices)} x {devices[0].device_kind}, " if devices[0].platform != "cpu" else ""
    return f"{accelerators}{count_cores()} CPU cores, {platform.machine()}"


def _format_command(config: TrainConfig, source: str, revision: str | None, extra: str | None) -> str:
    """Return the command that trains the same model; FOLDER stands for a local data set."""
    words = ["python", "train.py"]
    for option, value in (("--dataset", source), ("--revision", revision), ("--extra-data", extra)):
        if value:
            words += [option, "FOLDER" if Path(value).exists() else value]
    return f"{shlex.join(words)} {format_options(config)}".rstrip()
