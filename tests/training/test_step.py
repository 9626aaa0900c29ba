import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import NO_DIGIT, Split, concatenate
from mnist_cnn.training.distribution import make_mesh, place
from mnist_cnn.training.step import Learner, State, smooth_labels
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits

TOTAL_STEPS = 100
SPLIT = concatenate(draw_digits(60, seed=1), draw_nondigits(20, seed=1))
ROWS = np.arange(0, 80, 2, dtype=np.int32)  # 30 digits and 10 non-digits


def build_learner(**settings: float) -> Learner:
    """A learner whose network is a single layer."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)]
    network = keras.Sequential(layers)
    optimizer = keras.optimizers.AdamW(1e-3)
    optimizer.build(network.trainable_variables)
    return Learner(TrainConfig(**settings), TOTAL_STEPS, network, optimizer)


def take_step(learner: Learner, state: State, rows: np.ndarray = ROWS, split: Split = SPLIT) -> State:
    return jax.jit(learner.take_step)(state, jnp.asarray(split.images), jnp.asarray(split.labels), jnp.asarray(rows))


def loss_of(learner: Learner, state: State, rows: np.ndarray = ROWS) -> float:
    """The loss on a batch as it is, with smoothed labels."""
    logits, _ = learner.network.stateless_call(state.trainable, state.non_trainable, SPLIT.images[rows])
    targets = smooth_labels(jnp.asarray(SPLIT.labels[rows]), learner.config.label_smoothing)
    return float(-jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=1)))


@pytest.fixture(scope="module")
def learner() -> Learner:
    return build_learner()


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


def test_a_step_is_the_same_each_time_but_the_next_one_augments_anew(
    learner: Learner, start: State, after: State
) -> None:
    again = take_step(learner, start)
    np.testing.assert_array_equal(again.trainable[0], after.trainable[0])
    later = take_step(learner, start._replace(steps=jnp.ones((), int)))
    assert (later.totals != after.totals).any()


def test_the_seed_decides_the_augmentation(start: State, after: State) -> None:
    assert (take_step(build_learner(seed=1), start).totals != after.totals).any()


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


def test_the_average_decays_as_configured_in_the_end() -> None:
    learner = build_learner(average_decay=0.5)
    start = learner.build_state(SPLIT.labels)._replace(steps=jnp.array(90))
    after = take_step(learner, start)
    for average, old, new in zip(after.average, start.trainable, after.trainable, strict=True):
        np.testing.assert_allclose(average, (old + new) / 2, atol=1e-6)


def test_only_the_batch_is_remembered(start: State, after: State) -> None:
    rest = np.setdiff1d(np.arange(80), ROWS)
    np.testing.assert_array_equal(after.memory[rest], start.memory[rest])
    np.testing.assert_allclose(after.memory[ROWS].sum(axis=1), np.where(SPLIT.labels[ROWS] == NO_DIGIT, 0.3, 1), 1e-5)


def test_memory_starts_as_the_labels(start: State) -> None:
    np.testing.assert_array_equal(start.memory[:60], np.eye(10)[SPLIT.labels[:60]])
    np.testing.assert_array_equal(start.memory[60:], 0)


@pytest.mark.parametrize(("steps", "rows", "trusted"), [(0, ROWS, False), (50, ROWS, True), (50, ROWS[30:], False)])
def test_memory_counts_for_digits_more_and_more(steps: int, rows: np.ndarray, trusted: bool) -> None:
    """With another memory the loss changes, but neither at first nor for non-digits."""
    learner = build_learner(self_distillation=0.5)
    state = learner.build_state(SPLIT.labels)._replace(steps=jnp.array(steps))
    mistaken = state._replace(memory=jnp.roll(state.memory, 1, axis=1))
    losses = [float(take_step(learner, each, rows).totals[0]) for each in (state, mistaken)]
    assert (losses[0] != losses[1]) == trusted


def test_augmentation_weakens_towards_the_end() -> None:
    learner = build_learner(last_strength=0.0, self_distillation=0.0)
    losses = {}
    for steps in (0, TOTAL_STEPS):
        state = learner.build_state(SPLIT.labels)._replace(steps=jnp.array(steps))
        full = build_learner(last_strength=1.0, self_distillation=0.0)
        losses[steps] = [float(take_step(each, state).totals[0]) for each in (learner, full)]
    assert losses[0][0] == losses[0][1]
    assert losses[TOTAL_STEPS][0] != losses[TOTAL_STEPS][1]


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
