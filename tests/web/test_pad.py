"""The drawing pad in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

from tests.support.browsing import App, draw, label, launch, place, verdict, wait_for_pad, write
from tests.support.strokes import DIGITS, Stroke

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
SIDEWAYS = {**PHONE, "viewport": {"width": 844, "height": 390}}

# Left, top, right and bottom of the ink, as shares of the pad's height.
INK = """canvas => {
    const { width, height } = canvas;
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const edges = [Infinity, Infinity, 0, 0];
    for (let i = 3; i < pixels.length; i += 4) {
        if (pixels[i] === 0) continue;
        const [x, y] = [((i - 3) / 4) % width, Math.floor(i / 4 / width)];
        [x, y, -x - 1, -y - 1].forEach((edge, side) => { edges[side] = Math.min(edges[side], edge); });
    }
    return edges.map((edge) => Math.abs(edge) / height);
}"""


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
    expect(verdict(page)).to_have_text("Draw a digit or a number")
    for _ in DIGITS["4"]:
        page.keyboard.press("Control+Shift+z")
    expect(label(page)).to_have_text("4")
    page.keyboard.press("Delete")
    expect(verdict(page)).to_have_text("Draw a digit or a number")
    expect(label(page)).to_have_count(0)


def test_buttons_take_strokes_back_and_bring_them_again(page: Page) -> None:
    undo, redo, clear = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo", "Clear"))
    for button in (undo, redo, clear):
        expect(button).to_be_disabled()
    draw(page, pad(page), DIGITS["1"])
    expect(redo).to_be_disabled()
    clear.click()
    expect(verdict(page)).to_have_text("Draw a digit or a number")
    undo.click()
    expect(label(page)).to_have_text("1")
    redo.click()
    expect(verdict(page)).to_have_text("Draw a digit or a number")


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


def tiles(page: Page) -> Locator:
    """Return the digits of the number that was read, as buttons."""
    return page.get_by_role("list", name="Digits of the number").get_by_role("button")


def frames(page: Page) -> Locator:
    return page.locator("#pad .frames div")


def test_number_is_read_and_its_digits_are_framed_in_reading_order(page: Page) -> None:
    canvas = pad(page)
    write(page, canvas, "42")
    expect(verdict(page)).to_contain_text("42, ")
    await_rest(page)
    expect(tiles(page)).to_have_count(2)
    names = [tile.get_attribute("aria-label") for tile in tiles(page).all()]
    assert [str(name)[:18] for name in names] == ["4, digit 1 of 2, 9", "2, digit 2 of 2, 9"]
    expect(frames(page)).to_have_count(2)
    four, two, paper = (part.bounding_box() for part in (*frames(page).all(), canvas))
    assert four
    assert two
    assert paper
    ink = [paper["height"] * edge for edge in canvas.evaluate(INK)]
    assert four["x"] - paper["x"] == pytest.approx(ink[0], abs=10)
    assert four["x"] + four["width"] < two["x"] + 10
    assert two["x"] + two["width"] - paper["x"] == pytest.approx(ink[2], abs=10)
    assert two["height"] == pytest.approx(ink[3] - ink[1], abs=20)


def await_rest(page: Page) -> None:
    """Wait for the last answer to a drawing: only then is it explained, and nothing replaces what is chosen."""
    expect(page.get_by_alt_text("The ink that speaks for")).to_be_visible()


def test_tile_that_is_chosen_has_the_label_the_image_and_the_explanation(page: Page) -> None:
    write(page, pad(page), "42")
    await_rest(page)
    seen = page.get_by_alt_text("The 28 by 28 pixels that the model sees")
    images = []
    for digit in ("2", "4"):
        tile = tiles(page).filter(has_text=digit)
        tile.focus()
        page.keyboard.press("Enter")
        expect(tile).to_have_attribute("aria-pressed", "true")
        expect(label(page)).to_have_text(digit)
        expect(page.get_by_alt_text(f"The ink that speaks for a {digit} and for")).to_be_visible()
        expect(page.locator("#digits [aria-pressed=true]")).to_have_count(1)
        images.append(seen.get_attribute("src"))
    assert images[0] != images[1]


def test_single_digit_has_neither_tiles_nor_frames(page: Page) -> None:
    write(page, pad(page), "42")
    expect(tiles(page)).to_have_count(2)
    page.keyboard.press("Delete")
    expect(frames(page)).to_have_count(0)
    draw(page, pad(page), DIGITS["4"])
    expect(verdict(page)).to_contain_text("4, ")
    expect(tiles(page)).to_have_count(0)
    expect(frames(page)).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1100])
def test_nothing_moves_while_the_answer_grows_from_a_digit_to_a_number(
    open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    places = [page.locator(selector) for selector in ("#pad canvas", "#verdict", "#label", "#tiles", "#correction")]
    page.evaluate("scrollTo(0, 0)")  # the wait for the pad may have scrolled
    before = [part.bounding_box() for part in places]
    write(page, places[0], "4")
    expect(label(page)).to_have_text("4")
    page.keyboard.press("Delete")
    number = "421703" if width > 1000 else "42"
    write(page, places[0], number)
    expect(verdict(page)).to_contain_text(number)
    expect(page.get_by_alt_text("The ink that speaks for")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    assert [part.bounding_box() for part in places] == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_picks_on_two_digits_both_count(page: Page) -> None:
    write(page, pad(page), "42")
    await_rest(page)
    group = page.get_by_role("group", name="The right digit")
    tiles(page).filter(has_text="2").click()
    group.get_by_role("button", name="7").click()
    tiles(page).filter(has_text="4").click()
    group.get_by_role("button", name="1").click()
    expect(page.get_by_text("Changed to 17.")).to_be_visible()
    expect(page.get_by_label("The right number")).to_have_value("17")


def test_right_number_is_typed(page: Page) -> None:
    field = page.get_by_label("The right number")
    write(page, pad(page), "42")
    await_rest(page)
    expect(field).to_have_value("42")
    field.fill("4 321")
    field.press("Enter")
    expect(page.get_by_text("Thank you. It is saved as 4321.")).to_be_visible()
    field.fill("a lot")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Type the right number with the digits from 0 to 9.")).to_be_visible()
    draw(page, pad(page), DIGITS["1"])
    expect(field).not_to_have_value("a lot")


@pytest.mark.parametrize(
    ("screen", "aspect"), [({"viewport": {"width": 1440, "height": 900}}, 2), (SIDEWAYS, 2), (PHONE, 1)]
)
def test_pad_is_wide_where_there_is_room(open_page: Callable[..., Page], screen: dict[str, Any], aspect: int) -> None:
    page = open_page(**screen)
    canvas = pad(page).bounding_box()
    column = page.locator("#pad").bounding_box()
    assert canvas
    assert column
    assert canvas["width"] == pytest.approx(column["width"], abs=3)
    assert canvas["width"] / canvas["height"] == pytest.approx(aspect, abs=0.02)
    assert canvas["height"] < page.viewport_size["height"]  # type: ignore[index]


def test_drawing_keeps_its_shape_when_the_window_changes(page: Page) -> None:
    canvas = pad(page)
    write(page, canvas, "270")
    expect(frames(page)).to_have_count(3)
    left, top, right, bottom = canvas.evaluate(INK)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("canvas => canvas.width === canvas.height", arg=canvas.element_handle())
    smaller = canvas.evaluate(INK)
    assert smaller[0] >= 0
    assert smaller[2] <= 1
    assert (smaller[2] - smaller[0]) / (smaller[3] - smaller[1]) == pytest.approx((right - left) / (bottom - top), 0.03)
    page.set_viewport_size({"width": 1100, "height": 900})
    page.wait_for_function("canvas => canvas.width > canvas.height", arg=canvas.element_handle())
    assert canvas.evaluate(INK) == [left, top, right, bottom]
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(frames(page)).to_have_count(2)


def test_strokes_are_sent_in_the_pixels_of_the_picture(page: Page) -> None:
    write(page, pad(page), "42")
    expect(page.get_by_alt_text("The ink that speaks for")).to_be_visible()  # so the last stroke has been read
    with page.expect_request(lambda request: "component_server" in request.url) as sent:
        page.get_by_role("button", name="Undo", exact=True).click()
    strokes = sent.value.post_data_json["data"]["strokes"]  # type: ignore[index]
    assert len(strokes) == 2
    assert all(3 < len(stroke) < 200 for stroke in strokes)
    assert all(0 <= x <= 280 and 0 <= y <= 280 for stroke in strokes for x, y in stroke)
    assert max(y for stroke in strokes for _, y in stroke) > 180


def test_drawing_of_very_many_strokes_is_sent_without_them(page: Page) -> None:
    box = pad(page).bounding_box()
    assert box
    with page.expect_request(lambda request: '"strokes":null' in (request.post_data or "")):
        for number in range(201):
            page.mouse.click(box["x"] + 20 + number, box["y"] + 100)
    expect(verdict(page)).not_to_contain_text("No answer")


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


@pytest.mark.parametrize("name", ["a 7", "a 2", "42"])
@pytest.mark.parametrize("width", [390, 1100])
def test_example_writes_itself_and_is_read(open_page: Callable[..., Page], name: str, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    page.get_by_role("button", name=f"Example of {name}").click()
    expect(verdict(page)).to_contain_text(f"{name.removeprefix('a ')}, ")


@pytest.mark.parametrize(
    ("name", "text"), [("the number 206", "206"), ("a 5 on squared paper", "5"), ("a 3 in shadow", "3")]
)
def test_photo_opens_the_picture_tab_and_is_read(page: Page, name: str, text: str) -> None:
    page.get_by_role("button", name=f"Photo of {name}").press("Enter")
    expect(page.get_by_role("tab", name="Picture")).to_have_attribute("aria-selected", "true")
    expect(verdict(page)).to_contain_text(f"{text}, ", timeout=20_000)
    expect(page.locator("#found .frame")).to_have_count(len(text))


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_click_and_tap_are_dots_of_ink(open_page: Callable[..., Page]) -> None:
    answered: list[Response] = []
    for options in ({}, PHONE):
        page = open_page(**options)
        page.on("response", lambda response: answered.append(response))
        box = pad(page).bounding_box()
        assert box
        tap = page.touchscreen.tap if options else page.mouse.click
        with page.expect_response(lambda response: "component_server" in response.url):
            tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(verdict(page)).to_have_text("There is something, but no digit: try once more, or say which one it is")
        left, top, right, bottom = pad(page).evaluate(INK)
        assert 0.01 < right - left == pytest.approx(bottom - top, abs=0.02)
        page.wait_for_timeout(500)  # until it has been explained
        assert max(response.status for response in answered) < 400


def test_keys_still_work_after_clear_and_undo(page: Page) -> None:
    draw(page, pad(page), DIGITS["1"])
    button(page, "Clear").click()
    page.keyboard.press("Control+z")
    expect(label(page)).to_have_text("1")
    button(page, "Undo").click()
    expect(button(page, "Undo")).to_be_disabled()
    page.keyboard.press("Control+y")
    expect(label(page)).to_have_text("1")
    before = pad(page).evaluate(INK)
    page.get_by_label("Pen width").fill("0.13")
    after = pad(page).evaluate(INK)
    assert after[2] - after[0] > before[2] - before[0] + 0.02, "the pen's width didn't redraw the stroke"


def test_digit_typed_on_the_pad_is_the_right_one(page: Page) -> None:
    keys = page.locator("#pad .keys")
    draw(page, pad(page), DIGITS["1"])
    await_rest(page)
    page.keyboard.press("7")
    expect(page.get_by_text("Thank you. It is saved as a 7.")).to_be_visible()
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_tiny_digit_drawn_with_a_thick_pen_is_read(page: Page) -> None:
    page.get_by_label("Pen width").fill("0.13")
    tiny = [[(0.5 + (x - 0.5) * 0.2, 0.5 + (y - 0.5) * 0.2) for x, y in stroke] for stroke in DIGITS["3"]]
    draw(page, pad(page), tiny)
    expect(label(page)).to_have_text("3")
    _, top, _, bottom = pad(page).evaluate(INK)
    assert bottom - top < 0.25


def test_drawing_outlives_a_lost_connection(page: Page) -> None:
    notice = page.locator("#pad .notice")
    page.context.set_offline(True)
    draw(page, pad(page), DIGITS["7"])
    expect(notice).to_contain_text("You are offline")
    page.context.set_offline(False)
    expect(label(page)).to_have_text("7")
    expect(notice).to_be_empty()


def test_drawing_outlives_the_reload_that_follows_a_failed_call(page: Page) -> None:
    page.route("**/gradio_api/run/*", lambda route: route.abort())
    page.evaluate("window.loadedBefore = true")
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(label(page)).to_have_text("7")
    page.wait_for_function("!window.loadedBefore", timeout=30_000)  # Gradio has found the server again
    page.unroute("**/gradio_api/run/*")
    expect(label(page)).to_have_text("7", timeout=20_000)
    page.get_by_role("button", name="Clear", exact=True).click()
    page.reload()
    wait_for_pad(page)
    expect(page.get_by_role("button", name="Clear", exact=True)).to_be_disabled()


def test_empty_pad_shows_a_digit_that_goes_at_the_first_touch(open_page: Callable[..., Page]) -> None:
    page = open_page()
    ghost = page.locator("#pad .ghost")
    expect(ghost).to_be_visible()
    expect(button(page, "Clear")).to_be_disabled()
    page.mouse.click(*(pad(page).bounding_box()[side] + 60 for side in ("x", "y")))  # type: ignore[index]
    page.keyboard.press("Delete")
    expect(button(page, "Clear")).to_be_disabled()
    expect(ghost).to_be_hidden()
    expect(open_page(reduced_motion="reduce").locator("#pad .ghost")).to_be_hidden()


def test_everything_beside_the_pad_is_large_enough_for_a_finger(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    for control in page.locator("#pad button, #pad input").all():
        box = control.bounding_box()
        assert box
        assert box["height"] >= 43.9
        assert box["width"] >= 43.9


def test_visitors_see_their_own_drawings_alone(open_page: Callable[..., Page]) -> None:
    one, other = open_page(), open_page()
    draw(one, pad(one), DIGITS["7"])
    draw(other, pad(other), DIGITS["1"])
    expect(label(one)).to_have_text("7")
    expect(label(other)).to_have_text("1")


def test_pad_needs_no_webgl(browser: Browser, app: App) -> None:
    plain = launch(browser.browser_type, "--disable-3d-apis")
    page = plain.new_page()
    page.goto(app.url)
    wait_for_pad(page)
    draw(page, pad(page), DIGITS["7"])
    expect(label(page)).to_have_text("7")
    assert page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
    plain.close()
