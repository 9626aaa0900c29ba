import json
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest
import yaml

from mnist_cnn.errors import HubError
from mnist_cnn.hub import check_dataset, data_sets, pull_model, push_data_file
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


# Files that are added

CARD = """---
license: mit
configs:
- config_name: default
  data_files: data/*.parquet
- config_name: more
  data_files: more/*.parquet
---
# Digits of owner/name
"""
CONFIGS = yaml.safe_load(CARD.split("---")[1])["configs"]


def read_card(hub: LoopbackHub) -> str:
    repo = hub.repo("owner/data", "datasets")
    return (repo.folder / "blobs" / repo.files()["README.md"]["oid"]).read_text()


def put_card(content: str) -> None:
    huggingface_hub.create_repo("owner/data", repo_type="dataset")
    huggingface_hub.upload_file(
        path_or_fileobj=content.encode(), path_in_repo="README.md", repo_id="owner/data", repo_type="dataset"
    )


def test_first_file_creates_a_private_data_set_with_a_card_in_one_commit(hub: LoopbackHub) -> None:
    push_data_file("owner/data", "data/one.parquet", b"one", CARD)
    repo = hub.repo("owner/data", "datasets")
    assert repo.state["private"]
    assert set(repo.files()) == {".gitattributes", "README.md", "data/one.parquet"}
    assert len(repo.history()) == 2
    assert read_card(hub) == CARD.replace("owner/name", "owner/data")


def test_card_that_is_there_already_stays(hub: LoopbackHub) -> None:
    put_card("Mine.")
    push_data_file("owner/data", "data/one.parquet", b"one", CARD)
    assert read_card(hub) == "Mine."


@pytest.mark.parametrize("head", ["", "---\nlicense: mit  # mine\ntags: [a]\n---\n"])
def test_card_without_configs_gets_them_with_the_first_file_of_another_configuration(
    hub: LoopbackHub, head: str
) -> None:
    put_card(f"{head}\nMine.\n\n---\nconfigs: none\n")
    for name in ("one", "two"):
        push_data_file("owner/data", f"more/{name}.parquet", name.encode(), CARD)
    _, front_matter, text = read_card(hub).split("---\n", 2)
    assert yaml.safe_load(front_matter)["configs"] == CONFIGS[::-1]
    assert front_matter.endswith(head.replace("---\n", ""))
    assert text.strip() == "Mine.\n\n---\nconfigs: none"


def test_card_with_configs_stays_whatever_comes(hub: LoopbackHub) -> None:
    mine = "---\nlicense: mit\nconfigs:\n- config_name: mine\n  data_files: '*.csv'\n---\nMine."
    put_card(mine)
    push_data_file("owner/data", "more/one.parquet", b"one", CARD)
    assert read_card(hub) == mine


def test_first_configuration_of_a_new_card_is_that_of_the_file(hub: LoopbackHub) -> None:
    push_data_file("owner/data", "more/one.parquet", b"one", CARD)
    assert yaml.safe_load(read_card(hub).split("---")[1])["configs"] == CONFIGS[::-1]


def test_same_file_again_makes_no_commit(hub: LoopbackHub) -> None:
    for path in ("data/one.parquet", "data/one.parquet", "more/one.parquet", "more/one.parquet"):
        push_data_file("owner/data", path, b"one", CARD)
    assert len(hub.repo("owner/data", "datasets").history()) == 3


def test_file_that_is_refused_is_an_error_in_a_sentence(hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="The token has no right to stranger/data"):
        push_data_file("stranger/data", "data/one.parquet", b"one", CARD)
    with hub.fault(pattern="/commit/", status=403), pytest.raises(HubError, match="no right to owner/data"):
        push_data_file("owner/data", "data/one.parquet", b"one", CARD)


def test_upload_draws_no_progress_bar_into_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    for path in ("data/one.parquet", "data/two.parquet"):
        push_data_file("owner/data", path, b"the same", CARD)  # the second finds nothing to upload
    assert capfd.readouterr().err == ""


# Training with data sets from the Hub


def train(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    options = ("--output", str(folder), "--epochs", "2", *QUICK, *options)
    command = [sys.executable, "train.py", *options, "--push-to-hub", "owner/digits", "--tag", "v1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_training_reads_mnist_and_corrections_from_the_hub_and_pushes_the_model(
    hub: LoopbackHub, mnist_folder: Path, corrections_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOKENS, "hf_lecun", ("ylecun", "write"))
    api = huggingface_hub.HfApi(token="hf_lecun")
    api.create_repo("ylecun/mnist", repo_type="dataset")
    api.upload_folder(folder_path=mnist_folder, repo_id="ylecun/mnist", repo_type="dataset")
    huggingface_hub.create_repo("owner/corrections", repo_type="dataset", private=True)
    huggingface_hub.upload_folder(folder_path=corrections_folder, repo_id="owner/corrections", repo_type="dataset")
    run = train(tmp_path / "model", "--extra-data", "owner/corrections")
    assert run.returncode == 0, run.stderr
    assert hub.repo("owner/digits").resolve("v1") == commit_of(run.stdout.strip())
    metrics = json.loads((pull_model("owner/digits", "v1") / "metrics.json").read_text())
    assert metrics["dataset"]["train"] + metrics["dataset"]["val"] == 360 + 20
    assert metrics["dataset"]["extra"] == "owner/corrections"


@pytest.mark.parametrize("fault", ["is away", "never answers"])
def test_training_without_a_hub_ends_with_one_sentence_that_names_the_option(
    hub: LoopbackHub, tmp_path: Path, fault: str
) -> None:
    with hub.down() if fault == "is away" else hub.fault(delay=FOREVER):
        run = train(tmp_path / "model")
    assert run.returncode == 1
    assert "pass a local folder in the Hub's layout with --dataset." in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
