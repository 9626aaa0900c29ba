"""The training of the network of rows, step by step, with checkpoints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from tqdm import tqdm

from mnist_cnn.network import NUM_CLASSES, build_row_network, stock_block
from mnist_cnn.training.checkpoint import check_same_run, load_checkpoint, save_checkpoint
from mnist_cnn.training.fast_layers import fast_block
from mnist_cnn.training.step import assign_weights, build_optimizer, list_values, update_average
from mnist_cnn.training.strips import MadeStrip

STEPS = 8_000
_BATCH_SIZE, _LEARNING_RATE, _WARMUP = 64, 3e-3, 300
_WEIGHT_DECAY, _AVERAGE_DECAY, _LARGEST_GRADIENT = 0.02, 0.998, 5.0
# A step takes strips of about one width, because each width is compiled for itself: whole tiles of the fast layers.
_WIDTHS = 64, 96, 128, 160, 224
_SHIFTS = 2, 3  # pixels, down and across, by which a strip is moved at most
_LONGEST = 8  # digits
_STEPS_PER_CHECKPOINT = 500


class _Group(NamedTuple):
    """Strips of about one width, and their texts.

    Attributes:
        images: uint8 array of shape (n, STRIP_HEIGHT, width).
        labels: the digits, then zeros, int32 array of shape (n, digits).
        lengths: how many digits there are, int32 array of shape (n,).
    """

    images: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray


class _State(NamedTuple):
    """All that a step changes; lists of arrays in Keras's order."""

    trainable: list[jax.Array]
    non_trainable: list[jax.Array]
    optimizer: list[jax.Array]
    average: list[jax.Array]


def train_row_network(
    strips: Sequence[MadeStrip], seed: int, checkpoint: Path | None = None, steps: int = STEPS
) -> list[np.ndarray]:
    """Return the weights of a trained network of rows: averages over the last steps.

    Args:
        strips: to learn from.
        seed: of the first weights, the batches and the dropout.
        checkpoint: a file that is written now and then. If it exists, training goes on from there.
        steps: of AdamW.

    Raises:
        CheckpointError: if the checkpoint can't be read, or belongs to other strips or settings.
        WriteError: if there is no room for it.
    """
    keras.utils.set_random_seed(seed)
    network = build_row_network(fast_block if jax.default_backend() == "cpu" else stock_block)
    decay = max(steps - _WARMUP, 1)
    optimizer = build_optimizer(network, _LEARNING_RATE, _WARMUP, decay, _WEIGHT_DECAY, _LARGEST_GRADIENT)
    groups = _group(strips)
    trainable, non_trainable, optimized = list_values(network, optimizer)
    state = _State(trainable, non_trainable, optimized, trainable)
    run = {"seed": seed, "steps": steps, "strips": len(strips), "data": sum(int(strip.image.sum()) for strip in strips)}
    done = 0
    if checkpoint and checkpoint.exists():
        arrays, facts = load_checkpoint(checkpoint)
        check_same_run(facts["run"], run)
        state, done = jax.tree.unflatten(jax.tree.structure(state), map(jnp.asarray, arrays)), facts["steps"]
    take_step = _compile_step(network, optimizer)
    sizes = np.array([len(group.lengths) for group in groups])
    losses: list[jax.Array] = []
    for step in tqdm(range(done, steps), initial=done, total=steps, unit="step", mininterval=10):
        rng = np.random.default_rng((seed, step))
        batch = _choose_batch(groups[rng.choice(len(groups), p=sizes / sizes.sum())], rng)
        state, loss = take_step(state, step, *batch)
        losses.append(loss)
        if (step + 1) % _STEPS_PER_CHECKPOINT == 0:
            tqdm.write(f"step {step + 1}, loss {np.mean(losses):.4g}")
            losses.clear()
            if checkpoint:
                arrays = list(map(np.asarray, jax.tree.leaves(state)))
                save_checkpoint(checkpoint, arrays, {"run": run, "steps": step + 1})
    assign_weights(network, state.average, state.non_trainable)
    weights: list[np.ndarray] = network.get_weights()
    return weights


def read_strips(weights: list[np.ndarray], strips: Sequence[MadeStrip]) -> float:
    """Return the share of strips whose text is read right: the likeliest word of each column, repetitions once."""
    network = build_row_network()
    network.set_weights(weights)
    right = 0
    for group in _group(strips):
        words = np.asarray(network.predict(group.images[..., None], batch_size=_BATCH_SIZE, verbose=0)).argmax(axis=2)
        for row, label, length in zip(words, group.labels, group.lengths, strict=True):
            read = [word for word, before in zip(row, [-1, *row], strict=False) if word not in (before, NUM_CLASSES)]
            right += read == label[:length].tolist()
    return right / len(strips)


def _group(strips: Sequence[MadeStrip]) -> list[_Group]:
    """Return the strips by their widths, with paper on their right."""
    groups: dict[int, list[MadeStrip]] = {}
    for strip in strips:
        groups.setdefault(next(width for width in _WIDTHS if strip.image.shape[1] <= width), []).append(strip)
    return [
        _Group(
            np.stack([np.pad(image, [(0, 0), (0, width - image.shape[1])]) for image, _ in group]),
            np.array([[*map(int, text), *[0] * (_LONGEST - len(text))] for _, text in group], np.int32),
            np.array([len(text) for _, text in group], np.int32),
        )
        for width, group in sorted(groups.items())
    ]


def _choose_batch(group: _Group, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return some of a group's strips, each moved a little, with their labels and lengths."""
    rows = rng.integers(len(group.lengths), size=_BATCH_SIZE)
    down, across = _SHIFTS
    wide = np.pad(group.images[rows], [(0, 0), (down, down), (across, across)])
    height, width = group.images.shape[1:]
    tops, lefts = rng.integers(2 * down + 1, size=_BATCH_SIZE), rng.integers(2 * across + 1, size=_BATCH_SIZE)
    moved = [image[y : y + height, x : x + width] for image, y, x in zip(wide, tops, lefts, strict=True)]
    return np.stack(moved), group.labels[rows], group.lengths[rows]


def _compile_step(network: keras.Model, optimizer: keras.optimizers.Optimizer) -> Any:  # noqa: ANN401
    """Return a function from a state and a batch to the next state and the loss, in nats for each strip."""

    @jax.jit
    def take_step(
        state: _State, step: int, images: jax.Array, labels: jax.Array, lengths: jax.Array
    ) -> tuple[_State, jax.Array]:
        def compute_loss(trainable: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
            strips = images.astype(jnp.float32)[..., None]
            logits, others = network.stateless_call(trainable, state.non_trainable, strips, training=True)
            widths = jnp.full(len(images), logits.shape[1])
            losses = keras.ops.ctc_loss(labels, logits, lengths, widths, mask_index=NUM_CLASSES)
            return losses.mean(), others

        (loss, non_trainable), gradients = jax.value_and_grad(compute_loss, has_aux=True)(state.trainable)
        trainable, optimized = optimizer.stateless_apply(state.optimizer, gradients, state.trainable)
        average = update_average(state.average, trainable, _AVERAGE_DECAY, step)
        return _State(trainable, non_trainable, optimized, average), loss

    return take_step
