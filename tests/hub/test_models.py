import os
import re
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from mnist_cnn.errors import HubError
from mnist_cnn.hub import cached_models, network_limits, pull_model, push_model
from mnist_cnn.hub.models import find_commit
from mnist_cnn.inference import PRETRAINED
from tests.support.loopback_hub import FOREVER, READER, WRITER, LoopbackHub, commit_of

pytestmark = pytest.mark.usefixtures("hub")

PATIENCE = 0.25  # seconds, in place of PUSH_TIMEOUT; a step that the Hub answers takes a few milliseconds


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pushed_files(folder: Path) -> set[str]:
    """The names of the files that a repo holds once this folder has been pushed to it."""
    return {*contents(folder), "model.keras", ".gitattributes"}


# Push


def test_a_push_is_one_commit_of_all_files_and_a_tag(hub: LoopbackHub, model_folder: Path) -> None:
    url = push_model(model_folder, "owner/digits", tag="v1")
    repo = hub.repo("owner/digits")
    assert repo.history() == [commit_of(url), repo.history()[-1]]
    assert repo.state["tags"] == {"v1": commit_of(url)}
    assert set(repo.files()) == pushed_files(model_folder)


def test_the_second_push_of_a_folder_makes_no_commit(
    hub: LoopbackHub, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = push_model(model_folder, "owner/digits", tag="v1")
    for path in model_folder.iterdir():
        path.touch()
    with monkeypatch.context() as tomorrow:
        now = time.time()
        tomorrow.setattr(time, "time", lambda: now + 24 * 3600)
        second = push_model(model_folder, "owner/digits", tag="v1")
    assert commit_of(second) == commit_of(first)
    assert len(hub.repo("owner/digits").history()) == 2


def test_a_push_to_a_branch_leaves_main_alone(hub: LoopbackHub, model_folder: Path) -> None:
    url = push_model(model_folder, "owner/digits", revision="next", private=True)
    repo = hub.repo("owner/digits")
    assert repo.state["private"]
    assert repo.resolve("next") == commit_of(url)
    assert set(repo.files("main")) == {".gitattributes"}


def test_the_archive_for_keras_is_made_of_the_folders_parts(model_folder: Path) -> None:
    """Even if the folder holds a model.keras of its own, which may be of another training run."""
    (model_folder / "model.keras").write_bytes(b"an old model")
    push_model(model_folder, "owner/digits")
    with zipfile.ZipFile(huggingface_hub.hf_hub_download("owner/digits", "model.keras")) as archive:
        assert {part.compress_type for part in archive.infolist()} == {zipfile.ZIP_STORED}
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert parts == {
        name: (model_folder / name).read_bytes() for name in ("metadata.json", "config.json", "model.weights.h5")
    }


def test_a_tag_of_another_commit_is_not_moved(hub: LoopbackHub, model_folder: Path) -> None:
    first = push_model(model_folder, "owner/digits", tag="v1")
    with (model_folder / "README.md").open("a") as card:
        card.write("\nMore.\n")
    with pytest.raises(HubError, match=r"the tag v1 marks commit .* already. Push a new tag"):
        push_model(model_folder, "owner/digits", tag="v1")
    assert hub.repo("owner/digits").state["tags"] == {"v1": commit_of(first)}


def test_an_incomplete_folder_is_refused_before_the_hub_is_asked(hub: LoopbackHub, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"no model folder: README.md, config.json.* missing. `python train.py"):
        push_model(tmp_path, "owner/digits")
    assert hub.requests == []


def test_a_private_push_to_a_public_repo_is_refused(hub: LoopbackHub, model_folder: Path) -> None:
    push_model(model_folder, "owner/digits")
    with pytest.raises(HubError, match="owner/digits exists already and is public"):
        push_model(model_folder, "owner/digits", private=True, tag="v1")
    assert hub.repo("owner/digits").state["tags"] == {}


@pytest.mark.parametrize("name", ["digits", "owner/digits/v1", "owner/", "owner/my digits"])
def test_a_name_that_the_hub_would_not_take_is_refused(hub: LoopbackHub, model_folder: Path, name: str) -> None:
    with pytest.raises(HubError, match=r"is no name of a repo on the Hub\. Write owner/name"):
        push_model(model_folder, name)
    assert hub.requests == []


def test_a_push_without_login_says_how_to_log_in(
    hub: LoopbackHub, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"Not logged in.*hf auth login"):
        push_model(model_folder, "owner/digits")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "repo_id", "sentence"),
    [
        (READER, "owner/digits", "The token has no right to owner/digits. Create one with write access"),
        (WRITER, "somebody-else/digits", "The token has no right to somebody-else/digits"),
        ("hf_stale", "owner/digits", "doesn't accept the token for owner/digits. Log in"),
    ],
)
def test_a_push_without_write_access_says_so(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo_id: str, sentence: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=sentence):
        push_model(model_folder, repo_id)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "never answers": ({"delay": FOREVER}, f"didn't answer within {PATIENCE} s"),
    "500": ({"status": 500}, r"The Hub failed \(HTTP 500\). Try again later"),
    "503": ({"status": 503}, r"The Hub failed \(HTTP 503\)"),
    "429": ({"status": 429, "headers": {"Retry-After": "1"}}, "too many requests from here. Wait"),
    "401": ({"status": 401}, "doesn't accept the token"),
    "403": ({"status": 403}, "has no right to owner/digits"),
}
STEPS = ["repos/create", "preupload", "lfs/objects/batch", "PUT", "/commit/"]


