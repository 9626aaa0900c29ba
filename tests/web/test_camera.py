"""The Camera tab in a real browser, with a film in place of a camera, and the vote of its frames."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mnist_cnn.web.camera import Vote, take_recent
from tests.support.browsing import App, label, launch, verdict, wait_for_pad
from tests.support.files import picture_of_7


def film(picture: Image.Image) -> bytes:
    """Return a film in which nothing moves, as a YUV4MPEG2 file."""
    planes = picture.convert("YCbCr").split()
    quarters = [plane.resize((picture.width // 2, picture.height // 2)) for plane in planes[1:]]
    head = f"YUV4MPEG2 W{picture.width} H{picture.height} F10:1 Ip A1:1 C420jpeg\nFRAME\n"
    return head.encode() + b"".join(plane.tobytes() for plane in (planes[0], *quarters))


# Where the film and the frame on it are, at one moment: each answer draws the frame anew.
PLACES = """["video", "rect.edge"].map(
    (part) => document.querySelector(`#camera ${part}`).getBoundingClientRect().toJSON()
)"""


@pytest.fixture
def filmed(browser: Browser, app: App, tmp_path: Path) -> Iterator[Page]:
    """The page before a camera that sees a 7."""
    scene = Image.new("RGB", (640, 480), "white")
    scene.paste(picture_of_7(), (170, 40))
    (tmp_path / "seven.y4m").write_bytes(film(scene))
    own = launch(browser.browser_type, f"--use-file-for-fake-video-capture={tmp_path / 'seven.y4m'}")
    page = own.new_page(permissions=["camera"], viewport={"width": 1100, "height": 900})
    page.goto(app.url)
    wait_for_pad(page)
    yield page
    own.close()


def start(page: Page) -> None:
    page.get_by_role("tab", name="Camera").click()
    page.get_by_role("button", name="Start the camera").click()


def test_film_is_read_framed_and_photographed(filmed: Page, app: App) -> None:
    before = app.read_log().count('"source": "camera"')
    filmed.get_by_role("tab", name="Camera").click()
    expect(verdict(filmed)).to_have_text("Hold a digit or a number before the camera")
    assert app.read_log().count('"source": "camera"') == before  # it isn't opened unasked
    start(filmed)
    expect(label(filmed)).to_have_text("7", timeout=20_000)
    expect(filmed.locator("#camera svg text")).to_have_text("7")
    view, frame = filmed.evaluate(PLACES)
    scale = min(view["width"] / 640, view["height"] / 480)
    assert frame["x"] - view["x"] == pytest.approx((view["width"] - 640 * scale) / 2 + 242 * scale, abs=10)
    assert frame["height"] == pytest.approx((293 + 16) * scale, abs=12)

    filmed.get_by_role("button", name="Take a photo").click()
    expect(filmed.get_by_role("tab", name="Picture")).to_have_attribute("aria-selected", "true")
    expect(filmed.get_by_role("img", name="The picture, with a frame around the part")).to_be_visible(timeout=20_000)
    expect(label(filmed)).to_have_text("7")
    before = app.read_log().count('"source": "camera"')
    filmed.wait_for_timeout(700)
    assert app.read_log().count('"source": "camera"') <= before + 1  # the film is hidden
    filmed.get_by_role("tab", name="Camera").click()
    expect(filmed.get_by_role("button", name="Start the camera")).to_be_visible()


def test_no_frame_is_sent_while_the_browser_shows_another_tab(filmed: Page, app: App) -> None:
    start(filmed)
    expect(label(filmed)).to_have_text("7", timeout=20_000)
    filmed.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
            window.away = true;
        }"""
    )
    filmed.wait_for_timeout(500)
    before = app.read_log().count('"source": "camera"')
    filmed.wait_for_timeout(700)
    assert app.read_log().count('"source": "camera"') == before
    filmed.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    filmed.wait_for_timeout(700)
    assert app.read_log().count('"source": "camera"') > before


@pytest.mark.parametrize(
    ("error", "sentence"),
    [("NotAllowedError", "may not be used: allow it"), ("NotFoundError", "There is no camera: connect one")],
)
def test_why_there_is_no_film_is_said(open_page: Callable[..., Page], error: str, sentence: str) -> None:
    page = open_page()
    page.evaluate(
        f"() => {{ navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}')); }}"
    )
    start(page)
    expect(verdict(page)).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()


@pytest.mark.parametrize(
    ("frames", "winner"),
    [
        ([], ""),
        (["7", "7"], ""),
        (["7", "7", "7"], "7"),
        (["7", "7", "7", "1", ""], "7"),
        (["7", "1", "7", "1", "42"], ""),
        (["7", "7", "7", "42", "42", "42"], "42"),
        (["7", "", "", "", "7"], ""),
    ],
)
def test_most_of_the_last_frames_decide(frames: list[str], winner: str) -> None:
    vote = Vote()
    for text in frames:
        vote.add(text)
    assert vote.winner == Vote(frames).winner == winner


@pytest.mark.parametrize("recent", [None, 7, "77777", {}, [7, None, ["7"]], ["7" * 1000]])
def test_what_no_camera_sends_has_no_vote(recent: Any) -> None:
    assert take_recent(recent) == []
