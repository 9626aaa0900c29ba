"""Train the network on MNIST and on digits that the program draws and traces itself, and measure it."""

import ctypes
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from tqdm import tqdm

from mnist_cnn.augmentation import augment
from mnist_cnn.checkpoint import check_same_run, identify_run, load_checkpoint, save_checkpoint
from mnist_cnn.data import NO_DIGIT, Split, concatenate, draw_digits, draw_nondigits, trace_digits
from mnist_cnn.distribution import BATCH_AXIS, is_first_process, make_mesh, place, share
from mnist_cnn.layers import fast_block
from mnist_cnn.model import build_model, stock_block
from mnist_cnn.preprocessing import NUM_CLASSES

EVALUATION_BATCH_SIZE = 250
MEMORY_RATE = 0.3  # weight of an image's last probabilities in the running mean of them
STEPS_PER_CALL = 10  # which run as one loop on the device; then the progress bar moves, and Ctrl-C is heeded
# Of glibc's mallopt.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


@dataclass(frozen=True)
class TrainConfig:
    """What decides the outcome of a training run, beside the data.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step; what is left over at the end of an epoch waits for the next one's shuffle.
        learning_rate: at its peak, which a linear warm-up over the first epoch reaches; a cosine takes it back to zero.
        weight_decay: AdamW's, on the kernels.
        label_smoothing: share of each label that is spread over all classes.
        self_distillation: share of a label that gives way, bit by bit until the end, to what the network has said of
            the image in the epochs before: some of MNIST's labels are wrong, and some digits could be either of two
            (Kim et al. 2021, "Self-knowledge distillation with progressive refinement of targets").
        average_decay: of the running average of the weights, per step. The average is the model.
        last_strength: of the augmentation at the end, which a cosine leads to from full strength: shapes that bend too
            far to be MNIST's own are good to begin with, but the last word is the digits' as people wrote them.
        drawn_digits: digits drawn by program, in styles that MNIST hardly holds, to learn beside MNIST's.
        traced_digits: MNIST's own, traced with pens of other widths, to learn beside them too; two of each at most.
        nondigits: drawings of what is no digit, to be unsure about: all ten probabilities are to be the same
            (Hendrycks et al. 2019, "Deep anomaly detection with outlier exposure").
        drawn_share: of these three that an epoch takes, others each time: many that are seen now and then teach more
            than a few that are seen often.
        seed: of the drawn and the traced digits, the first weights, the order of the images, dropout and augmentation.
    """

    epochs: int = 24
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    self_distillation: float = 0.5
    average_decay: float = 0.998
    last_strength: float = 0.3
    drawn_digits: int = 60_000
    traced_digits: int = 100_000
    nondigits: int = 10_000
    drawn_share: float = 0.5
    seed: int = 0


class Epoch(NamedTuple):
    """A row of the training history: means over the epoch's steps, and the averaged weights on the validation part.

    The validation loss is that of the calibrated model, so that epochs compare however unsure they are.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Evaluation(NamedTuple):
    """How a model reads a split.

    Attributes:
        probabilities: float32 array of shape (n, 10).
        accuracy: share of the images whose likeliest digit is the label.
        loss: mean cross-entropy, in nats.
    """

    probabilities: np.ndarray
    accuracy: float
    loss: float


class _State(NamedTuple):
    """All that a step changes. Each variable is a list of arrays in Keras's order."""

    trainable: list[jax.Array]
    non_trainable: list[jax.Array]
    optimizer: list[jax.Array]
    average: list[jax.Array]  # of the trainable variables
    memory: jax.Array  # running mean of the probabilities of each training image, shape (n, 10)
    totals: jax.Array  # of loss and accuracy, since the epoch began
    steps: jax.Array  # since training began


Steps = Callable[[_State, jax.Array, int, int], _State]


