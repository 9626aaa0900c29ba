"""Measure how realistic the drawn digits are: train on them alone, then read MNIST's training images.

python -m tests.benchmarks.drawings FOLDER [--count N] [--epochs N]

FOLDER holds MNIST in the Hub's layout. The digits are drawn as usual, without slips of the pen, and in one style per
digit. The validation split chooses the epoch; the test split isn't used.
"""

import argparse
import sys
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

from mnist_cnn.handwriting import STYLES, writing
from mnist_cnn.training import TrainConfig, evaluate, load_mnist, train

# Each changes one thing about the drawings: values for names of the module `writing`.
VARIANTS: dict[str, dict[str, Any]] = {
    "as they are": {"STYLES": STYLES},  # a patch must name something
    "no slips of the pen": {"_slip": lambda stroke, _: stroke, "_drag": lambda strokes, _: strokes},
    "in the usual style alone": {
        "STYLES": {digit: dict([max(styles.items(), key=lambda item: item[1][0])]) for digit, styles in STYLES.items()}
    },
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=15_000, help="number of digits to draw (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4)
    arguments = parser.parse_args()

    mnist = load_mnist(arguments.folder)
    config = TrainConfig(
        epochs=arguments.epochs,
        average_decay=0.99,
        drawn_digits=arguments.count,
        traced_digits=0,
        nondigits=0,
        cut_pictures=0,
        drawn_share=1.0,
    )
    nothing = mnist.train._replace(images=mnist.train.images[:0], labels=mnist.train.labels[:0])
    own = None
    print("| drawn digits | MNIST misread | ratio |\n| --- | --- | --- |")
    for name, changes in VARIANTS.items():
        with redirect_stdout(sys.stderr), patch.multiple(writing, **changes):  # only the table goes to stdout
            model, _ = train(config, nothing, mnist.val)
        error = 1 - evaluate(model, mnist.train).accuracy
        own = own or error
        print(f"| {name} | {error:.2%} | {error / own:.2f} |", flush=True)


if __name__ == "__main__":
    main()
