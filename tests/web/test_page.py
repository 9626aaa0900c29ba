"""The page in a real browser: the Sketchpad, and what the tabs share."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from tests.support.browsing import App, draw, label, verdict, wait_for_pad
from tests.support.strokes import DIGITS


def sketchpad(page: Page) -> Locator:
    page.get_by_role("tab", name="Sketchpad").click()
    canvas = page.locator("#sketchpad canvas").first
    expect(page.locator("#sketchpad [aria-label='Brush'].highlight")).to_be_visible(timeout=20_000)
    return canvas


@pytest.fixture
def picture_of_7(tmp_path: Path) -> Path:
    picture = Image.new("L", (300, 400), "white")
    ImageDraw.Draw(picture).line([(x * 300, y * 400) for x, y in DIGITS["7"][0]], fill="black", width=24, joint="curve")
    path = tmp_path / "seven.png"
    picture.save(path)
    return path


@pytest.mark.parametrize("digit", ["2", "7"])
def test_digit_drawn_on_the_sketchpad_is_read(page: Page, digit: str) -> None:
    draw(page, sketchpad(page), DIGITS[digit])
    expect(label(page)).to_have_text(digit, timeout=20_000)
    expect(page.locator(".confidence-set")).to_have_count(10)
    expect(page.get_by_alt_text("The 28 by 28 pixels that the model sees")).to_be_visible()


def test_sketchpad_draws_again_after_clear(page: Page) -> None:
    canvas = sketchpad(page)
    draw(page, canvas, DIGITS["7"])
    expect(label(page)).to_have_text("7", timeout=20_000)
    page.get_by_label("Clear canvas").click()
    expect(verdict(page)).to_have_text("Draw a digit or a number", timeout=20_000)
    expect(label(page)).to_have_count(0)
    draw(page, sketchpad(page), DIGITS["1"])
    expect(label(page)).to_have_text("1", timeout=20_000)


def test_empty_canvas_asks_for_a_digit(page: Page) -> None:
    sketchpad(page)
    expect(verdict(page)).to_have_text("Draw a digit or a number")
    expect(label(page)).to_have_count(0)


def test_stroke_undone_leaves_no_answer(page: Page) -> None:
    draw(page, sketchpad(page), DIGITS["1"])
    expect(label(page)).to_have_text("1", timeout=20_000)
    page.get_by_role("button", name="Undo").click()
    expect(verdict(page)).to_have_text("Draw a digit or a number", timeout=20_000)


def test_each_tab_shows_its_own_answer_and_reads_nothing_anew(page: Page, app: App, picture_of_7: Path) -> None:
    draw(page, page.locator("#pad canvas"), DIGITS["1"])
    expect(label(page)).to_have_text("1")
    page.get_by_role("tab", name="Picture").click()
    expect(verdict(page)).to_have_text("Give a picture of a digit or a number")
    page.locator("#picture input[type=file]").set_input_files(picture_of_7)
    expect(label(page)).to_have_text("7", timeout=20_000)
    frame = page.get_by_role("img", name="The picture, with a frame around the part that was read")
    expect(frame).to_be_visible()
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    before = app.read_log().count('"source":')
    page.get_by_role("tab", name="Draw").click()
    expect(label(page)).to_have_text("1")
    expect(page.get_by_alt_text("The ink that speaks for a 1")).to_be_visible()
    page.get_by_role("tab", name="Sketchpad").click()
    expect(verdict(page)).to_have_text("Draw a digit or a number")
    expect(label(page)).to_have_count(0)
    page.get_by_role("tab", name="Picture").click()
    expect(label(page)).to_have_text("7")
    expect(frame).to_be_visible()
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    assert app.read_log().count('"source":') == before


def test_page_and_server_contact_no_other_host(page: Page, app: App) -> None:
    hosts: set[str | None] = set()
    before = len(app.log)  # other tests have sent requests that name other hosts
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.reload()
    wait_for_pad(page)
    draw(page, page.locator("#pad canvas"), DIGITS["1"])
    expect(label(page)).to_have_text("1")
    draw(page, sketchpad(page), DIGITS["7"])
    expect(label(page)).to_have_text("7", timeout=20_000)
    assert hosts == {"127.0.0.1"}
    assert "contacted another host" not in app.log[before:]
