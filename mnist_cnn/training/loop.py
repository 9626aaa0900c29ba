"""Training from the first epoch to the last: what the epochs do, their history, checkpoints, and Ctrl-C."""

import signal
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from mnist_cnn.network import build_model, stock_block
from mnist_cnn.training.allocator import keep_freed_memory
from mnist_cnn.training.checkpoint import check_same_run, identify_run, load_checkpoint, save_checkpoint
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import Split
from mnist_cnn.training.distribution import BATCH_AXIS, check_batch_size, is_first_process, make_mesh, place, share
from mnist_cnn.training.fast_layers import fast_block
from mnist_cnn.training.metrics import evaluate, find_temperature
from mnist_cnn.training.step import Learner, State, StepLoop, assign_weights, build_learner
from mnist_cnn.training.training_set import TrainingSet, build_training_set

# Steps that run on the device as one call. Between calls the progress bar moves and Ctrl-C takes effect.
STEPS_PER_CALL = 10


class Epoch(NamedTuple):
    """One row of the training history.

    Attributes:
        epoch: number of the epoch, from 1.
        loss: mean over the epoch's steps, in nats.
        accuracy: mean over the epoch's steps, 0 to 1.
        val_loss: of the averaged weights on the validation split, in nats. The model is calibrated first, so that
            epochs compare whatever their confidence.
        val_accuracy: of the averaged weights on the validation split.
        seconds: duration, validation included.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass
class Progress:
    """How far a run has come: what a checkpoint holds."""

    state: State
    history: list[Epoch]
    best_weights: list[np.ndarray]

    def restore(self, arrays: list[np.ndarray], facts: dict[str, Any]) -> None:
        """Take over what `Keeper.load` returned."""
        structure = jax.tree.structure((self.state, self.best_weights))
        self.state, self.best_weights = jax.tree.unflatten(structure, arrays)
        self.history = [Epoch(*row) for row in facts["history"]]


class Keeper:
    """Keeps a run's progress in a file; without a path it keeps nothing."""

    def __init__(self, path: Path | None, run: dict[str, Any]) -> None:
        """Take the file, and the facts that tell the run from others."""
        self._path, self._run = path, run

    def load(self) -> tuple[list[np.ndarray], dict[str, Any]] | None:
        """Return the arrays and facts of an earlier part of the run for `Progress.restore`, or None.

        Raises:
            CheckpointError: if the file can't be read, or belongs to another run.
        """
        if not self._path or not self._path.exists():
            return None
        arrays, facts = load_checkpoint(self._path)
        check_same_run(facts["run"], self._run)
        return arrays, facts

    def save(self, progress: Progress) -> None:
        """Replace the file."""
        if self._path:
            arrays = [np.asarray(value) for value in jax.tree.leaves((progress.state, progress.best_weights))]
            save_checkpoint(self._path, arrays, {"run": self._run, "history": progress.history})


