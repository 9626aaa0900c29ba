"""The folder in which a model is kept."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from mnist_cnn.errors import ModelError
from mnist_cnn.images import IMAGE_SHAPE
from mnist_cnn.network.architecture import BLOCKS, NUM_CLASSES, build_model

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "model.weights.h5"


def save_model(model: "keras.Model", folder: Path) -> None:
    """Write a model to a folder as config.json, metadata.json and model.weights.h5, Keras's unzipped format.

    Args:
        model: the network, or any other Keras model without assets.
        folder: created if it doesn't exist.

    Raises:
        OSError: if the disk is full or refuses for another reason.
    """
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    # HDF5 crashes the process when it writes to a full disk. For an archive, Keras lets it write to memory.
    archive = folder / "unfinished.keras"
    try:
        keras.saving.save_model(model, archive)
        with zipfile.ZipFile(archive) as parts:
            parts.extractall(folder)
    finally:
        archive.unlink(missing_ok=True)


def load_model(folder: Path) -> "keras.Model":
    """Return the network with the weights of a model folder.

    The network is built from this package's code. The folder's config.json is ignored, because loading a configuration
    from elsewhere could run code.

    Args:
        folder: with the weights.

    Raises:
        ModelError: if the weights are missing, belong to another network, or aren't all finite.
    """
    model = build_model()
    model.set_weights(load_weights(folder))
    return model


def load_weights(folder: Path) -> list[np.ndarray]:
    """Return the weights in a model folder; no other file is opened.

    Args:
        folder: with the weights.

    Returns:
        float32 arrays in the order of Keras's `get_weights`: kernel, scale, offset, mean and variance of each block,
        then kernel and bias of the last layer.

    Raises:
        ModelError: if the weights are missing, belong to another network, or aren't all finite.
    """
    return load_arrays(folder / WEIGHTS_FILE, _layout(), f"{folder}", f"weights ({WEIGHTS_FILE})")


def _layout() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and the shape of each array in a weights file, as Keras names the layers of `build_model`."""
    side, channels = IMAGE_SHAPE[0], IMAGE_SHAPE[-1]
    for i, (filters, size, padding, pooled) in enumerate(BLOCKS):
        suffix = f"_{i}" if i else ""
        yield f"layers/conv2d{suffix}/vars/0", (size, size, channels, filters)
        for part in range(4):
            yield f"layers/batch_normalization{suffix}/vars/{part}", (filters,)
        channels = filters
        side -= 0 if padding == "same" else size - 1
        side //= 2 if pooled else 1
    yield "layers/dense/vars/0", (side * side * channels, NUM_CLASSES)
    yield "layers/dense/vars/1", (NUM_CLASSES,)


def load_arrays(
    path: Path, layout: Iterable[tuple[str, tuple[int, ...]]], holder: str, what: str = "weights"
) -> list[np.ndarray]:
    """Return the weights in a file, float32 arrays.

    Args:
        path: of the file.
        layout: name and shape of each array, in their order.
        holder: what an error names as the place of the weights.
        what: an error calls them.

    Raises:
        ModelError: if the file is missing or damaged, or if the weights have another layout or aren't all finite.
    """
    try:
        with h5py.File(path) as file:
            weights = [_load_array(file, name, shape) for name, shape in layout]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:  # h5py raises them on damaged files
        raise ModelError(f"{holder} holds no {what} that fit this network: {error}") from error
    if not all(np.isfinite(array).all() for array in weights):
        raise ModelError(f"{holder} holds {what} that are not numbers or not finite.")
    return weights


def _load_array(file: h5py.File, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return one array of a file; raises ValueError if it doesn't have this shape."""
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name} is not an array.")
    if dataset.shape != shape:  # checked before anything is read, because a hostile file may claim any size
        raise ValueError(f"{name} has shape {dataset.shape}, expected {shape}.")
    array: np.ndarray = dataset[()].astype(np.float32)
    return array
