import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from mnist_cnn.errors import CorrectionError
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import NumberReading, Reading
from mnist_cnn.web import batches
from mnist_cnn.web import feedback as feedback_module
from mnist_cnn.web.feedback import Feedback, HourlyLimit
from mnist_cnn.web.pictures import encode_drawing
from tests import ROOT
from tests.support.browsing import App, draw, label, run_app, wait_for_pad
from tests.support.disks import fill, small_disk
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
from mnist_cnn.errors import CorrectionError
from mnist_cnn.web import batches
from mnist_cnn.web import feedback as feedback_module
from mnist_cnn.web.feedback import Feedback, HourlyLimit
from mnist_cnn.web.pictures import encode_drawing

feedback = Feedback(Path(sys.argv[1]))
reading = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))
for i in itertools.count(1):
    drawing = Image.fromarray(np.random.default_rng(i).integers(0, 256, (300, 300), np.uint8))
    print(feedback.save(str(i), encode_drawing(drawing), reading, 1, "model", None).name, flush=True)
"""

# Begins a server that saves and pushes whenever it gets a line, and says which process that is.
SAVE_AND_PUSH = """
import itertools, os, secrets, sys
from pathlib import Path
import numpy as np
from mnist_cnn.inference import Reading
from mnist_cnn.web.feedback import Feedback

reading = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))
for line in sys.stdin:
    if server := os.fork():
        print(server, flush=True)
        os.waitpid(server, 0)
        print(flush=True)
    else:
        feedback = Feedback(Path(sys.argv[1]), sys.argv[2], push_every=0)
        while True:
            print(feedback.save(secrets.token_hex(), os.urandom(99), reading, 1, "model", None).stem, flush=True)
"""


def drawing(x: int = 100) -> Image.Image:
    picture = Image.new("RGBA", (200, 300))
    ImageDraw.Draw(picture).line([(x, 20), (100, 280)], fill="black", width=20)
    return picture


def save(feedback: Feedback, picture: Image.Image, digit: int = 1, visitor: str = "visitor") -> Path:
    reading = Reading(PROBABILITIES, True, (0, 0, 28, 28), to_mnist(picture))
    return feedback.save(visitor, encode_drawing(picture), reading, digit, "owner/model", "c0ffee")


def save_number(feedback: Feedback, picture: Image.Image, text: str = "17", visitor: str = "visitor") -> Path:
    """Correct a picture in which 11 was read."""
    reading = Reading(PROBABILITIES, True, (3, 4, 50, 60), np.full((28, 28, 1), 99, np.uint8))
    number = NumberReading("11", 0.5, (reading, reading), reading)
    return feedback.save_number(visitor, encode_drawing(picture), number, text, "owner/model", "c0ffee")


def save_many(feedback: Feedback, number: int, content: bytes = b"drawing") -> None:
    """Save as many corrections of the same drawing, each by a visitor of its own."""
    reading = Reading(PROBABILITIES, True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))
    for visitor in range(number):
        feedback.save(str(visitor), content, reading, visitor % 10, "bundled", None)


def push(folder: Path) -> None:
    """Push once all that waits in a folder, as far as the Hub takes it."""
    Feedback(folder, "owner/corrections").close()


def load(folder: Path, part: str = "") -> datasets.Dataset:
    return datasets.load_dataset(str(folder / part), split="train", cache_dir=str(folder.parent / "cache"))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)


def pushed(hub: LoopbackHub) -> list[list[dict]]:
    """Return the rows of each file of the data set on the Hub, the oldest file first."""
    if not (hub.root / "datasets" / "owner" / "corrections").is_dir():
        return []
    repo = hub.repo("owner/corrections", "datasets")
    files = {path: file["oid"] for path, file in repo.files().items() if path.endswith(".parquet")}
    blobs = [repo.folder / "blobs" / files[path] for path in sorted(files)]
    return [pa.parquet.read_table(blob, memory_map=False).to_pylist() for blob in blobs]


def load_pushed(folder: Path, configuration: str | None = None) -> datasets.Dataset:
    """Load a configuration of the data set on the Hub."""
    return datasets.load_dataset("owner/corrections", configuration, split="train", cache_dir=str(folder / "cache"))


def count(folder: Path) -> int:
    """Return how many corrections are in a folder, whatever else is."""
    return len(list(folder.rglob("*.parquet")))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last push takes as long as it takes, on a machine that is busy with other tests."""
    monkeypatch.setattr(feedback_module, "LAST_PUSH", 60)


