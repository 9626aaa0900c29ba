import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.inference import Reading
from mnist_cnn.web import batches
from mnist_cnn.web.batches import Stock
from mnist_cnn.web.corrections import DIGITS, decode_correction, encode_correction

READING = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    batches.open_folder(tmp_path)
    return tmp_path


def write(folder: Path, numbers: range, drawing: bytes = b"PNG") -> Stock:
    """Write a correction for each number, labelled with it, and return what they are together."""
    size = 0
    for number in numbers:
        content = encode_correction(f"{number:032x}", drawing, READING, number, "bundled", None)
        batches.write_correction(folder, f"{number:032x}.parquet", content)
        size += len(content)
    return Stock(len(numbers), size)


def labels(batch: Path) -> list[int]:
    content = batches.load_batch(batch, DIGITS)
    return decode_correction(content, DIGITS.schema)["label"].to_pylist() if content else []


def test_batches_take_all_corrections_and_no_more_than_so_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 3)
    write(folder, range(8))
    taken = [labels(batch) for batch in batches.take_batches(folder)]
    assert sorted(map(len, taken)) == [2, 3, 3]
    assert sorted(label for batch in taken for label in batch) == list(range(8))


def test_batches_are_bounded_in_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_MB", 1)
    write(folder, range(5), drawing=np.random.default_rng(0).bytes(600_000))
    assert [len(labels(batch)) for batch in batches.take_batches(folder)] == [2, 2, 1]


def test_batch_that_is_left_comes_first_and_gets_nothing_new(folder: Path) -> None:
    write(folder, range(2))
    (left,) = batches.take_batches(folder)
    write(folder, range(5, 6))
    again, new = batches.take_batches(folder)
    assert again == left
    assert (labels(again), labels(new)) == ([0, 1], [5])


def test_batch_is_the_same_file_each_time(folder: Path) -> None:
    write(folder, range(5))
    (batch,) = batches.take_batches(folder)
    assert batches.load_batch(batch, DIGITS) == batches.load_batch(batch, DIGITS)


def test_names_of_batches_are_unique(folder: Path) -> None:
    names = set()
    for number in range(20):
        write(folder, range(number, number + 1))
        (batch,) = batches.take_batches(folder)
        names.add(batch.name)
        batches.delete_batch(batch)
    assert len(names) == 20


def test_deleted_batch_says_what_was_in_it(folder: Path) -> None:
    stock = write(folder, range(5))
    (batch,) = batches.take_batches(folder)
    write(folder, range(7, 8))
    assert batches.delete_batch(batch) == stock
    assert batches.count_corrections(folder).corrections == 1


def test_batch_that_was_half_deleted_when_the_process_ended_is_not_pushed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, range(5))
    (batch,) = batches.take_batches(folder)

    def die(path: Path) -> None:
        next(path.iterdir()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            batches.delete_batch(batch)
    assert list(batches.take_batches(folder)) == []
    assert batches.count_corrections(folder) == (0, 0)
    with batches.lock_batches(folder):
        pass
    assert list((folder / ".pushed").iterdir()) == []


def test_corrections_are_counted_in_and_out_of_batches(folder: Path) -> None:
    stock = write(folder, range(3))
    assert batches.count_corrections(folder) == stock
    list(batches.take_batches(folder))
    assert batches.count_corrections(folder) == stock


def test_files_that_are_no_corrections_stay_where_they_are(folder: Path) -> None:
    for name in ("train.parquet", "notes.txt", f"{7:032x}.png"):
        (folder / name).write_bytes(b"mine")
    assert list(batches.take_batches(folder)) == []
    assert batches.count_corrections(folder) == (0, 0)


def test_damaged_correction_is_set_aside_and_keeps_no_other_back(folder: Path) -> None:
    write(folder, range(3))
    damaged = folder / f"{1:032x}.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    (batch,) = batches.take_batches(folder)
    assert labels(batch) == [0, 2]
    assert (folder / f"{damaged.name}.damaged").is_file()


def test_batch_of_nothing_but_damaged_corrections_is_nothing(folder: Path) -> None:
    (folder / f"{1:032x}.parquet").write_bytes(b"")
    (batch,) = batches.take_batches(folder)
    assert batches.load_batch(batch, DIGITS) is None
    assert batches.delete_batch(batch) == (0, 0)


def test_only_one_server_at_a_time_pushes_from_a_folder(folder: Path) -> None:
    order = []

    def push() -> None:
        with batches.lock_batches(folder):
            order.append("second")

    with batches.lock_batches(folder):
        second = threading.Thread(target=push)
        second.start()
        second.join(timeout=0.3)
        order.append("first")
    second.join()
    assert order == ["first", "second"]


def test_file_that_cannot_be_written_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, range(1))
    before = (folder / f"{0:032x}.parquet").read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        batches.write_correction(folder, f"{0:032x}.parquet", b"new")
    assert (folder / f"{0:032x}.parquet").read_bytes() == before
    assert list((folder / ".unfinished").iterdir()) == []


def test_unfinished_files_of_killed_processes_are_deleted_and_those_of_others_are_not(folder: Path) -> None:
    for name, age in {"old": batches.ABANDONED_AFTER + 60, "new": 60}.items():
        (folder / ".unfinished" / name).touch()
        os.utime(folder / ".unfinished" / name, times=(time.time() - age,) * 2)
    with batches.lock_batches(folder):
        assert [path.name for path in (folder / ".unfinished").iterdir()] == ["new"]
