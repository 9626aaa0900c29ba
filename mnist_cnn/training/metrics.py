"""How well a model reads a split, in numbers."""

from typing import NamedTuple

import keras
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mnist_cnn.errors import DataError
from mnist_cnn.training.data import NO_DIGIT, Split

ECE_BINS = 15

EVALUATION_BATCH_SIZE = 250


class Evaluation(NamedTuple):
    """How well a model reads a split.

    Attributes:
        probabilities: float32 array of shape (n, 10).
        accuracy: share of the images whose likeliest digit is the label.
        loss: mean cross-entropy, in nats.
    """

    probabilities: np.ndarray
    accuracy: float
    loss: float


class Reliability(NamedTuple):
    """The confidence bins that are not empty, as arrays of shape (bins,).

    Attributes:
        shares: share of the images in each bin.
        confidences: mean probability of the likeliest digit.
        accuracies: share of the bin's images that are read correctly.
    """

    shares: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return a model's probabilities, float32 of shape (n, 10), for uint8 images of shape (n, 28, 28, 1)."""
    count = len(images)
    # Each size of a batch is compiled anew, which takes longer than to read a few blank images: there are few sizes.
    size = min(EVALUATION_BATCH_SIZE, 2 ** (count - 1).bit_length())
    padded = np.pad(images, [(0, -count % size), (0, 0), (0, 0), (0, 0)])
    probabilities: np.ndarray = model.predict(padded, batch_size=size, verbose=0)[:count]
    return probabilities


def evaluate(model: keras.Model, split: Split) -> Evaluation:
    """Measure a model on every image of a split.

    Raises:
        DataError: if the split holds non-digits, for which there is no right answer.
    """
    if nondigits := np.count_nonzero(split.labels == NO_DIGIT):
        raise DataError(
            f"Accuracy needs a digit as the label of every image, but {nondigits} of {len(split.labels)} show none."
        )
    probabilities = predict(model, split.images)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    likelihoods = probabilities[np.arange(len(split.labels)), split.labels]
    loss = -np.mean(np.log(np.maximum(likelihoods, np.finfo(np.float32).tiny)))
    return Evaluation(probabilities, float(accuracy), float(loss))


def find_temperature(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the divisor of the logits that minimizes the loss, and that loss in nats.

    Guo et al. 2017, "On calibration of modern neural networks".

    Args:
        probabilities: shape (n, 10).
        labels: shape (n,).
    """
    log_probabilities = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))

    def loss(temperature: float) -> float:
        calibrated = log_softmax(log_probabilities / temperature, axis=1)
        return -float(np.mean(calibrated[np.arange(len(labels)), labels]))

    optimum = minimize_scalar(loss, bounds=(0.1, 10), method="bounded")
    return optimum.x, optimum.fun


def confusion_matrix(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count how often each digit (row) was read as each digit (column); int array of shape (10, 10)."""
    counts = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """Compare a model's confidence with its accuracy, in bins of equal width.

    Args:
        probabilities: shape (n, 10).
        labels: shape (n,).
    """
    return _bin(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def _bin(confidence: np.ndarray, right: np.ndarray) -> Reliability:
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    counts = np.bincount(bins, minlength=ECE_BINS)
    held = counts > 0
    sums = [np.bincount(bins, weights=values, minlength=ECE_BINS)[held] for values in (confidence, right)]
    return Reliability(counts[held] / len(right), sums[0] / counts[held], sums[1] / counts[held])


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean distance between confidence and accuracy, 0 to 1, over `ECE_BINS` bins.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    return confidence_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def confidence_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the same for answers of any kind.

    Args:
        confidence: that each answer is right, 0 to 1, shape (n,).
        right: whether it is, shape (n,).
    """
    bins = _bin(confidence, right)
    return float(np.sum(bins.shares * np.abs(bins.confidences - bins.accuracies)))
