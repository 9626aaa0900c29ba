"""What each part of the training recipe brings: trains with it and without it, and compares on images held out.

python -m tests.benchmarks.recipes FOLDER [--epochs N] [--only VARIANT ...]

FOLDER holds MNIST in the Hub's layout. Of its training split 15,000 images are held out: the validation part, by which
the epoch is chosen, and 10,000 more. The test split takes no part.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import mnist_cnn  # noqa: F401  chooses Keras's backend, and so goes before Keras

# isort: split
import keras
import numpy as np
from keras import layers

from mnist_cnn import training
from mnist_cnn.data import Split, concatenate, draw_digits, load_mnist, trace_digits
from mnist_cnn.model import stock_block
from mnist_cnn.network import BLOCKS, Block
from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES

HELD_OUT = 10_000
SEED = 5  # of what is held out, and of the digits to measure on


def build(
    block: Callable[..., keras.KerasTensor] = stock_block,
    blocks: tuple[Block, ...] = BLOCKS,
    head: type[layers.Layer] = layers.Flatten,
    dropout: float = 0.3,
) -> keras.Model:
    """`model.build_model`, with alternatives."""
    inputs = x = keras.Input(IMAGE_SHAPE)
    x = layers.Rescaling(1 / 255)(x)
    for properties in blocks:
        x = block(x, *properties)
    x = layers.Dropout(dropout)(head()(x))
    x = layers.Dense(NUM_CLASSES, name="logits")(x)
    return keras.Model(inputs, layers.Softmax()(x))


# Each changes the recipe in one respect: the fields of TrainConfig, and what `build` is told.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the recipe": ({}, {}),
    "no traced digits": ({"traced_digits": 0}, {}),
    "no drawn digits": ({"drawn_digits": 0}, {}),
    "features averaged over places": ({}, {"head": layers.GlobalAveragePooling2D}),
    "a convolution less": ({}, {"blocks": BLOCKS[:1] + BLOCKS[2:]}),
    "a convolution more": ({}, {"blocks": BLOCKS[:2] + BLOCKS[1:]}),
    "dropout of a half": ({}, {"dropout": 0.5}),
    "full augmentation to the end": ({"last_strength": 1.0}, {}),
    "no label smoothing": ({"label_smoothing": 0.0}, {}),
    "no self-distillation": ({"self_distillation": 0.0}, {}),
}


def main() -> None:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="VARIANT")
    arguments = parser.parse_args()

    mnist = load_mnist(arguments.folder)
    order = np.random.default_rng(SEED).permutation(len(mnist.train.labels))
    held_out, train_split = (
        Split(mnist.train.images[rows], mnist.train.labels[rows]) for rows in (order[:HELD_OUT], order[HELD_OUT:])
    )
    held_out = concatenate(mnist.val, held_out)
    parts = (held_out, trace_digits(held_out, len(held_out.labels), SEED), draw_digits(HELD_OUT, SEED))
    print("| variant | misread: held out | held out, traced | drawn |\n| --- | --- | --- | --- |")
    for name in arguments.only:
        changes, alternatives = VARIANTS[name]
        training.build_model = partial(build, **alternatives)
        config = training.TrainConfig(epochs=arguments.epochs, **changes)
        with redirect_stdout(sys.stderr):  # the rows alone go to stdout
            model, _ = training.train(config, train_split, mnist.val)
        print(f"| {name} | {' | '.join(misread(model, parts))} |", flush=True)


def misread(model: keras.Model, parts: tuple[Split, ...]) -> Iterator[str]:
    for part in parts:
        yield f"{1 - training.evaluate(model, part).accuracy:.2%}"


if __name__ == "__main__":
    main()
