from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest

from mnist_cnn.decision import Outcome, Perceptron, count_votes, decide, describe_segments, digit_score
from tests.support.probabilities import sure

EVIDENCE = np.array([[0.5, 0.8], [0.2, 0.4], [0.1, 0.6]], np.float32)
BOXES = np.array([[10, 10, 60, 90], [100, 10, 150, 90], [200, 10, 260, 100]])
PROBABILITIES = np.stack([sure(0.5, 3), sure(0.98, 7), sure(0.4, 1)]).astype(np.float32)
FEATURES = describe_segments(PROBABILITIES, BOXES, EVIDENCE)


def make_vote(counting: int | None = None, says: tuple[float, float, float] = (1, 0, 0)) -> Perceptron:
    """Return a vote in which a segment counts the more, the greater one feature is, and says the same everywhere.

    Args:
        counting: the feature's number; by default all segments count alike.
        says: the logits of the outcomes.
    """
    features = FEATURES.shape[1]
    hidden, output = np.zeros((features, 1), np.float32), np.zeros((1, 4), np.float32)
    if counting is not None:
        hidden[counting], output[0, 0] = 1, 200
    bias = np.array([0, *says], np.float32)
    return Perceptron(np.zeros(features), np.ones(features), hidden, np.zeros(1), output, bias)


def test_vote_that_counts_the_digit_score_alone_takes_the_segment_with_the_highest() -> None:
    (score,) = np.flatnonzero(np.isclose(FEATURES, digit_score(PROBABILITIES)[:, None]).all(axis=0))
    decision = decide(make_vote(int(score)), 1, PROBABILITIES, BOXES, EVIDENCE)
    np.testing.assert_allclose(decision.probabilities, PROBABILITIES[1], atol=1e-6)
    assert decision.loudest == 1
    assert decision.outcome is Outcome.DIGIT


def test_vote_that_counts_the_share_takes_the_segment_with_the_largest() -> None:
    decision = decide(make_vote(0), 0, PROBABILITIES, BOXES, EVIDENCE)
    assert decision.loudest == 0
    assert decision.probabilities.argmax() == 3


def test_segments_that_count_alike_are_averaged() -> None:
    probabilities = decide(make_vote(), 0, PROBABILITIES, BOXES, EVIDENCE).probabilities
    np.testing.assert_allclose(probabilities, PROBABILITIES.mean(axis=0), rtol=1e-5)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ((1, 0, 0), Outcome.DIGIT),
        ((0, 0, -900), Outcome.DIGIT),
        ((0, 1, 0), Outcome.SEVERAL),
        ((0, 0, 1), Outcome.NONE),
        ((0.5, 0.2, 0.1), Outcome.SEVERAL),  # less probable than a digit, but a digit is less probable than half
        ((0.5, 0.1, 0.2), Outcome.NONE),
        ((-900, 800, 900), Outcome.NONE),
    ],
)
def test_outcome_is_a_digit_if_that_is_as_probable_as_all_else(
    says: tuple[float, float, float], outcome: Outcome
) -> None:
    assert decide(make_vote(says=says), 0, PROBABILITIES, BOXES, EVIDENCE).outcome is outcome


def test_order_of_the_segments_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    features = FEATURES.shape[1]
    shapes = (features,), (features,), (features, 5), (5,), (5, 4), (4,)
    vote = Perceptron(*(rng.normal(size=shape) for shape in shapes))._replace(scale=np.ones(features))
    first = decide(vote, 0, PROBABILITIES, BOXES, EVIDENCE)
    order = np.array([2, 0, 1])
    second = decide(vote, 0, PROBABILITIES[order], BOXES[order], EVIDENCE[order])
    np.testing.assert_allclose(first.probabilities, second.probabilities, rtol=1e-4)
    assert (first.outcome, first.loudest) == (second.outcome, order[second.loudest])


def test_what_fills_up_the_array_counts_nothing() -> None:
    vote = make_vote(0)
    padded = np.concatenate([FEATURES, 9 * np.ones((4, FEATURES.shape[1]), np.float32)])
    present = np.arange(7) < 3
    weights, logits = count_votes(vote, np.stack([padded, padded]), np.stack([present, present]).astype(np.float32))
    expected_weights, expected_logits = count_votes(vote, FEATURES, np.ones(3, np.float32))
    for row in range(2):
        np.testing.assert_allclose(weights[row], [*expected_weights, 0, 0, 0, 0], atol=1e-6)
        np.testing.assert_allclose(logits[row], expected_logits, rtol=1e-5)


def test_votes_are_counted_alike_on_arrays_of_jax() -> None:
    vote, given = make_vote(0), (FEATURES, np.ones(3, np.float32))
    features, present = (cast(np.ndarray, jnp.asarray(array)) for array in given)
    ours, theirs = count_votes(vote, *given), count_votes(vote, features, present)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


DRAWING = EVIDENCE[:0]


@pytest.mark.parametrize(
    ("threshold", "outcome"),
    [(0.0, Outcome.DIGIT), (0.75, Outcome.DIGIT), (0.76, Outcome.NONE), (1.0, Outcome.NONE)],
)
def test_drawing_is_a_digit_from_the_threshold_on(threshold: float, outcome: Outcome) -> None:
    probabilities = np.array([[0.5, 0.25, 0.125, 0.125, 0, 0, 0, 0, 0, 0]])
    decision = decide(make_vote(says=(0, 0, 9)), threshold, probabilities, BOXES[:1], DRAWING)
    assert decision.outcome is outcome
    assert decision.loudest == 0
    np.testing.assert_array_equal(decision.probabilities, probabilities[0])


@pytest.mark.parametrize(
    ("scores", "outcome"),
    [
        ((0.4, 0.9, 0.9), Outcome.SEVERAL),
        ((0.4, 0.4, 0.9), Outcome.NONE),
        ((0.9, 0.9, 0.9), Outcome.DIGIT),
        ((0.4, 0.4, 0.4), Outcome.NONE),
    ],
    ids=["several parts", "one part", "the whole", "nothing"],
)
def test_drawing_shows_several_if_it_is_no_digit_but_its_parts_are(scores: tuple[float, ...], outcome: Outcome) -> None:
    probabilities = np.stack([sure(score, digit) for digit, score in enumerate(scores)])
    decision = decide(make_vote(), 0.8, probabilities, BOXES, DRAWING)
    assert decision.outcome is outcome
    np.testing.assert_array_equal(decision.probabilities, probabilities[0])


@pytest.mark.parametrize(
    ("score", "threshold", "several"),
    [(0.8, 0.8, 0.5), (0.95, 0.8, 0.2), (1.0, 0.8, 0.0), (1.0, 1.0, 0.0), (0.4, 0.8, 0.0)],
    ids=["at the threshold", "above it", "a sure digit", "the highest threshold", "no digit"],
)
def test_drawing_that_is_taken_for_one_digit_is_doubted_near_the_threshold(
    score: float, threshold: float, several: float
) -> None:
    probabilities = np.array([[score / 2] * 2 + [(1 - score) / 8] * 8])
    assert decide(make_vote(), threshold, probabilities, BOXES[:1], DRAWING).several == pytest.approx(several)
