"""app.py as a process: its command line."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.support.browsing import App

pytestmark = pytest.mark.integration


def run_app_to_its_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_app_says_which_model_it_uses(app: App) -> None:
    assert "Reads with bundled" in app.log


def test_port_that_is_taken_ends_with_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finished = run_app_to_its_end("--port", str(taken.getsockname()[1]))
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith("The server can't start: ")


def test_importing_the_app_does_nothing() -> None:
    code = "import sys; sys.argv.append('--no-such-option'); import app"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, ""), finished.stderr


@pytest.mark.parametrize("name", ["{tmp_path}/missing", "./missing", "models/missing/last"])
def test_path_without_a_model_ends_with_one_sentence(tmp_path: Path, name: str) -> None:
    missing = name.format(tmp_path=tmp_path)
    finished = run_app_to_its_end("--model", missing)
    assert finished.returncode == 2
    assert (
        finished.stderr == f"There is no folder {missing}: check the path, or name a repo on the Hub as owner/name.\n"
    )


def test_folder_that_holds_no_model_ends_with_one_sentence(tmp_path: Path) -> None:
    finished = run_app_to_its_end("--model", str(tmp_path))
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"{tmp_path} is no model folder: its metrics.json can't be read")
    assert len(finished.stderr.splitlines()) == 1
