"""Twins of Keras layers with the same mathematics and faster gradients on a CPU. For training only, never saved.

Arrays are NHWC at a layer's boundary and HWNC inside, where a pixel of all images is one stretch of memory. XLA lays
the arrays between two layers out as they are read, so that the transpositions cost nothing.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import PartitionSpec

from mnist_cnn.distribution import BATCH_AXIS
from mnist_cnn.model import MOMENTUM

TILE = 4  # outputs per side that a tile of the Winograd convolution computes, from TILE + 2 inputs
# Where Winograd's polynomials are evaluated, beside infinity. Small and symmetric, for the sake of rounding.
POINTS = (0, 1, -1, 0.5, -0.5)


def fast_block(x: keras.KerasTensor, filters: int, kernel_size: int, padding: str, pooled: bool) -> keras.KerasTensor:
    """The twin of `model.stock_block`."""
    x = FastConv2D(filters, kernel_size, padding=padding, use_bias=False, pooled=pooled)(x)
    x = FastBatchNormalization(momentum=MOMENTUM)(x)
    return keras.layers.ReLU()(x)


class FastConv2D(keras.layers.Conv2D):
    """Conv2D with stride 1, and MaxPooling2D of 2x2 windows after it where `pooled` is set.

    Kernels are 3x3; or of any size where there is one input channel and pooling. The maximum is taken before the bias
    and the activation, with which it commutes as long as the activation never falls.
    """

    def __init__(self, filters: int, kernel_size: int, pooled: bool = False, **options: Any) -> None:
        super().__init__(filters, kernel_size, **options)
        self.pooled = pooled

    def convolution_op(self, inputs: jax.Array, kernel: keras.Variable) -> jax.Array:
        padding = kernel.shape[0] // 2 if self.padding == "same" else 0
        convolve = partial(_convolve, padding=padding, pooled=self.pooled)
        if self.pooled and kernel.shape[2] == 1:
            convolve = partial(_convolve_one_channel, padding=padding)
        if jax.sharding.get_abstract_mesh().size > 1:  # each device takes its part of the batch
            split, whole = PartitionSpec(BATCH_AXIS), PartitionSpec()
            convolve = jax.shard_map(convolve, in_specs=(split, whole), out_specs=split)
        return convolve(inputs, kernel.value)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        n, height, width, channels = super().compute_output_shape(input_shape)
        return (n, height // 2, width // 2, channels) if self.pooled else (n, height, width, channels)


class FastBatchNormalization(keras.layers.BatchNormalization):
    """BatchNormalization over the last axis, in as few passes over the images as there can be."""

    def call(self, inputs: jax.Array, training: bool | None = None) -> jax.Array:
        if not training:
            return super().call(inputs, training=training)
        outputs, mean, variance = _normalize(
            inputs.transpose(1, 2, 0, 3), self.gamma.value, self.beta.value, self.epsilon
        )
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs.transpose(2, 0, 1, 3)


def _winograd_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The transforms of outputs, kernels and inputs, for a tile's pixels in one row.

    Lavin and Gray 2016, "Fast algorithms for convolutional neural networks": the transpose of Toom's and Cook's way to
    multiply polynomials, which evaluates them at points, multiplies the values and interpolates.
    """

    def evaluate(coefficients: int) -> np.ndarray:
        infinity = np.eye(coefficients)[-1:]
        return np.concatenate([np.vander(POINTS, coefficients, increasing=True), infinity])

    transforms = evaluate(TILE).T, evaluate(3), np.linalg.inv(evaluate(TILE + 2)).T
    outputs, kernels, inputs = (np.kron(matrix, matrix).astype(np.float32) for matrix in transforms)
    return outputs, kernels, inputs


