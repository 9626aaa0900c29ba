from collections.abc import Iterator

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import NO_DIGIT, concatenate
from mnist_cnn.training.distribution import make_mesh, place
from mnist_cnn.training.step import Learner, State, smooth_labels
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits

TOTAL_STEPS = 20_000
SPLIT = concatenate(draw_digits(60, seed=1), draw_nondigits(20, seed=1))
ROWS = np.arange(0, 80, 2, dtype=np.int32)  # 30 digits and 10 non-digits


class Augmentation:
    """Stands for `augment`, which takes long to compile: leaves the images alone and keeps what it was given."""

    def __init__(self) -> None:
        self.keys: list[tuple[int, ...]] = []
        self.strengths: list[float] = []

    def __call__(self, images: jax.Array, key: jax.Array, strength: jax.Array) -> jax.Array:
        if not isinstance(key, jax.core.Tracer):
            self.keys.append(tuple(jax.random.key_data(key).tolist()))
            self.strengths.append(float(strength))
        return images.astype(jnp.float32)


@pytest.fixture(scope="module", autouse=True)
def augmentation() -> Iterator[Augmentation]:
    augmentation = Augmentation()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_cnn.training.step.augment", augmentation)
        yield augmentation


def build_learner(config: TrainConfig) -> Learner:
    """A learner whose network is a single layer."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)]
    network = keras.Sequential(layers)
    optimizer = keras.optimizers.AdamW(1e-3)
    optimizer.build(network.trainable_variables)
    return Learner(config, TOTAL_STEPS, network, optimizer)


def take_step(learner: Learner, state: State, rows: np.ndarray = ROWS) -> State:
    return learner.take_step(state, jnp.asarray(SPLIT.images), jnp.asarray(SPLIT.labels), jnp.asarray(rows))


def loss_of(learner: Learner, state: State, rows: np.ndarray = ROWS) -> float:
    """The loss on a batch as it is, with smoothed labels."""
    logits, _ = learner.network.stateless_call(state.trainable, state.non_trainable, SPLIT.images[rows])
    targets = smooth_labels(jnp.asarray(SPLIT.labels[rows]), learner.config.label_smoothing)
    return float(-jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=1)))


@pytest.fixture(scope="module")
def learner() -> Learner:
    return build_learner(TrainConfig())


@pytest.fixture(scope="module")
def start(learner: Learner) -> State:
    return learner.build_state(SPLIT.labels)


@pytest.fixture(scope="module")
def after(learner: Learner, start: State) -> State:
    return take_step(learner, start)


def test_one_step_lowers_the_loss_on_its_batch(learner: Learner, start: State, after: State) -> None:
    assert loss_of(learner, after) < loss_of(learner, start) - 0.01


def test_a_step_is_counted_and_adds_its_loss_and_accuracy(start: State, after: State) -> None:
    assert (int(start.steps), int(after.steps)) == (0, 1)
    assert start.totals.tolist() == [0, 0]
    loss, accuracy = after.totals.tolist()
    assert 1 < loss < 5  # an untrained network's
    assert 0 <= accuracy <= 1
    assert accuracy * 30 == pytest.approx(round(accuracy * 30), abs=1e-4)  # non-digits don't count


def test_a_step_is_the_same_each_time(learner: Learner, start: State, after: State) -> None:
    for ours, theirs in zip(jax.tree.leaves(take_step(learner, start)), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_every_step_and_every_seed_augments_in_its_own_way(augmentation: Augmentation) -> None:
    augmentation.keys.clear()
    for seed, steps in ((0, 0), (0, 0), (0, 1), (1, 0)):
        learner = build_learner(TrainConfig(seed=seed))
        take_step(learner, learner.build_state(SPLIT.labels)._replace(steps=jnp.array(steps)))
    assert augmentation.keys[0] == augmentation.keys[1]
    assert len(set(augmentation.keys)) == 3


def test_augmentation_weakens_towards_the_end(augmentation: Augmentation) -> None:
    learner = build_learner(TrainConfig(last_strength=0.2))
    augmentation.strengths.clear()
    for steps in (0, TOTAL_STEPS // 2, TOTAL_STEPS):
        take_step(learner, learner.build_state(SPLIT.labels)._replace(steps=jnp.array(steps)))
    assert augmentation.strengths == pytest.approx([1, 0.6, 0.2], abs=1e-6)


@pytest.mark.parametrize("label", range(10))
def test_digits_get_smoothed_targets(label: int) -> None:
    (target,) = smooth_labels(jnp.array([label]), 0.05)
    assert target.sum() == pytest.approx(1)
    assert int(target.argmax()) == label
    assert float(target[label]) == pytest.approx(0.955)


def test_nondigits_get_uniform_targets() -> None:
    np.testing.assert_allclose(smooth_labels(jnp.array([NO_DIGIT]), 0.05), 0.1)


def test_a_step_on_nondigits_makes_the_network_less_certain(learner: Learner, start: State) -> None:
    rows = np.arange(60, 80, dtype=np.int32)
    sharp = start._replace(trainable=[5 * weights for weights in start.trainable])
    assert loss_of(learner, take_step(learner, sharp, rows), rows) < loss_of(learner, sharp, rows)


def test_the_average_starts_short_sighted(start: State, after: State) -> None:
    for average, old, new in zip(after.average, start.trainable, after.trainable, strict=True):
        np.testing.assert_allclose(average, 0.1 * old + 0.9 * new, atol=1e-6)


def test_the_average_decays_as_configured_in_the_end(learner: Learner, start: State) -> None:
    nothing = [jnp.zeros_like(weights) for weights in start.average]
    after = take_step(learner, start._replace(average=nothing, steps=jnp.array(TOTAL_STEPS // 2)))
    for average, new in zip(after.average, after.trainable, strict=True):
        np.testing.assert_allclose(average, (1 - learner.config.average_decay) * new, rtol=1e-3)


def test_only_the_batch_is_remembered(start: State, after: State) -> None:
    rest = np.setdiff1d(np.arange(80), ROWS)
    np.testing.assert_array_equal(after.memory[rest], start.memory[rest])
    np.testing.assert_allclose(after.memory[ROWS].sum(axis=1), np.where(SPLIT.labels[ROWS] == NO_DIGIT, 0.3, 1), 1e-5)


def test_memory_starts_as_the_labels(start: State) -> None:
    np.testing.assert_array_equal(start.memory[:60], np.eye(10)[SPLIT.labels[:60]])
    np.testing.assert_array_equal(start.memory[60:], 0)


@pytest.mark.parametrize(
    ("steps", "rows", "trusted"),
    [(0, ROWS, False), (TOTAL_STEPS // 2, ROWS, True), (TOTAL_STEPS // 2, ROWS[30:], False)],
)
def test_memory_counts_for_digits_more_and_more(
    learner: Learner, start: State, steps: int, rows: np.ndarray, trusted: bool
) -> None:
    """With another memory the loss changes, but neither at first nor for non-digits."""
    state = start._replace(steps=jnp.array(steps))
    mistaken = state._replace(memory=jnp.roll(state.memory + 0.1, 1, axis=1))
    losses = [float(take_step(learner, each, rows).totals[0]) for each in (state, mistaken)]
    assert (losses[0] != losses[1]) == trusted


def test_the_loop_takes_the_steps_from_first_to_last(learner: Learner, start: State) -> None:
    mesh = make_mesh()
    batches = place(mesh, np.arange(80, dtype=np.int32).reshape(4, 20))
    loop = learner.compile_loop(SPLIT, mesh)
    looped = loop(place(mesh, start), batches, 1, 3)
    stepped = start
    for rows in batches[1:3]:
        stepped = take_step(learner, stepped, np.asarray(rows))
    assert int(looped.steps) == 2
    for ours, theirs in zip(jax.tree.leaves(looped), jax.tree.leaves(stepped), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
