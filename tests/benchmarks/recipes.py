"""Measure what each part of the training recipe contributes: train with and without it, compare on held-out images.

python -m tests.benchmarks.recipes FOLDER [--epochs N] [--only VARIANT ...]

FOLDER holds MNIST in the Hub's layout. 15,000 images of its training split are held out: the validation split, which
chooses the epoch, and 10,000 more. The test split isn't used.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from typing import Any
from unittest.mock import patch

import mnist_cnn  # noqa: F401  chooses Keras's backend, and so goes before Keras

# isort: split
import keras
import numpy as np
from keras import layers

from mnist_cnn.images import IMAGE_SHAPE
from mnist_cnn.network import BLOCKS, NUM_CLASSES, Block, stock_block
from mnist_cnn.training import (
    Split,
    TrainConfig,
    concatenate,
    draw_digits,
    evaluate,
    load_mnist,
    trace_digits,
    train,
)

HELD_OUT = 10_000
SEED = 5  # of the choice of held-out images and of the synthetic digits to measure on


def build(
    block: Callable[..., keras.KerasTensor] = stock_block,
    blocks: tuple[Block, ...] = BLOCKS,
    head: type[layers.Layer] = layers.Flatten,
    dropout: float = 0.3,
) -> keras.Model:
    """Return the network of `build_model` with some parts replaced."""
    inputs = x = keras.Input(IMAGE_SHAPE)
    x = layers.Rescaling(1 / 255)(x)
    for properties in blocks:
        x = block(x, *properties)
    x = layers.Dropout(dropout)(head()(x))
    x = layers.Dense(NUM_CLASSES, name="logits")(x)
    return keras.Model(inputs, layers.Softmax()(x))


# Each changes one part of the recipe: fields of TrainConfig, or arguments of `build`.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the recipe": ({}, {}),
    "no traced digits": ({"traced_digits": 0}, {}),
    "no drawn digits": ({"drawn_digits": 0}, {}),
    "no cut pictures": ({"cut_pictures": 0}, {}),
    "features averaged over places": ({}, {"head": layers.GlobalAveragePooling2D}),
    "a convolution less": ({}, {"blocks": BLOCKS[:1] + BLOCKS[2:]}),
    "a convolution more": ({}, {"blocks": BLOCKS[:2] + BLOCKS[1:]}),
    "dropout of a half": ({}, {"dropout": 0.5}),
    "full augmentation to the end": ({"last_strength": 1.0}, {}),
    "no label smoothing": ({"label_smoothing": 0.0}, {}),
    "no self-distillation": ({"self_distillation": 0.0}, {}),
}


def main() -> None:
    """Run the command line."""
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
        config, model_builder = TrainConfig(epochs=arguments.epochs, **changes), partial(build, **alternatives)
        with (
            patch("mnist_cnn.training.loop.build_model", model_builder),
            patch("mnist_cnn.training.step.build_model", model_builder),
            redirect_stdout(sys.stderr),  # only the table goes to stdout
        ):
            model, _ = train(config, train_split, mnist.val)
        print(f"| {name} | {' | '.join(misread(model, parts))} |", flush=True)


def misread(model: keras.Model, parts: tuple[Split, ...]) -> Iterator[str]:
    """Yield the share of misread images in each part."""
    for part in parts:
        yield f"{1 - evaluate(model, part).accuracy:.2%}"


if __name__ == "__main__":
    main()