def test_correction_is_read_by_datasets_as_it_was_given(tmp_path: Path) -> None:
    save(Feedback(tmp_path / "feedback"), drawing(), digit=7)
    (row,) = load(tmp_path / "feedback")
    assert row["label"] == 7
    assert (np.asarray(row["drawing"]) == np.asarray(drawing())).all()
    assert (np.asarray(row["image"]) == to_mnist(drawing())[..., 0]).all()
    assert row["probabilities"] == pytest.approx(PROBABILITIES)
    assert (row["model"], row["revision"]) == ("owner/model", "c0ffee")
    assert datetime.now(UTC) - row["time"] < timedelta(minutes=1)


def test_second_correction_of_a_drawing_replaces_the_first_of_the_same_visitor(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    save(feedback, drawing(), digit=4)
    save(feedback, drawing(x=40), digit=4)
    save(feedback, drawing(), digit=7)
    assert sorted(load(tmp_path / "feedback")["label"]) == [4, 7]
    assert feedback.waiting == (2, None)


def test_word_of_each_visitor_is_kept(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    save(feedback, drawing(), digit=4, visitor="one")
    save(feedback, drawing(), digit=7, visitor="another")
    assert sorted(load(tmp_path / "feedback")["label"]) == [4, 7]


def test_what_is_kept_does_not_tell_who_gave_it(tmp_path: Path) -> None:
    path = save(Feedback(tmp_path / "feedback"), drawing(), visitor="b8gwhb3v9fl")
    assert b"b8gwhb3v9fl" not in path.read_bytes()
    assert "b8gwhb3v9fl" not in path.name


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
        feedback = Feedback(tmp_path / "feedback", "owner/corrections", push_every=0.001)
        save(feedback, drawing(), digit=1)
        wait_until(lambda: feedback.waiting.error is not None)
        assert feedback.waiting.waiting == 1
    wait_until(lambda: feedback.waiting == (0, None))
    with hub.down():
        save(feedback, drawing(x=40), digit=7)
        wait_until(lambda: feedback.waiting.error is not None)
    wait_until(lambda: feedback.waiting == (0, None))
    feedback.close()
    assert [row["label"] for rows in pushed(hub) for row in rows] == [1, 7]
    assert count(tmp_path / "feedback") == 0


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
    ((row,),) = pushed(hub)
    assert row["label"] == 1
    assert count(folder) == 0


def test_uploaded_picture_is_corrected_too(page: Page, app: App, tmp_path: Path) -> None:
    digit_button = page.get_by_role("group", name="The right digit").get_by_role("button", name="8")
    expect(digit_button).to_be_hidden()  # there is nothing to put right yet
    sheet = Image.new("RGB", (200, 300), "white")
    sheet.paste(drawing(), mask=drawing())
    sheet.save(tmp_path / "one.png")
    page.get_by_role("tab", name="Picture").click()
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "one.png")
    expect(label(page)).to_have_text("1")
    digit_button.click()
    expect(page.get_by_text("Thank you. It is saved as an 8.")).to_be_visible()
    (row,) = (row for row in load(app.log_file.parent / "feedback") if row["label"] == 8)
    assert (np.asarray(row["drawing"]) == np.asarray(sheet)).all()


def test_page_says_what_becomes_of_a_correction_before_it_takes_one(page: Page) -> None:
    notice = page.get_by_text("Your drawing and your answer are kept to teach the next model.")
    draw(page, page.locator("#pad canvas"), DIGITS["7"])
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("They may be published, for anyone to use (CC0).")


def test_stopped_server_pushes_what_is_left(hub: LoopbackHub, tmp_path: Path) -> None:
    with run_app(tmp_path, FEEDBACK_REPO="owner/corrections"):
        save(Feedback(tmp_path / "feedback"), drawing())
    ((row,),) = pushed(hub)
    assert row["label"] == 1


# Numbers


def test_corrected_number_is_read_by_datasets_as_it_was_given(tmp_path: Path) -> None:
    save_number(Feedback(tmp_path / "feedback"), drawing())
    (row,) = load(tmp_path / "feedback", ".numbers")
    assert (row["text"], row["read"], row["labels"]) == ("17", "11", [1, 7])
    assert row["boxes"] == [[3, 4, 50, 60]] * 2
    assert (np.asarray(row["drawing"]) == np.asarray(drawing())).all()
    assert [(image.size, image.getextrema()) for image in row["images"]] == [((28, 28), (99, 99))] * 2
    assert (row["model"], row["revision"]) == ("owner/model", "c0ffee")
    assert datetime.now(UTC) - row["time"] < timedelta(minutes=1)


def test_numbers_are_no_hindrance_to_who_loads_the_digits(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    save_number(feedback, drawing(), visitor="one")
    save(feedback, drawing(), digit=7, visitor="another")
    assert load(tmp_path / "feedback")["label"] == [7]


def test_correction_that_is_taken_back_is_gone_and_no_other(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path)
    mine = save(feedback, drawing(), visitor="me")
    others = [save(feedback, drawing(), visitor="you"), save_number(feedback, drawing(), visitor="them")]
    assert feedback.take_back("me", encode_drawing(drawing()))
    assert not mine.exists()
    assert all(path.exists() for path in others)
    assert not feedback.take_back("me", encode_drawing(drawing()))
    assert save(feedback, drawing(), visitor="me") == mine  # it can be given again


def test_later_word_on_a_drawing_replaces_the_former_be_it_a_digit_or_a_number(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    save(feedback, drawing(), digit=4)
    save_number(feedback, drawing(), text="17")
    save_number(feedback, drawing(), text="71\n0")
    save_number(feedback, drawing(x=40), text="5")
    assert sorted(load(tmp_path / "feedback", ".numbers")["text"]) == ["5", "71\n0"]
    assert (count(tmp_path / "feedback"), feedback.waiting) == (2, (2, None))
    save(feedback, drawing(), digit=4)
    assert load(tmp_path / "feedback")["label"] == [4]
    assert (count(tmp_path / "feedback"), feedback.waiting) == (2, (2, None))


def test_numbers_and_digits_count_to_the_same_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "MAX_CORRECTIONS_MB", 1)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 1000), np.uint8))
    feedback = Feedback(tmp_path / "feedback")
    save_number(feedback, noise)
    again = Feedback(tmp_path / "feedback")
    wait_until(lambda: again.waiting.waiting == 1)
    for full in (feedback, again):
        with pytest.raises(CorrectionError, match="The 1 MB for corrections are full"):
            save_many(full, 1, encode_drawing(noise))
    for turn in range(29):
        (save if turn % 2 else save_number)(feedback, drawing())
    for give in (save, save_number):
        with pytest.raises(CorrectionError, match="these are 30 in an hour"):
            give(feedback, drawing(x=40))


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("kinds", ["digit number", "number digit", "number"])
def test_data_set_on_the_hub_loads_digits_and_numbers_in_whatever_order_they_came(tmp_path: Path, kinds: str) -> None:
    for kind in kinds.split():
        (save if kind == "digit" else save_number)(Feedback(tmp_path / "feedback"), drawing())
        push(tmp_path / "feedback")
    assert count(tmp_path / "feedback") == 0
    assert load_pushed(tmp_path, "numbers")["text"] == ["17"]
    if "digit" in kinds:
        assert load_pushed(tmp_path)["label"] == [1]


