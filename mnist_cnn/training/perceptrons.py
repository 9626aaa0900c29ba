"""The fitting of perceptrons to examples whose answers are known."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from mnist_cnn.decision import Perceptron

_UNITS = 12
_LEARNING_RATE = 5e-3
_WEIGHT_DECAY = 1e-3

Loss = Callable[..., jax.Array]  # perceptrons, and a batch of each array of the data -> the mean loss of the batch


def fit_perceptrons(
    loss: Loss,
    known: Sequence[np.ndarray],
    outputs: Sequence[int],
    data: Sequence[Sequence[np.ndarray]],
    steps: int,
    seed: int,
    batch_size: int,
    units: int = _UNITS,
) -> list[Perceptron]:
    """Return the perceptrons that together have the least loss.

    Adam minimizes it (Kingma and Ba 2015, "Adam: a method for stochastic optimization"), with a penalty for large
    weights, and a learning rate that falls along a cosine.

    Args:
        loss: to be minimized.
        known: features that each perceptron will see, shape (n, features): they are centred and scaled by these.
        outputs: number of outputs of each.
        data: groups of examples of one size: arrays with an entry for each example.
        steps: of Adam, each with a random batch of a random group.
        seed: of the first weights, and of the batches.
        batch_size: number of examples that a step takes.
        units: hidden ones of each.
    """
    rng = np.random.default_rng(seed)
    fixed = [(features.mean(axis=0), features.std(axis=0) + 1e-3) for features in known]
    starts = [_start(features.shape[1], units, count, rng) for features, count in zip(known, outputs, strict=True)]
    weights = [keras.Variable(array) for start in starts for array in start]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps))
    optimizer.build(weights)

    def build(trained: Sequence[Any]) -> list[Perceptron]:
        return [Perceptron(*fixed[index], *trained[4 * index : 4 * index + 4]) for index in range(len(fixed))]

    def penalized_loss(trained: list[jax.Array], *batch: jax.Array) -> jax.Array:
        perceptrons = build(trained)
        decay = sum(jnp.sum(array**2) for one in perceptrons for array in (one.hidden, one.output))
        return loss(perceptrons, *batch) + _WEIGHT_DECAY * decay

    @jax.jit
    def take_step(
        trained: list[jax.Array], state: list[jax.Array], rows: np.ndarray, *group: jax.Array
    ) -> tuple[list[jax.Array], ...]:
        gradients = jax.grad(penalized_loss)(trained, *(array[rows] for array in group))
        stepped: tuple[list[jax.Array], ...] = optimizer.stateless_apply(state, gradients, trained)
        return stepped

    groups = [[jnp.asarray(array) for array in group] for group in data]
    sizes = np.array([len(group[0]) for group in groups])
    trained, state = ([variable.value for variable in variables] for variables in (weights, optimizer.variables))
    for _ in range(steps):
        chosen = rng.choice(len(groups), p=sizes / sizes.sum())
        rows = rng.integers(sizes[chosen], size=min(batch_size, sizes[chosen]))
        trained, state = take_step(trained, state, rows, *groups[chosen])
    return build([np.asarray(array) for array in trained])


def count_steps(examples: int, batch_size: int, epochs: int) -> int:
    """Return how many steps take each example about so often; few examples are one batch."""
    return epochs * max(1, examples // batch_size)


def _start(features: int, units: int, outputs: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the first weights of a perceptron."""
    hidden, output = rng.normal(0, features**-0.5, (features, units)), rng.normal(0, 0.1, (units, outputs))
    return hidden, np.zeros(units), output, np.zeros(outputs)
