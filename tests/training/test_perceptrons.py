import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mnist_cnn.decision import Perceptron
from mnist_cnn.training.perceptrons import fit_perceptrons

STEPS = 250


def make_examples(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features of different scales, and whether the second lies far from its middle."""
    features = np.random.default_rng(seed).normal((5, -300, 0), (1, 100, 1), (count, 3)).astype(np.float32)
    return features, (np.abs(features[:, 1] + 300) > 70).astype(np.float32)


def loss(perceptrons: list[Perceptron], features: jax.Array, answers: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of the answers, given the sum of what all perceptrons say."""
    logits = sum(perceptron.evaluate(features)[..., 0] for perceptron in perceptrons)
    mean: jax.Array = jnp.mean(jax.nn.softplus(logits) - answers * logits)
    return mean


def fit(count: int, outputs: list[int], steps: int, seed: int) -> list[Perceptron]:
    features, answers = make_examples(count, 0)
    return fit_perceptrons(loss, [features] * len(outputs), outputs, [[features, answers]], steps, seed, 512)


@pytest.fixture(scope="module")
def perceptron() -> Perceptron:
    (perceptron,) = fit(300, [1], STEPS, seed=0)
    return perceptron


def test_a_rule_that_is_not_linear_is_learned(perceptron: Perceptron) -> None:
    features, answers = make_examples(500, 1)
    assert np.mean((perceptron.evaluate(features)[:, 0] > 0) == answers) > 0.75


def test_weights_are_numpy_s_and_features_are_scaled_by_those_that_are_known(perceptron: Perceptron) -> None:
    features, _ = make_examples(300, 0)
    np.testing.assert_allclose(perceptron.centre, features.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(perceptron.scale, features.std(axis=0), rtol=5e-3)
    assert all(isinstance(array, np.ndarray) and np.isfinite(array).all() for array in perceptron)


def test_the_same_seed_gives_the_same_weights_and_another_others(perceptron: Perceptron) -> None:
    ((again,), (other,)) = (fit(300, [1], STEPS, seed) for seed in (0, 1))
    for one, two in zip(perceptron, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (perceptron.hidden != other.hidden).any()


def test_perceptrons_are_fitted_together_with_their_own_outputs_to_a_few_examples() -> None:
    first, second = fit(5, [1, 3], 3, seed=0)
    assert (first.output.shape[1], first.output_bias.shape) == (1, (1,))
    assert (second.output.shape[1], second.output_bias.shape) == (3, (3,))
    assert all(one.output_bias[0] for one in (first, second))  # they begin at 0
