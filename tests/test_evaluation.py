import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_cnn.inference import PRETRAINED
from tests.support.disks import fill, small_disk

pytestmark = pytest.mark.integration


def evaluate(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mnist_cnn.evaluation", str(folder), "--drawings", "5", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(PRETRAINED, tmp_path / "model")


def test_measuring_prints_the_metrics_and_writes_nothing(folder: Path, mnist_folder: Path) -> None:
    before = contents(folder)
    process = evaluate(folder, "--dataset", mnist_folder)
    assert process.returncode == 0, process.stderr
    metrics = json.loads(process.stdout)
    assert sum(map(sum, metrics["test"]["confusion_matrix"])) == 50
    assert metrics["drawn"]["images"] == 5
    assert contents(folder) == before


def test_a_folder_can_be_measured_anew(folder: Path, mnist_folder: Path) -> None:
    (folder / "README.md").unlink()
    before = contents(folder)
    process = evaluate(folder, "--dataset", mnist_folder, "--write")
    assert process.returncode == 0, process.stderr
    metrics, old = json.loads((folder / "metrics.json").read_text()), json.loads(before["metrics.json"])
    assert json.loads(process.stdout)["test"] == metrics["test"]
    assert sum(map(sum, metrics["test"]["confusion_matrix"])) == 50
    assert {name: metrics[name] for name in ("command", "seed", "config")} == {
        name: old[name] for name in ("command", "seed", "config")
    }
    assert f"{metrics['test']['accuracy']:.2%}" in (folder / "README.md").read_text()
    assert contents(folder)["model.weights.h5"] == before["model.weights.h5"]


@pytest.mark.parametrize(
    ("damage", "refusal"),
    [
        ("no weights", r"holds no weights"),
        ("no history", r"history.json can't be used: No such file or directory."),
        ("damaged metrics", r"metrics.json or history.json that is no JSON file"),
        ("no data set", r"pass a local folder in the Hub's layout with --dataset."),
    ],
)
def test_what_cannot_be_used_ends_with_one_sentence(folder: Path, tmp_path: Path, damage: str, refusal: str) -> None:
    if damage == "no weights":
        (folder / "model.weights.h5").unlink()
    elif damage == "no history":
        (folder / "history.json").unlink()
    elif damage == "damaged metrics":
        (folder / "metrics.json").write_text("{")
    process = evaluate(folder, "--write", "--dataset", tmp_path / "nowhere")
    assert process.returncode == 1
    assert refusal in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr
    assert not process.stdout


@pytest.mark.slow
def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path: Path, mnist_folder: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        folder = shutil.copytree(PRETRAINED, disk / "model")
        before = contents(folder)
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - 50_000)  # room for metrics.json, and for some of the figures
        process = evaluate(folder, "--dataset", mnist_folder, "--write")
        assert process.returncode == 1
        assert process.stderr.splitlines()[-1] == (
            f"{folder} can't be written (No space left on device). What was there before is whole: make room, or make "
            "the folder writable, and run the command again."
        )
        assert "Traceback" not in process.stderr
        assert contents(folder) == before