OUTPUTS, KERNELS, INPUTS = _winograd_matrices()  # shapes (16, 36), (36, 9), (36, 36)
# The places of the outputs in a tile, ordered by their place in a window of the pooling.
BY_WINDOW = np.arange(TILE**2).reshape(TILE // 2, 2, TILE // 2, 2).transpose(1, 3, 0, 2).ravel()


def _convolve(inputs: jax.Array, kernel: jax.Array, padding: int, pooled: bool) -> jax.Array:
    n, height, width, channels = inputs.shape
    filters = kernel.shape[-1]
    out_height, out_width = height + 2 * padding - 2, width + 2 * padding - 2
    rows, columns = -(-out_height // TILE), -(-out_width // TILE)  # tiles, rounded up
    # A tile's cells are its outputs' places; one more row and column of cells holds the last tiles' borders.
    borders = [(padding, (tiles + 1) * TILE - side - padding) for tiles, side in ((rows, height), (columns, width))]
    tiles = _tiles(jnp.pad(inputs.transpose(1, 2, 0, 3), (*borders, (0, 0), (0, 0))))
    # Matrices of two axes, and of three with the place first: with more, XLA would transpose those of the gradients.
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
    """Shape (4r + 4, 4c + 4, n, channels) -> (6, 6, r, c, n, channels): each tile reaches two pixels into the next."""
    height, width, *rest = padded.shape
    cells = padded.reshape(height // TILE, TILE, width // TILE, TILE, *rest).transpose(1, 3, 0, 2, 4, 5)
    tall = jnp.concatenate([cells[:, :, :-1], cells[:2, :, 1:]], axis=0)
    return jnp.concatenate([tall[:, :, :, :-1], tall[:, :2, :, 1:]], axis=1)


def _convolve_one_channel(inputs: jax.Array, kernel: jax.Array, padding: int) -> jax.Array:
    """Each window's four outputs are one product: of the patch that they see, and the kernel at four places in it."""
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
def _normalize(
    inputs: jax.Array, gamma: jax.Array, beta: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the normalised inputs, and the mean and the variance of each channel, which pass no gradient on."""
    return _normalize_forward(inputs, gamma, beta, epsilon)[0]


def _normalize_forward(inputs: jax.Array, gamma: jax.Array, beta: jax.Array, epsilon: float) -> tuple[Any, Any]:
    inputs = jax.lax.optimization_barrier(inputs)  # else XLA transposes them for the sums' sake
    mean, variance = inputs.mean(axis=(0, 1, 2)), inputs.var(axis=(0, 1, 2))
    inverse = jax.lax.rsqrt(variance + epsilon)
    outputs = (inputs - mean) * (inverse * gamma) + beta
    return (outputs, mean, variance), (inputs, gamma, mean, inverse)


def _normalize_backward(residuals: tuple[jax.Array, ...], gradients: tuple[jax.Array, ...]) -> tuple[Any, ...]:
    """Ioffe and Szegedy 2015, "Batch normalization", section 3, in two passes over the inputs."""
    inputs, gamma, mean, inverse = residuals
    gradient = jax.lax.optimization_barrier(gradients[0])
    beta_gradient = gradient.sum(axis=(0, 1, 2))
    gamma_gradient = (gradient * (inputs - mean)).sum(axis=(0, 1, 2)) * inverse
    count = inputs.size // len(mean)
    shared = (beta_gradient + (inputs - mean) * (inverse * gamma_gradient)) / count
    return (gradient - shared) * (gamma * inverse), gamma_gradient, beta_gradient, None


_normalize.defvjp(_normalize_forward, _normalize_backward)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _maximum(windows: jax.Array, axis: int) -> jax.Array:
    return jnp.max(windows, axis)


def _maximum_forward(windows: jax.Array, axis: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    outputs = _maximum(windows, axis)
    return outputs, (windows, outputs)


def _maximum_backward(axis: int, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array]:
    """Hand the gradient to the first maximum of each window, as the stock layer does: blank paper is full of ties."""
    windows, outputs = residuals
    taken = jnp.zeros(outputs.shape, bool)
    gradients = []
    for place in range(windows.shape[axis]):
        first = (jax.lax.index_in_dim(windows, place, axis, keepdims=False) == outputs) & ~taken
        taken |= first
        gradients.append(jnp.where(first, gradient, 0))
    return (jnp.stack(gradients, axis),)


_maximum.defvjp(_maximum_forward, _maximum_backward)
