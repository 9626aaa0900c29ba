"""The vote, fitted to made pictures whose answers are known."""

from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.decision import Decision, Outcome, Perceptron, count_votes, decide, describe_segments
from mnist_cnn.training.data import NO_DIGIT
from mnist_cnn.training.perceptrons import count_steps, fit_perceptrons
from mnist_cnn.training.pictures import Picture

# Pictures that a step takes, how many steps there are, and how often at most each picture is taken where there are few.
_BATCH_SIZE, _STEPS, _EPOCHS = 512, 2_000, 200
_MIN_LIKELIHOOD = 1e-4  # a picture in which no segment can be read mustn't outweigh the others


Predict = Callable[[np.ndarray], np.ndarray]  # uint8 images, (n, 28, 28, 1) -> probabilities, (n, 10)


def read_pictures(predict: Predict, vote: Perceptron, threshold: float, pictures: list[Picture]) -> list[Decision]:
    """Return what is decided about each picture, as serving does."""
    return [
        decide(vote, threshold, probabilities, picture.boxes, picture.evidence)
        for picture, probabilities in zip(pictures, _predict(predict, pictures), strict=True)
    ]


def fit_vote(predict: Predict, pictures: list[Picture], seed: int) -> Perceptron:
    """Return the vote that makes the known answers likeliest.

    The loss is the cross-entropy of what the picture shows, and if that is one digit, of which.

    Args:
        predict: the network.
        pictures: made ones. Drawings on plain paper are left out: they aren't voted on.
        seed: of the first weights, and of the order of the pictures.
    """
    pictures = [picture for picture in pictures if len(picture.evidence)]
    features, right, present = _gather(predict, pictures)
    outcomes = np.array([picture.outcome for picture in pictures])
    known = features[present > 0]
    data = [[features, right, present, outcomes]]
    steps = min(_STEPS, count_steps(len(pictures), _BATCH_SIZE, _EPOCHS))
    (vote,) = fit_perceptrons(_loss, [known], [1 + len(Outcome)], data, steps, seed, _BATCH_SIZE)
    return vote


def _predict(predict: Predict, pictures: list[Picture]) -> list[np.ndarray]:
    """Return the probabilities of each picture's segments."""
    if not pictures:
        return []
    ends = np.cumsum([len(picture.images) for picture in pictures])
    return np.split(predict(np.concatenate([picture.images for picture in pictures])), ends[:-1])


def _gather(predict: Predict, pictures: list[Picture]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the features of all segments, how likely each finds the answer, and 1 for each that isn't padding."""
    read = _predict(predict, pictures)
    described = [
        describe_segments(probabilities, picture.boxes, picture.evidence)
        for picture, probabilities in zip(pictures, read, strict=True)
    ]
    shape = len(pictures), max(map(len, described))
    features = np.zeros((*shape, described[0].shape[1]), np.float32)
    right, present = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for row, (picture, probabilities, description) in enumerate(zip(pictures, read, described, strict=True)):
        features[row, : len(description)] = description
        present[row, : len(description)] = 1
        if picture.label != NO_DIGIT:
            right[row, : len(description)] = probabilities[:, picture.label]
    return features, right, present


def _loss(
    votes: list[Perceptron], features: jax.Array, right: jax.Array, present: jax.Array, outcomes: jax.Array
) -> jax.Array:
    weights, logits = count_votes(votes[0], cast(np.ndarray, features), cast(np.ndarray, present))
    likelihood = (weights * right).sum(axis=-1) + _MIN_LIKELIHOOD
    decided = jnp.take_along_axis(jax.nn.log_softmax(logits), outcomes[:, None], axis=1)[:, 0]
    return -jnp.mean(decided + jnp.log(likelihood))
