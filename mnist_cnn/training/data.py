"""MNIST as arrays, from the Hub or from a folder in the same layout. Only this module uses `datasets`."""

import hashlib
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
from huggingface_hub import is_offline_mode
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image, UnidentifiedImageError

from mnist_cnn.errors import DataError, HubError
from mnist_cnn.hub import check_dataset
from mnist_cnn.images import IMAGE_SHAPE
from mnist_cnn.network import NUM_CLASSES

MNIST_REPO = "ylecun/mnist"

TRAIN_ROWS_PER_VAL_ROW = 12  # keeps 5,000 of MNIST's 60,000 training images for validation

NO_DIGIT = -1  # the label of an image that shows no digit

VAL_SEED = 0  # constant, so that every model is validated on the same images


class Split(NamedTuple):
    """Images and their labels.

    Attributes:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        labels: int32 array of shape (n,), 0 to 9, or `NO_DIGIT`.
    """

    images: np.ndarray
    labels: np.ndarray


class Mnist(NamedTuple):
    """The data set: train to learn from, val to choose the epoch by, test to report on once."""

    train: Split
    val: Split
    test: Split


def load_mnist(source: str = MNIST_REPO, revision: str | None = None) -> Mnist:
    """Return MNIST, with a twelfth of its training split set aside for validation, stratified by label.

    Args:
        source: data set on the Hub, or a local folder in the same layout. As in `datasets`, an existing folder takes
            precedence over a data set of the same name.
        revision: commit, branch or tag of a data set on the Hub.

    Raises:
        DataError: if the data set can't be loaded, or its columns, shapes or labels aren't those of MNIST.
    """
    loaded = _load(source, revision, "--dataset")
    missing = {"train", "test"} - set(loaded)
    if missing:
        raise DataError(
            f"The data set {source!r} has no split {' or '.join(sorted(missing))}; MNIST has train and test."
        )
    train, val = _set_validation_aside(_decode(loaded["train"], f"{source}, train"))
    return Mnist(train, val, _decode(loaded["test"], f"{source}, test"))


def load_corrections(source: str) -> Split:
    """Return the corrections that visitors of the page have made, from all splits of a data set.

    Where a visitor has corrected the same drawing again, the latest correction counts.

    Args:
        source: data set on the Hub, or a local folder.

    Raises:
        DataError: as in `load_mnist`.
    """
    loaded = _load(source, None, "--extra-data")
    splits = []
    for name, dataset in loaded.items():
        images, labels = _decode(dataset, f"{source}, {name}")
        rows = _find_latest(dataset)
        splits.append(Split(images[rows], labels[rows]))
    return concatenate(*splits)


def concatenate(*splits: Split) -> Split:
    """Return one split with the images of all, in order."""
    return Split(*map(np.concatenate, zip(*splits, strict=True)))


def describe_source(source: str, contents: str) -> str:
    """Return where data came from, in words that hold on every machine: a Hub id stays, a local path does not.

    Args:
        source: as in `load_mnist`.
        contents: what a local folder holds.
    """
    return f"{contents} in a folder of the Hub's layout" if Path(source).exists() else source


def _load(source: str, revision: str | None, option: str) -> datasets.DatasetDict:
    """Load all splits; an error names the command-line option."""
    try:
        if re.fullmatch(r"[\w.-]+/[\w.-]+", source) and not Path(source).exists() and not is_offline_mode():
            check_dataset(source, revision)
        return datasets.load_dataset(source, revision=revision)
    except (OSError, ValueError, HfHubHTTPError, HubError) as error:
        # `datasets` raises subclasses of these when the Hub fails later. Their messages can have several lines.
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"The data set {source!r} could not be loaded: {reason} If it was loaded before, HF_HUB_OFFLINE=1 takes it "
            f"from the cache. Or pass a local folder in the Hub's layout with {option}."
        ) from error


def _decode(dataset: datasets.Dataset, name: str) -> Split:
    """Decode one split, straight from the column's bytes: twice as fast as through the rows of `datasets`."""
    missing = {"image", "label"} - set(dataset.column_names)
    if missing or not isinstance(dataset.features["image"], datasets.Image):
        raise DataError(f"{name}: expected the columns image and label, got {dataset.features}.")
    labels = dataset.data.column("label").to_numpy()
    wrong = np.flatnonzero(~np.isin(labels, range(NUM_CLASSES)))
    if len(wrong):
        raise DataError(f"{name}: labels must be whole numbers from 0 to 9, but row {wrong[0]} has {labels[wrong[0]]}.")
    images = np.empty((len(labels), *IMAGE_SHAPE), np.uint8)
    for row, encoded in enumerate(dataset.data.column("image").to_pylist()):
        images[row, :, :, 0] = _decode_image(encoded, name, row)
    return Split(images, labels.astype(np.int32))


def _find_latest(dataset: datasets.Dataset) -> list[int]:
    """Return the row of the latest correction of each drawing: all rows, if the data set has no drawings."""
    if not isinstance(dataset.features.get("drawing"), datasets.Image) or "time" not in dataset.column_names:
        return list(range(len(dataset)))
    drawings, latest = dataset.data.column("drawing"), {}
    for row in np.argsort(dataset.data.column("time").to_numpy(), kind="stable").tolist():
        drawing = drawings[row]
        # Drawings have had a name only since visitors can say different things of the same one.
        latest[drawing["path"].as_py() or hashlib.sha256(drawing["bytes"].as_py()).digest()] = row
    return sorted(latest.values())


def _decode_image(encoded: dict[str, Any], name: str, row: int) -> np.ndarray:
    """Decode one image; an error names its split and row."""
    try:
        # In a data set of files the bytes are missing, and the path is given instead.
        image = Image.open(io.BytesIO(encoded["bytes"]) if encoded["bytes"] else encoded["path"])
        pixels = np.asarray(image)
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{name}: the image of row {row} can't be decoded: {error}") from error
    if pixels.shape != IMAGE_SHAPE[:2] or pixels.dtype != np.uint8:
        raise DataError(
            f"{name}: images must be grey and 28x28, but row {row} is {image.width}x{image.height} "
            f"of mode {image.mode}."
        )
    return pixels


def _set_validation_aside(split: Split) -> tuple[Split, Split]:
    """Shuffle, sort by label, and take every twelfth image: each label keeps its share to within one image."""
    order = np.random.default_rng(VAL_SEED).permutation(len(split.labels))
    order = order[np.argsort(split.labels[order], kind="stable")]
    in_val = np.zeros(len(order), bool)
    in_val[order[::TRAIN_ROWS_PER_VAL_ROW]] = True
    return Split(split.images[~in_val], split.labels[~in_val]), Split(split.images[in_val], split.labels[in_val])
