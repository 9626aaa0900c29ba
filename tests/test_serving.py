"""Whatever the Hub does, a model that reads digits serves."""

import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import huggingface_hub
import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import Browser

from mnist_cnn import hub as our_hub
from mnist_cnn import serving
from mnist_cnn.hub import pull_model, push_model
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.serving import keep_current, load_classifier
from tests import HOME, ROOT
from tests.browsing import App, run_app
from tests.loopback_hub import FOREVER, LoopbackHub

pytestmark = [
    pytest.mark.usefixtures("hub", "classifier"),  # the latter, so that none of the times holds the first compilation
    # huggingface_hub 2.4 hands the files to its HTTP client in a way that the latter deprecates.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

REPO = "owner/digits"


def push(folder: Path = PRETRAINED) -> str:
    """Push a model folder; return the commit."""
    return push_model(folder, REPO).rsplit("/", 1)[-1]


def retrained(folder: Path) -> Path:
    """The bundled model with other metrics: another revision, as good."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"seed": metrics["seed"] + 1}))
    return folder


def with_weights(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """The bundled model with changed weights."""
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    with h5py.File(folder / "model.weights.h5", "a") as file:

        def visit(_: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                item[...] = change(item[...])

        file.visititems(visit)
    return folder


# What the Hub's client does when things go wrong is in test_hub.py: here is what serves then.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "never answers": ({"delay": FOREVER}, "didn't answer within 1 s"),
    "slow": ({"delay": 0.7}, "didn't answer within 1 s"),
    "stalls": ({"delay": FOREVER, "pattern": "GET .*h5"}, "didn't answer within 1 s"),
    "500": ({"status": 500}, r"The Hub failed \(HTTP 500\)"),
    "503": ({"status": 503}, r"The Hub failed \(HTTP 503\)"),
    "429": ({"status": 429, "headers": {"Retry-After": "2"}}, "too many requests from here"),
    "401": ({"status": 401}, "doesn't accept the token"),
    "403": ({"status": 403}, "has no right to owner/digits"),
    "no repo": ({"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, "There is no owner/digits"),
    "no revision": ({"status": 404, "headers": {"X-Error-Code": "RevisionNotFound"}}, "has no such revision"),
    "no file": ({"status": 404, "headers": {"X-Error-Code": "EntryNotFound"}}, "is no model of this project"),
    "truncated": ({"corrupt": lambda content: content[: len(content) // 2]}, "came incomplete from the Hub"),
    "flipped bits": ({"corrupt": lambda content: content[:-1] + bytes([content[-1] ^ 1])}, "damaged on its way"),
}


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(our_hub, "pull_model", partial(pull_model, deadline=1.0))
    # A download that stalls keeps the client's lock on its file until the client itself starts it anew.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)


@pytest.mark.usefixtures("short_deadline")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_good_model_serves_whatever_the_hub_does(hub: LoopbackHub, tmp_path: Path, fault: str) -> None:
    older = push()
    pull_model(REPO)
    push(with_weights(tmp_path / "newer", lambda weights: weights * 1.001))
    what, reason = FAULTS[fault]
    started = time.monotonic()
    with hub.fault(**what):
        classifier = load_classifier(REPO)
    assert time.monotonic() - started < 8.0
    assert (classifier.source, classifier.revision) == (REPO, older)
    assert re.search(f"{REPO} was asked for. .*{reason}", classifier.description)


def test_a_model_serves_when_the_hub_is_away(hub: LoopbackHub) -> None:
    commit = push()
    with hub.down():
        classifier = load_classifier(REPO)
    assert classifier.source == "bundled"
    assert "can't be reached" in classifier.description
    pull_model(REPO)
    with hub.down():
        pinned, branch = load_classifier(REPO, commit), load_classifier(REPO)
    assert (pinned.revision, pinned.fallback_reason) == (commit, None)
    assert branch.revision == commit
    assert "can't be reached" in branch.description


def test_a_model_serves_when_there_can_be_no_cache() -> None:
    push()
    cache = Path(huggingface_hub.constants.HF_HUB_CACHE)
    cache.parent.mkdir(exist_ok=True)
    cache.touch()
    classifier = load_classifier(REPO)
    assert classifier.source == "bundled"
    assert "Files can't be used here: " in classifier.description
    assert str(cache) not in classifier.description


def test_the_model_from_the_hub_serves_when_all_is_well() -> None:
    classifier = load_classifier(REPO, commit := push())
    assert (classifier.source, classifier.revision, classifier.fallback_reason) == (REPO, commit, None)
    assert classifier.description == f"owner/digits at revision {commit[:7]}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda weights: weights * np.nan, "not numbers or not finite"),
        (lambda weights: -weights, "of 10 known digits"),
        (lambda weights: np.frombuffer((weights.view("u4") ^ 1 << 30).tobytes(), "f4").reshape(weights.shape), "digit"),
    ],
    ids=["NaN", "negated", "flipped exponents"],
)
def test_weights_that_do_not_read_digits_never_serve(tmp_path: Path, change: Callable, reason: str) -> None:
    good = push()
    pull_model(REPO)
    bad = push(with_weights(tmp_path / "bad", change))
    for revision in (None, bad):  # the second time from the cache
        classifier = load_classifier(REPO, revision)
        assert classifier.revision == good
        assert classifier.fallback_reason is not None
        assert re.search(reason, classifier.fallback_reason)
    shutil.rmtree(pull_model(REPO, good))
    assert load_classifier(REPO).source == "bundled"


def test_a_weights_file_that_is_none_never_serves(tmp_path: Path) -> None:
    folder = retrained(tmp_path / "broken")
    for broken in (b"", b"no HDF5", (folder / "model.weights.h5").read_bytes()[:5000]):
        (folder / "model.weights.h5").write_bytes(broken)
        commit = push(folder)
        reason = load_classifier(REPO).fallback_reason or ""
        assert f"{REPO} at revision {commit[:7]} holds no weights" in reason
        assert str(HOME) not in reason
        assert "\n" not in reason


def test_metrics_that_are_none_never_serve(tmp_path: Path) -> None:
    folder = retrained(tmp_path / "broken")
    for broken in ("", "[]", '{"test": {}}', '{"test": {"accuracy": "<script>"}}'):
        (folder / "metrics.json").write_text(broken)
        push(folder)
        assert "its metrics.json can't be read" in load_classifier(REPO).description


@pytest.mark.parametrize("payload", ["lambda", "giant layer"])
def test_a_configuration_from_the_hub_never_runs(hub: LoopbackHub, tmp_path: Path, payload: str) -> None:
    """Whoever tampers with the architecture reaches those who load it with Keras, but not those who load it with us."""
    import keras

    marker = tmp_path / "it ran"
    inputs = keras.Input((28, 28, 1))
    if payload == "lambda":
        layer = keras.layers.Lambda(
            lambda images, marker=str(marker): (__import__("pathlib").Path(marker).touch(), images)[1]
        )
    else:
        layer = keras.layers.Dense(4)
    tampered = keras.Model(inputs, layer(inputs))
    marker.unlink(missing_ok=True)
    folder = retrained(tmp_path / "tampered")
    tampered.save(folder / "model.keras")
    with zipfile.ZipFile(folder / "model.keras") as archive:
        config = archive.read("config.json").replace(b'"units": 4', b'"units": 1000000000000')
    (folder / "config.json").write_bytes(config)
    commit = push(folder)
    assert load_classifier(REPO).revision == commit
    assert not marker.exists()
    assert not [line for line in hub.requests if re.match("GET .*(model.keras|/config.json)", line)]


def test_the_page_is_up_in_time_and_says_which_model_serves_and_why(
    hub: LoopbackHub, browser: Browser, tmp_path: Path
) -> None:
    """With a Hub that never answers, the worst that it does; beside a start in the same moment that asks no Hub."""
    reason = "owner/digits was asked for. The Hub at .* didn't answer within 5 s."
    started = time.monotonic()
    with hub.fault(delay=FOREVER), ExitStack() as stack, ThreadPoolExecutor() as threads:

        def start(repo: str) -> tuple[App, float]:
            (folder := tmp_path / f"app {repo.replace('/', ' ')}").mkdir()
            return stack.enter_context(run_app(folder, MODEL_REPO=repo)), time.monotonic() - started

        (_, without_hub), (app, seconds) = threads.map(start, ["", REPO])
        page = browser.new_page()
        page.goto(app.url)
        shown = page.locator("#serving").inner_text()
        page.close()
        told = Client(app.url, verbose=False).predict(api_name="/model")
        log = app.log
    assert seconds - without_hub < 8.0
    assert told["name"] == "bundled"
    for text in (log, shown, told["fallback_reason"]):
        assert re.search(reason, text)


# Taking up a new revision


@pytest.fixture
def kept_current(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    """`keep_current` with short intervals, until the end of the test."""
    monkeypatch.setattr(serving, "REFRESH_SECONDS", 0.1)
    stops = []
    yield lambda *arguments: stops.append(keep_current(*arguments))
    for stop in stops:
        stop.set()


def eventually(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_new_revision_is_taken_up_while_serving_and_a_bad_one_is_not(
    tmp_path: Path, kept_current: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    push()
    classifier = load_classifier(REPO)
    kept_current(classifier, REPO)
    newer = push(retrained(tmp_path / "newer"))
    eventually(lambda: classifier.revision == newer)
    assert classifier.metrics == json.loads((tmp_path / "newer" / "metrics.json").read_text())
    push(with_weights(tmp_path / "bad", lambda weights: -weights))
    eventually(lambda: "Not taken up" in caplog.text)
    assert classifier.revision == newer
    last = push(with_weights(tmp_path / "last", lambda weights: weights * 1.001))
    eventually(lambda: classifier.revision == last)


@pytest.mark.usefixtures("short_deadline")
def test_the_model_that_was_asked_for_is_taken_up_once_the_hub_is_back(
    hub: LoopbackHub, kept_current: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    commit = push()
    with hub.fault(status=503):
        classifier = load_classifier(REPO, commit)
        assert classifier.source == "bundled"
        kept_current(classifier, REPO, commit)
        eventually(lambda: "No look at new revisions: The Hub failed" in caplog.text)
    eventually(lambda: (classifier.revision, classifier.fallback_reason) == (commit, None))
    assert caplog.text.count("No look at new revisions") == 1


def test_serving_starts_without_keras() -> None:
    code = "import sys, app, mnist_cnn.ui; print([name for name in ('keras', 'datasets') if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
