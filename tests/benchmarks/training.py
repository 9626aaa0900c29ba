"""How long a training step takes, ours and other programs' in turn, for two networks; or how long an accuracy takes.

    python -m tests.benchmarks.training [--torch PYTHON] [--tensorflow PYTHON]
    python -m tests.benchmarks.training --accuracy FOLDER

PYTHON are interpreters of environments that have PyTorch, or TensorFlow, and Keras. The step of `train.py` augments its
images, which the others don't; "ours" is the same step without.
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
from typing import Any

BATCH_SIZE = 128
STEPS = 20  # a round
EPOCHS = 8  # to reach an accuracy in, with the project's recipe less what it draws
MFLOP = {"small": 4.9, "own": 53.2}  # of multiplications and additions by convolutions and products, forward, an image
# As in mnist_cnn.network, which can't be imported where there is no JAX.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--tensorflow", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accuracy", metavar="FOLDER", help="of MNIST: time to 99.0 %% and 99.5 %% instead")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)  # one program and network, in a process of its own
    arguments = parser.parse_args()
    if arguments.run:
        program, network = arguments.run
        print(json.dumps(PROGRAMS[program](network)))
    elif arguments.accuracy:
        time_accuracies(arguments.accuracy)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    interpreters = dict.fromkeys(("ours", "train.py", "Keras on JAX"), sys.executable)
    if arguments.tensorflow:
        interpreters["Keras on TensorFlow"] = arguments.tensorflow
    if arguments.torch:
        interpreters |= {"Keras on PyTorch": arguments.torch, "PyTorch": arguments.torch}
    rate = measure("products", "", sys.executable)
    print(f"products of matrices of 2048x2048: {rate / 1e9:.0f} GFLOP/s")
    for network, description in NETWORKS.items():
        programs = {name: python for name, python in interpreters.items() if (network, name) != ("small", "train.py")}
        rounds = [
            {program: measure(program, network, python) for program, python in programs.items()}
            for _ in range(arguments.rounds)
        ]
        print(f"\n{description}; {BATCH_SIZE} images a step, median of {arguments.rounds} rounds")
        print(f"{'':22}{'ms a step':>10}{'images/s':>10}{'of products':>13}{'ours is':>15}")
        medians = {program: statistics.median(row[program] for row in rounds) for program in programs}
        for program, seconds in medians.items():
            share = 3 * 1e6 * MFLOP[network] * BATCH_SIZE / seconds / rate
            times = f"{seconds / medians['ours']:.2f} times as fast" if program != "ours" else ""
            print(f"{program:22}{1000 * seconds:10.1f}{BATCH_SIZE / seconds:10.0f}{share:13.0%}  {times}", flush=True)


def measure(program: str, network: str, python: str) -> float:
    backend = {"Keras on TensorFlow": "tensorflow", "Keras on PyTorch": "torch"}.get(program, "jax")
    # Spinning threads of one library would wait for the other's: one process at a time, each with its own defaults.
    process = subprocess.run(
        [python, __file__, "--run", program, network],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{program}: {process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def seconds_a_step(take_steps: Callable[[], Any]) -> float:
    take_steps()  # compiles, and warms up
    started = time.perf_counter()
    take_steps()
    return (time.perf_counter() - started) / STEPS


def random_data() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    count = BATCH_SIZE * STEPS
    return rng.integers(0, 256, (count, 28, 28, 1), np.uint8), rng.integers(0, 10, count).astype(np.int32)


def run_ours(network: str) -> float:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    import jax

    from mnist_cnn import training

    if network == "own":
        training.augment = jax.jit(lambda images, *_: images.astype("float32"))
        return run_train()
    training._keep_memory()
    return run_ours_small()


def random_batches() -> Any:
    import numpy as np

    return np.random.default_rng(0).permutation(BATCH_SIZE * STEPS).astype(np.int32).reshape(STEPS, BATCH_SIZE)


def run_train(_network: str = "own") -> float:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    import jax

    from mnist_cnn import training
    from mnist_cnn.data import Split
    from mnist_cnn.distribution import make_mesh, place

    mesh = make_mesh()
    state, loop = training._prepare(training.TrainConfig(), STEPS, Split(*random_data()), mesh)
    state, batches = place(mesh, state), place(mesh, random_batches())

    def take_steps() -> None:
        nonlocal state
        for first in range(0, STEPS, training.STEPS_PER_CALL):
            state = loop(state, batches, first, first + training.STEPS_PER_CALL)
        jax.block_until_ready(state)

    return seconds_a_step(take_steps)


def run_ours_small() -> float:
    import jax
    import jax.numpy as jnp
    import keras

    from mnist_cnn.layers import FastConv2D

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
    return seconds_a_step(lambda: jax.block_until_ready(loop(state, batches)))


def build_small(block: Callable[[int], list]) -> Any:
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
    return seconds_a_step(lambda: model.fit(images, labels, batch_size=BATCH_SIZE, verbose=0))


def run_torch(network: str) -> float:
    """A plain loop; in the faster of the two memory formats, and with the data set as a tensor."""
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

        return seconds_a_step(take_steps)

    return min(map(measure_format, (torch.channels_last, torch.contiguous_format)))


def run_products(_network: str) -> float:
    """Return the rate, in operations a second."""
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
    """Compilation and validation count as well."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    from mnist_cnn.data import load_mnist
    from mnist_cnn.training import TrainConfig, train

    mnist = load_mnist(folder)
    _, history = train(TrainConfig(epochs=EPOCHS, drawn_digits=0, traced_digits=0, nondigits=0), mnist.train, mnist.val)
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
