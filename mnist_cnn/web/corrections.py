"""Corrections as rows of a data set: an image like MNIST's, the right label, and what was answered instead."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from PIL import Image

from mnist_cnn.inference import NUM_CLASSES, Reading
from mnist_cnn.web.pictures import encode_drawing

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
# What `datasets` itself would write, so that it loads the pictures as pictures and the labels as digits. The columns
# image and label are MNIST's own. `datasets` refuses files whose columns differ, so that a new one would make every
# data set that has corrections already unreadable.
_FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": [str(digit) for digit in range(NUM_CLASSES)], "_type": "ClassLabel"},
    "drawing": {"_type": "Image"},
    "probabilities": {"feature": {"dtype": "float32", "_type": "Value"}, "length": NUM_CLASSES, "_type": "List"},
    "model": {"dtype": "string", "_type": "Value"},
    "revision": {"dtype": "string", "_type": "Value"},
    "time": {"dtype": "timestamp[ms, tz=UTC]", "_type": "Value"},
}
_SCHEMA = pa.schema(
    [
        ("image", _PICTURE),
        ("label", pa.int64()),
        ("drawing", _PICTURE),
        ("probabilities", pa.list_(pa.float32(), NUM_CLASSES)),
        ("model", pa.string()),
        ("revision", pa.string()),
        ("time", pa.timestamp("ms", tz="UTC")),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


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
        "image": {"bytes": encode_drawing(Image.fromarray(reading.image[..., 0]))},
        "label": label,
        "drawing": {"bytes": drawing, "path": f"{name}.png"},
        "probabilities": reading.probabilities.tolist(),
        "model": model,
        "revision": revision,
        "time": datetime.now(UTC),
    }
    return _encode(pa.Table.from_pylist([row], _SCHEMA))


def decode_correction(content: bytes) -> pa.Table:
    """Return the rows of a file that `encode_correction` made.

    Raises:
        ValueError: if the file is damaged or has other columns.
    """
    try:
        return pa.parquet.ParquetFile(io.BytesIO(content)).read(use_threads=False).cast(_SCHEMA)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"This is no correction: {error}") from error


def join_corrections(corrections: list[pa.Table]) -> bytes:
    """Return a Parquet file with the rows of several corrections, in their order."""
    return _encode(pa.concat_tables(corrections))


def load_card() -> str:
    """Return the README.md of the data set."""
    return (Path(__file__).parent / "static" / "corrections.md").read_text()


def _encode(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(table, file, write_statistics=False)  # they would hold each picture once more
    return file.getvalue()