def train(
    config: TrainConfig, train_split: Split, val_split: Split, checkpoint: Path | None = None
) -> tuple[keras.Model, list[Epoch]]:
    """Train a network and return it, calibrated, as it was after the epoch with the lowest validation loss.

    Every device takes part, of every host that has joined; the result is the same to within rounding. The first Ctrl-C
    ends the training early: the weights of that moment are validated as at an epoch's end, and the best are returned.
    The same config and data give the same weights on the same machine.

    Args:
        config: what to do.
        train_split: to learn from, with what the config has drawn.
        val_split: to choose the epoch and the temperature by.
        checkpoint: file that is written after each epoch. If it is there, the run goes on from it, and ends with the
            weights of a run that was never interrupted.

    Raises:
        ValueError: if there are fewer images than a batch holds, a batch doesn't spread over the devices evenly, or
            the share isn't one.
        CheckpointError: if the checkpoint is of a run with another config or other data.
    """
    if not 0 <= config.drawn_share <= 1:
        raise ValueError(f"The share of the drawn digits must be 0 to 1, not {config.drawn_share}.")
    identity = identify_run(config, train_split, val_split)
    keeper = checkpoint if is_first_process() else None
    saved = _load(keeper, identity) if keeper and keeper.exists() else None  # refused before minutes of drawing
    drawn_split = _draw(config, train_split)
    given, drawn = len(train_split.labels), len(drawn_split.labels)
    train_split = concatenate(train_split, drawn_split)
    taken = round(config.drawn_share * drawn)
    steps = (given + taken) // config.batch_size
    if not steps:
        raise ValueError(f"{given + taken} training images don't fill one batch of {config.batch_size}.")
    mesh = make_mesh()
    if config.batch_size % mesh.size:
        raise ValueError(f"A batch of {config.batch_size} images doesn't spread over {mesh.size} devices evenly.")
    keras.utils.set_random_seed(config.seed)
    model = build_model()
    state, take_steps = _prepare(config, steps, train_split, mesh)
    history: list[Epoch] = []
    best_weights = model.get_weights()
    if saved:
        state, history, best_weights = _restore(*saved, state, best_weights)
    elif keeper:
        _save(keeper, identity, state, history, best_weights)
    state, done = share((state, len(history)))
    state, done = place(mesh, state), int(done)
    with (
        _Interrupt() as interrupt,
        tqdm(
            total=config.epochs * steps, initial=done * steps, unit="step", disable=not is_first_process()
        ) as progress,
    ):
        for epoch in range(done + 1, config.epochs + 1):
            started = time.perf_counter()
            order = choose_rows(given, drawn, taken, np.random.default_rng((config.seed, epoch)))
            batches = place(
                mesh, order[: steps * config.batch_size].reshape(steps, -1).astype(np.int32), None, BATCH_AXIS
            )
            state, loss, accuracy = _train_epoch(take_steps, state, batches, progress, interrupt)
            _assign(model, state)
            val = evaluate(model, val_split)
            _, val_loss = find_temperature(val.probabilities, val_split.labels)
            row = Epoch(epoch, loss, accuracy, val_loss, val.accuracy, time.perf_counter() - started)
            if is_first_process():
                progress.write(", ".join(f"{name} {value:.4g}" for name, value in row._asdict().items()))
            history.append(row)
            if row == best_epoch(history):
                best_weights = model.get_weights()
            if interrupt.requested:
                break
            if keeper:
                _save(keeper, identity, state, history, best_weights)
    model.set_weights(best_weights)
    _calibrate(model, val_split)
    return model, history


def best_epoch(history: list[Epoch]) -> Epoch:
    """Return the epoch with the lowest validation loss, which owes less to chance than the few errors that are left."""
    return min(history, key=lambda row: row.val_loss)


def choose_rows(given: int, drawn: int, taken: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of an epoch in a random order.

    Args:
        given: how many rows come first, all of which an epoch takes.
        drawn: how many follow.
        taken: how many of those it takes.
        rng: of which and in what order.
    """
    return rng.permutation(np.concatenate([np.arange(given), given + rng.permutation(drawn)[:taken]]))


def evaluate(model: keras.Model, split: Split) -> Evaluation:
    """Measure a model on every image of a split."""
    probabilities = model.predict(split.images, batch_size=EVALUATION_BATCH_SIZE, verbose=0)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    likelihoods = probabilities[np.arange(len(split.labels)), split.labels]
    loss = -np.mean(np.log(np.maximum(likelihoods, np.finfo(np.float32).tiny)))
    return Evaluation(probabilities, float(accuracy), float(loss))


def find_temperature(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the divisor of the logits that makes the labels likeliest, and the loss that it leaves, in nats.

    Guo et al. 2017, "On calibration of modern neural networks".

    Args:
        probabilities: shape (n, 10).
        labels: shape (n,).
    """
    log_probabilities = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))

    def loss(temperature: float) -> float:
        calibrated = log_softmax(log_probabilities / temperature, axis=1)
        return -float(np.mean(calibrated[np.arange(len(labels)), labels]))

    result = minimize_scalar(loss, bounds=(0.1, 10), method="bounded")
    return result.x, result.fun


