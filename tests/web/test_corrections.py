import io
import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from PIL import Image

from mnist_cnn.inference import NumberReading, Reading
from mnist_cnn.web.corrections import (
    CONFIGURATIONS,
    DIGITS,
    NUMBERS,
    decode_correction,
    encode_correction,
    encode_number,
    join_corrections,
    load_card,
    parse_number,
)
from mnist_cnn.web.pictures import MAX_DRAWING_SIDE
from tests.support.documents import find_table, flow

READING = Reading(np.full(10, 0.1, np.float32), True, (0, 0, 28, 28), np.zeros((28, 28, 1), np.uint8))


def encode(name: str = "name", drawing: bytes = b"PNG", label: int = 7) -> bytes:
    return encode_correction(name, drawing, READING, label, "owner/model", "c0ffee")


def decode(content: bytes) -> pa.Table:
    return decode_correction(content, DIGITS.schema)


def encode_numbers(read: str, text: str) -> dict:
    """Return the row of a number of whose digits each lies to the right of the one before."""
    blank = np.zeros((28, 28, 1), np.uint8)
    digits = tuple(
        Reading(np.full(10, 0.1, np.float32), True, (30 * place, 2, 30 * place + 20, 40), blank + place)
        for place in range(len(read.replace("\n", "")))
    )
    content = encode_number("name", b"PNG", NumberReading(read, 0.5, digits, READING), text, "owner/model", None)
    (row,) = decode_correction(content, NUMBERS.schema).to_pylist()
    return row


def test_correction_comes_back_as_it_was_given() -> None:
    (row,) = decode(encode()).to_pylist()
    assert row["drawing"] == {"bytes": b"PNG", "path": "name.png"}
    assert (row["label"], row["model"], row["revision"]) == (7, "owner/model", "c0ffee")
    assert row["image"]["bytes"].startswith(b"\x89PNG")
    assert abs((row["time"] - datetime.now(UTC)).total_seconds()) < 60


def test_joined_corrections_keep_their_order_and_what_datasets_needs() -> None:
    corrections = [decode(encode(label=label)) for label in (3, 1, 2)]
    file = pa.parquet.ParquetFile(io.BytesIO(join_corrections(corrections)))
    assert file.read()["label"].to_pylist() == [3, 1, 2]
    assert file.num_row_groups == 1
    assert file.schema_arrow.metadata == corrections[0].schema.metadata


def test_same_corrections_are_joined_to_the_same_bytes() -> None:
    corrections = [decode(encode(label=label)) for label in (3, 1, 2)]
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
            decode(content)


# Numbers


def test_number_comes_back_with_the_image_the_box_and_the_right_label_of_each_digit_that_was_read() -> None:
    row = encode_numbers(read="12\n3", text="1\n78")
    assert (row["text"], row["read"], row["labels"]) == ("1\n78", "12\n3", [1, 7, 8])
    assert row["boxes"] == [[0, 2, 20, 40], [30, 2, 50, 40], [60, 2, 80, 40]]
    images = [np.asarray(Image.open(io.BytesIO(image["bytes"]))) for image in row["images"]]
    assert [(image.shape, image.max()) for image in images] == [((28, 28), 0), ((28, 28), 1), ((28, 28), 2)]
    assert row["drawing"] == {"bytes": b"PNG", "path": "name.png"}
    assert (row["model"], row["revision"]) == ("owner/model", None)


@pytest.mark.parametrize(("read", "images"), [("12", 2), ("1234", 4), ("", 0)])
def test_digits_are_not_labelled_if_others_were_read_than_there_are(read: str, images: int) -> None:
    row = encode_numbers(read=read, text="123")
    assert (row["labels"], len(row["images"]), len(row["boxes"])) == ([], images, images)


def test_a_number_is_no_correction_of_a_digit() -> None:
    with pytest.raises(ValueError, match="This is no correction"):
        decode_correction(encode(), NUMBERS.schema)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("7", "7"),
        ("007", "007"),
        (" 12 34\t5 ", "12345"),
        ("12\r\n3 4\n", "12\n34"),
        ("\n1\n \n2", "1\n2"),
        ("1" * 32, "1" * 32),
        ("1\n" * 16, "\n".join("1" * 16)),
    ],
)
def test_digits_in_rows_are_a_number_whatever_the_space_between(typed: str, number: str) -> None:
    assert parse_number(typed) == number
    assert parse_number(number) == number


@pytest.mark.parametrize(
    "typed", ["", " \n", "1a", "-1", "1.5", "1,000", "²", "٣", "\uff11", "1" * 33, "1\n" * 17, None, 12, b"12", ["1"]]
)
def test_anything_else_is_no_number(typed: object) -> None:
    assert parse_number(typed) is None


# The data set's card


def test_card_describes_every_column_in_its_order() -> None:
    for heading, configuration in {"column": DIGITS, "column of a number": NUMBERS}.items():
        described = [name for row in find_table(load_card(), heading) for name in re.findall(r"`(\w+)`", row[0])]
        assert described == configuration.schema.names


def test_card_says_where_the_files_of_each_configuration_are() -> None:
    configs = yaml.safe_load(load_card().split("---\n")[1])["configs"]
    assert [config["config_name"] for config in configs] == ["default", "numbers"]
    assert [config["data_files"] for config in configs] == [f"{part.folder}/*.parquet" for part in CONFIGURATIONS]


def test_card_names_licence_and_task_for_the_hub() -> None:
    metadata = yaml.safe_load(load_card().split("---\n")[1])
    assert metadata["license"] == "cc0-1.0"
    assert metadata["task_categories"] == ["image-classification"]


def test_card_tells_what_its_readers_have_to_know() -> None:
    text = flow(load_card())
    for fact in ("Nobody has verified them.", "the row with the latest `time` counts", "before they pick a digit"):
        assert fact in text
    assert f"at most {MAX_DRAWING_SIDE} pixels a side" in text
