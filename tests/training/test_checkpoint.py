from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.errors import CheckpointError, WriteError
from mnist_cnn.training.checkpoint import check_same_run, identify_run, load_checkpoint, save_checkpoint
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.synthetic import draw_digits
from tests.support.disks import fill, small_disk


def test_a_checkpoint_reads_as_it_was_written(tmp_path: Path) -> None:
    arrays: list[np.ndarray] = [
        np.arange(6, dtype=np.uint32).reshape(2, 3),
        np.full((), 0.1, np.float32),
        np.array([], np.float64),
    ]
    save_checkpoint(tmp_path / "new" / "checkpoint.npz", arrays, {"history": [[1, 0.1]]})
    loaded, facts = load_checkpoint(tmp_path / "new" / "checkpoint.npz")
    for array, again in zip(arrays, loaded, strict=True):
        assert array.dtype == again.dtype
        np.testing.assert_array_equal(array, again)
    assert facts == {"history": [[1, 0.1]]}


def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, [np.arange(1000)], {})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r"is no checkpoint .*: start anew with --force"):
        load_checkpoint(path)


def test_an_earlier_checkpoint_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, [np.arange(3)], {"epoch": 1})

    def fail(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(WriteError, match="no space left"):
        save_checkpoint(path, [np.arange(9)], {"epoch": 2})
    assert load_checkpoint(path)[1] == {"epoch": 1}


def test_an_earlier_checkpoint_survives_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        save_checkpoint(disk / "checkpoint.npz", [np.arange(1000)], {"epoch": 1})
        fill(disk)
        with pytest.raises(WriteError, match="No space left on device"):
            save_checkpoint(disk / "checkpoint.npz", [np.arange(2000)], {"epoch": 2})
        (array,), facts = load_checkpoint(disk / "checkpoint.npz")
    assert facts == {"epoch": 1}
    np.testing.assert_array_equal(array, np.arange(1000))


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_checkpoint(path)


def test_an_archive_without_facts_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "checkpoint.npz", np.arange(3))
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.npz")


def test_other_data_or_another_config_is_another_run() -> None:
    config, split = TrainConfig(epochs=5), draw_digits(3, seed=0)
    run = identify_run(config, split)
    check_same_run(run, identify_run(TrainConfig(epochs=5), draw_digits(3, seed=0)))
    with pytest.raises(CheckpointError, match="had other data: resume it with the same settings"):
        check_same_run(run, identify_run(config, draw_digits(3, seed=1)))
    with pytest.raises(CheckpointError, match="had epochs 5 rather than 3, seed 0 rather than 1: resume"):
        check_same_run(run, identify_run(TrainConfig(epochs=3, seed=1), split))
