"""The trained network in JAX alone, so that serving needs no Keras."""

import jax
import jax.numpy as jnp

from mnist_cnn.network.architecture import BLOCKS, EPSILON


def compute_logits(weights: list[jax.Array], images: jax.Array) -> jax.Array:
    """Return the logits that `build_model`'s network computes at inference, before its softmax.

    Args:
        weights: in the order of `load_weights`.
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
        scale = gamma / jnp.sqrt(variance + EPSILON)
        x = jax.nn.relu(x * scale + (beta - mean * scale))
    kernel, bias = weights[-2:]
    return x.reshape(len(x), -1) @ kernel + bias
