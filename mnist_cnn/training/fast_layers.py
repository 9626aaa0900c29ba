"""Layers that compute what Keras's layers do, with faster gradients on a CPU. For training only; they are never saved.

Arrays are NHWC at the boundary of a layer and HWNC inside, so that one pixel of all images is contiguous in memory. XLA
stores the arrays between two layers in the order in which they are read, so the transpositions cost nothing.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import PartitionSpec

from mnist_cnn.network import EPSILON, MOMENTUM
from mnist_cnn.training.distribution import BATCH_AXIS

TILE = 4  # side of a tile of outputs in the Winograd convolution; each is computed from TILE + 2 inputs per side
# Where the polynomials of the Winograd convolution are evaluated, besides infinity. Small, symmetric values keep the
# rounding errors small.
POINTS = (0, 1, -1, 0.5, -0.5)


def fast_block(x: keras.KerasTensor, filters: int, kernel_size: int, padding: str, pooled: bool) -> keras.KerasTensor:
    """Return the output of a block, built from the layers below; it has the weights of `network.stock_block`."""
    x = FastConv2D(filters, kernel_size, padding=padding, use_bias=False, pooled=pooled)(x)
    x = FastBatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(x)
    return keras.layers.ReLU()(x)


class FastConv2D(keras.layers.Conv2D):  # type: ignore[misc]  # Keras ships no types
    """Conv2D with stride 1, optionally followed by 2x2 max pooling.

    Kernels must be 3x3; with pooling and one input channel they can have any size. Pooling comes before the bias and
    the activation, which gives the same result as long as the activation is monotonic.
    """

    def __init__(self, filters: int, kernel_size: int, pooled: bool = False, **options: object) -> None:
        """Create the layer.

        Args:
            filters: number of output channels.
            kernel_size: side of the kernel.
            pooled: whether max pooling follows.
            options: of Conv2D.
        """
        super().__init__(filters, kernel_size, **options)
        self.pooled = pooled

    def convolution_op(self, inputs: jax.Array, kernel: keras.Variable) -> jax.Array:
        """Return the convolution, pooled if the layer pools; Keras adds bias and activation."""
        padding = kernel.shape[0] // 2 if self.padding == "same" else 0
        convolve = partial(_convolve, padding=padding, pooled=self.pooled)
        if self.pooled and kernel.shape[2] == 1:
            convolve = partial(_convolve_one_channel, padding=padding)
        if jax.sharding.get_abstract_mesh().size > 1:  # each device convolves its part of the batch
            split, whole = PartitionSpec(BATCH_AXIS), PartitionSpec()
            convolve = jax.shard_map(convolve, in_specs=(split, whole), out_specs=split)
        return convolve(inputs, kernel.value)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the NHWC shape of the layer's output."""
        n, height, width, channels = super().compute_output_shape(input_shape)
        halved = width and width // 2  # a strip's width isn't known yet
        return (n, height // 2, halved, channels) if self.pooled else (n, height, width, channels)


class FastBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras ships no types
    """BatchNormalization over the last axis, in as few passes over the images as possible."""

    def call(self, inputs: jax.Array, training: bool | None = None) -> jax.Array:
        """Return the normalized inputs; in training, update the running statistics."""
        if not training:
            stock: jax.Array = super().call(inputs, training=training)
            return stock
        outputs, mean, variance = normalize(
            inputs.transpose(1, 2, 0, 3), self.gamma.value, self.beta.value, self.epsilon
        )
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs.transpose(2, 0, 1, 3)


def _winograd_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the transforms of outputs, kernels and inputs, which act on the flattened pixels of a tile.

    Lavin and Gray 2016, "Fast algorithms for convolutional neural networks". They transpose the Toom-Cook algorithm,
    which multiplies polynomials by evaluating them at points, multiplying the values and interpolating.
    """

    def evaluate(coefficients: int) -> np.ndarray:
        infinity = np.eye(coefficients)[-1:]
        return np.concatenate([np.vander(POINTS, coefficients, increasing=True), infinity])

    transforms = evaluate(TILE).T, evaluate(3), np.linalg.inv(evaluate(TILE + 2)).T
    outputs, kernels, inputs = (np.kron(matrix, matrix).astype(np.float32) for matrix in transforms)
    return outputs, kernels, inputs


OUTPUTS, KERNELS, INPUTS = _winograd_matrices()  # shapes (16, 36), (36, 9), (36, 36)
# Indices of a tile's outputs, ordered by their position in a pooling window.
BY_WINDOW = np.arange(TILE**2).reshape(TILE // 2, 2, TILE // 2, 2).transpose(1, 3, 0, 2).ravel()


def _convolve(inputs: jax.Array, kernel: jax.Array, padding: int, pooled: bool) -> jax.Array:
    n, height, width, channels = inputs.shape
    filters = kernel.shape[-1]
    out_height, out_width = height + 2 * padding - 2, width + 2 * padding - 2
    rows, columns = -(-out_height // TILE), -(-out_width // TILE)  # tiles, rounded up
    # The input is padded to whole tiles, and by one more row and column of tiles that the last tiles reach into.
    borders = [(padding, (tiles + 1) * TILE - side - padding) for tiles, side in ((rows, height), (columns, width))]
    tiles = _tiles(jnp.pad(inputs.transpose(1, 2, 0, 3), (*borders, (0, 0), (0, 0))))
    # Only matrices, and stacks of matrices with the place first: with more axes XLA would transpose the gradients.
    places = (INPUTS @ tiles.reshape(36, -1)).reshape(36, -1, channels)
    kernels = (KERNELS @ kernel.reshape(9, -1)).reshape(36, channels, filters)
    products = jnp.einsum("ptc,pcf->ptf", places, kernels).reshape(36, -1)
    if pooled:
        side, out_height, out_width = TILE // 2, out_height // 2, out_width // 2
        outputs = _maximum((OUTPUTS[BY_WINDOW] @ products).reshape(4, -1), axis=0)
    else:
        side, outputs = TILE, jnp.asarray(OUTPUTS) @ products
    outputs = outputs.reshape(side, side, rows, columns, n, filters).transpose(4, 2, 0, 3, 1, 5)
    return outputs.reshape(n, rows * side, columns * side, filters)[:, :out_height, :out_width]


def _tiles(padded: jax.Array) -> jax.Array:
    """Cut into overlapping tiles: (4r + 4, 4c + 4, n, channels) -> (6, 6, r, c, n, channels).

    Each tile reaches two pixels into the next.
    """
    height, width, *rest = padded.shape
    cells = padded.reshape(height // TILE, TILE, width // TILE, TILE, *rest).transpose(1, 3, 0, 2, 4, 5)
    tall = jnp.concatenate([cells[:, :, :-1], cells[:2, :, 1:]], axis=0)
    return jnp.concatenate([tall[:, :, :, :-1], tall[:, :2, :, 1:]], axis=1)


def _convolve_one_channel(inputs: jax.Array, kernel: jax.Array, padding: int) -> jax.Array:
    """Compute the four outputs of a pooling window as one product: their common patch by four shifted kernels."""
    n, height, width, _ = inputs.shape
    size, filters = kernel.shape[0], kernel.shape[-1]
    rows, columns = ((side + 2 * padding - size + 1) // 2 for side in (height, width))
    images = jnp.pad(inputs[..., 0].transpose(1, 2, 0), ((padding, padding), (padding, padding), (0, 0)))
    patches = jnp.stack(
        [
            images[i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2].ravel()
            for i in range(size + 1)
            for j in range(size + 1)
        ]
    )
    kernels = jnp.stack(
        [jnp.pad(kernel[:, :, 0], ((i, 1 - i), (j, 1 - j), (0, 0))) for i in range(2) for j in range(2)], axis=2
    )
    outputs = patches.T @ kernels.reshape(len(patches), -1)
    outputs = _maximum(outputs.reshape(-1, 4, filters), axis=1)
    return outputs.reshape(rows, columns, n, filters).transpose(2, 0, 1, 3)


@jax.custom_vjp
def normalize(
    inputs: jax.Array, gamma: jax.Array, beta: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the normalized inputs, and the mean and the variance of each channel.

    Gradients flow through the normalized inputs only.

    Args:
        inputs: shape (height, width, n, channels).
        gamma: scale, shape (channels,).
        beta: offset, shape (channels,).
        epsilon: added to the variance.
    """
    return _normalize_forward(inputs, gamma, beta, epsilon)[0]


def _normalize_forward(
    inputs: jax.Array, gamma: jax.Array, beta: jax.Array, epsilon: float
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], Any]:
    inputs = jax.lax.optimization_barrier(inputs)  # else XLA transposes them to compute the sums
    mean, variance = inputs.mean(axis=(0, 1, 2)), inputs.var(axis=(0, 1, 2))
    inverse = jax.lax.rsqrt(variance + epsilon)
    outputs = (inputs - mean) * (inverse * gamma) + beta
    return (outputs, mean, variance), (inputs, gamma, mean, inverse)


