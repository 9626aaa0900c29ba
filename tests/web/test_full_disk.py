"""The server when its disk is full: a sentence says so, drawings are read all the same, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.support.browsing import App, draw, label, run_app, wait_for_pad
from tests.support.disks import fill, small_disk
from tests.support.files import FILES, data_url
from tests.support.requests import predict, upload
from tests.support.strokes import DIGITS

pytestmark = pytest.mark.integration


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 1) as folder:
        yield folder


@pytest.fixture
def crowded(disk: Path, tmp_path: Path) -> Iterator[App]:
    """app.py with nowhere to put uploads."""
    with run_app(tmp_path, GRADIO_TEMP_DIR=str(disk)) as running:
        yield running


def test_drawings_are_read_while_uploads_are_refused(crowded: App, disk: Path, browser: Browser) -> None:
    early = upload(crowded, FILES["seven.png"], "early.png")
    filler = fill(disk)
    refusal = httpx2.post(f"{crowded.url}/gradio_api/upload", files={"files": ("late.png", FILES["turned.jpg"])})
    assert refusal.status_code == 507
    assert "disk is full" in refusal.text
    assert str(disk) not in refusal.text
    for image in (early, {"url": data_url(FILES["seven.png"])}):
        assert predict(crowded, image).json()["data"][0]["label"] == "7"
    assert httpx2.get(f"{crowded.url}/health").json()["status"] == "ok"

    page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    page.goto(crowded.url)
    wait_for_pad(page)
    page.get_by_role("tab", name="Picture").click()
    picture = {"name": "late.jpg", "mimeType": "image/jpeg", "buffer": FILES["turned.jpg"]}
    page.locator("#picture input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
    expect(label(page)).to_have_text("7", timeout=20_000)  # the page's own pictures need no disk
    page.get_by_role("tab", name="Draw").click()
    draw(page, page.locator("#pad canvas"), DIGITS["3"])
    expect(label(page)).to_have_text("3")
    page.context.close()

    filler.unlink()
    assert predict(crowded, upload(crowded, FILES["turned.jpg"], "late.jpg")).json()["data"][0]["label"] == "7"
    assert '"exception"' not in crowded.read_log()
