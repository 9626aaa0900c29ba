"""The network of rows, which reads a strip as a whole and cuts nothing out.

Its word on each column of a strip is which digit shows there, or that none does (Graves et al. 2006, "Connectionist
temporal classification: labelling unsegmented sequence data with recurrent neural networks"). It sees what stands
beside a digit, too; but it doesn't say where a digit begins and where it ends.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.images import STRIP_HEIGHT, WORD_WIDTH
from mnist_cnn.network.architecture import EPSILON, NUM_CLASSES, Block, stock_block
from mnist_cnn.network.files import load_arrays

if TYPE_CHECKING:
    import keras

ROW_WEIGHTS = Path(__file__).with_name("rows.weights.h5")
# Half as many filters as the network of digits has, since a row is read in milliseconds. The first block halves width
# and height, the second and the third the height alone, so that a word stands for two pixels.
_BLOCKS = (
    Block(24, 5, "same", True),
    Block(48, 3, "same", False),
    Block(72, 3, "same", False),
    Block(96, 3, "same", False),
)
_HALVED = 1, 2  # numbers of the blocks after which the height is halved
_UNITS, _NEIGHBOURS = 192, 5  # of a word, and among how many words it is seen
# Pixels of the windows in which strips are read, all of one size, since each size is compiled for itself. They overlap
# by twice the second number: what is farther away doesn't count for a word.
WINDOW, _REACH = 128, 16


def build_row_network(block: Callable[..., "keras.KerasTensor"] = stock_block) -> "keras.Model":
    """Return the untrained network.

    Args:
        block: as for `build_model`.

    Returns:
        A model of strips, shape (n, STRIP_HEIGHT, width, 1), 0 to 255, that returns logits of the ten digits and of
        none for each column, float32 of shape (n, width / WORD_WIDTH, 11).
    """
    import keras
    from keras import layers

    inputs = x = keras.Input((STRIP_HEIGHT, None, 1), name="strip")
    x = layers.Rescaling(1 / 255)(x)
    for number, properties in enumerate(_BLOCKS):
        x = block(x, *properties)
        x = layers.MaxPooling2D((2, 1))(x) if number in _HALVED else x
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)
    x = layers.Dropout(0.2)(x)
    for neighbours in (1, _NEIGHBOURS):
        x = layers.Conv1D(_UNITS, neighbours, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.97, epsilon=EPSILON)(x))
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(NUM_CLASSES + 1, name="logits")(x), name="rows")


def compute_words(weights: list[jax.Array], strips: jax.Array) -> jax.Array:
    """Return the logarithms of the probabilities that the network computes at inference.

    Args:
        weights: in the order of `load_row_weights`.
        strips: shape (n, STRIP_HEIGHT, width), 0 to 255, of any dtype.

    Returns:
        float32 array of shape (n, width / WORD_WIDTH, 11).
    """
    x = strips.astype(jnp.float32)[..., None] / 255
    for number in range(len(_BLOCKS) + 2):
        kernel, gamma, beta, mean, variance = weights[5 * number : 5 * number + 5]
        if number == len(_BLOCKS):
            n, height, width, channels = x.shape
            x = x.transpose(0, 2, 1, 3).reshape(n, 1, width, height * channels)
        kernel = kernel[None] if kernel.ndim == 3 else kernel
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = _pool(x, 2, 2) if number == 0 else x
        scale = gamma / jnp.sqrt(variance + EPSILON)
        x = jax.nn.relu(x * scale + (beta - mean * scale))
        x = _pool(x, 2, 1) if number in _HALVED else x
    kernel, bias = weights[-2:]
    return jax.nn.log_softmax(x[:, 0] @ kernel + bias)


def _pool(x: jax.Array, down: int, across: int) -> jax.Array:
    n, height, width, channels = x.shape
    return x.reshape(n, height // down, down, width // across, across, channels).max(axis=(2, 4))


def cut_windows(strip: np.ndarray) -> np.ndarray:
    """Return the windows in which a strip is read, uint8 array of shape (n, STRIP_HEIGHT, WINDOW)."""
    step = WINDOW - 2 * _REACH
    count = max(1, -(-(strip.shape[1] - 2 * _REACH) // step))
    padded = np.pad(strip, [(0, 0), (0, max(0, count * step + 2 * _REACH - strip.shape[1]))])
    return np.stack([padded[:, start : start + WINDOW] for start in range(0, count * step, step)])


def join_windows(words: np.ndarray, width: int) -> np.ndarray:
    """Return the words of a strip's columns, shape (width / WORD_WIDTH, 11), from those of its windows."""
    reach = _REACH // WORD_WIDTH
    joined = [words[0, :reach], *(window[reach:-reach] for window in words), words[-1, -reach:]]
    return np.concatenate(joined)[: -(-width // WORD_WIDTH)]


def save_row_weights(weights: list[np.ndarray], path: Path) -> None:
    """Write the weights to a file.

    Raises:
        OSError: if the disk is full or refuses for another reason.
    """
    buffer = BytesIO()  # HDF5 crashes the process when it writes to a full disk
    with h5py.File(buffer, "w") as file:
        for number, array in enumerate(weights):
            file.create_dataset(str(number), data=array)
    path.write_bytes(buffer.getvalue())


def load_row_weights(path: Path = ROW_WEIGHTS) -> list[np.ndarray]:
    """Return the weights in a file, by default the bundled ones.

    Returns:
        float32 arrays: kernel, scale, offset, mean and variance of each convolution, then kernel and bias of the last
        layer.

    Raises:
        ModelError: if the weights are missing, belong to another network, or aren't all finite.
    """
    return load_arrays(path, ((str(number), shape) for number, shape in enumerate(_list_shapes())), f"{path}")


def _list_shapes() -> list[tuple[int, ...]]:
    channels = [1, *(block.filters for block in _BLOCKS)]
    kernels: list[tuple[int, ...]] = [
        (block.kernel_size, block.kernel_size, before, block.filters)
        for before, block in zip(channels, _BLOCKS, strict=False)
    ]
    kernels += [(1, STRIP_HEIGHT // 8 * channels[-1], _UNITS), (_NEIGHBOURS, _UNITS, _UNITS)]
    return [shape for kernel in kernels for shape in (kernel, *[kernel[-1:]] * 4)] + [(_UNITS, 11), (11,)]
