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

import huggingface_hub
import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import Browser, expect

from mnist_cnn import hub as our_hub
from mnist_cnn.errors import ModelError
from mnist_cnn.hub import pull_model, push_model
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.web import model_source
from mnist_cnn.web.model_source import ModelHolder, ServedModel
from tests import HOME, ROOT
from tests.support.browsing import App, run_app
from tests.support.loopback_hub import FOREVER, LoopbackHub
from tests.support.models import retrained, with_weights

pytestmark = pytest.mark.usefixtures("hub", "classifier")  # the latter, so that no time includes the first compilation

REPO = "owner/digits"


def load(source: str, revision: str | None = None) -> ServedModel:
    return ModelHolder.load(source, revision).served


def push(folder: Path = PRETRAINED) -> str:
    """Push a model folder, and return the commit."""
    return push_model(folder, REPO).rsplit("/", 1)[-1]


# tests/hub tests what the Hub's client does when things go wrong; here we test what serves then.
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
        served = load(REPO)
    assert time.monotonic() - started < 8.0
    assert (served.classifier.source, served.classifier.revision) == (REPO, older)
    assert re.search(f"{REPO} was asked for. .*{reason}", served.description)


def test_a_model_serves_when_the_hub_is_away(hub: LoopbackHub) -> None:
    commit = push()
    with hub.down():
        served = load(REPO)
    assert served.classifier.source == "bundled"
    assert "can't be reached" in served.description
    pull_model(REPO)
    with hub.down():
        pinned, branch = load(REPO, commit), load(REPO)
    assert (pinned.classifier.revision, pinned.fallback_reason) == (commit, None)
    assert branch.classifier.revision == commit
    assert "can't be reached" in branch.description


def test_a_model_serves_when_there_can_be_no_cache() -> None:
    push()
    cache = Path(huggingface_hub.constants.HF_HUB_CACHE)
    cache.parent.mkdir(exist_ok=True)
    cache.touch()
    served = load(REPO)
    assert served.classifier.source == "bundled"
    assert "Files can't be used here: " in served.description
    assert str(cache) not in served.description


def test_the_model_from_the_hub_serves_when_all_is_well() -> None:
    served = load(REPO, commit := push())
    assert (served.classifier.source, served.classifier.revision, served.fallback_reason) == (REPO, commit, None)
    assert served.description == f"owner/digits at revision {commit[:7]}"


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
        served = load(REPO, revision)
        assert served.classifier.revision == good
        assert served.fallback_reason is not None
        assert re.search(reason, served.fallback_reason)
    shutil.rmtree(pull_model(REPO, good))
    assert load(REPO).classifier.source == "bundled"


def test_a_weights_file_that_is_none_never_serves(tmp_path: Path) -> None:
    folder = retrained(tmp_path / "broken")
    for broken in (b"", b"no HDF5", (folder / "model.weights.h5").read_bytes()[:5000]):
        (folder / "model.weights.h5").write_bytes(broken)
        commit = push(folder)
        reason = load(REPO).fallback_reason or ""
        assert f"{REPO} at revision {commit[:7]} holds no weights" in reason
        assert str(HOME) not in reason
        assert "\n" not in reason


def test_metrics_that_are_none_never_serve(tmp_path: Path) -> None:
    folder = retrained(tmp_path / "broken")
    for broken in ("", "[]", '{"test": {}}', '{"test": {"accuracy": "<script>"}}'):
        (folder / "metrics.json").write_text(broken)
        push(folder)
        assert "its metrics.json can't be read" in load(REPO).description


@pytest.mark.parametrize("payload", ["lambda", "giant layer"])
def test_a_configuration_from_the_hub_never_runs(hub: LoopbackHub, tmp_path: Path, payload: str) -> None:
    """A tampered architecture can harm whoever loads it with Keras, but nobody who loads it with this package."""
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
    assert load(REPO).classifier.revision == commit
    assert not marker.exists()
    assert not [line for line in hub.requests if re.match("GET .*(model.keras|/config.json)", line)]


