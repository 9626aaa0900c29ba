import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from mnist_cnn.images import to_mnist
from mnist_cnn.inference import Reading
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.pictures import encode_drawing
from tests import ROOT
from tests.support.browsing import App, draw, label, run_app, wait_for_pad
from tests.support.files import FILES, data_url
from tests.support.loopback_hub import LoopbackHub
from tests.support.requests import call
from tests.support.strokes import DIGITS

PROBABILITIES = np.linspace(0, 0.2, 10, dtype=np.float32)

SAVE_FOREVER = """
import itertools, sys
from pathlib import Path
import numpy as np
from PIL import Image
from mnist_cnn.inference import Reading
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.pictures import encode_drawing

feedback = Feedback(Path(sys.argv[1]))
reading = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))
for i in itertools.count(1):
    drawing = Image.fromarray(np.random.default_rng(i).integers(0, 256, (300, 300), np.uint8))
    print(feedback.save(encode_drawing(drawing), reading, 1, "model", None).name, flush=True)
"""


def drawing(x: int = 100) -> Image.Image:
    picture = Image.new("RGBA", (200, 300))
    ImageDraw.Draw(picture).line([(x, 20), (100, 280)], fill="black", width=20)
    return picture


def save(feedback: Feedback, picture: Image.Image, digit: int = 1) -> Path:
    reading = Reading(PROBABILITIES, True, (0, 0, 28, 28), to_mnist(picture))
    return feedback.save(encode_drawing(picture), reading, digit, "owner/model", "c0ffee")


def load(folder: Path) -> datasets.Dataset:
    return datasets.load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache"))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)


def pushed(hub: LoopbackHub) -> list[str]:
    """Return the corrections among the files of the data set on the Hub."""
    if not (hub.root / "datasets" / "owner" / "corrections").is_dir():
        return []
    return [path for path in hub.repo("owner/corrections", "datasets").files() if path.endswith(".parquet")]


def test_correction_is_read_by_datasets_as_it_was_given(tmp_path: Path) -> None:
    save(Feedback(tmp_path / "feedback"), drawing(), digit=7)
    (row,) = load(tmp_path / "feedback")
    assert row["label"] == 7
    assert (np.asarray(row["drawing"]) == np.asarray(drawing())).all()
    assert (np.asarray(row["image"]) == to_mnist(drawing())[..., 0]).all()
    assert row["probabilities"] == pytest.approx(PROBABILITIES)
    assert (row["model"], row["revision"]) == ("owner/model", "c0ffee")
    assert datetime.now(UTC) - row["time"] < timedelta(minutes=1)


def test_second_correction_of_a_drawing_replaces_the_first(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    save(feedback, drawing(), digit=4)
    save(feedback, drawing(x=40), digit=4)
    save(feedback, drawing(), digit=7)
    assert sorted(load(tmp_path / "feedback")["label"]) == [4, 7]


def test_photo_is_kept_without_its_exif_data_and_no_larger_than_needed(tmp_path: Path) -> None:
    photo = Image.new("RGB", (2000, 3000), "white")
    ImageDraw.Draw(photo).line([(1000, 200), (1000, 2800)], fill="black", width=200)
    photo.info["exif"] = b"Exif: taken at home"
    path = save(Feedback(tmp_path / "feedback"), photo)
    assert b"taken at home" not in path.read_bytes()
    assert load(tmp_path / "feedback")[0]["drawing"].size == (683, 1024)


def test_killed_process_leaves_each_acknowledged_correction_and_no_broken_file(tmp_path: Path) -> None:
    folder = tmp_path / "feedback"
    command = [sys.executable, "-c", SAVE_FOREVER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        saved = {process.stdout.readline().strip() for _ in range(20)}
        process.send_signal(signal.SIGKILL)
        saved |= {line.strip() for line in process.stdout if line.endswith("\n")}
    assert saved <= {path.name for path in folder.glob("*.parquet")}
    assert len(load(folder)) == len(list(folder.glob("*.parquet")))


def test_correction_arrives_once_when_the_hub_is_back(hub: LoopbackHub, tmp_path: Path) -> None:
    with hub.down():
        feedback = Feedback(tmp_path / "feedback", "owner/corrections", push_every=0.01)
        saved = save(feedback, drawing())
        time.sleep(1)  # several attempts
    wait_until(lambda: pushed(hub) != [])
    with hub.down():
        other = save(feedback, drawing(x=40))
        time.sleep(1)
    wait_until(lambda: len(pushed(hub)) == 2)
    feedback.close()
    assert set(pushed(hub)) == {f"data/{saved.name}", f"data/{other.name}"}


def test_correction_outlives_a_kill_and_arrives_once(hub: LoopbackHub, browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "feedback"
    with hub.down(), run_app(tmp_path, FEEDBACK_REPO="owner/corrections") as app:
        page = browser.new_page()
        page.goto(app.url)
        wait_for_pad(page)
        draw(page, page.locator("#pad canvas"), DIGITS["7"])
        expect(label(page)).to_have_text("7")
        page.get_by_role("group", name="The right digit").get_by_role("button", name="1").click()
        expect(page.get_by_text("Thank you. It is saved as a 1.")).to_be_visible()
        with ThreadPoolExecutor(8) as visitors:  # the others are being answered
            for _ in range(100):
                visitors.submit(call, app, "predict", {"url": data_url(FILES["seven.png"])})
            app.process.kill()
            visitors.shutdown(cancel_futures=True)
        app.process.wait()
        page.close()
    (row,) = load(folder)
    assert row["label"] == 1
    assert np.argmax(row["probabilities"]) == 7
    assert (row["model"], row["revision"]) == ("bundled", None)
    with run_app(tmp_path, FEEDBACK_REPO="owner/corrections"):
        wait_until(lambda: pushed(hub) != [])
    assert len(pushed(hub)) == 1
    assert len(load(folder)) == 1


def test_uploaded_picture_is_corrected_too(page: Page, app: App, tmp_path: Path) -> None:
    digit_button = page.get_by_role("group", name="The right digit").get_by_role("button", name="8")
    digit_button.click()
    expect(page.get_by_text("Draw a digit first.")).to_be_visible()
    sheet = Image.new("RGB", (200, 300), "white")
    sheet.paste(drawing(), mask=drawing())
    sheet.save(tmp_path / "one.png")
    page.get_by_role("tab", name="Picture").click()
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "one.png")
    expect(label(page)).to_have_text("1")
    digit_button.click()
    expect(page.get_by_text("Thank you. It is saved as an 8.")).to_be_visible()
    (row,) = load(app.log_file.parent / "feedback")
    assert row["label"] == 8
    assert (np.asarray(row["drawing"]) == np.asarray(sheet)).all()


def test_stopped_server_pushes_what_is_left(hub: LoopbackHub, tmp_path: Path) -> None:
    with run_app(tmp_path, FEEDBACK_REPO="owner/corrections"):
        wait_until(lambda: any("repos/create" in request for request in hub.requests))
        save(Feedback(tmp_path / "feedback"), drawing())
    assert len(pushed(hub)) == 1