class Interrupt(AbstractContextManager["Interrupt"]):
    """Turns the first Ctrl-C into a request to stop; the second raises KeyboardInterrupt as usual.

    Among several hosts the first raises as well: the others don't know of it and would wait for this one.

    Attributes:
        requested: whether Ctrl-C has been pressed.
    """

    def __init__(self) -> None:
        """Start without a request."""
        self.requested = False

    def __enter__(self) -> "Interrupt":
        """Take over the handling of Ctrl-C."""
        self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the handling back."""
        signal.signal(signal.SIGINT, self._previous)

    def _request(self, _signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._previous)
        if jax.process_count() > 1:
            raise KeyboardInterrupt
        self.requested = True


def train(
    config: TrainConfig, train_split: Split, val_split: Split, checkpoint: Path | None = None
) -> tuple[keras.Model, list[Epoch]]:
    """Return a trained, calibrated model and the history of its training.

    The weights are those of the epoch with the lowest validation loss. Training uses every device of every host that
    has joined; the number of devices changes the result only by rounding. The same config and data give the same
    weights on the same machine. On Ctrl-C, finish the current steps, validate, and return the best weights so far.

    Args:
        config: the settings.
        train_split: images to learn from, in addition to the synthetic ones that the config asks for.
        val_split: images to choose the epoch and the temperature by.
        checkpoint: file to write after each epoch. If it exists, the run continues from it and ends with the weights of
            a run that was never interrupted.

    Raises:
        ConfigError: if there are fewer images than a batch holds, or a batch can't be split evenly over the devices.
        CheckpointError: if the checkpoint can't be read, or belongs to a run with another config or other data.
    """
    keeper = Keeper(checkpoint if is_first_process() else None, identify_run(config, train_split, val_split))
    saved = keeper.load()  # before drawing, which takes minutes: a run that can't resume is refused at once
    mesh = make_mesh()
    check_batch_size(config.batch_size, mesh.size)
    if is_first_process() and config.drawn_digits + config.traced_digits + config.nondigits + config.cut_pictures:
        print("Drawing synthetic training images; 100,000 of them take a few minutes.")
    training_set = build_training_set(config, train_split)

    keras.utils.set_random_seed(config.seed)
    model = build_model()
    learner = _build_learner(config, training_set.steps_per_epoch, mesh)
    progress = Progress(learner.build_state(training_set.split.labels), [], model.get_weights())
    if saved:
        progress.restore(*saved)
    else:
        keeper.save(progress)
    _train_epochs(learner, training_set, val_split, model, mesh, progress, keeper)
    model.set_weights(progress.best_weights)
    calibrate(model, val_split)
    return model, progress.history


def best_epoch(history: list[Epoch]) -> Epoch:
    """Return the epoch with the lowest validation loss, which depends less on chance than the few remaining errors."""
    return min(history, key=lambda row: row.val_loss)


def calibrate(model: keras.Model, val_split: Split) -> None:
    """Divide the logits by the temperature that fits the validation split; no prediction changes.

    The division goes into the weights of the last layer.
    """
    temperature, _ = find_temperature(evaluate(model, val_split).probabilities, val_split.labels)
    layer = model.get_layer("logits")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def _build_learner(config: TrainConfig, steps_per_epoch: int, mesh: Mesh) -> Learner:
    """Build the learner with the layers that are fastest on this machine."""
    on_cpu = jax.default_backend() == "cpu"
    if on_cpu:
        keep_freed_memory()
    if is_first_process():
        layers = "this project's CPU layers" if on_cpu else "Keras's own layers"
        print(f"Training on {mesh.size} x {mesh.devices[0].device_kind} with {layers}.")
    return build_learner(config, steps_per_epoch, fast_block if on_cpu else stock_block)


def _train_epochs(
    learner: Learner,
    training_set: TrainingSet,
    val_split: Split,
    model: keras.Model,
    mesh: Mesh,
    progress: Progress,
    keeper: Keeper,
) -> None:
    """Train the epochs that remain, and bring the progress, and its checkpoint, up to date after each."""
    config, steps = learner.config, training_set.steps_per_epoch
    take_steps = learner.compile_loop(training_set.split, mesh)
    # The first process alone has read the checkpoint.
    state, done = share((progress.state, len(progress.history)))
    progress.state, done = place(mesh, state), int(done)
    with (
        Interrupt() as interrupt,
        tqdm(total=config.epochs * steps, initial=done * steps, unit="step", disable=not is_first_process()) as bar,
    ):
        for epoch in range(done + 1, config.epochs + 1):
            started = time.perf_counter()
            batches = place(mesh, training_set.choose_batches(config.seed, epoch), None, BATCH_AXIS)
            progress.state, loss, accuracy = _train_epoch(take_steps, progress.state, batches, bar, interrupt)
            assign_weights(model, progress.state.average, progress.state.non_trainable)
            val = evaluate(model, val_split)
            _, val_loss = find_temperature(val.probabilities, val_split.labels)
            row = Epoch(epoch, loss, accuracy, val_loss, val.accuracy, time.perf_counter() - started)
            if is_first_process():
                bar.write(", ".join(f"{name} {value:.4g}" for name, value in row._asdict().items()))
            progress.history.append(row)
            if row == best_epoch(progress.history):
                progress.best_weights = model.get_weights()
            if interrupt.requested:
                break
            keeper.save(progress)


def _train_epoch(
    take_steps: StepLoop, state: State, batches: jax.Array | np.ndarray, bar: tqdm, interrupt: Interrupt
) -> tuple[State, float, float]:
    """Take a step for each batch; return the state, the mean loss and the mean accuracy."""
    state = state._replace(totals=jnp.zeros_like(state.totals))
    loss = accuracy = 0.0
    for first in range(0, len(batches), STEPS_PER_CALL):
        if interrupt.requested:
            break
        last = min(first + STEPS_PER_CALL, len(batches))
        state = take_steps(state, batches, first, last)
        loss, accuracy = (float(total) / last for total in np.asarray(state.totals))
        bar.update(last - first)
        bar.set_postfix(loss=f"{loss:.4f}", accuracy=f"{accuracy:.4f}")
    return state, loss, accuracy
