"""Print how long it takes to prepare a picture on one core, and how that compares with a lower bound.

The bound is the time that Pillow takes to convert the picture to grey and resize it to 28x28, without finding the ink.

Run from the project's root: python -m tests.benchmarks.preprocessing
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from PIL import Image

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import IMAGE_SHAPE, to_mnist
from tests.support.pictures import KINDS, Scene, photograph, write_digit

ROUNDS = 15


def main() -> None:
    rng = np.random.default_rng(0)
    sketch = render(sample_strokes(3, rng), 400, 20)
    sheet = Image.new("RGB", sketch.size, "white")
    sheet.paste(sketch, mask=sketch)
    pictures = {
        "sketch, transparent": sketch,
        "sketch on white": sheet,
        "large drawing": sheet.resize((4000, 3000)),
        "photo": photograph(write_digit(3, rng), KINDS["plain paper"], rng),
        "photo, everything": photograph(write_digit(3, rng), KINDS["everything"], rng),
        "photo, shadow": photograph(write_digit(3, rng), Scene(size=(1000, 1000), shadow=0.4), rng),
        "photo, corner": photograph(write_digit(3, rng), KINDS["corner of 12 megapixels"], rng),
        "photo, squared": photograph(write_digit(3, rng), Scene(size=(4000, 3000), lines="squared"), rng),
    }
    print(f"{'picture':24}{'size':>12}{'to_mnist, ms':>14}{'resize, ms':>12}{'ratio':>8}")
    for name, picture in pictures.items():
        picture.load()
        ours, bound = in_turn(partial(to_mnist, picture), partial(resize, picture))
        size = "{}x{}".format(*picture.size)
        print(f"{name:24}{size:>12}{ours:14.1f}{bound:12.1f}{ours / bound:8.1f}")


def resize(picture: Image.Image) -> Image.Image:
    """Return the picture in grey and 28x28 pixels."""
    return picture.convert("L").resize(IMAGE_SHAPE[:2])


def in_turn(*calls: Callable[[], object]) -> list[float]:
    """Return the median processor time of each call, in ms. They alternate, so that other load slows all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            start = time.process_time()
            call()
            taken.append(1000 * (time.process_time() - start))
    return [median(taken) for taken in times]


if __name__ == "__main__":
    main()
