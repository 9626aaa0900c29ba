import json
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest

from mnist_cnn.errors import HubError
from mnist_cnn.hub import check_dataset, data_sets, pull_model
from tests import ROOT
from tests.support.loopback_hub import FOREVER, TOKENS, LoopbackHub, commit_of
from tests.support.runs import QUICK

pytestmark = pytest.mark.usefixtures("hub")


@pytest.mark.parametrize("files", [{}, {"README.md": b"Digits."}], ids=["without README", "with README"])
def test_a_data_set_on_the_hub_passes(files: dict[str, bytes]) -> None:
    huggingface_hub.create_repo("owner/data", repo_type="dataset")
    for name, content in files.items():
        huggingface_hub.upload_file(
            path_or_fileobj=content, path_in_repo=name, repo_id="owner/data", repo_type="dataset"
        )
    check_dataset("owner/data")
    check_dataset("owner/data", "main")


def test_a_data_set_that_is_not_there_fails() -> None:
    huggingface_hub.create_repo("owner/data")  # as a model
    with pytest.raises(HubError, match="There is no owner/data on http"):
        check_dataset("owner/data")


def test_a_revision_of_a_data_set_that_is_not_there_fails() -> None:
    huggingface_hub.create_repo("owner/data", repo_type="dataset")
    with pytest.raises(HubError, match="owner/data has no such revision"):
        check_dataset("owner/data", "v2")


def test_a_hub_that_never_answers_fails_at_the_deadline(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_sets, "PULL_DEADLINE", 0.2)
    started = time.monotonic()
    with hub.fault(delay=FOREVER), pytest.raises(HubError, match=r"didn't answer within 0\.2 s"):
        check_dataset("owner/data")
    assert time.monotonic() - started < 1.2


# Training with a data set from the Hub


def train(folder: Path) -> subprocess.CompletedProcess[str]:
    options = ["--output", str(folder), "--epochs", "2", *QUICK]
    command = [sys.executable, "train.py", *options, "--push-to-hub", "owner/digits", "--tag", "v1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_training_reads_mnist_from_the_hub_and_pushes_the_model(
    hub: LoopbackHub, mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOKENS, "hf_lecun", ("ylecun", "write"))
    api = huggingface_hub.HfApi(token="hf_lecun")
    api.create_repo("ylecun/mnist", repo_type="dataset")
    api.upload_folder(folder_path=mnist_folder, repo_id="ylecun/mnist", repo_type="dataset")
    run = train(tmp_path / "model")
    assert run.returncode == 0, run.stderr
    assert hub.repo("owner/digits").resolve("v1") == commit_of(run.stdout.strip())
    metrics = json.loads((pull_model("owner/digits", "v1") / "metrics.json").read_text())
    assert metrics["dataset"]["train"] + metrics["dataset"]["val"] == 360


@pytest.mark.parametrize("fault", ["is away", "never answers"])
def test_training_without_a_hub_ends_with_one_sentence_that_names_the_option(
    hub: LoopbackHub, tmp_path: Path, fault: str
) -> None:
    with hub.down() if fault == "is away" else hub.fault(delay=FOREVER):
        run = train(tmp_path / "model")
    assert run.returncode == 1
    assert "pass a local folder in the Hub's layout with --dataset." in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
