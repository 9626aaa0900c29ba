"""How far the drawn digits reach: trains on them alone, and reads MNIST's training images, which took no part.

python -m tests.benchmarks.drawings FOLDER [--count N] [--epochs N]

FOLDER holds MNIST in the Hub's layout. In turn with digits as the program draws them: without slips of the pen, and
in one style a digit. The epoch is chosen by the validation part; the test split is not read.
"""

import argparse
import os
import sys
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

from mnist_cnn import handwriting
from mnist_cnn.data import load_mnist
from mnist_cnn.training import TrainConfig, evaluate, train

# Each changes the drawings in one respect: what stands for names of the module `handwriting`.
VARIANTS: dict[str, dict[str, Any]] = {
    "as they are": {"STYLES": handwriting.STYLES},  # a patch must name something
    "no slips of the pen": {"_slip": lambda stroke, _: stroke, "_drag": lambda strokes, _: strokes},
    "in the usual style alone": {
        "STYLES": {
            digit: dict([max(styles.items(), key=lambda item: item[1][0])])
            for digit, styles in handwriting.STYLES.items()
        }
    },
}


def main() -> None:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=15_000, help="digits to draw (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4)
    arguments = parser.parse_args()

    mnist = load_mnist(arguments.folder)
    config = TrainConfig(
        epochs=arguments.epochs,
        average_decay=0.99,
        drawn_digits=arguments.count,
        traced_digits=0,
        nondigits=0,
        drawn_share=1.0,
    )
    nothing = mnist.train._replace(images=mnist.train.images[:0], labels=mnist.train.labels[:0])
    own = None
    print("| drawn digits | MNIST misread | ratio |\n| --- | --- | --- |")
    for name, changes in VARIANTS.items():
        with redirect_stdout(sys.stderr), patch.multiple(handwriting, **changes):  # the rows alone go to stdout
            model, _ = train(config, nothing, mnist.val)
        error = 1 - evaluate(model, mnist.train).accuracy
        own = own or error
        print(f"| {name} | {error:.2%} | {error / own:.2f} |", flush=True)


if __name__ == "__main__":
    main()
