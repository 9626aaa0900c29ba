"""Probabilities of ten digits."""

import numpy as np


def sure(confidence: float, prediction: int = 0) -> np.ndarray:
    """As sure of one digit as given, and of the other nine alike; shape (10,)."""
    probabilities = np.full(10, (1 - confidence) / 9)
    probabilities[prediction] = confidence
    return probabilities
