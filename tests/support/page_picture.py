"""Take the picture of the page that README and links to a Space show: python -m tests.support.page_picture."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from mnist_cnn.hub import PAGE_PICTURE
from tests import ROOT
from tests.support.browsing import label, launch, run_app, verdict, wait_for_pad

COLOURS = 32  # are enough, and make a small file


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        run_app(Path(folder)) as app,
        sync_playwright() as playwright,
        launch(playwright.chromium) as browser,
    ):
        page = browser.new_page(viewport={"width": 1020, "height": 690})
        page.goto(app.url)
        wait_for_pad(page)
        page.get_by_role("button", name="Example of 42").click()
        expect(verdict(page)).to_contain_text("42")
        expect(label(page)).to_be_visible()
        page.wait_for_timeout(2000)  # until the explanation is there
        picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(ROOT / PAGE_PICTURE, optimize=True)


if __name__ == "__main__":
    main()
