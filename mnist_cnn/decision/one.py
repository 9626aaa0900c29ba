"""Whether a picture shows one digit, and which: by what the network says of a drawing, or of many segments."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from mnist_cnn.decision.features import describe_segments, digit_score
from mnist_cnn.decision.perceptron import Perceptron


class Outcome(IntEnum):
    """What a picture shows: one digit, several, or none."""

    DIGIT, SEVERAL, NONE = range(3)


class Decision(NamedTuple):
    """What the segments of a picture say together.

    Attributes:
        probabilities: of the digits 0 to 9, float32 array of shape (10,); they sum to 1.
        outcome: what the picture shows.
        loudest: the number of the segment that counts most.
        several: how likely it shows several digits, 0 to 1. Of a drawing that is taken for one: how likely it is none,
            which is as likely as not where the digit score is the threshold.
    """

    probabilities: np.ndarray
    outcome: Outcome
    loudest: int
    several: float


def decide(
    vote: Perceptron, threshold: float, probabilities: np.ndarray, boxes: np.ndarray, evidence: np.ndarray
) -> Decision:
    """Decide what a picture shows by what the network says of its segments.

    Args:
        vote: fitted in training.
        threshold: the least `digit_score` of a digit drawn on plain paper, 0 to 1; chosen in training.
        probabilities: of the segments, shape (n, 10).
        boxes: of the segments, shape (n, 4).
        evidence: for and against the segments, as `describe_segments` takes it, shape (n, k). If it is empty, of shape
            (0, k), the picture is a drawing on plain paper: the first segment is the whole, and others are its parts.
    """
    if not len(evidence):
        return _decide_drawing(probabilities, threshold)
    features = describe_segments(probabilities, boxes, evidence)
    weights, logits = count_votes(vote, features, np.ones(len(features), np.float32))
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    is_digit = shares[Outcome.DIGIT] >= 0.5
    otherwise = Outcome.SEVERAL if shares[Outcome.SEVERAL] > shares[Outcome.NONE] else Outcome.NONE
    mean = (weights @ probabilities).astype(np.float32)
    outcome = Outcome.DIGIT if is_digit else otherwise
    return Decision(mean / mean.sum(), outcome, int(weights.argmax()), float(shares[Outcome.SEVERAL]))


def _decide_drawing(probabilities: np.ndarray, threshold: float) -> Decision:
    scores = digit_score(probabilities)
    is_digit = scores >= threshold
    if is_digit[0]:
        doubt = max(1 - float(scores[0]), 0.0)  # rounding may lift the sum of two probabilities above 1
        several = doubt / (doubt + 1 - threshold) if doubt else 0.0
        return Decision(probabilities[0], Outcome.DIGIT, 0, several)
    is_several = np.count_nonzero(is_digit) > 1
    return Decision(probabilities[0], Outcome.SEVERAL if is_several else Outcome.NONE, 0, float(is_several))


def count_votes(vote: Perceptron, features: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much each segment counts, and the logits of each `Outcome`.

    Args:
        vote: a perceptron of four outputs. The first is how much a segment counts; the others, what it says for each
            `Outcome`.
        features: of the segments of one or more pictures, shape (..., n, features); arrays of NumPy or JAX.
        present: 1 for a segment, 0 for what only fills up the array, shape (..., n).

    Returns:
        Arrays of shape (..., n) that sum to 1, and (..., 3).
    """
    numpy = features.__array_namespace__()
    output = vote.evaluate(features)
    loudness = output[..., 0] - 1e9 * (1 - present)
    weights = numpy.exp(loudness - loudness.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights, (weights[..., None] * output[..., 1:]).sum(axis=-2)
