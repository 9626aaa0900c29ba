from pathlib import Path

import pytest

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.web import payloads
from mnist_cnn.web.limits import MAX_FILE_MB
from mnist_cnn.web.payloads import load_content
from tests.support.files import data_url


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(payloads, "get_upload_folder", lambda: str(folder))
    return folder


def test_uploaded_file_is_loaded(uploads: Path) -> None:
    (uploads / "picture").write_bytes(b"content")
    assert load_content({"path": str(uploads / "picture")}) == b"content"


def test_data_url_is_decoded() -> None:
    assert load_content({"url": data_url(b"content")}) == b"content"


@pytest.mark.parametrize("name", ["../secret", "link", "gone", ".", "null\0", "a" * 5000])
def test_nothing_but_an_uploaded_file_is_loaded(uploads: Path, name: str) -> None:
    (uploads.parent / "secret").write_bytes(b"secret")
    (uploads / "link").symlink_to(uploads.parent / "secret")
    with pytest.raises(UnreadablePictureError, match="holds no picture"):
        load_content({"path": f"{uploads}/{name}"})


@pytest.mark.parametrize("picture", [None, {}, {"url": "data:text/html,7"}, {"url": "file:///etc/passwd"}, "text"])
def test_request_without_a_picture_is_refused(picture: object) -> None:
    with pytest.raises(UnreadablePictureError, match="holds no picture: upload a file and send its path"):
        load_content(picture)  # type: ignore[arg-type]


def test_broken_data_url_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="damaged or incomplete"):
        load_content({"url": "data:image/png;base64,%%%"})


def test_content_is_limited_in_size() -> None:
    limit = MAX_FILE_MB * 2**20
    assert len(load_content({"url": data_url(bytes(limit))})) == limit
    with pytest.raises(UnreadablePictureError, match=f"at most {MAX_FILE_MB} MB"):
        load_content({"url": data_url(bytes(limit + 1))})
