from pathlib import Path

import pytest

from mnist_cnn.errors import WriteError
from mnist_cnn.training.storage import explain_write_errors, replace_files


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name in ("metrics.json", "figures/curves.png", "history.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("earlier")
    return folder


def write(unfinished: Path, text: str) -> None:
    (unfinished / "figures").mkdir()
    for name in ("metrics.json", "figures/curves.png", "figures/samples.png"):
        (unfinished / name).write_text(text)


def test_files_replace_those_of_the_same_names_and_no_others(folder: Path) -> None:
    with replace_files(folder) as unfinished:
        write(unfinished, "later")
        assert set(contents(folder).values()) == {"earlier", "later"}
        assert (folder / "metrics.json").read_text() == "earlier"
    assert contents(folder) == {
        "metrics.json": "later",
        "figures/curves.png": "later",
        "figures/samples.png": "later",
        "history.json": "earlier",
    }


def test_a_folder_that_does_not_exist_is_made(tmp_path: Path) -> None:
    with replace_files(tmp_path / "new" / "model") as unfinished:
        write(unfinished, "first")
    assert set(contents(tmp_path / "new" / "model").values()) == {"first"}


def replace(folder: Path, error: BaseException | None = None) -> None:
    with replace_files(folder) as unfinished:
        write(unfinished, "later")
        if error:
            raise error


def test_all_earlier_files_stay_if_one_cannot_be_written(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(WriteError, match=r"model can't be written \(No space left on device\)\."):
        replace(folder, OSError(28, "No space left on device"))
    assert contents(folder) == before


def test_files_are_on_the_disk_before_any_of_them_replaces_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    before = contents(folder)
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(WriteError, match=r"model can't be written \(Input/output error\)\."):
        replace(folder)
    assert contents(folder) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError()])
def test_an_interruption_leaves_the_folder_as_it_was(folder: Path, error: BaseException) -> None:
    before = contents(folder)
    with pytest.raises(type(error)):
        replace(folder, error)
    assert contents(folder) == before


def test_what_a_killed_process_left_is_not_taken_for_new_files(folder: Path) -> None:
    with replace_files(folder) as unfinished:
        pass
    unfinished.mkdir()
    (unfinished / "history.json").write_text("half")
    with replace_files(folder) as unfinished:
        write(unfinished, "later")
    assert contents(folder)["history.json"] == "earlier"
    assert not unfinished.exists()


def test_a_file_in_place_of_the_folder_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(WriteError, match=r"model can't be written \(.+\)\. What was there before is whole: make room"):
        replace(tmp_path / "model")


def test_an_error_without_a_number_is_explained_as_well(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"can't be written \(no more\)"), explain_write_errors(tmp_path):
        raise OSError("no more")
