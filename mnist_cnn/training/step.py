"""One training step, the state that it changes, and the compiled loop of steps on all devices."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mnist_cnn.network import NUM_CLASSES, build_model
from mnist_cnn.training.augmentation import augment
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import NO_DIGIT, Split
from mnist_cnn.training.distillation import blend_targets, remember
from mnist_cnn.training.distribution import place


class State(NamedTuple):
    """All that a training step changes. The variables are lists of arrays in Keras's order.

    Attributes:
        trainable: weights that the gradients change.
        non_trainable: running statistics of batch normalization, and the seed of dropout.
        optimizer: variables of AdamW.
        average: exponential moving average of the trainable weights.
        memory: running mean of the probabilities given to each training image, shape (images, 10).
        totals: sums of loss and accuracy over the steps of the current epoch, shape (2,).
        steps: number of steps taken since training began.
    """

    trainable: list[jax.Array]
    non_trainable: list[jax.Array]
    optimizer: list[jax.Array]
    average: list[jax.Array]
    memory: jax.Array
    totals: jax.Array
    steps: jax.Array


# Takes the state, all batches of an epoch as rows of the training images, and the first and last of them to use.
StepLoop = Callable[[State, jax.Array | np.ndarray, int, int], State]


class Learner(NamedTuple):
    """What a training step needs and never changes.

    Attributes:
        config: of the run.
        total_steps: number of steps in the whole run.
        network: from images of shape (n, 28, 28, 1), 0 to 255, to logits of shape (n, 10).
        optimizer: built for the network's trainable variables.
    """

    config: TrainConfig
    total_steps: int
    network: keras.Model
    optimizer: keras.optimizers.Optimizer

    def build_state(self, labels: np.ndarray) -> State:
        """Return the state before the first step, for training images with these labels, on the default device."""
        trainable, non_trainable, optimizer = list_values(self.network, self.optimizer)
        memory = jax.nn.one_hot(labels, NUM_CLASSES)
        return State(trainable, non_trainable, optimizer, trainable, memory, jnp.zeros(2), jnp.zeros((), int))

    def take_step(self, state: State, images: jax.Array, labels: jax.Array, rows: jax.Array) -> State:
        """Return the state after training on one batch.

        Args:
            state: before the step.
            images: all training images, uint8 of shape (images, 28, 28, 1).
            labels: of all training images, int32 of shape (images,); `NO_DIGIT` where there is no digit.
            rows: of the batch's images, int32 of shape (batch_size,).
        """
        config, progress = self.config, state.steps / self.total_steps
        key = jax.random.fold_in(jax.random.key(config.seed), state.steps)
        strength = config.last_strength + (1 - config.last_strength) * (1 + jnp.cos(jnp.pi * progress)) / 2
        batch = augment(images[rows], key, strength)
        is_digit = labels[rows] != NO_DIGIT
        targets = smooth_labels(labels[rows], config.label_smoothing)
        trust = jnp.where(is_digit, config.self_distillation * progress, 0)[:, None]
        targets = blend_targets(targets, state.memory[rows], trust)

        def compute_loss(trainable: list[jax.Array]) -> tuple[jax.Array, Any]:
            logits, non_trainable = self.network.stateless_call(trainable, state.non_trainable, batch, training=True)
            log_probabilities = jax.nn.log_softmax(logits)
            loss = -jnp.mean(jnp.sum(targets * log_probabilities, axis=1))
            accuracy = jnp.sum(logits.argmax(axis=1) == labels[rows]) / jnp.sum(is_digit)
            return loss, (non_trainable, jnp.exp(log_probabilities), jnp.stack([loss, accuracy]))

        gradients, (non_trainable, probabilities, measured) = jax.grad(compute_loss, has_aux=True)(state.trainable)
        trainable, optimizer = self.optimizer.stateless_apply(state.optimizer, gradients, state.trainable)
        average = update_average(state.average, trainable, config.average_decay, state.steps)
        memory = remember(state.memory, rows, probabilities)
        return State(trainable, non_trainable, optimizer, average, memory, state.totals + measured, state.steps + 1)

    def compile_loop(self, split: Split, mesh: Mesh) -> StepLoop:
        """Return the function that takes several steps in one call, with every batch split over the mesh's devices.

        Args:
            split: all training images and their labels. They are copied to every device.
            mesh: of all devices.
        """
        images, labels = place(mesh, split.images), place(mesh, split.labels)

        @partial(jax.jit, donate_argnums=0, out_shardings=NamedSharding(mesh, PartitionSpec()))
        def take_steps(
            state: State, images: jax.Array, labels: jax.Array, batches: jax.Array, first: int, last: int
        ) -> State:
            def body(number: int, state: State) -> State:
                return self.take_step(state, images, labels, batches[number])

            taken: State = jax.lax.fori_loop(first, last, body, state)
            return taken

        def take_steps_on_mesh(state: State, batches: jax.Array | np.ndarray, first: int, last: int) -> State:
            with jax.set_mesh(mesh):
                taken: State = take_steps(state, images, labels, batches, first, last)
                return taken

        return take_steps_on_mesh


def build_learner(config: TrainConfig, steps_per_epoch: int, block: Callable[..., keras.KerasTensor]) -> Learner:
    """Build an untrained network and its optimizer; the weights come from Keras's global seed.

    Args:
        config: of the run.
        steps_per_epoch: number of steps in an epoch.
        block: layers of each block of the network, as in `build_model`.
    """
    model = build_model(block)
    # The loss needs logits: where a softmax has underflowed, the cross-entropy has no gradient.
    network = keras.Model(model.input, model.get_layer("logits").output)
    optimizer = build_optimizer(
        network, config.learning_rate, steps_per_epoch, (config.epochs - 1) * steps_per_epoch + 1, config.weight_decay
    )
    return Learner(config, config.epochs * steps_per_epoch, network, optimizer)


def build_optimizer(
    network: keras.Model,
    learning_rate: float,
    warmup: int,
    decay: int,
    weight_decay: float,
    largest_gradient: float | None = None,
) -> keras.optimizers.Optimizer:
    """Return AdamW for a network, built.

    Args:
        network: to be trained.
        learning_rate: its peak.
        warmup: steps to the peak.
        decay: steps from there to zero, along a cosine.
        weight_decay: applied to kernels only.
        largest_gradient: the norm that all gradients together are cut down to; None leaves them.
    """
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay, warmup_target=learning_rate, warmup_steps=warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, global_clipnorm=largest_gradient)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(network.trainable_variables)
    return optimizer


def list_values(network: keras.Model, optimizer: keras.optimizers.Optimizer) -> tuple[list[jax.Array], ...]:
    """Return the values of a network's trainable and non-trainable variables, and of its optimizer's."""
    variables = network.trainable_variables, network.non_trainable_variables, optimizer.variables
    return tuple([variable.value for variable in part] for part in variables)


def update_average(
    average: list[jax.Array], weights: list[jax.Array], decay: float, steps: jax.Array | int
) -> list[jax.Array]:
    """Return the moving average of weights after a step.

    The decay starts low, so that the average soon forgets the random initial weights.
    """
    decayed = jnp.minimum(decay, (1 + steps) / (10 + steps))
    return [old + (1 - decayed) * (new - old) for old, new in zip(average, weights, strict=True)]


def assign_weights(model: keras.Model, trainable: list[jax.Array], non_trainable: list[jax.Array]) -> None:
    """Put weights, and the statistics of batch normalization, into a model."""
    for variables, values in ((model.trainable_variables, trainable), (model.non_trainable_variables, non_trainable)):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(np.asarray(value))  # a copy, since the next step donates the array's memory


def smooth_labels(labels: jax.Array, label_smoothing: float) -> jax.Array:
    """Return the targets of a batch: smoothed one-hot labels, or a uniform distribution where there is no digit.

    Args:
        labels: int32 of shape (n,); `NO_DIGIT` where there is no digit.
        label_smoothing: share of each label that is spread evenly over all classes, 0 to 1.

    Returns:
        float32 array of shape (n, 10); rows sum to 1.
    """
    smoothing = jnp.where(labels != NO_DIGIT, label_smoothing, 1)[:, None]
    return jax.nn.one_hot(labels, NUM_CLASSES) * (1 - smoothing) + smoothing / NUM_CLASSES
