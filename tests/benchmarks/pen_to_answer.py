"""Measure how long the answer takes once the pen is lifted, on the pad and on Gradio's Sketchpad, and after six digits.

python -m tests.benchmarks.pen_to_answer [--rounds 15]

It also counts how many answers a second come while the pen moves.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.browsing import launch, place, run_app, write
from tests.support.strokes import DIGITS

# A 28x28 image changes with every answer: the digit's, or that of a number's last digit. The last change after the pen
# is lifted is that of the final answer.
WATCH = """
() => {
  window.times = { down: 0, up: 0, answers: [] };
  addEventListener("pointerdown", () => { times.down = performance.now(); times.answers = []; }, true);
  addEventListener("pointerup", () => { times.up = performance.now(); }, true);
  const observer = new MutationObserver(() => times.answers.push(performance.now()));
  for (const place of document.querySelectorAll("#seen, #digits"))
    observer.observe(place, { subtree: true, childList: true, attributes: true });
}
"""


def draw_seven(page: Page, selector: str, settle: int) -> dict:
    """Draw a 7 in about a second, wait for the last answer, and return the times in milliseconds."""
    (start, *points), *_ = place(page.locator(selector).first, DIGITS["7"])
    page.mouse.move(*start)
    page.mouse.down()
    for (x0, y0), (x1, y1) in zip([start, *points], points, strict=False):
        for step in range(1, 26):
            page.mouse.move(x0 + (x1 - x0) * step / 25, y0 + (y1 - y0) * step / 25)
            page.wait_for_timeout(16)
    page.mouse.up()
    page.wait_for_timeout(settle)
    return page.evaluate("times")


def write_six_digits(page: Page) -> dict:
    """Write a number on the pad, wait for the last answer, and return the times in milliseconds."""
    write(page, page.locator("#pad canvas"), "421703")
    page.wait_for_timeout(1500)
    return page.evaluate("times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    delays: dict[str, list[float]] = {"pad": [], "pad, the last of six digits": [], "Sketchpad": []}
    rates = []
    with (
        tempfile.TemporaryDirectory() as folder,
        run_app(Path(folder)) as app,
        sync_playwright() as playwright,
        launch(playwright.chromium) as browser,
    ):
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto(app.url)
        page.locator("#pad .blank").wait_for()
        page.evaluate(WATCH)
        for number in range(rounds + 1):  # the first one warms up
            page.get_by_role("tab", name="Draw").click()
            times = draw_seven(page, "#pad canvas", settle=1500)
            page.keyboard.press("Delete")
            written = write_six_digits(page)
            page.keyboard.press("Delete")
            page.get_by_role("tab", name="Sketchpad").click()
            page.locator("#sketchpad [aria-label='Brush'].highlight").wait_for()
            page.wait_for_timeout(1000)
            sketched = draw_seven(page, "#sketchpad canvas", settle=6000)
            page.get_by_label("Clear canvas").click()
            page.wait_for_timeout(1000)
            if number:
                delays["pad"].append(max(0, times["answers"][-1] - times["up"]))
                delays["pad, the last of six digits"].append(max(0, written["answers"][-1] - written["up"]))
                delays["Sketchpad"].append(sketched["answers"][-1] - sketched["up"])
                during = [answer for answer in times["answers"] if answer < times["up"]]
                rates.append(1000 * len(during) / (times["up"] - times["down"]))
    for name, values in delays.items():
        print(f"{name}: pen up to final answer, median of {rounds}: {statistics.median(values):.0f} ms")
    ratio = statistics.median(delays["Sketchpad"]) / max(1, statistics.median(delays["pad"]))
    print(
        f"ratio: {ratio:.0f}; answers a second on the pad while the pen moves, median: {statistics.median(rates):.1f}"
    )


if __name__ == "__main__":
    main()
