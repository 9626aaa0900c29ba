from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.decision import Perceptron

# Two features, three hidden units, two outputs.
PERCEPTRON = Perceptron(
    np.array([1.0, 2.0]),
    np.array([2.0, 4.0]),
    np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]),
    np.array([0.0, 0.5, 0.0]),
    np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]]),
    np.array([0.25, -0.25]),
)


def test_features_at_their_centre_give_what_the_biases_say() -> None:
    expected = [0.25, np.tanh(0.5) - 0.25]
    np.testing.assert_allclose(PERCEPTRON.evaluate(np.array([1.0, 2.0])), expected)


def test_features_are_scaled_before_they_are_weighed() -> None:
    one, other, both = np.tanh([1, 1.5, 1])  # of the features 1 and 1, in scales from the centre
    np.testing.assert_allclose(
        PERCEPTRON.evaluate(np.array([3.0, 6.0])), [one + 2 * both + 0.25, other + 3 * both - 0.25]
    )


def test_each_row_of_features_has_its_own_outputs() -> None:
    features = np.random.default_rng(0).normal(size=(4, 3, 2))
    outputs = PERCEPTRON.evaluate(features)
    assert outputs.shape == (4, 3, 2)
    np.testing.assert_allclose(outputs[2, 1], PERCEPTRON.evaluate(features[2, 1]))


def test_arrays_of_jax_stay_such_and_can_be_differentiated() -> None:
    features = np.array([3.0, 6.0], np.float32)

    def total(given: Any) -> Any:
        return PERCEPTRON.evaluate(given).sum()

    outputs = PERCEPTRON.evaluate(jnp.asarray(features))
    assert isinstance(outputs, jax.Array)
    np.testing.assert_allclose(outputs, PERCEPTRON.evaluate(features), rtol=1e-5)
    step = np.array([1e-3, 0], np.float32)
    slope = (total(features.astype(float) + step) - total(features.astype(float) - step)) / 2e-3
    np.testing.assert_allclose(jax.grad(total)(jnp.asarray(features))[0], slope, rtol=1e-3)