@pytest.mark.usefixtures("hub")
def test_data_set_that_is_older_than_numbers_goes_on_when_they_come(tmp_path: Path) -> None:
    save(Feedback(tmp_path / "feedback"), drawing())
    push(tmp_path / "feedback")
    huggingface_hub.upload_file(
        path_or_fileobj=b"---\nlicense: cc0-1.0\n---\n# Digits",
        path_in_repo="README.md",
        repo_id="owner/corrections",
        repo_type="dataset",
    )
    save(Feedback(tmp_path / "feedback"), drawing(x=40), digit=7)
    save_number(Feedback(tmp_path / "feedback"), drawing())
    push(tmp_path / "feedback")
    assert sorted(load_pushed(tmp_path)["label"]) == [1, 7]
    assert load_pushed(tmp_path, "numbers")["text"] == ["17"]


def test_numbers_that_failed_to_arrive_are_made_up_for_without_a_duplicate(hub: LoopbackHub, tmp_path: Path) -> None:
    save_number(Feedback(tmp_path / "feedback"), drawing())
    with hub.fault(pattern="/commit/", status=403):
        push(tmp_path / "feedback")
    assert count(tmp_path / "feedback") == 1
    save_number(Feedback(tmp_path / "feedback"), drawing(x=40), text="28")
    push(tmp_path / "feedback")
    push(tmp_path / "feedback")
    assert sorted(load_pushed(tmp_path, "numbers")["text"]) == ["17", "28"]
    assert count(tmp_path / "feedback") == 0


