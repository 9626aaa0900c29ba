import io
import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from mnist_cnn.inference import Reading
from mnist_cnn.web.corrections import decode_correction, encode_correction, join_corrections, load_card
from mnist_cnn.web.pictures import MAX_DRAWING_SIDE
from tests.support.documents import find_table, flow

READING = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))


def encode(name: str = "name", drawing: bytes = b"PNG", label: int = 7) -> bytes:
    return encode_correction(name, drawing, READING, label, "owner/model", "c0ffee")


def test_correction_comes_back_as_it_was_given() -> None:
    (row,) = decode_correction(encode()).to_pylist()
    assert row["drawing"] == {"bytes": b"PNG", "path": "name.png"}
    assert (row["label"], row["model"], row["revision"]) == (7, "owner/model", "c0ffee")
    assert row["image"]["bytes"].startswith(b"\x89PNG")
    assert abs((row["time"] - datetime.now(UTC)).total_seconds()) < 60


def test_joined_corrections_keep_their_order_and_what_datasets_needs() -> None:
    corrections = [decode_correction(encode(label=label)) for label in (3, 1, 2)]
    file = pa.parquet.ParquetFile(io.BytesIO(join_corrections(corrections)))
    assert file.read()["label"].to_pylist() == [3, 1, 2]
    assert file.num_row_groups == 1
    assert file.schema_arrow.metadata == corrections[0].schema.metadata


def test_same_corrections_are_joined_to_the_same_bytes() -> None:
    corrections = [decode_correction(encode(label=label)) for label in (3, 1, 2)]
    assert join_corrections(corrections) == join_corrections(corrections)


def test_correction_takes_little_more_than_its_pictures() -> None:
    noise = np.random.default_rng(0).bytes(1500)  # a drawing on the pad has about as many
    assert len(encode(drawing=noise)) < len(noise) + 5000


def test_damaged_files_and_other_columns_are_refused() -> None:
    other = io.BytesIO()
    pa.parquet.write_table(pa.table({"image": ["a"], "label": ["b"]}), other)
    whole = encode()
    for content in (b"", b"PAR1", whole[:-1], whole[: len(whole) // 2], other.getvalue()):
        with pytest.raises(ValueError, match="This is no correction"):
            decode_correction(content)


# The data set's card


def test_card_describes_every_column_in_its_order() -> None:
    described = [name for row in find_table(load_card(), "column") for name in re.findall(r"`(\w+)`", row[0])]
    assert described == decode_correction(encode()).column_names


def test_card_names_licence_and_task_for_the_hub() -> None:
    metadata = yaml.safe_load(load_card().split("---\n")[1])
    assert metadata["license"] == "cc0-1.0"
    assert metadata["task_categories"] == ["image-classification"]


def test_card_tells_what_its_readers_have_to_know() -> None:
    text = flow(load_card())
    for fact in ("Nobody has verified them.", "the row with the latest `time` counts", "before they pick a digit"):
        assert fact in text
    assert f"at most {MAX_DRAWING_SIDE} pixels a side" in text