def test_the_page_is_up_in_time_and_says_which_model_serves_and_why(
    hub: LoopbackHub, browser: Browser, tmp_path: Path
) -> None:
    """The worst that the Hub can do is never to answer. Compare with a start at the same time that needs no Hub."""
    reason = "owner/digits was asked for. The Hub at .* didn't answer within 5 s."
    started = time.monotonic()
    with hub.fault(delay=FOREVER), ExitStack() as stack, ThreadPoolExecutor() as threads:

        def start(repo: str) -> tuple[App, float]:
            (folder := tmp_path / f"app {repo.replace('/', ' ')}").mkdir()
            return stack.enter_context(run_app(folder, MODEL_REPO=repo)), time.monotonic() - started

        (_, without_hub), (app, seconds) = threads.map(start, ["", REPO])
        page = browser.new_page()
        page.goto(app.url)
        expect(page.locator("#serving")).to_have_text(re.compile(reason))
        page.close()
        told = Client(app.url, verbose=False).predict(api_name="/model")
        log = app.log
    assert seconds - without_hub < 8.0
    assert told["name"] == "bundled"
    for text in (log, told["fallback_reason"]):
        assert re.search(reason, text)


# Taking up a new revision


@pytest.fixture
def keep_current(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ModelHolder], None]]:
    """`ModelHolder.keep_current` with short intervals, until the end of the test."""
    monkeypatch.setattr(model_source, "REFRESH_SECONDS", 0.1)
    stops = []
    yield lambda models: stops.append(models.keep_current())
    for stop in stops:
        stop.set()


def eventually(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_new_revision_is_taken_up_while_serving_and_a_bad_one_is_not(
    tmp_path: Path, keep_current: Callable[[ModelHolder], None], caplog: pytest.LogCaptureFixture
) -> None:
    push()
    models = ModelHolder.load(REPO)
    first = models.served
    keep_current(models)
    newer = push(retrained(tmp_path / "newer"))
    eventually(lambda: models.served.classifier.revision == newer)
    assert models.served.classifier.metrics == json.loads((tmp_path / "newer" / "metrics.json").read_text())
    assert first.classifier.revision != newer  # whoever began with the former model ends with it
    push(with_weights(tmp_path / "bad", lambda weights: -weights))
    eventually(lambda: "Not taken up" in caplog.text)
    assert models.served.classifier.revision == newer
    last = push(with_weights(tmp_path / "last", lambda weights: weights * 1.001))
    eventually(lambda: models.served.classifier.revision == last)


@pytest.mark.usefixtures("short_deadline")
def test_the_model_that_was_asked_for_is_taken_up_once_the_hub_is_back(
    hub: LoopbackHub, keep_current: Callable[[ModelHolder], None], caplog: pytest.LogCaptureFixture
) -> None:
    commit = push()
    with hub.fault(status=503):
        models = ModelHolder.load(REPO, commit)
        assert models.served.classifier.source == "bundled"
        keep_current(models)
        eventually(lambda: "Can't check for new revisions: The Hub failed" in caplog.text)
    eventually(lambda: (models.served.classifier.revision, models.served.fallback_reason) == (commit, None))
    assert caplog.text.count("Can't check for new revisions") == 1


def test_the_model_in_the_cache_needs_no_second_loading_once_the_hub_is_back(
    hub: LoopbackHub, keep_current: Callable[[ModelHolder], None]
) -> None:
    pull_model(REPO, push())
    with hub.down():
        models = ModelHolder.load(REPO)
    fallback = models.served
    assert fallback.fallback_reason is not None
    keep_current(models)
    eventually(lambda: models.served.fallback_reason is None)
    assert models.served.classifier is fallback.classifier


@pytest.mark.parametrize("name", ["/nowhere/model", "./model", "../model", "models/mine/last", "~/model"])
def test_a_path_at_which_there_is_no_folder_is_an_error_and_not_a_repo(hub: LoopbackHub, name: str) -> None:
    with pytest.raises(ModelError, match=f"There is no folder {name}: check the path, or name a repo on the Hub as"):
        ModelHolder.load(name)
    assert hub.requests == []


def test_a_name_that_the_hub_does_not_know_falls_back_to_the_bundled_model() -> None:
    served = load("owner/typo")
    assert served.classifier.source == "bundled"
    assert served.description.startswith("bundled. owner/typo was asked for. There is no owner/typo on http")


def test_serving_starts_without_keras() -> None:
    code = "import sys, app, mnist_cnn.web.page; print([name for name in ('keras', 'datasets') if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
