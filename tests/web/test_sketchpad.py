"""What browsers may leave in Gradio's Sketchpad."""

import httpx2
import pytest
from gradio.components.image_editor import AcceptBlobs, EditorData, EditorDataBlobs
from gradio.data_classes import FileData
from starlette.exceptions import HTTPException

from mnist_cnn.web.limits import MAX_FILE_MB
from mnist_cnn.web.sketchpad import ENTRY_BYTES, BlobStore, build_sketchpad, check_blobs, take_drawing
from tests.support.browsing import App


def blobs(size: int) -> EditorDataBlobs:
    return EditorDataBlobs(background=None, layers=[bytes(size)], composite=None)


def test_store_drops_what_changed_least_recently_beyond_its_bytes() -> None:
    store = BlobStore(3 * (ENTRY_BYTES + 100))
    for key in ("first", "second", "third"):
        store[key] = blobs(100)
    store["first"] = blobs(100)
    store["fourth"] = blobs(100)
    assert list(store) == ["third", "first", "fourth"]


def test_store_counts_what_an_entry_has_grown_by() -> None:
    store = BlobStore(2 * ENTRY_BYTES + 500)
    store["other"], store["growing"] = blobs(0), blobs(0)
    growing = store["growing"]
    growing.composite = bytes(400)
    store["growing"] = growing
    assert list(store) == ["other", "growing"]
    growing.background = bytes(400)
    store["growing"] = growing
    assert list(store) == ["growing"]


def test_store_forgets_the_bytes_of_what_is_fetched() -> None:
    store = BlobStore(ENTRY_BYTES + 100)
    for _ in range(5):
        store["drawing"] = blobs(100)
        assert store.pop("drawing").layers == [bytes(100)]
    store["drawing"] = blobs(100)
    assert list(store) == ["drawing"]


def test_store_bounds_empty_entries_too() -> None:
    store = BlobStore(10 * ENTRY_BYTES)
    for number in range(1000):
        store[str(number)] = EditorDataBlobs(background=None, layers=[], composite=None)
    assert len(store) == 10


def part(kind: object = "layer", index: object = "0", key: object = "abc", size: int = 3) -> AcceptBlobs:
    data = {"type": kind, "index": index, "id": key}
    return AcceptBlobs.model_construct(data=data, files=[("file", bytes(size))])  # as a request may hold it


@pytest.mark.parametrize("kind", ["layer", "background", "composite"])
@pytest.mark.parametrize("index", ["0", 0, None, "null"])
def test_parts_that_the_editor_sends_are_taken(kind: str, index: object) -> None:
    check_blobs(part(kind, index))


@pytest.mark.parametrize("index", ["1", 1, 200_000_000, "200000000", -1, "0.0", 1e9, [], {}])
def test_layer_that_the_editor_does_not_have_is_refused(index: object) -> None:
    with pytest.raises(HTTPException, match="400: This is no part of a drawing"):
        check_blobs(part(index=index))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (part(kind="secret"), 400),
        (part(key="a" * 65), 400),
        (part(key=7), 400),
        (part(size=MAX_FILE_MB * 2**20 + 1), 413),
        (AcceptBlobs.model_construct(data={}, files=[]), 400),
        (AcceptBlobs.model_construct(data=part().data, files=[]), 400),
        ("text", 400),
    ],
)
def test_other_parts_are_refused(data: AcceptBlobs, status: int) -> None:
    with pytest.raises(HTTPException) as caught:
        check_blobs(data)
    assert caught.value.status_code == status
    assert len(caught.value.detail.split()) > 3


def test_sketchpad_keeps_a_part_that_is_taken() -> None:
    sketchpad = build_sketchpad()
    sketchpad.accept_blobs(part())
    assert sketchpad.blob_storage["abc"].layers == [bytes(3)]
    with pytest.raises(HTTPException):
        sketchpad.accept_blobs(part(index=200_000_000, key="other"))
    assert list(sketchpad.blob_storage) == ["abc"]


def test_layer_far_away_is_refused_over_http(app: App) -> None:
    config = httpx2.get(f"{app.url}/config").json()
    (component,) = (one["id"] for one in config["components"] if one["props"].get("elem_id") == "sketchpad")
    fields = {"type": "layer", "index": "200000000", "id": "x", "component_id": str(component)}
    fields |= {"fn_name": "accept_blobs", "session_hash": "session", "data": "{}"}
    answer = httpx2.post(
        f"{app.url}/gradio_api/component_server", data=fields, files={"file": ("blob", b"png")}, timeout=5
    )
    assert answer.status_code == 400, answer.text
    assert "no part of a drawing" in answer.json()["error"]


def test_drawing_is_the_composite_alone_and_leaves_the_store() -> None:
    store = {"abc": EditorDataBlobs(background=b"b", layers=[b"l"] * 100, composite=b"c")}
    payload = EditorData(background=None, layers=[], composite=None, id="abc")
    assert take_drawing(store, payload) == b"c"
    assert take_drawing(store, payload) is None
    assert not store


def test_drawing_that_was_uploaded_is_named_and_a_blank_pad_is_nothing() -> None:
    file = FileData(path="seven.png", url=None)
    layers = [file] * 100
    assert take_drawing({}, EditorData(background=file, layers=layers, composite=file, id=None)) == {
        "path": "seven.png",
        "url": None,
    }
    assert take_drawing({}, EditorData(background=file, layers=layers, composite=None, id=None)) is None
    assert take_drawing({}, None) is None


def test_sketchpad_decodes_nothing_by_itself() -> None:
    sketchpad = build_sketchpad()
    sketchpad.blob_storage["abc"] = EditorDataBlobs(background=b"b", layers=[b"l"], composite=b"no picture")
    drawing: object = sketchpad.preprocess(EditorData(background=None, layers=[], composite=None, id="abc"))
    assert drawing == b"no picture"
