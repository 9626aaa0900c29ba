import subprocess
import sys
from pathlib import Path

import pytest

from mnist_cnn.network import load_row_weights

pytestmark = pytest.mark.integration


def run(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mnist_cnn.row_training", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_trains_measures_and_writes_weights(tmp_path: Path, mnist_folder: Path) -> None:
    output = tmp_path / "rows.h5"
    process = run("--dataset", mnist_folder, "--output", output, "--strips", "20", "--steps", "2")
    assert process.returncode == 0, process.stderr
    assert "of 2000 other strips were read right as a whole." in process.stdout
    assert load_row_weights(output)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.h5"]
    again = run("--dataset", mnist_folder, "--output", output)
    assert again.returncode == 2
    assert "exists already, and trained weights are never overwritten: name a new file." in again.stderr


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (["--resume"], "so there is no run to resume: leave out --resume."),
        (["--steps", "0"], "--strips and --steps must be at least 1, and --seed at least 0."),
        (["--dataset", "nowhere"], "pass a local folder in the Hub's layout with --dataset."),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(tmp_path: Path, options: list[str], refusal: str) -> None:
    process = run("--output", tmp_path / "rows.h5", *options)
    assert process.returncode != 0
    assert refusal in process.stderr.splitlines()[-1]
    assert "Traceback" not in process.stderr


def test_a_run_that_was_killed_is_not_lost_by_starting_anew(tmp_path: Path) -> None:
    (tmp_path / "rows.h5.checkpoint.npz").touch()
    process = run("--output", tmp_path / "rows.h5")
    assert "is left from a run that was killed: continue it with --resume, or delete it." in process.stderr
