"""The network in Keras and the same network in plain JAX are one function."""

from pathlib import Path

import jax
import keras
import numpy as np
import pytest

from mnist_cnn.model import build_model, save_model
from mnist_cnn.network import compute_logits, read_weights


@pytest.fixture
def model() -> keras.Model:
    """An untrained network in which every one-dimensional weight matters.

    In a new one, scales and variances are 1, offsets, means and biases 0. The variances are small, so that the epsilon
    that is added to them shows too.
    """
    keras.utils.set_random_seed(0)
    model = build_model()
    rng = np.random.default_rng(0)
    ranges = {"gamma": (0.05, 0.15), "moving_variance": (0.005, 0.02)}
    for variable in model.variables:
        if len(variable.shape) == 1:
            variable.assign(rng.uniform(*ranges.get(variable.name, (-0.1, 0.1)), variable.shape))
    return model


def test_plain_jax_computes_what_the_keras_model_does(model: keras.Model, tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), np.uint8)
    save_model(model, tmp_path)
    probabilities = jax.nn.softmax(compute_logits([*map(jax.numpy.asarray, read_weights(tmp_path))], images))
    expected = model.predict(images, verbose=0)
    assert 0.1 < expected.max(axis=1).mean() < 0.9  # neither all alike nor all certain, where differences would hide
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
