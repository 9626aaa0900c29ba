"""How the page looks and behaves: to everyone, in the dark, and inside somebody else's page."""

import gzip
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio
import httpx2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, expect
from playwright.sync_api import Route as PageRoute
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from mnist_cnn.web.theme import LinkPreview
from tests import ROOT
from tests.support.browsing import App, draw, label, place, wait_for_pad
from tests.support.embedding import serve_html
from tests.support.files import FILES
from tests.support.strokes import DIGITS

# What the README says to put into another page.
IFRAME, GRADIO_APP = re.findall(r"```html\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Somebody else's site; call it with the HTML of its page to get the page's address."""
    with serve_html(tmp_path) as serve:
        yield serve


def is_dark(page: Page) -> bool:
    red, green, blue = map(int, re.findall(r"\d+", page.locator("#pad .paper").evaluate(BACKGROUND))[:3])
    return red + green + blue < 3 * 128


PLUS = [[(0.5, 0.1), (0.5, 0.9)], [(0.1, 0.5), (0.9, 0.5)]]
SHIFTS = """
    window.shift = 0;
    const add = (list) => list.getEntries().forEach((entry) => (shift += entry.value));
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
"""
EDGE_AND_SIDES = """field => {
    const { borderColor, backgroundColor } = getComputedStyle(field);
    return [borderColor, backgroundColor, getComputedStyle(document.body).backgroundColor];
}"""
SIGNS = (".for", ".against")
EDGE_AND_TEXT = "button => [getComputedStyle(button).borderColor, getComputedStyle(document.body).color]"
FOCUSED = """() => {
    const { id } = document.activeElement.closest("#pad, #label, #correction");
    const { outlineWidth, outlineStyle } = getComputedStyle(document.activeElement);
    return [id, `${outlineWidth} ${outlineStyle}`];
}"""
NO_PERMISSION = """() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
BACKGROUND = "paper => getComputedStyle(paper).backgroundColor"
OVERFLOW = "[document.documentElement, document.body].some(e => e.scrollHeight > e.clientHeight + 1)"


def draw_7(page: Page) -> None:
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()


def fill_in(tag: str, app: App) -> str:
    """Return the README's tag with the app's address, and the app's own copy of the script that Gradio publishes."""
    script = f"{app.url}/" + re.findall(r"assets/index-[\w-]+\.js", httpx2.get(app.url).text)[0]
    tag = tag.replace("https://owner-page.hf.space", app.url)
    return tag.replace(f"https://gradio.s3-us-west-2.amazonaws.com/{gradio.__version__}/gradio.js", script)


def find_faults(page: Page) -> list[tuple[str, str]]:
    """Return the elements of the page that hinder somebody, and why."""
    faults = [fault for fault in Axe().run(page).response["violations"] if fault["impact"] in ("serious", "critical")]
    return [(node["html"], node["failureSummary"]) for fault in faults for node in fault["nodes"]]


def visit_drawings(page: Page) -> Iterator[str]:
    """Bring the pad and the Sketchpad into each of their states, one after another, and say which it is."""
    canvas = page.locator("#pad canvas")
    yield "empty"
    page.keyboard.press("Tab")
    canvas.focus()
    page.keyboard.press("?")
    expect(page.locator("#pad .keys")).to_be_visible()
    yield "keys"
    page.keyboard.press("Escape")
    draw_7(page)
    yield "digit"
    page.locator("#correction button").first.click()
    expect(page.locator("#thanks")).to_contain_text("a 0")
    yield "corrected"
    page.get_by_role("button", name="Example of 42").click()
    expect(page.locator("#digits button")).to_have_count(2)
    yield "number"
    page.get_by_role("button", name="Clear", exact=True).click()
    draw(page, canvas, PLUS)
    expect(page.locator("#verdict p")).to_contain_text("no digit")
    yield "refused"
    page.get_by_role("tab", name="Sketchpad").click()
    expect(page.locator("#sketchpad [aria-label='Brush'].highlight")).to_be_visible(timeout=20_000)
    yield "sketchpad"
    with page.expect_response("**/run/predict*"):  # else Gradio tells of its own lost call
        page.get_by_role("tab", name="Draw").click()
    page.context.set_offline(True)
    draw(page, canvas, DIGITS["1"])
    expect(page.locator("#pad .notice")).to_contain_text("offline")
    yield "lost connection"


def visit_pictures(page: Page) -> Iterator[str]:
    """Likewise for the field for pictures and the camera."""
    verdict = page.locator("#verdict p")
    for content, sentence in ((None, "Give a picture"), (b"none", "send a PNG"), (FILES["seven.png"], "7, ")):
        page.get_by_role("tab", name="Picture").click()
        if content:
            file: Any = {"name": "seven.png", "mimeType": "image/png", "buffer": content}
            page.locator("#picture input[type=file]").set_input_files(file)
        expect(verdict).to_contain_text(sentence, timeout=20_000)
        yield f"picture: {sentence}"
        if content:
            page.get_by_role("button", name="Remove Image").click()
            expect(verdict).to_contain_text("Give a picture")
    page.get_by_role("tab", name="Camera").click()
    expect(verdict).to_contain_text("Hold a digit")
    yield "camera"
    toggle = page.locator("#camera [data-action=toggle]")
    toggle.click()
    expect(toggle).to_have_text("Stop the camera")
    yield "film"
    toggle.click()
    page.evaluate(NO_PERMISSION)
    toggle.click()
    expect(verdict).to_contain_text("may not be used")
    yield "no permission"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("visit", [visit_drawings, visit_pictures])
def test_accessibility_check_finds_no_serious_fault_in_any_state(
    open_page: Callable[..., Page], scheme: str, visit: Callable[[Page], Iterator[str]]
) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    faults = {state: find_faults(page) for state in visit(page)}
    assert {state: found for state, found in faults.items() if found} == {}


# A window of 1280 pixels at 400 %, a phone at 200 %, and windows whose text is twice as large.
@pytest.mark.parametrize(("size", "text"), [((320, 256), 100), ((195, 422), 100), ((422, 195), 100), ((320, 568), 200)])
def test_magnified_page_is_never_wider_than_its_window_and_shows_the_answer_over_the_pad(
    open_page: Callable[..., Page], size: tuple[int, int], text: int
) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    page.add_style_tag(content=f"html {{ font-size: {text}% !important; }}")
    page.get_by_role("button", name="Example of a 7").click()  # while all moves, a hand wouldn't hit the pad
    expect(page.locator("#said")).to_contain_text("7")  # nothing changes any more
    page.locator("#pad .paper").evaluate("pad => pad.scrollIntoView({ block: 'end' })")
    answer, pad = page.locator("#verdict p"), page.locator("#pad .paper")
    for part in (answer, pad):
        expect(part).to_be_in_viewport(ratio=1)
    upper, lower = answer.bounding_box(), pad.bounding_box()
    assert upper
    assert lower
    assert upper["y"] + upper["height"] <= lower["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert answer.evaluate("sentence => sentence.scrollHeight - sentence.clientHeight") == 0


def test_digits_stand_from_left_to_right_on_a_page_from_right_to_left(page: Page) -> None:
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.get_by_role("button", name="Example of 42").click()
    expect(page.locator("#said")).to_contain_text("42")  # nothing changes any more
    first, second = (page.get_by_role("button", name=f"digit {place} of 2").bounding_box() for place in (1, 2))
    assert first
    assert second
    assert first["x"] < second["x"]


def test_what_is_chosen_and_what_speaks_for_it_is_seen_without_colours_of_ours(open_page: Callable[..., Page]) -> None:
    page = open_page(forced_colors="active")
    draw_7(page)
    shown = "(element, [pseudo, property]) => getComputedStyle(element, pseudo)[property]"
    for chosen, style in (("Draw", "solid"), ("Picture", "none")):
        assert page.get_by_role("tab", name=chosen).evaluate(shown, [None, "outlineStyle"]) == style
    fills = {page.locator(f"#tiles {name}").evaluate(shown, ["::before", "backgroundColor"]) for name in SIGNS}
    assert len(fills) == 2


def test_edges_are_darker_for_who_wants_more_contrast(open_page: Callable[..., Page]) -> None:
    page = open_page(contrast="more")
    colours = page.get_by_role("button", name="Undo", exact=True).evaluate(EDGE_AND_TEXT)
    assert colours[0] == colours[1]


def luminance(colour: str) -> float:
    """Return the relative luminance of a CSS colour, as WCAG 2 defines it."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_fields_stand_out_from_both_sides(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("tab", name="Picture").click()
    for field in ("#pad .paper", "#picture", "#correction input"):
        edge, *sides = map(luminance, page.locator(field).evaluate(EDGE_AND_SIDES))
        for side in sides:
            assert (max(edge, side) + 0.05) / (min(edge, side) + 0.05) >= 3, field


def test_focus_is_seen_and_goes_from_the_pad_to_the_answer(page: Page) -> None:
    draw_7(page)
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        part, outline = page.evaluate(FOCUSED)
        assert outline == "2px solid"
        seen.append(part)
        if part == "label":
            break
    assert list(dict.fromkeys(seen)) == ["pad", "correction", "label"]


def test_page_is_dark_where_the_system_or_the_address_says_so(open_page: Callable[..., Page], app: App) -> None:
    page = open_page(color_scheme="dark")
    assert is_dark(page)
    page = open_page(color_scheme="light")
    assert not is_dark(page)
    page.goto(f"{app.url}/?__theme=dark")
    wait_for_pad(page)
    assert is_dark(page)


@pytest.mark.parametrize("size", [(1440, 900), (320, 568)])
def test_page_comes_whole_and_light_and_the_sketchpads_library_with_its_tab(
    browser: Browser, app: App, size: tuple[int, int]
) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.add_init_script(SHIFTS)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    loaded: list[int] = []
    network.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    page.goto(app.url)
    wait_for_pad(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("shift") < 0.05
    before = sum(loaded)
    assert 100_000 < before < 450_000
    page.get_by_role("tab", name="Sketchpad").click()
    expect(page.locator("#sketchpad canvas").first).to_be_visible(timeout=20_000)
    assert sum(loaded) - before > 100_000
    page.close()


def test_page_is_shown_in_the_end_though_a_part_of_it_is_missing(page: Page, app: App) -> None:
    whole = httpx2.get(app.url).text
    assert '"elem_id":"tiles"' in whole
    lacking = whole.replace('"elem_id":"tiles"', '"elem_id":"none"')
    page.route(f"{app.url}/", lambda route: route.fulfill(body=lacking, content_type="text/html"))
    page.goto(app.url)
    heading, early = page.locator("#heading h1"), page.locator("#early h1")
    heading.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    expect(heading).to_be_hidden()
    expect(early).to_be_visible()
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")  # ten seconds have passed
    expect(heading).to_be_visible()
    expect(early).to_be_hidden()


@pytest.mark.parametrize("size", [(320, 568), (700, 900), (844, 390), (1100, 900), (1440, 900)])
def test_heading_is_seen_before_gradio_is_there_in_its_place(
    open_page: Callable[..., Page], app: App, size: tuple[int, int]
) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    expect(page.locator("#early")).to_be_hidden()
    places = [page.locator(f"#heading {part}").bounding_box() for part in ("h1", "p")]
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(app.url)
    assert [page.locator(f"#early {part}").bounding_box() for part in ("h1", "h1 + p")] == places


def test_page_without_javascript_keeps_its_heading_and_says_what_is_needed(browser: Browser, app: App) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(app.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    early = page.locator("#early")
    assert "This page needs JavaScript" in early.evaluate("heading => heading.textContent")
    assert early.evaluate("heading => getComputedStyle(heading).animationName") == "none"
    page.close()


def test_early_heading_is_not_seen_inside_another_page(page: Page, app: App, host: Callable[[str], str]) -> None:
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(host(fill_in(IFRAME, app)))
    early = page.frame_locator("iframe").locator("#early")
    early.wait_for(state="attached")
    expect(early).to_be_hidden()


@pytest.mark.parametrize("width", [320, 360, 1100])
def test_nothing_moves_when_the_answer_arrives(open_page: Callable[..., Page], width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    places = [page.locator(selector) for selector in ("#pad canvas", "#verdict", "#label", "#tiles", "#correction")]
    page.wait_for_load_state("networkidle")
    before = [place.bounding_box() for place in places]
    draw(page, places[0], DIGITS["7"])
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    assert [place.bounding_box() for place in places] == before
    page.get_by_role("button", name="Clear", exact=True).click()
    draw(page, places[0], PLUS)
    expect(page.locator("#verdict p")).to_contain_text("no digit")
    assert [place.bounding_box() for place in places] == before


@pytest.mark.parametrize("width", [360, 800])
@pytest.mark.parametrize("tag", [IFRAME, GRADIO_APP], ids=["iframe", "gradio-app"])
def test_page_works_inside_another(page: Page, app: App, host: Callable[[str], str], tag: str, width: int) -> None:
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(host(fill_in(tag, app)))
    inside: Page | FrameLocator = page.frame_locator("iframe") if "<iframe" in tag else page
    canvas = inside.locator("#pad canvas")
    wait_for_pad(inside)
    draw(page, canvas, DIGITS["7"])
    expect(inside.get_by_test_id("label-output-value")).to_have_text("7")
    expect(inside.locator("#verdict")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if "<iframe" in tag:
        assert not page.frames[1].evaluate(OVERFLOW)
        expect(inside.get_by_role("heading", level=1)).to_be_hidden()
    assert hosts == {"127.0.0.1", "localhost"}


def test_page_inside_another_is_shown_only_when_it_is_whole(page: Page, app: App, host: Callable[[str], str]) -> None:
    assets = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    [style] = [file.name for file in assets.glob("Index-*.css") if ".confidence-set" in file.read_text()]
    held: list[PageRoute] = []
    page.route(f"**/{style}", lambda route: held.append(route))
    page.goto(host(fill_in(GRADIO_APP, app)), wait_until="commit")
    canvas = page.locator("#pad canvas")
    for part in ("#pad .blank", "#verdict p", "#correction form"):
        page.locator(part).wait_for(state="attached")
    assert canvas.is_hidden()
    held[0].continue_()
    expect(canvas).to_be_visible()


def test_page_has_a_title_and_a_favicon_of_its_own(page: Page, app: App) -> None:
    expect(page).to_have_title("Handwritten digit reader")
    icon = httpx2.get(f"{app.url}/favicon.ico")
    assert icon.content == (ROOT / "mnist_cnn" / "web" / "static" / "favicon.png").read_bytes()


def test_link_to_the_page_shows_its_title_and_description(app: App) -> None:
    answer = httpx2.get(app.url)
    tags = re.findall(r'<meta (?:name|property)="(description|og:\w+|twitter:\w+)" content="(.*?)">', answer.text)
    assert len(tags) == len(dict(tags)) == 5
    assert dict(tags)["og:title"] == "Handwritten digit reader"
    assert dict(tags)["og:description"] == dict(tags)["description"]
    assert "MNIST" in dict(tags)["description"]
    assert "needs JavaScript" in answer.text.partition("<noscript>")[2].partition("</noscript>")[0]
    assert 'rel="canonical"' not in answer.text, "the address isn't known here"
    assert httpx2.head(app.url).is_success


def test_link_to_a_space_shows_a_picture_and_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "owner-page.hf.space")
    monkeypatch.setenv("SPACE_ID", "owner/page")

    async def show_page(_: Request) -> HTMLResponse:
        return HTMLResponse("<head></head><body></body>")

    app = Starlette(routes=[Route("/", show_page)], middleware=[Middleware(LinkPreview)])
    head = TestClient(app).get("/").text
    assert '<link rel="canonical" href="https://owner-page.hf.space/">' in head
    picture = head.partition('property="og:image" content="')[2].partition('"')[0]
    space, _, path = picture.partition("/resolve/main/")
    assert space == "https://huggingface.co/spaces/owner/page"
    with Image.open(ROOT / path) as image:
        assert image.width > 600


def test_page_is_packed_once_for_all_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    async def show_page(_: Request) -> HTMLResponse:
        return HTMLResponse("<head></head><body>The same for all</body>")

    packed: list[bytes] = []
    compress = gzip.compress

    def pack(page: bytes) -> bytes:
        packed.append(page)
        return compress(page)

    monkeypatch.setattr(gzip, "compress", pack)
    client = TestClient(Starlette(routes=[Route("/", show_page)], middleware=[Middleware(LinkPreview)]))
    assert len({client.get("/", headers={"Accept-Encoding": "gzip"}).text for _ in range(3)}) == 1
    assert len(packed) == 1


def test_answer_is_said_to_screen_readers_once_the_pen_rests(page: Page) -> None:
    said = page.locator("#said").get_by_role("status")
    start, *points = place(page.locator("#pad canvas"), DIGITS["7"])[0]
    page.mouse.move(*start)
    page.mouse.down()
    for point in points:
        page.mouse.move(*point, steps=4)
    expect(label(page)).to_have_text("7")
    expect(said).not_to_contain_text("7")
    page.mouse.up()
    expect(said).to_have_text("7")
    expect(page.get_by_role("img", name="Drawing pad")).to_be_focused()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844), (844, 390), (320, 568), (600, 500), (390, 720)])
def test_answer_and_pad_are_whole_on_the_first_screen(open_page: Callable[..., Page], size: tuple[int, int]) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(label(page)).to_have_text("7")
    for selector in ("#verdict p", "#pad .paper"):
        expect(page.locator(selector)).to_be_in_viewport(ratio=1)


def find_marks(picture: bytes, columns: slice) -> list[float]:
    """Return the heights at which something is seen in some columns of a picture, in its pixels."""
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("L"), float)[:, columns]
    seen = np.flatnonzero((np.abs(pixels - pixels[0, 0]) > 8).any(axis=1))
    return [float(mark.mean()) + 0.5 for mark in np.split(seen, np.flatnonzero(np.diff(seen) > 1) + 1)]


def test_ten_rows_are_at_rest_where_they_are_going_to_be_and_claim_nothing(page: Page) -> None:
    rows = page.locator("#label")
    assert rows.aria_snapshot() == ""
    page.wait_for_load_state("networkidle")
    picture = rows.screenshot()
    digits, bars = find_marks(picture, slice(0, 18)), find_marks(picture, slice(60, 100))
    draw_7(page)
    whole = rows.bounding_box()
    assert whole
    for marks, part in ((digits, ".text"), (bars, ".confidence")):
        boxes = [box for each in rows.locator(f".confidence-set {part}").all() if (box := each.bounding_box())]
        assert marks == pytest.approx([box["y"] + box["height"] / 2 - whole["y"] for box in boxes], abs=2)
        assert len(marks) == 10


def test_rows_stay_in_order_and_each_shows_what_speaks_for_it(page: Page) -> None:
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    rows = page.locator("#label .confidence-set")
    assert [text[0] for text in rows.locator(".text").all_inner_texts()] == list("0123456789")
    assert "100%" not in page.locator("#label").inner_text()
    rows.nth(1).click()
    expect(page.get_by_alt_text("The ink that speaks for a 1 and for a 7")).to_be_visible()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844), (844, 390), (320, 568), (520, 700)])
def test_corrections_stand_next_to_the_answer_and_are_large(
    open_page: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    expect(page.locator("#correction button").first).to_be_hidden()
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(label(page)).to_have_text("7")
    for button in page.locator("#correction [role=group] button").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 43.9
    above, digits, rows = (page.locator(f"#{name}").bounding_box() for name in ("digits", "correction", "label"))
    assert above
    assert digits
    assert rows
    assert 0 <= digits["y"] - (above["y"] + above["height"]) <= 24
    assert digits["y"] + digits["height"] <= rows["y"]


def test_ink_that_the_model_sees_keeps_away_from_the_edge_of_its_tile(page: Page) -> None:
    draw_7(page)
    tile = Image.open(BytesIO(page.locator("#seen img").screenshot())).convert("L")
    inside = tile.crop((4, 4, tile.width - 4, tile.height - 4))  # without the round corners
    left, top, right, bottom = inside.point([255 * (level > 60) for level in range(256)]).getbbox() or (0, 0, 0, 0)
    assert min(left, top, inside.width - right, inside.height - bottom) >= 4


def test_second_pick_replaces_the_first_and_says_so(page: Page) -> None:
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    one, four = (page.locator("#correction").get_by_role("button", name=digit, exact=True) for digit in "14")
    one.click()
    expect(page.locator("#thanks")).to_have_text("Thank you. It is saved as a 1.")
    four.click()
    expect(page.locator("#thanks")).to_have_text("Changed to a 4.")
    expect(one).to_have_attribute("aria-pressed", "false")
    expect(four).to_have_attribute("aria-pressed", "true")


def test_picked_digit_is_pressed_and_picking_it_again_takes_it_back(page: Page) -> None:
    expect(page.locator("#correction button").first).to_be_hidden()
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(page.get_by_alt_text("The ink that speaks for a 7")).to_be_visible()
    one = page.locator("#correction").get_by_role("button", name="1", exact=True)
    one.click()
    expect(page.locator("#thanks")).to_contain_text("a 1")
    expect(one).to_have_attribute("aria-pressed", "true")
    one.click()
    expect(page.locator("#thanks")).to_contain_text("Taken back")
    expect(one).to_have_attribute("aria-pressed", "false")