# Limits


def test_visitor_gives_thirty_corrections_an_hour_and_others_go_on(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback")
    for digit in range(30):
        save(feedback, drawing(), digit % 10)
    with pytest.raises(CorrectionError, match=r"these are 30 in an hour.* come back later\.$"):
        save(feedback, drawing(), digit=5)
    assert load(tmp_path / "feedback")["label"] == [9]
    save(feedback, drawing(), visitor="another")


def test_an_hour_is_counted_from_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("mnist_cnn.web.feedback.time.monotonic", lambda: now)
    limit = HourlyLimit(2)
    taken = []
    for now in (0.0, 3000.0, 3599.0, 3601.0, 3602.0, 6599.0, 6601.0):  # noqa: B007 - `monotonic` reads it
        taken.append(limit.take("visitor"))
    assert taken == [True, True, False, True, False, False, True]


def test_visitors_beyond_a_number_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "VISITORS", 2)
    limit = HourlyLimit(1)
    assert [limit.take(visitor) for visitor in "aabacbab"] == [True, False, True, False, True, True, True, False]


def test_full_folder_takes_no_more_and_loses_nothing_until_it_is_pushed(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "MAX_CORRECTIONS_MB", 1)
    noise = np.random.default_rng(0).bytes(100_000)
    feedback = Feedback(tmp_path / "feedback")
    with pytest.raises(CorrectionError, match="The 1 MB for corrections are full"):
        save_many(feedback, 11, noise)
    kept = feedback.waiting.waiting
    assert 0 < kept == count(tmp_path / "feedback") <= 10
    again = Feedback(tmp_path / "feedback")
    wait_until(lambda: again.waiting.waiting == kept)
    with pytest.raises(CorrectionError, match="come back another day"):
        save_many(again, 11, noise)
    push(tmp_path / "feedback")
    assert len(pushed(hub)[0]) == kept
    save(Feedback(tmp_path / "feedback"), drawing())


