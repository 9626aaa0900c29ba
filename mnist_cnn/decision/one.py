"""Whether a picture shows one digit."""

import numpy as np


def digit_score(probabilities: np.ndarray) -> np.ndarray:
    """Return how much each image looks like one digit: the sum of the probabilities of its two likeliest digits.

    Two, because a 1 that could be a 7 is still a digit. For anything that is not a digit, the network spreads the
    probability over many digits.

    Args:
        probabilities: shape (..., 10); each row sums to 1.

    Returns:
        Scores from 0.2 to 1, shape (...).
    """
    scores: np.ndarray = np.sort(probabilities, axis=-1)[..., -2:].sum(axis=-1)
    return scores


def is_one_digit(probabilities: np.ndarray, threshold: float) -> bool:
    """Return whether an image shows exactly one digit.

    Args:
        probabilities: shape (10,), with sum 1.
        threshold: the least `digit_score` of a digit, 0 to 1; chosen in training.
    """
    return bool(digit_score(probabilities) >= threshold)