def _normalize_backward(residuals: tuple[jax.Array, ...], gradients: tuple[jax.Array, ...]) -> tuple[Any, ...]:
    """Return the gradients of inputs, gamma and beta, in two passes over the inputs.

    Ioffe and Szegedy 2015, "Batch normalization", section 3.
    """
    inputs, gamma, mean, inverse = residuals
    gradient = jax.lax.optimization_barrier(gradients[0])
    beta_gradient = gradient.sum(axis=(0, 1, 2))
    gamma_gradient = (gradient * (inputs - mean)).sum(axis=(0, 1, 2)) * inverse
    count = inputs.size // len(mean)
    shared = (beta_gradient + (inputs - mean) * (inverse * gamma_gradient)) / count
    return (gradient - shared) * (gamma * inverse), gamma_gradient, beta_gradient, None


normalize.defvjp(_normalize_forward, _normalize_backward)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _maximum(windows: jax.Array, axis: int) -> jax.Array:
    return jnp.max(windows, axis)


def _maximum_forward(windows: jax.Array, axis: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    outputs = _maximum(windows, axis)
    return outputs, (windows, outputs)


def _maximum_backward(axis: int, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array]:
    """Give the gradient to the first maximum of each window, as Keras's layer does: blank paper is full of ties."""
    windows, outputs = residuals
    taken = jnp.zeros(outputs.shape, bool)
    gradients = []
    for place in range(windows.shape[axis]):
        first = (jax.lax.index_in_dim(windows, place, axis, keepdims=False) == outputs) & ~taken
        taken |= first
        gradients.append(jnp.where(first, gradient, 0))
    return (jnp.stack(gradients, axis),)


_maximum.defvjp(_maximum_forward, _maximum_backward)