@pytest.mark.integration
def test_full_disk_refuses_a_correction_and_keeps_the_others(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        feedback = Feedback(disk / "feedback")
        path = save(feedback, drawing(), digit=4)
        filler = fill(disk)
        before = path.read_bytes()
        for picture in (drawing(), drawing(x=40)):
            with pytest.raises(OSError, match="No space left"):
                save(feedback, picture, digit=7)
        assert [file.name for file in (disk / "feedback").rglob("*") if file.stat().st_size and file.is_file()] == [
            path.name
        ]
        assert path.read_bytes() == before
        assert feedback.waiting.waiting == 1
        filler.unlink()
        save(feedback, drawing(), digit=7)
        assert load(disk / "feedback")["label"] == [7]


# Pushing


def test_more_corrections_than_files_can_be_open_are_pushed_in_batches_of_a_thousand(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    save_many(Feedback(tmp_path / "feedback"), 1)
    (path,) = (tmp_path / "feedback").glob("*.parquet")
    for number in range(2499):  # copies, since waiting for the disk 2,500 times takes long
        (path.with_stem(f"{number:032x}")).write_bytes(path.read_bytes())
    push(tmp_path / "feedback")
    assert sorted(map(len, pushed(hub))) == [500, 1000, 1000]
    assert len(hub.repo("owner/corrections", "datasets").history()) == 4  # with the first, of .gitattributes
    assert count(tmp_path / "feedback") == 0


def test_what_has_arrived_waits_no_more(hub: LoopbackHub, tmp_path: Path) -> None:
    save_many(Feedback(tmp_path / "feedback"), 3)
    feedback = Feedback(tmp_path / "feedback", "owner/corrections")  # which counts again after 5 minutes
    wait_until(lambda: pushed(hub) != [])
    wait_until(lambda: feedback.waiting == (0, None))


def test_restarted_server_knows_what_is_pushed_without_asking(hub: LoopbackHub, tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "feedback", "owner/corrections")
    save_many(feedback, 3)
    feedback.close()
    hub.requests.clear()
    push(tmp_path / "feedback")
    assert hub.requests == []
    assert sum(map(len, pushed(hub))) == 3  # in one file or two: pushing begins at once


@pytest.mark.parametrize("pattern", ["repos/create", "info/lfs", "/commit/"])
def test_push_that_failed_anywhere_is_made_up_for_without_a_duplicate(
    hub: LoopbackHub, tmp_path: Path, pattern: str
) -> None:
    save_many(Feedback(tmp_path / "feedback"), 3)
    with hub.fault(pattern=pattern, status=403):
        push(tmp_path / "feedback")
    assert count(tmp_path / "feedback") == 3
    push(tmp_path / "feedback")
    push(tmp_path / "feedback")
    assert sum(map(len, pushed(hub))) == 3  # in one file or two: pushing begins at once


def test_killed_at_any_moment_nothing_is_lost_and_nothing_arrives_twice(hub: LoopbackHub, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SAVE_AND_PUSH, str(tmp_path / "feedback"), "owner/corrections"]
    saved: set[str] = set()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for kill in range(5):
            process.stdin.write("start\n")
            process.stdin.flush()
            server = int(process.stdout.readline())
            lines = iter(process.stdout.readline, "\n")
            saved |= {line.strip() for line in itertools.islice(lines, 5 + 7 * kill)}
            os.kill(server, signal.SIGKILL)
            saved |= {line.strip() for line in lines if line.endswith("\n")}
        process.stdin.close()
    push(tmp_path / "feedback")
    arrived = [row["drawing"]["path"].removesuffix(".png") for rows in pushed(hub) for row in rows]
    assert len(saved) > 5
    assert saved <= set(arrived)
    assert len(arrived) == len(set(arrived)) <= len(saved) + 5  # at each kill, one may be saved and not yet told
    assert len(pushed(hub)) > 1
    assert not [path for path in (tmp_path / "feedback").rglob("*.parquet") if path.parent.name != ".unfinished"]


def test_corrections_of_older_versions_are_pushed_too(hub: LoopbackHub, tmp_path: Path) -> None:
    path = save(Feedback(tmp_path / "feedback"), drawing(), digit=4)
    table = pa.parquet.read_table(path, memory_map=False)
    picture = pa.array(
        [{"bytes": table["drawing"][0]["bytes"].as_py(), "path": None}], table.schema.field("drawing").type
    )
    pa.parquet.write_table(table.set_column(2, table.schema.field("drawing"), picture), path.with_stem("0" * 32))
    push(tmp_path / "feedback")
    (rows,) = pushed(hub)
    assert [(row["label"], row["drawing"]["path"]) for row in rows] == [(4, None), (4, f"{path.stem}.png")]


def test_failure_is_said_once_and_shown_until_it_is_over(
    hub: LoopbackHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="mnist_cnn.web.feedback")
    with hub.fault(status=401):
        feedback = Feedback(tmp_path / "feedback", "owner/corrections", push_every=0.001)
        save(feedback, drawing())
        wait_until(lambda: sum("repos/create" in request for request in hub.requests) > 3)
    wait_until(lambda: feedback.waiting == (0, None))
    feedback.close()
    assert [record.getMessage() for record in caplog.records if "can't be pushed" in record.getMessage()] == [
        "Corrections can't be pushed to owner/corrections yet, and are kept: The Hub doesn't accept the token for "
        "owner/corrections. Log in with `hf auth login`, or set HF_TOKEN anew."
    ]


def test_what_cannot_be_moved_is_said_without_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(batches, "take_batches", refuse)
    feedback = Feedback(tmp_path / "feedback", "owner/corrections")
    wait_until(lambda: feedback.waiting == (0, "They can't be read or moved here: Permission denied."))


def test_data_set_is_private_and_says_what_it_holds(hub: LoopbackHub, tmp_path: Path) -> None:
    save(Feedback(tmp_path / "feedback"), drawing())
    push(tmp_path / "feedback")
    repo = hub.repo("owner/corrections", "datasets")
    card = (repo.folder / "blobs" / repo.files()["README.md"]["oid"]).read_text()
    assert repo.state["private"]
    assert card.startswith("---\npretty_name: Corrected readings")
    assert 'load_dataset("owner/corrections"' in card
