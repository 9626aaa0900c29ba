from collections.abc import Sequence

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnist_cnn.network import build_model
from mnist_cnn.training.fast_layers import FastBatchNormalization, FastConv2D, fast_block
from mnist_cnn.training.metrics import predict


def assert_same_mathematics(
    fast: Sequence[keras.layers.Layer], stock: Sequence[keras.layers.Layer], inputs: jax.Array
) -> None:
    """Compare outputs, running statistics, and the gradients of inputs and weights, to 1e-5 of the largest value."""
    networks = [keras.Sequential([keras.Input(inputs.shape[1:]), *layers]) for layers in (fast, stock)]
    networks[1].set_weights(networks[0].get_weights())
    shape = len(inputs), *networks[1].output_shape[1:]
    weights = jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)

    def results(network: keras.Model) -> tuple:
        non_trainable = [variable.value for variable in network.non_trainable_variables]

        def measure(trainable: list[jax.Array], inputs: jax.Array) -> tuple[jax.Array, tuple]:
            outputs, updated = network.stateless_call(trainable, non_trainable, inputs, training=True)
            return (weights * outputs).sum(), (outputs, updated)

        trainable = [variable.value for variable in network.trainable_variables]
        gradients, measured = jax.jit(jax.grad(measure, argnums=(0, 1), has_aux=True))(trainable, inputs)
        return gradients, measured

    for ours, theirs in zip(*map(jax.tree.leaves, map(results, networks)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def random_inputs(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(
    ("side", "pooled", "padding"), [(14, True, "same"), (13, True, "valid"), (7, False, "same"), (9, False, "valid")]
)
def test_a_fast_convolution_computes_what_the_stock_layer_does(side: int, pooled: bool, padding: str) -> None:
    options = {"padding": padding, "activation": "relu", "bias_initializer": "random_normal"}
    stock = [keras.layers.Conv2D(8, 3, **options)] + pooled * [keras.layers.MaxPooling2D()]
    assert_same_mathematics([FastConv2D(8, 3, pooled=pooled, **options)], stock, random_inputs(3, side, side, 5))


@pytest.mark.parametrize(("side", "kernel_size", "padding"), [(12, 5, "same"), (13, 3, "valid"), (12, 4, "valid")])
def test_one_channel_convolved_and_pooled_is_what_the_stock_layers_make_even_where_values_tie(
    side: int, kernel_size: int, padding: str
) -> None:
    inputs = jnp.asarray(np.random.default_rng(0).integers(0, 2, (4, side, side, 1)) * 1.0, jnp.float32)
    exact = keras.initializers.Constant(0.5)  # without rounding, so that all ties show
    options = {"padding": padding, "kernel_initializer": exact}
    assert_same_mathematics(
        [FastConv2D(3, kernel_size, pooled=True, **options)],
        [keras.layers.Conv2D(3, kernel_size, **options), keras.layers.MaxPooling2D()],
        inputs,
    )


def test_the_fast_normalisation_is_the_stock_layers() -> None:
    fast, stock = (
        [kind(momentum=0.9, gamma_initializer="random_normal"), keras.layers.ReLU()]
        for kind in (FastBatchNormalization, keras.layers.BatchNormalization)
    )
    assert_same_mathematics(fast, stock, 3 * random_inputs(4, 6, 6, 5) + 1)


def test_a_trained_twin_hands_its_weights_to_the_stock_model() -> None:
    twin, stock = build_model(fast_block), build_model()
    assert [weights.shape for weights in twin.get_weights()] == [weights.shape for weights in stock.get_weights()]
    stock.set_weights(twin.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), np.uint8)
    np.testing.assert_allclose(predict(twin, images), predict(stock, images), atol=1e-5)
