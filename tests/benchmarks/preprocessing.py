"""Print how long one core takes to read a picture, part by part, and how that compares with a lower bound.

The bound is the time that Pillow takes to convert the picture to grey and resize it to 28x28, without finding the ink.
Pictures are decoded beforehand.

Run from the project's root: python -m tests.benchmarks.preprocessing
"""

import os
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from PIL import Image

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import IMAGE_SHAPE, normalize_ink, propose
from mnist_cnn.inference import Classifier
from tests.support.pictures import KINDS, Scene, photograph, write_digit

ROUNDS = 15


def main() -> None:
    """Run the command line."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
    classifier = Classifier.from_pretrained()
    rng = np.random.default_rng(0)
    pictures = {
        "drawing on the pad": render(sample_strokes(3, rng), 400, 20),
        "photo": photograph(write_digit(3, rng), KINDS["plain paper"], rng),
        "photo, everything": photograph(write_digit(3, rng), KINDS["everything"], rng),
        "large photo, squared": photograph(write_digit(3, rng), Scene(size=(4000, 3000), lines="squared"), rng),
        "large photo, in a corner": photograph(write_digit(3, rng), KINDS["corner of 12 megapixels"], rng),
    }
    print(f"{'ms':26}{'size':>12}{'segments':>10}{'propose':>10}{'normalize':>10}{'network':>10}{'read':>8}", end="")
    print(f"{'resize':>8}{'read / resize':>15}")
    for name, picture in pictures.items():
        picture.load()
        count, times = time_parts(classifier, picture)
        size = "{}x{}".format(*picture.size)
        print(f"{name:26}{size:>12}{count:10}{times[0]:10.1f}{times[1]:10.1f}{times[2]:10.1f}{times[3]:8.1f}", end="")
        print(f"{times[4]:8.1f}{times[3] / times[4]:15.1f}", flush=True)


def time_parts(classifier: Classifier, picture: Image.Image) -> tuple[int, list[float]]:
    """Return the number of segments, and the ms for proposing, normalizing, the network, all of it, and resizing."""
    segments = propose(picture)
    images = np.stack([normalize_ink(segment.ink) for segment in segments])
    return len(segments), in_turn(
        lambda: propose(picture),
        lambda: [normalize_ink(segment.ink) for segment in segments],
        lambda: classifier.compute_probabilities(images),
        lambda: classifier.read(picture),
        lambda: picture.convert("L").resize(IMAGE_SHAPE[:2]),
    )


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
