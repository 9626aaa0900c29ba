import numpy as np
import pytest

from mnist_cnn.decision import describe_segments, digit_score
from tests.support.probabilities import sure

# Shares, pens, and a third number for and against each of four segments.
EVIDENCE = np.array([[0.5, 0.8, 1], [0.2, 0.4, 2], [0.1, 0.6, 3], [0.4, 0.7, 4]], np.float32)
BOXES = np.array([[10, 10, 60, 90], [12, 8, 62, 92], [15, 20, 40, 50], [200, 10, 260, 100]])
PROBABILITIES = np.stack([sure(0.9, 3), sure(0.8, 3), sure(0.5, 1), sure(0.99, 7)])


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        (np.eye(10)[3], 1),
        (np.full(10, 0.1), 0.2),
        (np.array([0.05, 0.5, 0.05, 0, 0, 0, 0, 0.4, 0, 0]), 0.9),
        (np.array([0, 0.3, 0, 0.3, 0, 0, 0.3, 0.1, 0, 0]), 0.6),
    ],
    ids=["certain", "even", "1 or 7", "three alike"],
)
def test_score_is_the_probability_of_the_two_likeliest_digits(probabilities: np.ndarray, expected: float) -> None:
    assert digit_score(probabilities) == pytest.approx(expected)


def test_each_row_has_its_own_score() -> None:
    rows = np.stack([np.eye(10)[3], np.full(10, 0.1)])
    np.testing.assert_allclose(digit_score(rows), [1, 0.2])
    assert digit_score(rows[:0]).shape == (0,)


def test_each_segment_has_a_row_that_begins_with_its_evidence() -> None:
    features = describe_segments(PROBABILITIES, BOXES, EVIDENCE)
    assert features.dtype == np.float32
    assert len(features) == 4
    np.testing.assert_array_equal(features[:, :3], EVIDENCE)


def test_other_order_of_the_segments_gives_the_same_rows_in_that_order() -> None:
    order = np.array([2, 0, 3, 1])
    features = describe_segments(PROBABILITIES, BOXES, EVIDENCE)
    permuted = describe_segments(PROBABILITIES[order], BOXES[order], EVIDENCE[order])
    np.testing.assert_allclose(permuted, features[order], rtol=1e-5, atol=1e-6)


def test_a_segment_alone_has_as_many_features_as_one_of_many() -> None:
    alone = describe_segments(PROBABILITIES[:1], BOXES[:1], EVIDENCE[:1])
    assert alone.shape == (1, describe_segments(PROBABILITIES, BOXES, EVIDENCE).shape[1])
    assert np.isfinite(alone).all()


@pytest.mark.parametrize(
    ("probabilities", "boxes", "shares"),
    [
        (PROBABILITIES, np.repeat(BOXES[:1], 4, axis=0), EVIDENCE[:, 0]),
        (PROBABILITIES, np.repeat([[5, 5, 5, 5]], 4, axis=0), EVIDENCE[:, 0]),
        (PROBABILITIES, BOXES, np.zeros(4)),
        (np.eye(10)[[3, 3, 1, 7]], BOXES, EVIDENCE[:, 0]),
        (np.full((4, 10), 0.1), BOXES, EVIDENCE[:, 0]),
    ],
    ids=["equal boxes", "empty boxes", "no shares", "certain", "uncertain"],
)
def test_features_are_finite(probabilities: np.ndarray, boxes: np.ndarray, shares: np.ndarray) -> None:
    evidence = EVIDENCE.copy()
    evidence[:, 0] = shares
    assert np.isfinite(describe_segments(probabilities, boxes, evidence)).all()


def changed(probabilities: np.ndarray, boxes: np.ndarray) -> int:
    """Return how many of the first segment's features differ from those among `PROBABILITIES` and `BOXES`."""
    usual, other = (
        describe_segments(*found, EVIDENCE)[0] for found in ((PROBABILITIES, BOXES), (probabilities, boxes))
    )
    return int(np.count_nonzero(~np.isclose(usual, other)))


def test_features_tell_what_others_at_the_same_place_say() -> None:
    contradicting = PROBABILITIES.copy()
    contradicting[1] = sure(0.8, 5)
    assert changed(contradicting, BOXES) >= 2
    assert changed(PROBABILITIES, BOXES) == 0


@pytest.mark.parametrize(("moved", "box"), [(1, [300, 8, 350, 92]), (2, [315, 20, 340, 50]), (3, [0, 0, 70, 100])])
def test_features_tell_where_others_lie(moved: int, box: list[int]) -> None:
    boxes = BOXES.copy()
    boxes[moved] = box
    assert changed(PROBABILITIES, boxes) >= 2
