"""Time a training step of this project and of other programs, for two networks; or the time to reach an accuracy.

    python -m tests.benchmarks.training [--torch PYTHON] [--tensorflow PYTHON]
    python -m tests.benchmarks.training --accuracy FOLDER

PYTHON is the interpreter of an environment that has PyTorch, or TensorFlow, and Keras. The step of `train.py` augments
its images, which the others don't; "ours" is the same step without augmentation.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    import keras
    import numpy as np

BATCH_SIZE = 128
STEPS = 20  # per round
EPOCHS = 8  # for the time to an accuracy, with the default settings but without synthetic data
MFLOP = {"small": 4.9, "own": 53.2}  # multiplications and additions of a forward pass, per image
# As in mnist_cnn.network, which can't be imported in an environment without JAX.
BLOCKS = (
    (48, 5, "valid", True),
    (96, 3, "same", False),
    (96, 3, "same", True),
    (192, 3, "valid", False),
    (192, 3, "same", False),
)
NETWORKS = {
    "small": "conv 3x3x32, pool, conv 3x3x64, pool, dense, as in Keras's MNIST example",
    "own": "this project's network",
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--tensorflow", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accuracy", metavar="FOLDER", help="holds MNIST; time to 99.0 %% and 99.5 %% instead")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)  # internal: one program and one network
    arguments = parser.parse_args()
    if arguments.run:
        program, network = arguments.run
        print(json.dumps(PROGRAMS[program](network)))
    elif arguments.accuracy:
        time_accuracies(arguments.accuracy)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Print a table of all programs for each network."""
    interpreters = dict.fromkeys(("ours", "train.py", "Keras on JAX"), sys.executable)
    if arguments.tensorflow:
        interpreters["Keras on TensorFlow"] = arguments.tensorflow
    if arguments.torch:
        interpreters |= {"Keras on PyTorch": arguments.torch, "PyTorch": arguments.torch}
    rate = measure("products", "", sys.executable)
    print(f"2048x2048 matrix products: {rate / 1e9:.0f} GFLOP/s")
    for network, description in NETWORKS.items():
        programs = {name: python for name, python in interpreters.items() if (network, name) != ("small", "train.py")}
        rounds = [
            {program: measure(program, network, python) for program, python in programs.items()}
            for _ in range(arguments.rounds)
        ]
        print(f"\n{description}; {BATCH_SIZE} images per step, median of {arguments.rounds} rounds")
        print(f"{'':22}{'ms/step':>10}{'images/s':>10}{'of products':>13}{'ours is':>15}")
        medians = {program: statistics.median(row[program] for row in rounds) for program in programs}
        for program, seconds in medians.items():
            share = 3 * 1e6 * MFLOP[network] * BATCH_SIZE / seconds / rate
            times = f"{seconds / medians['ours']:.2f} times as fast" if program != "ours" else ""
            print(f"{program:22}{1000 * seconds:10.1f}{BATCH_SIZE / seconds:10.0f}{share:13.0%}  {times}", flush=True)


def measure(program: str, network: str, python: str) -> float:
    """Return the seconds per step of a program, measured in a process of its own."""
    backend = {"Keras on TensorFlow": "tensorflow", "Keras on PyTorch": "torch"}.get(program, "jax")
    # The spinning threads of one library would slow the other, so only one process runs at a time.
    process = subprocess.run(
        [python, __file__, "--run", program, network],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{program}: {process.stderr}")
    seconds: float = json.loads(process.stdout.splitlines()[-1])
    return seconds


def seconds_per_step(take_steps: Callable[[], object]) -> float:
    """Return the mean time of a step, given a function that takes `STEPS` of them."""
    take_steps()  # compiles and warms up
    started = time.perf_counter()
    take_steps()
    return (time.perf_counter() - started) / STEPS


def random_data() -> "tuple[np.ndarray, np.ndarray]":
    """Return images and labels for one round."""
    import numpy as np

    rng = np.random.default_rng(0)
    count = BATCH_SIZE * STEPS
    return rng.integers(0, 256, (count, 28, 28, 1), np.uint8), rng.integers(0, 10, count).astype(np.int32)


def run_ours(network: str) -> float:
    """Time this project's step without augmentation."""
    from mnist_cnn.training.allocator import keep_freed_memory

    if network == "own":
        with patch("mnist_cnn.training.step.augment", lambda images, *_: images.astype("float32")):
            return run_train()
    keep_freed_memory()
    return run_ours_small()


def random_batches() -> "np.ndarray":
    """Return the rows of each batch of a round, int32 of shape (STEPS, BATCH_SIZE)."""
    import numpy as np

    return np.random.default_rng(0).permutation(BATCH_SIZE * STEPS).astype(np.int32).reshape(STEPS, BATCH_SIZE)


def run_train(_network: str = "own") -> float:
    """Time the step of train.py."""
    import jax

    from mnist_cnn.training import Split, TrainConfig
    from mnist_cnn.training.allocator import keep_freed_memory
    from mnist_cnn.training.distribution import make_mesh, place
    from mnist_cnn.training.fast_layers import fast_block
    from mnist_cnn.training.loop import STEPS_PER_CALL
    from mnist_cnn.training.step import build_learner

    keep_freed_memory()
    mesh, split = make_mesh(), Split(*random_data())
    learner = build_learner(TrainConfig(), STEPS, fast_block)
    loop = learner.compile_loop(split, mesh)
    state, batches = place(mesh, learner.build_state(split.labels)), place(mesh, random_batches())

    def take_steps() -> None:
        nonlocal state
        for first in range(0, STEPS, STEPS_PER_CALL):
            state = loop(state, batches, first, first + STEPS_PER_CALL)
        jax.block_until_ready(state)

    return seconds_per_step(take_steps)


def run_ours_small() -> float:
    """Time a plain loop with this project's layers, on the small network."""
    import jax
    import jax.numpy as jnp
    import keras

    from mnist_cnn.training.fast_layers import FastConv2D

    model = build_small(lambda filters: [FastConv2D(filters, 3, activation="relu", pooled=True)])
    optimizer = keras.optimizers.AdamW()
    optimizer.build(model.trainable_variables)
    images, labels = map(jnp.asarray, random_data())
    batches = random_batches()

    def step(state: list, rows: jax.Array) -> tuple[list, None]:
        trainable, non_trainable, optimizer_variables = state

        def compute_loss(trainable: list) -> tuple[jax.Array, list]:
            outputs, updated = model.stateless_call(trainable, non_trainable, images[rows], training=True)
            likelihoods = jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[rows][:, None], axis=1)
            return -likelihoods.mean(), updated

        gradients, non_trainable = jax.grad(compute_loss, has_aux=True)(trainable)
        trainable, optimizer_variables = optimizer.stateless_apply(optimizer_variables, gradients, trainable)
        return [trainable, non_trainable, optimizer_variables], None

    loop = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0])
    variables = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = [[variable.value for variable in part] for part in variables]
    return seconds_per_step(lambda: jax.block_until_ready(loop(state, batches)))


