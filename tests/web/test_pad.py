"""The drawing pad in a real browser."""

import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browsing import CHROMIUM_ARGUMENTS, App, draw, label, place, verdict, wait_for_pad
from tests.support.strokes import DIGITS, Stroke

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}


def pad(page: Page) -> Locator:
    canvas = page.locator("#pad canvas")
    canvas.scroll_into_view_if_needed()
    return canvas


def touch(page: Page, canvas: Locator, strokes: list[Stroke]) -> None:
    """Draw strokes with a finger."""
    screen = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        page.wait_for_timeout(10)

    for start, *points in place(canvas, strokes):
        send("touchStart", start)
        for point in points:
            send("touchMove", point)
        send("touchEnd")


def test_every_digit_drawn_with_the_mouse_is_read(page: Page) -> None:
    for digit, strokes in DIGITS.items():
        draw(page, pad(page), strokes)
        expect(label(page)).to_have_text(digit)
        expect(verdict(page)).to_contain_text("sure")
        page.keyboard.press("Delete")
        expect(label(page)).to_have_count(0)


def test_every_digit_drawn_with_a_finger_is_read(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    canvas = pad(page)
    before = canvas.bounding_box()
    for digit, strokes in DIGITS.items():
        touch(page, canvas, strokes)
        expect(label(page)).to_have_text(digit)
        page.get_by_role("button", name="Clear", exact=True).tap()
        expect(label(page)).to_have_count(0)
    assert canvas.bounding_box() == before, "the page moved under the finger"


def test_answer_comes_before_the_pen_is_lifted(page: Page) -> None:
    start, *points = place(pad(page), DIGITS["7"])[0]
    page.mouse.move(*start)
    page.mouse.down()
    for point in points:
        page.mouse.move(*point, steps=4)
    expect(label(page)).to_have_text("7")


def test_heat_map_follows_the_answer_and_goes_with_the_drawing(page: Page) -> None:
    heat = page.get_by_alt_text("The ink that speaks for a 7 and for")
    draw(page, pad(page), DIGITS["7"])
    expect(heat).to_be_visible()
    page.keyboard.press("Delete")
    expect(heat).to_have_count(0)


def test_keyboard_takes_strokes_back_and_brings_them_again(page: Page) -> None:
    canvas = pad(page)
    for stroke in DIGITS["4"]:
        draw(page, canvas, [stroke])
    expect(label(page)).to_have_text("4")
    for _ in DIGITS["4"]:
        page.keyboard.press("Control+z")
    expect(verdict(page)).to_have_text("Draw a digit")
    for _ in DIGITS["4"]:
        page.keyboard.press("Control+Shift+z")
    expect(label(page)).to_have_text("4")
    page.keyboard.press("Delete")
    expect(verdict(page)).to_have_text("Draw a digit")
    expect(label(page)).to_have_count(0)


def test_buttons_take_strokes_back_and_bring_them_again(page: Page) -> None:
    undo, redo, clear = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo", "Clear"))
    for button in (undo, redo, clear):
        expect(button).to_be_disabled()
    draw(page, pad(page), DIGITS["1"])
    expect(redo).to_be_disabled()
    clear.click()
    expect(verdict(page)).to_have_text("Draw a digit")
    undo.click()
    expect(label(page)).to_have_text("1")
    redo.click()
    expect(verdict(page)).to_have_text("Draw a digit")


def test_button_pressed_by_another_finger_waits_for_the_stroke(page: Page) -> None:
    canvas = pad(page)
    draw(page, canvas, DIGITS["1"])
    start, *points = place(canvas, DIGITS["4"])[0]
    page.mouse.move(*start)
    page.mouse.down()
    page.get_by_role("button", name="Clear", exact=True).dispatch_event("click")
    for point in points:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    undo = page.get_by_role("button", name="Undo", exact=True)
    undo.click()
    undo.click()
    expect(undo).to_be_disabled()


def test_pen_width_changes_the_stroke(page: Page) -> None:
    seen = page.get_by_alt_text("The 28 by 28 pixels that the model sees")
    images = []
    for width in ("0.03", "0.13"):
        page.get_by_label("Pen width").fill(width)
        draw(page, pad(page), DIGITS["1"])
        expect(label(page)).to_have_text("1")
        page.wait_for_load_state("networkidle")
        images.append(seen.get_attribute("src"))
        page.keyboard.press("Delete")
        expect(label(page)).to_have_count(0)
    assert images[0] != images[1]


@pytest.mark.parametrize("name", ["Example of a 7", "Example of a 2"])
def test_example_writes_itself_and_is_read(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    expect(label(page)).to_have_text(name[-1])


def test_visitors_see_their_own_drawings_alone(open_page: Callable[..., Page]) -> None:
    one, other = open_page(), open_page()
    draw(one, pad(one), DIGITS["7"])
    draw(other, pad(other), DIGITS["1"])
    expect(label(one)).to_have_text("7")
    expect(label(other)).to_have_text("1")


def test_pad_needs_no_webgl(browser: Browser, app: App) -> None:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    plain = browser.browser_type.launch(executable_path=executable, args=[*CHROMIUM_ARGUMENTS, "--disable-3d-apis"])
    page = plain.new_page()
    page.goto(app.url)
    wait_for_pad(page)
    draw(page, pad(page), DIGITS["7"])
    expect(label(page)).to_have_text("7")
    assert page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
    plain.close()
