"""The Hub, with its real clients against a Hub on loopback."""

import json
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import ModelCard

from mnist_cnn import hub as our_hub
from mnist_cnn.card import render_card
from mnist_cnn.hub import HubError, cached_models, pull_model, push_model
from tests import HOME, ROOT
from tests.loopback_hub import FOREVER, READER, TOKENS, WRITER, LoopbackHub
from tests.test_train import QUICK

pytestmark = [
    pytest.mark.usefixtures("hub"),
    # huggingface_hub 2.4 hands the files to its HTTP client in a way that the latter deprecates.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

METRICS: dict[str, Any] = {
    "command": "python train.py --seed 7",
    "seed": 7,
    "hardware": "2 CPU cores",
    "versions": {"keras": "3.15.1", "jax": "0.10.2"},
    "config": {"epochs": 3, "drawn_digits": 500, "traced_digits": 700, "nondigits": 100, "drawn_share": 0.5},
    "dataset": {"source": "ylecun/mnist", "revision": "b" * 40, "train": 55000, "val": 5000, "test": 10000},
    "parameters": 12345,
    "train_seconds": 61.4,
    "best_epoch": 2,
    "val": {
        "accuracy": 0.9952,
        "loss": 0.0171,
        "errors": 24,
        "images": 5000,
        "calibration_error": 0.0012,
        "refused": 0.005,
    },
    "test": {
        "accuracy": 0.9961,
        "loss": 0.0123,
        "errors": 39,
        "images": 10000,
        "calibration_error": 0.0021,
        "refused": 0.0055,
        "confusion_matrix": np.eye(10, dtype=int).tolist(),
    },
    "drawn": {"accuracy": 0.99, "loss": 0.04, "errors": 40, "images": 4000, "calibration_error": 0.01, "refused": 0.02},
    "nondigits": {"refused": 0.87, "images": 2000},
    "digit_threshold": 0.64,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as train.py leaves it; its small network is untrained."""
    import keras

    folder = tmp_path_factory.mktemp("hub") / "trained"
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    keras.saving.save_model(model, folder, zipped=False)
    model.save(folder / "model.keras")
    (folder / "figures").mkdir()
    for name in ("confusion_matrix.png", "curves.png"):
        (folder / "figures" / name).write_bytes(b"\x89PNG " + name.encode())
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    (folder / "history.json").write_text("[]")
    (folder / "README.md").write_text(render_card(METRICS, ["confusion_matrix.png", "curves.png"]))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def commit_of(url: str) -> str:
    return url.rsplit("/", 1)[-1]


# Push


def test_a_push_is_one_commit_of_all_files_and_a_tag(hub: LoopbackHub, trained: Path) -> None:
    url = push_model(trained, "owner/digits", tag="v1")
    repo = hub.repo("owner/digits")
    assert repo.history() == [commit_of(url), repo.history()[-1]]
    assert repo.state["tags"] == {"v1": commit_of(url)}
    assert set(repo.files()) == {*contents(trained), ".gitattributes"}


def test_the_second_push_of_a_folder_makes_no_commit(hub: LoopbackHub, trained: Path) -> None:
    first = push_model(trained, "owner/digits", tag="v1")
    assert commit_of(push_model(trained, "owner/digits", tag="v1")) == commit_of(first)
    assert len(hub.repo("owner/digits").history()) == 2


def test_a_push_to_a_branch_leaves_main_alone(hub: LoopbackHub, trained: Path) -> None:
    url = push_model(trained, "owner/digits", revision="next", private=True)
    repo = hub.repo("owner/digits")
    assert repo.state["private"]
    assert repo.resolve("next") == commit_of(url)
    assert set(repo.files("main")) == {".gitattributes"}


def test_a_tag_of_another_commit_is_not_moved(hub: LoopbackHub, trained: Path) -> None:
    first = push_model(trained, "owner/digits", tag="v1")
    card = trained / "README.md"
    before = card.read_text()
    card.write_text(before + "\nMore.\n")
    try:
        with pytest.raises(HubError, match=r"the tag v1 marks commit .* already. Push a new tag"):
            push_model(trained, "owner/digits", tag="v1")
    finally:
        card.write_text(before)
    assert hub.repo("owner/digits").state["tags"] == {"v1": commit_of(first)}


def test_an_incomplete_folder_is_refused_before_the_hub_is_asked(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"no model folder: README.md, config.json.* missing. `python train.py"):
        push_model(tmp_path, "owner/digits")
    assert hub.requests == []


def test_a_private_push_to_a_public_repo_is_refused(hub: LoopbackHub, trained: Path) -> None:
    push_model(trained, "owner/digits")
    with pytest.raises(HubError, match="owner/digits exists already and is public"):
        push_model(trained, "owner/digits", private=True, tag="v1")
    assert hub.repo("owner/digits").state["tags"] == {}


@pytest.mark.parametrize("name", ["digits", "owner/digits/v1", "owner/", "owner/my digits"])
def test_a_name_that_the_hub_would_not_take_is_refused(hub: LoopbackHub, trained: Path, name: str) -> None:
    with pytest.raises(HubError, match=r"is no name of a repo on the Hub\. Write owner/name"):
        push_model(trained, name)
    assert hub.requests == []


def test_a_push_without_login_says_how_to_log_in(
    hub: LoopbackHub, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"Not logged in.*hf auth login"):
        push_model(trained, "owner/digits")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "repo_id", "sentence"),
    [
        (READER, "owner/digits", "The token has no right to owner/digits. Make one that may write"),
        (WRITER, "somebody-else/digits", "The token has no right to somebody-else/digits"),
        ("hf_stale", "owner/digits", "doesn't accept the token for owner/digits. Log in"),
    ],
)
def test_a_push_without_the_right_to_says_so(
    trained: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo_id: str, sentence: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=sentence):
        push_model(trained, repo_id)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "never answers": ({"delay": FOREVER}, "didn't answer within 0.5 s"),
    "500": ({"status": 500}, r"The Hub failed \(HTTP 500\). Try again later"),
    "503": ({"status": 503}, r"The Hub failed \(HTTP 503\)"),
    "429": ({"status": 429, "headers": {"Retry-After": "1"}}, "too many requests from here. Wait"),
    "401": ({"status": 401}, "doesn't accept the token"),
    "403": ({"status": 403}, "has no right to owner/digits"),
}
STEPS = ["repos/create", "preupload", "lfs/objects/batch", "PUT", "/commit/"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half a second of patience for each step, and no waiting between the client's own attempts."""
    monkeypatch.setattr(our_hub, "PUSH_TIMEOUT", 0.5)
    monkeypatch.setattr(time, "sleep", lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.01)))
    yield
    huggingface_hub.close_session()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_that_fails_changes_neither_repo_nor_folder_and_can_be_repeated(
    hub: LoopbackHub, trained: Path, fault: str, step: str
) -> None:
    what, sentence = FAULTS[fault]
    before = contents(trained)
    started = time.monotonic()
    with hub.fault(pattern=step, **what), pytest.raises(HubError, match=sentence):
        push_model(trained, "owner/digits")
    assert time.monotonic() - started < 6 * 0.5 + 1  # a step and the client's five repetitions of it
    assert contents(trained) == before
    if step != "repos/create":
        assert set(hub.repo("owner/digits").files()) == {".gitattributes"}
    push_model(trained, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == {*before, ".gitattributes"}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", ["preupload", "lfs/objects/batch", "PUT"])
@pytest.mark.parametrize("fault", ["never answers", "500", "503", "429"])
def test_a_push_outlasts_a_fault_that_passes(hub: LoopbackHub, trained: Path, fault: str, step: str) -> None:
    what, _ = FAULTS[fault]
    with hub.fault(pattern=step, times=1, **what):
        push_model(trained, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == {*contents(trained), ".gitattributes"}


@pytest.mark.usefixtures("impatient")
def test_a_push_to_a_hub_that_is_away_says_so(hub: LoopbackHub, trained: Path) -> None:
    with hub.down(), pytest.raises(HubError, match=r"can't be reached. Check the network"):
        push_model(trained, "owner/digits")


def test_a_push_to_a_hub_that_is_slow_arrives(hub: LoopbackHub, trained: Path) -> None:
    with hub.fault(delay=0.2):
        push_model(trained, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == {*contents(trained), ".gitattributes"}


@pytest.mark.usefixtures("impatient")
def test_no_error_shows_the_token(hub: LoopbackHub, trained: Path) -> None:
    for status in (400, 401, 402, 403, 404, 409, 500):
        with hub.fault(pattern="create|commit", status=status), pytest.raises(HubError) as caught:
            push_model(trained, "owner/digits")
        assert WRITER not in "".join(traceback.format_exception(caught.value))


# Pull


def test_a_pull_is_pinned_by_the_commit_it_was_given_or_found(trained: Path) -> None:
    commit = commit_of(push_model(trained, "owner/digits", tag="v1"))
    for revision in (None, "main", "v1", commit):
        folder = pull_model("owner/digits", revision)
        assert folder.name == commit
        for name in ("model.weights.h5", "metrics.json"):
            assert (folder / name).read_bytes() == (trained / name).read_bytes()


def test_a_commit_in_the_cache_needs_no_network(hub: LoopbackHub, trained: Path) -> None:
    folder = pull_model("owner/digits", commit := commit_of(push_model(trained, "owner/digits")))
    hub.requests.clear()
    assert pull_model("owner/digits", commit) == folder
    assert hub.requests == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"delay": FOREVER}, "didn't answer within 1 s"),
        ({"delay": 0.7}, "didn't answer within 1 s"),
        ({"delay": FOREVER, "pattern": "GET .*h5"}, "didn't answer within 1 s"),
        ({"status": 500}, r"The Hub failed \(HTTP 500\)"),
        ({"status": 503}, r"The Hub failed \(HTTP 503\)"),
        ({"status": 429, "headers": {"Retry-After": "2"}}, "too many requests from here"),
        ({"status": 401}, "doesn't accept the token"),
        ({"status": 403}, "has no right to owner/digits"),
        ({"corrupt": lambda content: content[: len(content) // 2]}, "came incomplete from the Hub"),
        ({"corrupt": lambda content: content[:-1] + bytes([content[-1] ^ 1])}, "damaged on its way from the Hub"),
    ],
    ids=["never answers", "slow", "stalls", "500", "503", "429", "401", "403", "truncated", "flipped bits"],
)
def test_a_pull_that_fails_says_why_in_time_and_can_be_repeated(
    hub: LoopbackHub, trained: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], sentence: str
) -> None:
    # A download that stalls keeps the client's lock on its file until the client itself starts it anew.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    push_model(trained, "owner/digits")
    started = time.monotonic()
    with hub.fault(**fault), pytest.raises(HubError, match=sentence):
        pull_model("owner/digits", deadline=1.0)
    assert time.monotonic() - started < 2.0
    assert (pull_model("owner/digits") / "metrics.json").read_bytes() == (trained / "metrics.json").read_bytes()


def test_a_pull_from_a_hub_that_is_away_says_so_at_once(hub: LoopbackHub) -> None:
    started = time.monotonic()
    with hub.down(), pytest.raises(HubError, match="can't be reached"):
        pull_model("owner/digits")
    assert time.monotonic() - started < 2.0


def test_a_pull_of_what_is_not_there_says_what_is_missing(trained: Path) -> None:
    push_model(trained, "owner/digits")
    huggingface_hub.create_repo("owner/empty")
    with pytest.raises(HubError, match=r"There is no owner/nothing on http.*, or it is private"):
        pull_model("owner/nothing")
    for revision in ("no-such-branch", "0" * 40):
        with pytest.raises(HubError, match="owner/digits has no such revision"):
            pull_model("owner/digits", revision)
    with pytest.raises(HubError, match=r"owner/empty is no model of this project: it lacks one of model.weights.h5"):
        pull_model("owner/empty")


def test_a_private_model_is_pulled_with_a_token_only(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_model(trained, "owner/digits", private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"There is no owner/digits on .*, or it is private"):
        pull_model("owner/digits")
    monkeypatch.setenv("HF_TOKEN", READER)
    assert pull_model("owner/digits").is_dir()


def test_the_cache_lists_intact_models_from_the_newest(trained: Path) -> None:
    push_model(trained, "owner/digits")
    push_model(trained, "owner/digits", revision="next")
    first = pull_model("owner/digits", "main")
    commit = huggingface_hub.create_commit(
        "owner/digits", [huggingface_hub.CommitOperationAdd("metrics.json", b"{}")], commit_message="Empty metrics"
    )
    second = pull_model("owner/digits", commit.oid)
    os.utime(first, (0, 0))
    assert cached_models("owner/digits") == [second, first]
    (second / "metrics.json").resolve().write_bytes(b"[]")
    assert cached_models("owner/digits") == [first]


# The card


def test_the_card_is_read_back_by_the_hubs_own_client(hub: LoopbackHub) -> None:
    card = ModelCard(render_card(METRICS, ["confusion_matrix.png"]))
    card.validate()
    assert "POST /api/validate-yaml" in hub.requests
    results = {result.metric_type: result.metric_value for result in card.data["eval_results"]}
    assert results == {"accuracy": METRICS["test"]["accuracy"], "loss": METRICS["test"]["loss"]}
    assert (card.data["license"], card.data["datasets"]) == ("mit", ["ylecun/mnist"])
    assert "![Confusion matrix](figures/confusion_matrix.png)" in card.text


def test_every_figure_of_the_card_is_from_the_metrics() -> None:
    card = render_card(METRICS)
    for shown in (
        "99.52%",
        "0.0171",
        "99.61%",
        "39 of 10,000",
        "0.0123",
        "0.21%",
        "87.0%",
        "64.0%",
        "55,000",
        "12,345",
        "seed 7",
        "b" * 40,
    ):
        assert shown in card
    changed = json.loads(json.dumps(METRICS))
    changed["test"] |= {"accuracy": 0.5, "loss": 0.25, "errors": 5000}
    assert "99.61%" not in render_card(changed)


def test_the_pushed_card_names_its_repo_and_its_plain_keras_lines_run(hub: LoopbackHub, trained: Path) -> None:
    """In a process of its own, without this package; and model.keras alone gives the same answers."""
    commit = commit_of(push_model(trained, "owner/digits"))
    card = Path(huggingface_hub.hf_hub_download("owner/digits", "README.md", revision=commit)).read_text()
    assert "owner/name" not in card
    lines = next(block for block in re.findall("```python\n(.*?)```", card, re.DOTALL) if "load_model" in block)
    check = f"""
from huggingface_hub import hf_hub_download
pictures = np.random.default_rng(7).integers(0, 256, (8, 28, 28, 1), "uint8")
zipped = keras.saving.load_model(hf_hub_download("owner/digits", "model.keras", revision="{commit}"))
np.testing.assert_array_equal(zipped.predict(pictures), model.predict(pictures))
assert probabilities.shape == (1, 10)
"""
    subprocess.run([sys.executable, "-c", lines + check], check=True, cwd=hub.root)


# The command line


def run_hub(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mnist_cnn.hub", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_pushes_and_prints_the_commit(hub: LoopbackHub, trained: Path) -> None:
    run = run_hub("push", str(trained), "owner/digits", "--private", "--tag", "v1", "--revision", "next")
    assert run.returncode == 0, run.stderr
    assert commit_of(run.stdout.strip()) == hub.repo("owner/digits").resolve("v1")
    assert WRITER not in run.stdout + run.stderr
    assert not [path for path in HOME.rglob("*") if path.is_file() and WRITER.encode() in path.read_bytes()]


def test_the_command_fails_with_a_sentence_and_without_a_trace(hub: LoopbackHub, trained: Path) -> None:
    with hub.fault(status=403):
        run = run_hub("push", str(trained), "owner/digits")
    assert run.returncode == 1
    assert run.stderr.startswith("error: The token has no right to owner/digits")
    assert len(run.stderr.splitlines()) == 1


# The data set


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