def build_small(block: Callable[[int], list]) -> "keras.Model":
    """Return the network of Keras's MNIST example, up to the logits."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            *block(32),
            *block(64),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )


def run_keras(network: str) -> float:
    """Time `fit` of stock Keras."""
    import keras
    from keras import layers

    if network == "own":
        blocks: list = []
        for filters, kernel_size, padding, pooled in BLOCKS:
            blocks += [layers.Conv2D(filters, kernel_size, padding=padding, use_bias=False)]
            blocks += [layers.MaxPooling2D()] * pooled
            blocks += [layers.BatchNormalization(momentum=0.95), layers.ReLU()]
        head = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)]
        model = keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), *blocks, *head])
    else:
        model = build_small(lambda filters: [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()])
    model.compile("adamw", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = random_data()
    return seconds_per_step(lambda: model.fit(images, labels, batch_size=BATCH_SIZE, verbose=0))


def run_torch(network: str) -> float:
    """Time a plain PyTorch loop in the faster of the two memory formats, with the data set as a tensor."""
    import torch
    from torch import nn

    def build() -> nn.Module:
        if network == "small":
            convolutions = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
            convolutions += [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
            return nn.Sequential(*convolutions, nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10))
        modules: list[nn.Module] = []
        channels = 1
        for filters, kernel_size, padding, pooled in BLOCKS:
            modules += [nn.Conv2d(channels, filters, kernel_size, padding=padding, bias=False)]
            modules += [nn.MaxPool2d(2)] * pooled
            modules += [nn.BatchNorm2d(filters, momentum=0.05), nn.ReLU()]
            channels = filters
        head = [nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * 4 * channels, 10)]
        return nn.Sequential(*modules, *head)

    arrays = random_data()
    images, labels = torch.from_numpy(arrays[0]).permute(0, 3, 1, 2), torch.from_numpy(arrays[1]).long()

    def measure_format(memory_format: torch.memory_format) -> float:
        model = build().to(memory_format=memory_format)
        optimizer = torch.optim.AdamW(model.parameters())

        def take_steps() -> None:
            for rows in torch.randperm(len(labels)).split(BATCH_SIZE):
                batch = (images[rows].float() / 255).contiguous(memory_format=memory_format)
                loss = nn.functional.cross_entropy(model(batch), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return seconds_per_step(take_steps)

    return min(map(measure_format, (torch.channels_last, torch.contiguous_format)))


def run_products(_network: str) -> float:
    """Return the rate of matrix products, in operations per second."""
    import jax
    import numpy as np

    matrix = jax.numpy.asarray(np.random.default_rng(0).normal(size=(2048, 2048)), np.float32)
    product = jax.jit(lambda matrix: matrix @ matrix)
    jax.block_until_ready(product(matrix))
    times = []
    for _ in range(10):
        started = time.perf_counter()
        jax.block_until_ready(product(matrix))
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / statistics.median(times)


def time_accuracies(folder: str) -> None:
    """Print how long training takes to reach an accuracy, compilation and validation included."""
    from mnist_cnn.training import TrainConfig, load_mnist, train

    mnist = load_mnist(folder)
    _, history = train(
        TrainConfig(epochs=EPOCHS, drawn_digits=0, traced_digits=0, nondigits=0, cut_pictures=0), mnist.train, mnist.val
    )
    seconds = list(itertools.accumulate(row.seconds for row in history))
    for accuracy in (0.99, 0.995):
        reached = [time for time, row in zip(seconds, history, strict=True) if row.val_accuracy >= accuracy]
        print(f"{accuracy:.1%} on validation: {f'{reached[0]:.0f} s' if reached else 'not reached'}")


PROGRAMS: dict[str, Callable[[str], float]] = {
    "ours": run_ours,
    "train.py": run_train,
    "Keras on JAX": run_keras,
    "Keras on TensorFlow": run_keras,
    "Keras on PyTorch": run_keras,
    "PyTorch": run_torch,
    "products": run_products,
}

if __name__ == "__main__":
    main()