def _draw(config: TrainConfig, split: Split) -> Split:
    """Draw and trace what is to be learnt beside the given split."""
    if is_first_process() and config.drawn_digits + config.traced_digits + config.nondigits:
        print("Drawing by program what is to be learnt too; 100,000 pictures take a few minutes.")
    return concatenate(
        draw_digits(config.drawn_digits, config.seed),
        trace_digits(split, config.traced_digits, config.seed),
        draw_nondigits(config.nondigits, config.seed),
    )


def _prepare(config: TrainConfig, steps: int, split: Split, mesh: Mesh) -> tuple[_State, Steps]:
    """Return the state before the first step, not yet on the mesh, and the compiled loop over batches of an epoch."""
    on_cpu = jax.default_backend() == "cpu"
    if on_cpu:
        _keep_memory()
    if is_first_process():
        layers = "layers made for it" if on_cpu else "Keras's own layers"
        print(f"Training on {mesh.size} x {mesh.devices[0].device_kind} with {layers}.")
    model = build_model(fast_block if on_cpu else stock_block)
    # Trained up to the logits: the cross-entropy of a softmax that has run out of digits has no gradient.
    network = keras.Model(model.input, model.get_layer("logits").output)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, (config.epochs - 1) * steps + 1, warmup_target=config.learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(network.trainable_variables)
    trainable, non_trainable, optimizer_variables = (
        [variable.value for variable in variables]
        for variables in (network.trainable_variables, network.non_trainable_variables, optimizer.variables)
    )
    memory = jax.nn.one_hot(split.labels, NUM_CLASSES)
    state = _State(trainable, non_trainable, optimizer_variables, trainable, memory, jnp.zeros(2), jnp.zeros((), int))

    @partial(jax.jit, donate_argnums=0, out_shardings=NamedSharding(mesh, PartitionSpec()))
    def take_steps(
        state: _State, images: jax.Array, labels: jax.Array, batches: jax.Array, first: int, last: int
    ) -> _State:
        step = partial(_step, config, steps, network, optimizer, images=images, labels=labels)
        return jax.lax.fori_loop(first, last, lambda number, state: step(state, rows=batches[number]), state)

    images, labels = place(mesh, split.images), place(mesh, split.labels)

    def take_steps_on_mesh(state: _State, batches: jax.Array, first: int, last: int) -> _State:
        with jax.set_mesh(mesh):
            return take_steps(state, images, labels, batches, first, last)

    return state, take_steps_on_mesh


