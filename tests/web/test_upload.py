"""The Picture tab in a real browser, and pictures that are given anywhere on the page."""

import base64
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page, Route, expect

from mnist_cnn.web.limits import MAX_FILE_MB
from tests.support.browsing import label, verdict
from tests.support.files import FILES, encode, picture_of_7
from tests.support.numbers import draw_number

# Drops or pastes a picture where the page's heading is.
GIVE = """([kind, content]) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], "seven.png", { type: "image/png" }));
    const event = kind === "drop"
        ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    document.querySelector("h1").dispatchEvent(event);
}"""


def choose(page: Page, name: str, content: bytes) -> None:
    """Choose a file in the Picture tab."""
    page.get_by_role("tab", name="Picture").click()
    kind = f"image/{name.rpartition('.')[2]}"
    file: Any = {"name": name, "mimeType": kind, "buffer": content}
    page.locator("#picture input[type=file]").set_input_files(file)


def frames(page: Page) -> Locator:
    return page.locator("#found .frame")


def picture_of_42() -> bytes:
    """A picture of 200x100 pixels, with a digit in each half."""
    drawing, _ = draw_number("42")
    picture = Image.new("RGB", drawing.size, "white")
    picture.paste(drawing, mask=drawing)
    return encode(picture, "PNG")


def drag(page: Page, how: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse or a finger from one place on the picture to another, in shares of its size."""
    box = page.locator("#found svg").bounding_box()
    assert box
    scale = min(box["width"] / 200, box["height"] / 100)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    places = [(middle[0] + (x - 0.5) * 200 * scale, middle[1] + (y - 0.5) * 100 * scale) for x, y in (start, end)]
    if how == "mouse":
        page.mouse.move(*places[0])
        page.mouse.down()
        page.mouse.move(*places[1], steps=3)
        page.mouse.up()
        return
    screen = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", places[:1]), ("touchMove", places[1:]), ("touchEnd", [])):
        touches = [{"x": x, "y": y} for x, y in points]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_frame_lies_on_the_picture_at_every_size_of_the_window(page: Page) -> None:
    choose(page, "turned.jpg", FILES["turned.jpg"])
    expect(label(page)).to_have_text("7", timeout=20_000)
    expect(page.get_by_role("img", name="The picture, with a frame around the part that was read")).to_be_visible()
    ink = ImageOps.invert(picture_of_7().convert("L")).getbbox()
    assert ink
    for width, height in ((1100, 900), (390, 844), (844, 390)):
        page.set_viewport_size({"width": width, "height": height})
        picture, frame = page.locator("#picture img").bounding_box(), frames(page).bounding_box()
        assert picture
        assert frame
        scale = min(picture["width"] / 300, picture["height"] / 400)
        left = picture["x"] + picture["width"] / 2 + (ink[0] - 150) * scale
        top = picture["y"] + picture["height"] / 2 + (ink[1] - 200) * scale
        expected = [left, top, (ink[2] - ink[0]) * scale, (ink[3] - ink[1]) * scale]
        around = [-7 * scale, -7 * scale, 14 * scale, 14 * scale]  # a gap, and the edge of the stroke
        found = [frame["x"], frame["y"], frame["width"], frame["height"]]
        wrong = [abs(place - side - more) for place, side, more in zip(found, expected, around, strict=True)]
        assert max(wrong) < 6, (width, height)


def test_number_in_a_picture_is_framed_digit_by_digit(page: Page) -> None:
    choose(page, "number.png", picture_of_42())
    expect(verdict(page)).to_contain_text("42, ", timeout=20_000)
    expect(page.get_by_role("list", name="Digits of the number").get_by_role("button")).to_have_count(2)
    expect(page.get_by_role("img", name="The picture, with a frame around each digit of 42")).to_be_visible()
    expect(frames(page)).to_have_count(2)
    page.get_by_role("button", name="2, digit 2 of 2").click()
    expect(label(page)).to_have_text("2")


@pytest.mark.parametrize("how", ["mouse", "finger", "keys"])
def test_digit_that_a_visitor_frames_is_read_framed_and_put_right(open_page: Callable[..., Page], how: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=how == "finger")
    opener = page.get_by_role("button", name="Frame the digit yourself")
    page.get_by_role("tab", name="Picture").click()
    expect(opener).to_be_hidden()  # there is no picture yet
    choose(page, "number.png", picture_of_42())
    expect(verdict(page)).to_contain_text("42, ", timeout=20_000)
    opener.click()
    expect(page.locator("#found").get_by_role("status")).to_contain_text("Shift and arrows resize it, Enter takes it")
    expect(page.get_by_role("application", name="The picture, with a frame around what is to be read")).to_be_focused()
    if how == "keys":
        for key, times in {"ArrowRight": 10, "ArrowUp": 5, "Shift+ArrowDown": 10, "Enter": 1}.items():
            for _ in range(times):
                page.keyboard.press(key)
    else:
        drag(page, how, (0.99, 0.99), (0.51, 0.01))
    expect(verdict(page)).to_contain_text("2, ")
    expect(verdict(page)).not_to_contain_text("42")
    expect(opener).to_be_focused()
    frame, shown = frames(page).bounding_box(), page.get_by_role("img", name="with your frame").bounding_box()
    assert frame
    assert shown
    assert frame["x"] + frame["width"] / 2 == pytest.approx(shown["x"] + shown["width"] * 0.75, abs=3)
    page.get_by_role("group", name="The right digit").get_by_role("button", name="7").click()
    expect(page.locator("#thanks")).to_have_text("Thank you. It is saved as a 7.")


def test_frame_that_is_begun_before_the_first_answer_outlives_it(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile("/component_server"), lambda route: held.append(route), times=1)
    choose(page, "number.png", picture_of_42())
    page.wait_for_function("document.querySelector('#picture img')?.naturalWidth > 0")
    opener = page.get_by_role("button", name="Frame the digit yourself")
    opener.click()
    frame = page.get_by_role("application", name="The picture, with a frame around what is to be read")
    expect(frame).to_be_focused()
    held[0].continue_()
    expect(verdict(page)).to_contain_text("42, ", timeout=20_000)
    expect(frame).to_be_focused()
    expect(opener).to_have_attribute("aria-pressed", "true")
    drag(page, "mouse", (0.99, 0.99), (0.51, 0.01))
    expect(verdict(page)).to_contain_text("2, ")
    expect(verdict(page)).not_to_contain_text("42")
    opener.click()
    choose(page, "seven.png", FILES["seven.png"])
    expect(label(page)).to_have_text("7", timeout=20_000)
    expect(opener).to_have_attribute("aria-pressed", "false")


def test_frame_ends_when_its_picture_is_replaced_or_removed_though_neither_is_answered(page: Page) -> None:
    page.route(re.compile("/component_server"), lambda _: None)
    opener = page.locator("#found button")
    for act in (
        lambda: choose(page, "seven.png", FILES["seven.png"]),
        lambda: page.get_by_role("button", name="Remove Image").click(),
    ):
        choose(page, "number.png", picture_of_42())
        page.wait_for_function("document.querySelector('#picture img')?.naturalWidth > 0")
        opener.click()
        expect(opener).to_have_attribute("aria-pressed", "true")
        act()
        expect(opener).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_role("application", name="The picture, with a frame")).to_have_count(0)


def test_picture_is_read_when_a_server_that_was_busy_is_back(page: Page) -> None:
    calls = re.compile("/component_server")
    page.route(calls, lambda route: route.fulfill(status=503, json={"error": "busy"}))
    choose(page, "seven.png", FILES["seven.png"])
    expect(verdict(page)).to_have_text("No answer yet: the server is busy or away. It is asked again.", timeout=20_000)
    page.unroute(calls)
    expect(label(page)).to_have_text("7", timeout=20_000)


def test_frame_that_holds_nothing_is_answered_in_a_sentence_and_escape_ends_it(page: Page) -> None:
    choose(page, "number.png", picture_of_42())
    expect(verdict(page)).to_contain_text("42, ", timeout=20_000)
    opener = page.get_by_role("button", name="Frame the digit yourself")
    for end, sentence in (
        ((0.01, 0.01), "The frame is too small, or outside the picture: draw it around the whole digit."),
        ((0.1, 0.1), "There is no ink in this frame: draw it around the digit."),
    ):
        opener.click()
        drag(page, "mouse", (0, 0), end)
        expect(verdict(page)).to_have_text(sentence)
    opener.click()
    expect(opener).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(opener).to_have_attribute("aria-pressed", "false")
    expect(opener).to_be_focused()


def test_heic_is_read_and_shown_though_browsers_cannot_show_it(page: Page) -> None:
    choose(page, "turned.heic", FILES["turned.heic"])
    expect(label(page)).to_have_text("7", timeout=20_000)
    expect(page.locator("#picture img")).to_be_hidden()
    url = page.locator("#found image").get_attribute("href") or ""
    preview = Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    assert (preview.size, preview.getpixel((100, 70)), preview.getpixel((20, 20))) == ((300, 400), 0, 255)


@pytest.mark.parametrize(("kind", "width"), [("drop", 1100), ("paste", 320)])  # of 320 pixels the tab is in a menu
def test_picture_given_anywhere_opens_its_tab_and_is_read(
    open_page: Callable[..., Page], kind: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.evaluate(GIVE, [kind, base64.b64encode(FILES["seven.png"]).decode()])
    expect(page.get_by_role("tab", name="Picture")).to_have_attribute("aria-selected", "true")
    expect(label(page)).to_have_text("7", timeout=20_000)
    expect(frames(page)).to_be_visible()


def test_picture_from_the_clipboard_is_read(open_page: Callable[..., Page]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (url) => {
            const content = await (await fetch(url)).blob();
            await navigator.clipboard.write([new ClipboardItem({ "image/png": content })]);
        }""",
        "data:image/png;base64," + base64.b64encode(FILES["seven.png"]).decode(),
    )
    page.get_by_role("tab", name="Picture").click()
    page.get_by_role("button", name="Paste from clipboard").click()
    expect(label(page)).to_have_text("7", timeout=20_000)