@contextmanager
def impatient() -> Iterator[None]:
    """Time out after `PATIENCE` at each step, and don't pause between the client's own retries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_limits, "PUSH_TIMEOUT", PATIENCE)
        patch.setattr(time, "sleep", lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.01)))
        yield
    huggingface_hub.close_session()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_that_fails_changes_neither_repo_nor_folder_and_can_be_repeated(
    hub: LoopbackHub, model_folder: Path, fault: str, step: str
) -> None:
    what, sentence = FAULTS[fault]
    before = contents(model_folder)
    started = time.monotonic()
    with impatient(), hub.fault(pattern=step, **what), pytest.raises(HubError, match=sentence):
        push_model(model_folder, "owner/digits")
    assert time.monotonic() - started < 6 * PATIENCE + 1  # a step and the client's five retries of it
    assert contents(model_folder) == before
    if step != "repos/create":
        assert set(hub.repo("owner/digits").files()) == {".gitattributes"}
    push_model(model_folder, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == pushed_files(model_folder)


@pytest.mark.parametrize("step", ["preupload", "lfs/objects/batch", "PUT"])
@pytest.mark.parametrize("fault", ["never answers", "500", "503", "429"])
def test_a_push_outlasts_a_fault_that_passes(hub: LoopbackHub, model_folder: Path, fault: str, step: str) -> None:
    what, _ = FAULTS[fault]
    with impatient(), hub.fault(pattern=step, times=1, **what):
        push_model(model_folder, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == pushed_files(model_folder)


def test_a_push_to_a_hub_that_is_away_says_so(hub: LoopbackHub, model_folder: Path) -> None:
    with impatient(), hub.down(), pytest.raises(HubError, match=r"can't be reached. Check the network"):
        push_model(model_folder, "owner/digits")


def test_a_push_to_a_hub_that_is_slow_arrives(hub: LoopbackHub, model_folder: Path) -> None:
    with hub.fault(delay=0.2):
        push_model(model_folder, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == pushed_files(model_folder)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 500])
def test_no_error_shows_the_token(hub: LoopbackHub, model_folder: Path, status: int) -> None:
    with impatient(), hub.fault(pattern="create|commit", status=status), pytest.raises(HubError) as caught:
        push_model(model_folder, "owner/digits")
    assert WRITER not in "".join(traceback.format_exception(caught.value))


# Pull


def test_a_pull_is_pinned_by_the_commit_it_was_given_or_found(model_folder: Path) -> None:
    commit = commit_of(push_model(model_folder, "owner/digits", tag="v1"))
    for revision in (None, "main", "v1", commit):
        folder = pull_model("owner/digits", revision)
        assert folder.name == commit
        for name in ("model.weights.h5", "metrics.json"):
            assert (folder / name).read_bytes() == (model_folder / name).read_bytes()


def test_a_commit_in_the_cache_needs_no_network(hub: LoopbackHub, model_folder: Path) -> None:
    folder = pull_model("owner/digits", commit := commit_of(push_model(model_folder, "owner/digits")))
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
    hub: LoopbackHub, model_folder: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], sentence: str
) -> None:
    # A download that stalls holds the client's lock on its file until the client itself times out and retries.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    push_model(model_folder, "owner/digits")
    started = time.monotonic()
    with hub.fault(**fault), pytest.raises(HubError, match=sentence):
        pull_model("owner/digits", deadline=1.0)
    assert time.monotonic() - started < 2.0
    assert (pull_model("owner/digits") / "metrics.json").read_bytes() == (model_folder / "metrics.json").read_bytes()


def test_a_pull_from_a_hub_that_is_away_says_so_at_once(hub: LoopbackHub) -> None:
    started = time.monotonic()
    with hub.down(), pytest.raises(HubError, match="can't be reached"):
        pull_model("owner/digits")
    assert time.monotonic() - started < 2.0


def test_a_pull_of_a_repo_that_is_not_there_says_so() -> None:
    with pytest.raises(HubError, match=r"There is no owner/nothing on http.*, or it is private"):
        pull_model("owner/nothing")


@pytest.mark.parametrize("revision", ["no-such-branch", "0" * 40])
def test_a_pull_of_a_revision_that_is_not_there_says_so(model_folder: Path, revision: str) -> None:
    push_model(model_folder, "owner/digits")
    with pytest.raises(HubError, match="owner/digits has no such revision"):
        pull_model("owner/digits", revision)


@pytest.mark.parametrize("files", [{}, {"model.weights.h5": b"weights"}, {"metrics.json": b"{}"}], ids=list)
def test_a_pull_from_a_repo_that_holds_no_model_says_what_it_lacks(files: dict[str, bytes]) -> None:
    huggingface_hub.create_repo("owner/empty")
    for name, content in files.items():
        huggingface_hub.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id="owner/empty")
    with pytest.raises(HubError, match=r"owner/empty is no model of this project: it lacks one of model.weights.h5"):
        pull_model("owner/empty")


def test_a_private_model_is_pulled_with_a_token_only(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_model(model_folder, "owner/digits", private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"There is no owner/digits on .*, or it is private"):
        pull_model("owner/digits")
    monkeypatch.setenv("HF_TOKEN", READER)
    assert pull_model("owner/digits").is_dir()


def test_the_cache_lists_intact_models_from_the_newest(model_folder: Path) -> None:
    push_model(model_folder, "owner/digits")
    push_model(model_folder, "owner/digits", revision="next")
    first = pull_model("owner/digits", "main")
    commit = huggingface_hub.create_commit(
        "owner/digits", [huggingface_hub.CommitOperationAdd("metrics.json", b"{}")], commit_message="Empty metrics"
    )
    second = pull_model("owner/digits", commit.oid)
    os.utime(first, (0, 0))
    assert cached_models("owner/digits") == [second, first]
    (second / "metrics.json").resolve().write_bytes(b"[]")
    assert cached_models("owner/digits") == [first]


def test_a_revision_is_resolved_to_its_commit(model_folder: Path) -> None:
    first = commit_of(push_model(model_folder, "owner/digits", tag="v1"))
    (model_folder / "history.json").write_text("[]")
    second = commit_of(push_model(model_folder, "owner/digits"))
    assert [find_commit("owner/digits", revision, 5.0) for revision in ("v1", first, "main", None)] == [
        first,
        first,
        second,
        second,
    ]


def test_a_revision_is_not_resolved_for_longer_than_its_timeout(hub: LoopbackHub, model_folder: Path) -> None:
    push_model(model_folder, "owner/digits")
    started = time.monotonic()
    with hub.fault(delay=FOREVER), pytest.raises(HubError, match=r"didn't answer within 0\.2 s"):
        find_commit("owner/digits", "main", 0.2)
    assert time.monotonic() - started < 1.2


# What others do with a pushed model

# Runs after the lines of the card, in a process that doesn't import this package.
COMPARE_WITH_ARCHIVE = """
from huggingface_hub import hf_hub_download
pictures = np.random.default_rng(7).integers(0, 256, (8, 28, 28, 1), "uint8")
zipped = keras.saving.load_model(hf_hub_download("owner/digits", "model.keras", revision="{commit}"))
np.testing.assert_array_equal(zipped.predict(pictures), model.predict(pictures))
assert probabilities.shape == (1, 10)
assert not [name for name in sys.modules if name.startswith("mnist_cnn")]
"""


def test_the_pushed_card_names_its_repo_and_its_plain_keras_lines_run(hub: LoopbackHub) -> None:
    """They load the repo's snapshot; its model.keras gives the same probabilities."""
    commit = commit_of(push_model(PRETRAINED, "owner/digits"))
    card = Path(huggingface_hub.hf_hub_download("owner/digits", "README.md", revision=commit)).read_text()
    assert "owner/name" not in card
    lines = next(block for block in re.findall("```python\n(.*?)```", card, re.DOTALL) if "load_model" in block)
    code = "import sys\n" + lines + COMPARE_WITH_ARCHIVE.format(commit=commit)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=hub.root)


def test_the_bundled_model_is_kept_without_the_archive_and_pushed_with_it(hub: LoopbackHub) -> None:
    assert "model.keras" not in contents(PRETRAINED)
    push_model(PRETRAINED, "owner/digits")
    assert set(hub.repo("owner/digits").files()) == pushed_files(PRETRAINED)


def test_a_snapshot_of_a_model_repo_can_be_pushed_again(hub: LoopbackHub, model_folder: Path, tmp_path: Path) -> None:
    push_model(model_folder, "owner/digits")
    snapshot = huggingface_hub.snapshot_download("owner/digits", local_dir=tmp_path / "snapshot")
    push_model(snapshot, "owner/copy")
    original, copy = (hub.repo(repo_id).files() for repo_id in ("owner/digits", "owner/copy"))
    assert {name: file["oid"] for name, file in copy.items() if name != "README.md"} == {
        name: file["oid"] for name, file in original.items() if name != "README.md"
    }