def _keep_memory() -> None:
    """Have glibc keep the memory that a step gives back: getting it anew takes half as long as the arithmetic."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library, with ways of its own
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _step(
    config: TrainConfig,
    steps: int,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    state: _State,
    *,
    images: jax.Array,
    labels: jax.Array,
    rows: jax.Array,
) -> _State:
    key = jax.random.fold_in(jax.random.key(config.seed), state.steps)
    progress = state.steps / (config.epochs * steps)
    strength = config.last_strength + (1 - config.last_strength) * (1 + jnp.cos(jnp.pi * progress)) / 2
    batch = augment(images[rows], key, strength)
    is_digit = labels[rows] != NO_DIGIT
    smoothing = jnp.where(is_digit, config.label_smoothing, 1)[:, None]
    targets = jax.nn.one_hot(labels[rows], NUM_CLASSES) * (1 - smoothing) + smoothing / NUM_CLASSES
    remembered = state.memory[rows]
    trust = jnp.where(is_digit, config.self_distillation * progress, 0)[:, None]
    targets += trust * (remembered - targets)

    def compute_loss(trainable: list[jax.Array]) -> tuple[jax.Array, Any]:
        logits, non_trainable = network.stateless_call(trainable, state.non_trainable, batch, training=True)
        log_probabilities = jax.nn.log_softmax(logits)
        loss = -jnp.mean(jnp.sum(targets * log_probabilities, axis=1))
        accuracy = jnp.sum(logits.argmax(axis=1) == labels[rows]) / jnp.sum(is_digit)
        return loss, (non_trainable, jnp.exp(log_probabilities), jnp.stack([loss, accuracy]))

    gradients, (non_trainable, probabilities, measured) = jax.grad(compute_loss, has_aux=True)(state.trainable)
    trainable, optimizer_variables = optimizer.stateless_apply(state.optimizer, gradients, state.trainable)
    # The average starts short-sighted, so that it doesn't remember the random weights.
    decay = jnp.minimum(config.average_decay, (1 + state.steps) / (10 + state.steps))
    average = [old + (1 - decay) * (new - old) for old, new in zip(state.average, trainable, strict=True)]
    memory = state.memory.at[rows].add(MEMORY_RATE * (probabilities - remembered))
    return _State(
        trainable, non_trainable, optimizer_variables, average, memory, state.totals + measured, state.steps + 1
    )


def _train_epoch(
    take_steps: Steps, state: _State, batches: jax.Array, progress: tqdm, interrupt: "_Interrupt"
) -> tuple[_State, float, float]:
    """Take a step per batch; return the state, the mean loss and the mean accuracy."""
    state = state._replace(totals=jnp.zeros_like(state.totals))
    loss = accuracy = 0.0
    for first in range(0, len(batches), STEPS_PER_CALL):
        if interrupt.requested:
            break
        last = min(first + STEPS_PER_CALL, len(batches))
        state = take_steps(state, batches, first, last)
        loss, accuracy = (float(total) / last for total in np.asarray(state.totals))
        progress.update(last - first)
        progress.set_postfix(loss=f"{loss:.4f}", accuracy=f"{accuracy:.4f}")
    return state, loss, accuracy


def _save(
    path: Path, identity: dict[str, Any], state: _State, history: list[Epoch], best_weights: list[np.ndarray]
) -> None:
    arrays = [np.asarray(value) for value in jax.tree.leaves((state, best_weights))]
    save_checkpoint(path, arrays, {"run": identity, "history": history})


def _load(path: Path, identity: dict[str, Any]) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Read what `_save` wrote, if this run may go on from it."""
    arrays, facts = load_checkpoint(path)
    check_same_run(facts["run"], identity)
    return arrays, facts


def _restore(
    arrays: list[np.ndarray], facts: dict[str, Any], state: _State, best_weights: list[np.ndarray]
) -> tuple[_State, list[Epoch], list[np.ndarray]]:
    """Put what `_load` read in order; the given state and weights tell the structure."""
    state, best_weights = jax.tree.unflatten(jax.tree.structure((state, best_weights)), arrays)
    return state, [Epoch(*row) for row in facts["history"]], best_weights


def _calibrate(model: keras.Model, val_split: Split) -> None:
    """Divide the logits by the temperature, which goes into the last layer's weights; no answer changes."""
    temperature, _ = find_temperature(evaluate(model, val_split).probabilities, val_split.labels)
    layer = model.get_layer("logits")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def _assign(model: keras.Model, state: _State) -> None:
    """Put the averaged weights, and the normalisation's statistics, into the model."""
    for variables, values in (
        (model.trainable_variables, state.average),
        (model.non_trainable_variables, state.non_trainable),
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(np.asarray(value))  # a copy: the next step takes the array itself apart


class _Interrupt(AbstractContextManager["_Interrupt"]):
    """Turns the first Ctrl-C into a request, which is heeded between two steps; a second one raises as ever."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "_Interrupt":
        self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _request(self, _signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._previous)
        if jax.process_count() > 1:
            raise KeyboardInterrupt  # the other hosts don't know of it, and would wait for this one
        self.requested = True