def test_what_cannot_be_read_is_said_in_the_place_of_the_answer(page: Page) -> None:
    page.get_by_role("tab", name="Picture").click()
    expect(verdict(page)).to_have_text("Give a picture of a digit or a number")
    for name, content, sentence in (
        ("large.bmp", FILES["seven.bmp"] + bytes(MAX_FILE_MB * 2**20), f"choose a file of at most {MAX_FILE_MB} MB."),
        ("notes.txt", b"not a picture", "send a PNG, JPEG, HEIC,"),
        ("blank.png", encode(Image.new("RGB", (300, 300), "white"), "PNG"), "There is no ink"),
    ):
        choose(page, name, content)
        expect(verdict(page)).to_contain_text(sentence, timeout=20_000)
        expect(page.locator(".toast-body, #picture .error")).to_have_count(0)
        expect(label(page)).to_have_count(0)
        remove = page.get_by_role("button", name="Remove Image")
        if name != "large.bmp":
            remove.click()
        expect(remove).to_have_count(0)
    expect(verdict(page)).to_have_text("Give a picture of a digit or a number")


def test_largest_file_that_is_allowed_reaches_the_server(page: Page) -> None:
    content = encode(picture_of_7(), "BMP")
    choose(page, "seven.bmp", content + bytes(MAX_FILE_MB * 2**20 - len(content)))
    expect(label(page)).to_have_text("7", timeout=20_000)
