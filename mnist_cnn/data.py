"""MNIST as arrays, from the Hub or from a folder of the same layout. The only module that uses `datasets`."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
from huggingface_hub import is_offline_mode
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image, UnidentifiedImageError

from mnist_cnn import hub
from mnist_cnn.handwriting import draw, sample_strokes
from mnist_cnn.nondigits import FOR_TRAINING, sample_nondigit
from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES, to_mnist
from mnist_cnn.tracing import trace

TRAIN_ROWS_PER_VAL_ROW = 12  # of MNIST's 60,000 training images 5,000 are kept for validation
NO_DIGIT = -1  # the label of what is none
VAL_SEED = 0  # a constant, so that every model ever trained was chosen by the same images


class DataError(ValueError):
    """A data set that can't be had or isn't like MNIST; the message says what to do."""


class Split(NamedTuple):
    """Images and what they show.

    Attributes:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        labels: int32 array of shape (n,), 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray


class Mnist(NamedTuple):
    """The three parts of the data set: to learn from, to choose by, and to report on once."""

    train: Split
    val: Split
    test: Split


def load_mnist(source: str = "ylecun/mnist", revision: str | None = None) -> Mnist:
    """Load MNIST and set a twelfth of its training split aside for validation, stratified by label.

    Args:
        source: a data set on the Hub or a local folder of the same layout. As in `datasets`, a folder of that name in
            the working directory goes before the Hub.
        revision: a commit, branch or tag of a data set on the Hub.

    Raises:
        DataError: if the data set can't be had, or its columns, shapes or labels are not MNIST's.
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
    """Load what visitors of the page have put right: all splits of a folder or of a data set on the Hub.

    Raises:
        DataError: as in `load_mnist`.
    """
    loaded = _load(source, None, "--extra-data")
    return concatenate(*(_decode(dataset, f"{source}, {name}") for name, dataset in loaded.items()))


def concatenate(*splits: Split) -> Split:
    """Join splits, one behind the other."""
    return Split(*map(np.concatenate, zip(*splits, strict=True)))


def _load(source: str, revision: str | None, option: str) -> Any:
    """Load all splits; the option is the one that the error names."""
    try:
        if re.fullmatch(r"[\w.-]+/[\w.-]+", source) and not Path(source).exists() and not is_offline_mode():
            hub.check_dataset(source, revision)
        return datasets.load_dataset(source, revision=revision)
    except (OSError, ValueError, HfHubHTTPError, hub.HubError) as error:
        # Where the Hub fails later, `datasets` raises a subclass of one of these; its message may run over lines.
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"The data set {source!r} could not be loaded: {reason} If it was loaded before, HF_HUB_OFFLINE=1 takes it "
            f"from the cache. Or pass a local folder in the Hub's layout with {option}."
        ) from error


def _decode(dataset: Any, name: str) -> Split:
    """Decode one split. Straight from the column's bytes: twice as fast as through the rows of `datasets`."""
    missing = {"image", "label"} - set(dataset.column_names)
    if missing or not isinstance(dataset.features["image"], datasets.Image):
        raise DataError(f"{name}: expected the columns image and label, got {dataset.features}.")
    labels = dataset.data.column("label").to_numpy()
    wrong = np.flatnonzero(~np.isin(labels, range(NUM_CLASSES)))
    if len(wrong):
        raise DataError(f"{name}: labels must be whole numbers from 0 to 9, but row {wrong[0]} has {labels[wrong[0]]}.")
    images = np.empty((len(labels), *IMAGE_SHAPE), np.uint8)
    for row, encoded in enumerate(dataset.data.column("image").to_pylist()):
        try:
            # A column of files, rather than of bytes, holds their paths.
            image = Image.open(io.BytesIO(encoded["bytes"]) if encoded["bytes"] else encoded["path"])
            pixels = np.asarray(image)
        except (OSError, UnidentifiedImageError) as error:
            raise DataError(f"{name}: the image of row {row} can't be decoded: {error}") from error
        if pixels.shape != IMAGE_SHAPE[:2] or pixels.dtype != np.uint8:
            raise DataError(
                f"{name}: images must be grey and 28x28, but row {row} is {image.width}x{image.height} "
                f"of mode {image.mode}."
            )
        images[row, :, :, 0] = pixels
    return Split(images, labels.astype(np.int32))


def _set_validation_aside(split: Split) -> tuple[Split, Split]:
    """Shuffle, order by label, and take every twelfth image: each label keeps its share to within one image."""
    order = np.random.default_rng(VAL_SEED).permutation(len(split.labels))
    order = order[np.argsort(split.labels[order], kind="stable")]
    in_val = np.zeros(len(order), bool)
    in_val[order[::TRAIN_ROWS_PER_VAL_ROW]] = True
    return Split(split.images[~in_val], split.labels[~in_val]), Split(split.images[in_val], split.labels[in_val])


def draw_digits(count: int, seed: int) -> Split:
    """Draw digits by program, as many of each, in all the styles of `handwriting`, and prepare them as serving does."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % NUM_CLASSES
    return Split(_prepare([sample_strokes(int(label), rng) for label in labels], rng), labels)


def draw_nondigits(count: int, seed: int, kinds: Sequence[str] = FOR_TRAINING) -> Split:
    """Draw what is no digit, in the given kinds of `nondigits`; the labels are `NO_DIGIT`."""
    rng = np.random.default_rng(seed)
    return Split(_prepare([sample_nondigit(rng, kinds) for _ in range(count)], rng), np.full(count, NO_DIGIT, np.int32))


def trace_digits(split: Split, count: int, seed: int) -> Split:
    """Trace digits of a split with pens of other widths, and prepare them as serving does.

    Args:
        split: whose digits they are; picked at random, and none more than twice.
        count: how many, at most.
        seed: of the choice and the widths.
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(len(split.labels)) for _ in range(2)])[:count]
    traced = split.images[rows]
    for row, picture in enumerate(trace(traced, rng)):
        if picture:  # else it is too faint to be traced, and stays as it is
            traced[row] = to_mnist(picture)
    return Split(traced, split.labels[rows])


def _prepare(drawings: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return np.array([to_mnist(draw(strokes, rng)) for strokes in drawings], np.uint8).reshape(-1, *IMAGE_SHAPE)
