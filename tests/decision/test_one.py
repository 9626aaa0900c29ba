import numpy as np
import pytest

from mnist_cnn.decision import digit_score, is_one_digit


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


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, True), (0.75, True), (0.76, False), (1.0, False)])
def test_image_is_a_digit_from_the_threshold_on(threshold: float, expected: bool) -> None:
    probabilities = np.array([0.5, 0.25, 0.125, 0.125, 0, 0, 0, 0, 0, 0])
    assert is_one_digit(probabilities, threshold) is expected
