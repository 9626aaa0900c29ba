"""The trained network in JAX alone, for serving: Keras takes two seconds to import and to build a model."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES

WEIGHTS_FILE = "model.weights.h5"
_EPSILON = 1e-3  # of Keras's BatchNormalization


class Block(NamedTuple):
    """A convolution, a maximum over windows of 2x2 where `pooled`, a batch normalisation and a ReLU."""

    filters: int
    kernel_size: int
    padding: str  # "same" or "valid"
    pooled: bool


# The padding is such that each 3x3 convolution gives 12x12 or 4x4: whole tiles of `layers.TILE`.
BLOCKS = (
    Block(48, 5, "valid", True),
    Block(96, 3, "same", False),
    Block(96, 3, "same", True),
    Block(192, 3, "valid", False),
    Block(192, 3, "same", False),
)


def read_weights(folder: Path) -> list[np.ndarray]:
    """Read the weights of a model folder, and nothing else of it.

    Returns:
        float32 arrays in the order of Keras's `get_weights`: each block's kernel, scale, offset, mean and variance,
        then the last layer's kernel and bias.

    Raises:
        ValueError: if the weights are missing, belong to another network, or aren't all finite.
    """
    try:
        with h5py.File(folder / WEIGHTS_FILE) as file:
            weights = [_read(file, name, shape) for name, shape in _layout()]
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"{folder} holds no weights ({WEIGHTS_FILE}) that fit this network: {error}") from error
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError(f"{folder} holds weights ({WEIGHTS_FILE}) that are not numbers or not finite.")
    return weights


def compute_logits(weights: list[jax.Array], images: jax.Array) -> jax.Array:
    """Do what the model of `model.build_model` does at inference, up to the softmax.

    Args:
        weights: what `read_weights` returned, as JAX arrays.
        images: shape (n, 28, 28, 1), 0 to 255, of any dtype.

    Returns:
        float32 array of shape (n, 10).
    """
    x = images.astype(jnp.float32) / 255
    for i, block in enumerate(BLOCKS):
        kernel, gamma, beta, mean, variance = weights[5 * i : 5 * i + 5]
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), block.padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        if block.pooled:
            n, height, width, channels = x.shape
            x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
        scale = gamma / jnp.sqrt(variance + _EPSILON)
        x = jax.nn.relu(x * scale + (beta - mean * scale))
    kernel, bias = weights[-2:]
    return x.reshape(len(x), -1) @ kernel + bias


def _layout() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and shape of each array in a weights file, as Keras names the layers of `model.build_model`."""
    channels, side = IMAGE_SHAPE[-1], IMAGE_SHAPE[0]
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


def _read(file: h5py.File, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if file[name].shape != shape:  # looked at before anything of its size is read
        raise ValueError(f"{name} has the shape {file[name].shape}, not {shape}.")
    return file[name][()].astype(np.float32)
