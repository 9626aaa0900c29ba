import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from mnist_cnn.inference import Classifier
from mnist_cnn.network import load_weights
from mnist_cnn.training.checkpoint import load_checkpoint
from tests import ROOT
from tests.support.disks import small_disk
from tests.support.runs import QUICK
from train import main

pytestmark = pytest.mark.integration


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "train.py", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def epochs_done(folder: Path) -> int:
    """How many epochs the checkpoint of a run into this folder holds."""
    checkpoint = folder.with_name(folder.name + ".partial") / "checkpoint.npz"
    return len(load_checkpoint(checkpoint)[1]["history"]) if checkpoint.exists() else 0


def wait_for_epoch(process: subprocess.Popen, folder: Path, epochs: int) -> None:
    while epochs_done(folder) < epochs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@contextmanager
def hosts(*arguments: str | Path, output: Path) -> Iterator[list[subprocess.Popen]]:
    """Two processes that train together, with two virtual devices each."""
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
    processes = [
        start(
            *(*arguments, "--output", output, "--coordinator", address, "--num-processes", "2"),
            *("--process-id", str(number)),
            XLA_FLAGS="--xla_force_host_platform_device_count=2",
        )
        for number in range(2)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def recipe(mnist_folder: Path, corrections_folder: Path) -> list[str | Path]:
    return ["--dataset", mnist_folder, "--extra-data", corrections_folder, "--epochs", "2", *QUICK]


@pytest.fixture(scope="module")
def trained(recipe: list[str | Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "quick"
    process = start(*recipe, "--output", folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder


def test_a_training_run_writes_a_whole_model_repository(trained: Path) -> None:
    files = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    figures = {
        "class_balance",
        "confusion_matrix",
        "curves",
        "misread_drawn",
        "misread_test",
        "reliability",
        "robustness",
        "samples",
    }
    assert files == {
        "README.md",
        "config.json",
        "history.json",
        "metadata.json",
        "metrics.json",
        "model.weights.h5",
        *(f"figures/{name}.png" for name in figures),
    }
    for name in figures:
        with Image.open(trained / "figures" / f"{name}.png") as figure:
            figure.verify()


def test_the_metrics_say_what_was_done_and_found(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    history = json.loads((trained / "history.json").read_text())
    assert metrics["command"] == (
        "python train.py --dataset FOLDER --extra-data FOLDER --epochs 2 --batch-size 64 --learning-rate 0.0002 "
        "--drawn-digits 150 --traced-digits 60 --nondigits 40 --cut-pictures 10"
    )
    assert metrics["config"]["epochs"] == len(history) == 2
    assert {name: metrics["dataset"][name] for name in ("train", "val", "test")} == {
        "train": 350,
        "val": 30,
        "test": 50,
    }
    matrix = metrics["test"]["confusion_matrix"]
    assert sum(map(sum, matrix)) == 50
    assert sum(matrix[digit][digit] for digit in range(10)) == 50 - metrics["test"]["errors"]
    assert metrics["test"]["accuracy"] == pytest.approx(1 - metrics["test"]["errors"] / 50)
    best = min(history, key=lambda row: row["val_loss"])
    assert (metrics["best_epoch"], metrics["val"]["accuracy"]) == (best["epoch"], best["val_accuracy"])
    assert metrics["val"]["loss"] == pytest.approx(best["val_loss"], rel=1e-3)


def test_a_trained_folder_serves_and_loads_in_keras(trained: Path) -> None:
    assert Classifier.from_pretrained(trained).source == str(trained)
    metrics = json.loads((trained / "metrics.json").read_text())
    assert keras.saving.load_model(trained).count_params() == metrics["parameters"]


def test_an_existing_folder_is_never_overwritten(trained: Path) -> None:
    process = start("--output", trained)
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "a trained model is never overwritten: name a new folder" in errors


def test_a_data_set_that_is_not_there_ends_with_one_sentence(tmp_path: Path) -> None:
    process = start("--dataset", tmp_path / "nowhere", "--output", tmp_path / "model")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "pass a local folder in the Hub's layout with --dataset." in errors
    assert "Traceback" not in errors


def test_settings_that_make_no_sense_end_with_one_sentence(mnist_folder: Path, tmp_path: Path) -> None:
    process = start("--dataset", mnist_folder, "--output", tmp_path / "model", "--drawn-share", "1.5")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "drawn_share must be from 0 to 1, not 1.5."
    assert "Traceback" not in errors


def test_a_fault_in_the_program_shows_its_trace(
    mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a fault in the program")

    monkeypatch.setattr("train.train", fail)
    monkeypatch.setattr(sys, "argv", ["train.py", "--dataset", str(mnist_folder), "--output", str(tmp_path / "model")])
    with pytest.raises(ValueError, match="a fault in the program"):
        main()


def test_ctrl_c_keeps_the_best_model_so_far_in_place_of_an_earlier_one(mnist_folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "model" / "earlier"
    earlier.parent.mkdir()
    earlier.touch()
    process = start("--dataset", mnist_folder, "--output", tmp_path / "model", "--force", "--epochs", "10000", *QUICK)
    assert process.stderr is not None
    shown = ""
    while "accuracy" not in shown and (character := process.stderr.read(1)):
        shown += character
    assert "step/s" in shown  # the progress bar, with the time left
    assert earlier.exists()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    history = json.loads((tmp_path / "model" / "history.json").read_text())
    assert f"Stopped in epoch {len(history)} of 10000; the best epoch so far is kept." in output
    assert Classifier.from_pretrained(tmp_path / "model").metrics["best_epoch"] <= len(history)
    assert not earlier.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(
    recipe: list[str | Path], trained: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    process = start(*recipe, "--output", folder)
    wait_for_epoch(process, folder, 1)
    process.kill()
    process.communicate()

    for options, refusal in (
        ([], "left from a run that was killed: continue it with --resume, or start anew with --force."),
        (["--resume", "--seed", "1"], "The run to resume had seed 0 rather than 1"),
    ):
        process = start(*recipe, "--output", folder, *options)
        output, errors = process.communicate()
        assert process.returncode in (1, 2)
        assert refusal in errors
        assert "Drawing" not in output  # which takes minutes
        assert "Traceback" not in errors

    process = start(*recipe, "--output", folder, "--resume")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    for weights, uninterrupted in zip(load_weights(folder), load_weights(trained), strict=True):
        np.testing.assert_array_equal(weights, uninterrupted)
    assert {path.name for path in folder.iterdir()} == {path.name for path in trained.iterdir()}
    assert not folder.with_name("model.partial").exists()


def test_a_full_disk_ends_a_run_in_a_sentence_and_its_checkpoint_stays(
    recipe: list[str | Path], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 20) as disk:  # one checkpoint takes 16 MB
        folder = disk / "model"
        process = start(*recipe, "--output", folder)
        _, errors = process.communicate()
        assert process.returncode == 1, errors
        assert errors.splitlines()[-1] == (
            f"{folder}.partial can't be written (No space left on device). What was there before is whole: make room, "
            "or make the folder writable, and run the command again."
        )
        assert "Traceback" not in errors
        checkpoint = disk / "model.partial" / "checkpoint.npz"
        assert list(disk.rglob("*")) == [checkpoint.parent, checkpoint]
        assert load_checkpoint(checkpoint)[1]["history"] == []  # that of the start, from which --resume goes on


def test_two_hosts_with_two_devices_each_train_as_one_device_does(
    recipe: list[str | Path], trained: Path, tmp_path: Path
) -> None:
    with hosts(*recipe, output=tmp_path / "model") as processes:
        for process in processes:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
    ours, theirs = (json.loads((folder / "history.json").read_text()) for folder in (tmp_path / "model", trained))
    assert [row["loss"] for row in ours] == pytest.approx([row["loss"] for row in theirs], rel=1e-3)


@pytest.mark.slow
def test_a_host_that_never_comes_ends_the_others_within_a_minute(recipe: list[str | Path], tmp_path: Path) -> None:
    with hosts(*recipe, output=tmp_path / "model") as (first, second):
        second.kill()  # long before it could join
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 1, errors
    assert "start all of them with the same --coordinator." in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_lost_host_ends_the_others_within_a_minute(recipe: list[str | Path], tmp_path: Path) -> None:
    with hosts(*recipe, "--epochs", "10000", output=tmp_path / "model") as (first, second):
        wait_for_epoch(first, tmp_path / "model", 1)
        second.kill()
        _, errors = first.communicate(timeout=60)
    # What notices first is the exchange of gradients, or JAX's heartbeat, which aborts the process with its own words.
    assert first.returncode in (1, -signal.SIGABRT), errors
    if first.returncode == 1:
        assert "Another host was lost: start all of them again, with --resume." in errors
        assert "Traceback" not in errors
