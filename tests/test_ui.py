import numpy as np
import pytest

from mnist_cnn.ui import BoundedDict, verdict


def probabilities(**digits: float) -> np.ndarray:
    """Ten probabilities; those that aren't given share what is left."""
    rest = (1 - sum(digits.values())) / (10 - len(digits))
    return np.array([digits.get(f"p{digit}", rest) for digit in range(10)], np.float32)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (probabilities(p7=0.976), "7, 98 % sure"),
        (probabilities(p7=0.9999), "7, 99 % sure"),
        (probabilities(p7=0.55, p1=0.4), "A 7 or a 1"),
        (probabilities(p8=0.5, p3=0.4), "An 8 or a 3"),
    ],
)
def test_verdict_says_how_sure_the_answer_is(given: np.ndarray, sentence: str) -> None:
    assert verdict(given, looks_like_one_digit=True).replace("\N{NO-BREAK SPACE}", " ") == sentence


def test_verdict_says_when_the_picture_looks_like_no_digit() -> None:
    assert verdict(probabilities(p7=0.6), looks_like_one_digit=False) == "This doesn't look like one digit"


def test_sketchpad_keeps_the_newest_strokes_alone() -> None:
    kept = BoundedDict(max_entries=2)
    for stroke in ("first", "second", "third"):
        kept[stroke] = stroke
    assert list(kept) == ["second", "third"]
