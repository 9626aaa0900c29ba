"""Measure how long the page takes to paint, and the answer once the pen is lifted: on the pad and Gradio's Sketchpad.

python -m tests.benchmarks.pen_to_answer [--rounds 15] [--before FOLDER]

With --before it measures another checkout of this project in turn, such as a `git worktree` of an earlier commit. It
also counts how many answers a second come while the pen moves.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests import ROOT
from tests.support.browsing import App, launch, place, run_app, wait_for_pad, write
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
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


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


def measure_page(browser: Browser, app: App) -> dict[str, float]:
    """Return milliseconds of what a visitor waits for on a new page, and the answers a second while the pen moves."""
    page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    page.goto(app.url)
    wait_for_pad(page)
    measured = {"first paint": page.evaluate(PAINT)}
    page.evaluate(WATCH)
    for _ in range(2):  # the first one warms up
        page.get_by_role("tab", name="Draw").click()
        times = draw_seven(page, "#pad canvas", settle=1500)
        page.get_by_role("button", name="Clear").first.click()
    measured["pad"] = max(0, times["answers"][-1] - times["up"])
    during = [answer for answer in times["answers"] if answer < times["up"]]
    measured["answers a second"] = 1000 * len(during) / (times["up"] - times["down"])
    write(page, page.locator("#pad canvas"), "421703")
    page.wait_for_timeout(1500)
    written = page.evaluate("times")
    if written["answers"]:  # the page reads numbers
        measured["pad, the last of six digits"] = max(0, written["answers"][-1] - written["up"])
    page.get_by_role("tab", name="Sketchpad").click()
    page.locator("#sketchpad [aria-label='Brush'].highlight").wait_for()
    page.wait_for_timeout(1000)
    sketched = draw_seven(page, "#sketchpad canvas", settle=6000)
    measured["Sketchpad"] = sketched["answers"][-1] - sketched["up"]
    page.context.close()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--before", type=Path, help="another checkout of this project")
    arguments = parser.parse_args()
    trees = {"now": ROOT, **({"before": arguments.before} if arguments.before else {})}
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: {tree: [] for tree in trees})
    with ExitStack() as stack:
        apps = {}
        for name, tree in trees.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            apps[name] = stack.enter_context(run_app(folder, tree))
        browser = stack.enter_context(launch(stack.enter_context(sync_playwright()).chromium))
        for _ in range(arguments.rounds):
            for name, app in apps.items():
                for what, value in measure_page(browser, app).items():
                    values[what][name].append(value)
    for what, by_tree in values.items():
        medians = {name: statistics.median(found) for name, found in by_tree.items() if found}
        unit = "" if what == "answers a second" else " ms"
        line = ", ".join(f"{name} {median:.1f}{unit}" for name, median in medians.items())
        ratio = f", ratio {medians['now'] / medians['before']:.2f}" if len(medians) == 2 else ""
        print(f"{what}, median of {arguments.rounds}: {line}{ratio}")
    pad, sketchpad = (statistics.median(values[what]["now"]) for what in ("pad", "Sketchpad"))
    print(f"ratio of Sketchpad and pad: {sketchpad / max(1, pad):.0f}")


if __name__ == "__main__":
    main()
