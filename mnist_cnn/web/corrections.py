"""Corrections as rows of a data set: images like MNIST's, what is right, and what was answered instead."""

import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from PIL import Image

from mnist_cnn.inference import NUM_CLASSES, NumberReading, Reading
from mnist_cnn.web.pictures import encode_drawing

MAX_ROWS, MAX_ROW_DIGITS = 16, 32  # of a number that a visitor types

_Column = tuple[pa.DataType, dict[str, Any]]  # with what `datasets` calls it


def _list_of(column: _Column, length: int = -1) -> _Column:
    """Return the column of lists of something, all of one length if that is given."""
    kind, feature = column
    fixed = {"length": length} if length > 0 else {}
    return pa.list_(kind, length), {"feature": feature, **fixed, "_type": "List"}


def _build_schema(columns: dict[str, _Column]) -> pa.Schema:
    """Return a schema with what `datasets` itself would write, so that pictures are loaded as pictures."""
    features = {name: feature for name, (_, feature) in columns.items()}
    fields = [(name, kind) for name, (kind, _) in columns.items()]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


_PICTURE: _Column = pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"}
_LABEL: _Column = pa.int64(), {"names": [str(digit) for digit in range(NUM_CLASSES)], "_type": "ClassLabel"}
_TEXT: _Column = pa.string(), {"dtype": "string", "_type": "Value"}
_PROBABILITY: _Column = pa.float32(), {"dtype": "float32", "_type": "Value"}
_PIXELS: _Column = pa.int32(), {"dtype": "int32", "_type": "Value"}
_TIME: _Column = pa.timestamp("ms", tz="UTC"), {"dtype": "timestamp[ms, tz=UTC]", "_type": "Value"}
_ORIGIN = {"model": _TEXT, "revision": _TEXT, "time": _TIME}


@dataclass(frozen=True, eq=False)
class Configuration:
    """A part of the data set whose files have the same columns.

    Attributes:
        folder: of its files on the Hub.
        waiting: of its files here, inside the folder of all corrections.
        schema: its columns. `datasets` refuses files whose columns differ, so that a new one would make every data set
            that has corrections already unreadable.
    """

    folder: str
    waiting: str
    schema: pa.Schema


# The columns image and label are MNIST's own.
DIGITS = Configuration(
    "data",
    "",
    _build_schema(
        {
            "image": _PICTURE,
            "label": _LABEL,
            "drawing": _PICTURE,
            "probabilities": _list_of(_PROBABILITY, NUM_CLASSES),
            **_ORIGIN,
        }
    ),
)
NUMBERS = Configuration(
    "numbers",
    ".numbers",  # hidden from `datasets`, which loads the folder of all corrections as digits
    _build_schema(
        {
            "drawing": _PICTURE,
            "text": _TEXT,
            "read": _TEXT,
            "images": _list_of(_PICTURE),
            "labels": _list_of(_LABEL),
            "boxes": _list_of(_list_of(_PIXELS, 4)),
            **_ORIGIN,
        }
    ),
)
CONFIGURATIONS = (DIGITS, NUMBERS)


def parse_number(text: object) -> str | None:
    """Return the number that a visitor typed as `NumberReading` writes it: without spaces and empty rows.

    Returns:
        1 to 16 rows of 1 to 32 digits 0 to 9, joined by a newline; None if the text is anything else.
    """
    if not isinstance(text, str):
        return None
    rows = ["".join(row.split()) for row in text.split("\n") if row.strip()]
    is_number = all(re.fullmatch(f"[0-9]{{1,{MAX_ROW_DIGITS}}}", row) for row in rows)
    return "\n".join(rows) if is_number and 1 <= len(rows) <= MAX_ROWS else None


def encode_correction(
    name: str, drawing: bytes, reading: Reading, label: int, model: str, revision: str | None
) -> bytes:
    """Return a Parquet file of one correction, given now.

    Args:
        name: of the drawing. When the same name comes again later, it is another word on the same drawing.
        drawing: the visitor's picture, a PNG file.
        reading: what was read in it and shown.
        label: what it is, 0 to 9.
        model: the name of the model that read it.
        revision: the model's commit on the Hub, None if it isn't from there.
    """
    row = {
        "image": _encode_image(reading),
        "label": label,
        "drawing": {"bytes": drawing, "path": f"{name}.png"},
        "probabilities": reading.probabilities.tolist(),
        **_describe_origin(model, revision),
    }
    return _encode(pa.Table.from_pylist([row], DIGITS.schema))


def encode_number(
    name: str, drawing: bytes, reading: NumberReading, text: str, model: str, revision: str | None
) -> bytes:
    """Return a Parquet file of one correction of a number, given now.

    Args:
        name: as for `encode_correction`, like all that isn't told here.
        drawing: likewise.
        reading: the number that was read in it and shown.
        text: what it is, as `parse_number` returns it.
        model: likewise.
        revision: likewise.
    """
    right = [int(digit) for digit in text.replace("\n", "")]
    row = {
        "drawing": {"bytes": drawing, "path": f"{name}.png"},
        "text": text,
        "read": reading.text,
        "images": [_encode_image(digit) for digit in reading.digits],
        "labels": right if len(right) == len(reading.digits) else [],  # else nobody can tell which digit is which
        "boxes": [digit.box for digit in reading.digits],
        **_describe_origin(model, revision),
    }
    return _encode(pa.Table.from_pylist([row], NUMBERS.schema))


def decode_correction(content: bytes, schema: pa.Schema) -> pa.Table:
    """Return the rows of a file that `encode_correction` or `encode_number` made.

    Args:
        content: of the file.
        schema: of its configuration.

    Raises:
        ValueError: if the file is damaged or has other columns.
    """
    try:
        return pa.parquet.ParquetFile(io.BytesIO(content)).read(use_threads=False).cast(schema)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"This is no correction: {error}") from error


def join_corrections(corrections: list[pa.Table]) -> bytes:
    """Return a Parquet file with the rows of several corrections of one configuration, in their order."""
    return _encode(pa.concat_tables(corrections))


def load_card() -> str:
    """Return the README.md of the data set."""
    return (Path(__file__).parent / "static" / "corrections.md").read_text()


def _encode_image(reading: Reading) -> dict[str, bytes]:
    return {"bytes": encode_drawing(Image.fromarray(reading.image[..., 0]))}


def _describe_origin(model: str, revision: str | None) -> dict[str, Any]:
    return {"model": model, "revision": revision, "time": datetime.now(UTC)}


def _encode(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(table, file, write_statistics=False)  # they would hold each picture once more
    return file.getvalue()
