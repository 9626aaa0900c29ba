"""Synthetic data: digits and non-digits drawn by program, and digits of a data set traced with other pens.

Every core takes part; the number of cores changes nothing else.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mnist_cnn.handwriting import FOR_TRAINING, Samples, draw, sample_nondigit, sample_strokes, trace, trace_strokes
from mnist_cnn.images import IMAGE_SHAPE, to_mnist
from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.chunks import map_chunks
from mnist_cnn.training.data import NO_DIGIT, Split


def draw_digits(count: int, seed: int) -> Split:
    """Return drawn digits in all styles of the `handwriting` wing, prepared as serving does.

    Args:
        count: number of digits. The labels go round from 0 to 9.
        seed: of the drawings; the same seed gives the same images.
    """
    labels = np.arange(count, dtype=np.int32) % NUM_CLASSES
    return Split(np.concatenate(map_chunks(_draw_digits, labels, seed)), labels)


def draw_nondigits(count: int, seed: int, kinds: Sequence[str] = FOR_TRAINING) -> Split:
    """Return drawings that show no digit, prepared as serving does and labelled `NO_DIGIT`.

    Args:
        count: number of drawings.
        seed: of the drawings.
        kinds: names of the kinds to choose from, as in `handwriting.NONDIGITS`.
    """
    labels = np.full(count, NO_DIGIT, np.int32)
    return Split(np.concatenate(map_chunks(partial(_draw_nondigits, kinds=kinds), labels, seed)), labels)


def trace_digits(split: Split, count: int, seed: int) -> Split:
    """Return digits of a split traced with pens of other widths, prepared as serving does.

    Args:
        split: the digits to choose from.
        count: number of digits to choose at random. No digit is chosen more than twice, so there may be fewer.
        seed: of the choice and the pen widths.
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(len(split.labels)) for _ in range(2)])[:count]
    traced = map_chunks(_trace, split.images[rows], seed)
    return Split(np.concatenate(traced), split.labels[rows])


def trace_samples(digits: Split, rng: np.random.Generator) -> Samples:
    """Return the centre lines of each digit's images; none at all where a digit is missing."""
    samples: list[list[list[np.ndarray]]] = [[] for _ in range(NUM_CLASSES)]
    for label, strokes in zip(digits.labels, trace_strokes(digits.images, rng), strict=True):
        if strokes:
            samples[label].append(strokes)
    return samples if all(samples) else []


def _draw_digits(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _prepare([sample_strokes(int(label), rng) for label in labels], rng)


def _draw_nondigits(labels: np.ndarray, rng: np.random.Generator, kinds: Sequence[str]) -> np.ndarray:
    return _prepare([sample_nondigit(rng, kinds) for _ in labels], rng)


def _trace(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    traced = images.copy()
    for row, picture in enumerate(trace(images, rng)):
        if picture:  # a digit that is too faint to trace stays as it is
            traced[row] = to_mnist(picture)
    return traced


def _prepare(drawings: list[list[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    return np.array([to_mnist(draw(strokes, rng)) for strokes in drawings], np.uint8).reshape(-1, *IMAGE_SHAPE)
