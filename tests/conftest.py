"""Fixtures that several test modules share: data, the bundled model, the app as a process, a browser, and a Hub."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from mnist_cnn.inference import Classifier
from mnist_cnn.training import draw_digits
from tests import HOME, HUB_PORT
from tests.support.browsing import App, launch, run_app, wait_for_pad
from tests.support.data_sets import write_data_set
from tests.support.loopback_hub import WRITER, LoopbackHub

WINDOW: ViewportSize = {"width": 1100, "height": 900}


# Files that take minutes. They are run first, so that no worker is left alone with one at the end.
LONG = {"test_train.py", "test_feedback.py", "test_pad.py", "test_theme.py", "test_upload.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server, a browser or a Hub; those that start a training run mark themselves."""
    items.sort(key=lambda item: item.path.name not in LONG)
    for item in items:
        if {"app", "browser", "hosts", "hub_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set like MNIST, of digits drawn by program: 360 to train on and 50 to test."""
    folder = tmp_path_factory.mktemp("data")
    return write_data_set(folder, train=draw_digits(360, seed=1), test=draw_digits(50, seed=2))


@pytest.fixture(scope="session")
def corrections_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 20 corrections by visitors, drawn as well."""
    return write_data_set(tmp_path_factory.mktemp("extra"), train=draw_digits(20, seed=3))


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The bundled model."""
    return Classifier.from_pretrained()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """app.py with the bundled model."""
    with run_app(tmp_path_factory.mktemp("app")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium if there is one, else the one that Playwright installs."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Callable[..., BrowserContext]:
    """Contexts of the browser with the given options: those with the same options are one, and share what is cached."""
    made: dict[str, BrowserContext] = {}

    def get(**options: Any) -> BrowserContext:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = browser.new_context(**options)
        return made[key]

    return get


@pytest.fixture
def open_page(contexts: Callable[..., BrowserContext], app: App) -> Iterator[Callable[..., Page]]:
    """Open the app in a window of its own, with the given options of `Browser.new_context`; no script may fail."""
    pages: list[Page] = []
    errors: list[str] = []

    def open_page(*, viewport: ViewportSize = WINDOW, **options: Any) -> Page:
        page = contexts(**options).new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size(viewport)
        page.goto(app.url)
        wait_for_pad(page)
        return page

    yield open_page
    for page in pages:
        page.context.set_offline(False)
        page.close()
    assert not errors


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The app in a window of 1100x900 pixels."""
    return open_page()


@pytest.fixture(scope="session")
def hub_server() -> Iterator[LoopbackHub]:
    """The server of the Hub on loopback; tests take `hub` instead."""
    hub = LoopbackHub(HOME / "hub", HUB_PORT)
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hub(hub_server: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:
    """An empty Hub, an empty cache, and the token of "owner", who may write."""
    hub_server.reset()
    shutil.rmtree(HOME / "huggingface", ignore_errors=True)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    return hub_server
