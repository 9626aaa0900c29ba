"""The network in Keras and the same network in plain JAX are one function."""

from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnist_cnn.network import build_model, compute_logits, load_weights, save_model


@pytest.fixture
def model() -> keras.Model:
    """An untrained network in which every one-dimensional weight matters.

    In a new one, scales and variances are 1; offsets, means and biases are 0. The variances here are small, so that the
    epsilon that is added to them matters too.
    """
    keras.utils.set_random_seed(0)
    model = build_model()
    rng = np.random.default_rng(0)
    ranges = {"gamma": (0.05, 0.15), "moving_variance": (0.005, 0.02)}
    for variable in model.variables:
        if len(variable.shape) == 1:
            variable.assign(rng.uniform(*ranges.get(variable.name, (-0.1, 0.1)), variable.shape))
    return model


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), np.uint8)


def test_plain_jax_computes_what_the_keras_model_does(model: keras.Model, images: np.ndarray, tmp_path: Path) -> None:
    save_model(model, tmp_path)
    weights = [jnp.asarray(array) for array in load_weights(tmp_path)]
    probabilities = jax.nn.softmax(compute_logits(weights, jnp.asarray(images)))
    expected = model.predict(images, verbose=0)
    assert 0.1 < expected.max(axis=1).mean() < 0.9  # neither all alike nor all certain, where differences would hide
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_logits_are_those_before_the_softmax(model: keras.Model, images: np.ndarray) -> None:
    weights = [jnp.asarray(array) for array in model.get_weights()]
    before_softmax = keras.Model(model.inputs, model.get_layer("logits").output)
    logits = compute_logits(weights, jnp.asarray(images))
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, before_softmax.predict(images, verbose=0), atol=1e-4)


def test_logits_do_not_depend_on_the_dtype_of_the_images(model: keras.Model, images: np.ndarray) -> None:
    weights = [jnp.asarray(array) for array in model.get_weights()]
    of_bytes, of_floats = (compute_logits(weights, jnp.asarray(images.astype(dtype))) for dtype in ("uint8", "float32"))
    np.testing.assert_array_equal(of_bytes, of_floats)
