import numpy as np
import pytest

from mnist_cnn.decision import Outcome, Perceptron
from mnist_cnn.images import Evidence
from mnist_cnn.training.data import NO_DIGIT
from mnist_cnn.training.pictures import Picture
from mnist_cnn.training.vote import fit_vote, read_pictures

UNEVENNESS, STROKE = (Evidence._fields.index(name) for name in ("unevenness", "stroke"))


@pytest.fixture(autouse=True, scope="module")
def few_steps() -> object:
    """As many steps as these few pictures need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_cnn.training.vote._STEPS", 150)
        patch.setattr("mnist_cnn.training.vote._BATCH_SIZE", 64)
        yield


def predict(images: np.ndarray) -> np.ndarray:
    """Be fairly sure of the digit that an image's first pixel gives."""
    return np.full((len(images), 10), 0.02, np.float32) + 0.8 * np.eye(10, dtype=np.float32)[images[:, 0, 0, 0]]


def make_picture(rng: np.random.Generator, outcome: Outcome) -> Picture:
    """Return a picture of two to five segments; those of uneven strokes are misread, and a row has thick strokes."""
    count, label = int(rng.integers(2, 6)), int(rng.integers(10))
    good = int(rng.integers(count))
    images = np.zeros((count, 28, 28, 1), np.uint8)
    images[:, 0, 0, 0] = (label + rng.integers(1, 10, count)) % 10
    images[good, 0, 0, 0] = label
    evidence = rng.uniform(0.2, 0.8, (count, len(Evidence._fields))).astype(np.float32)
    evidence[:, UNEVENNESS], evidence[good, UNEVENNESS] = 0.7, 0.2
    evidence[:, STROKE] = 0.1 + 0.3 * outcome
    boxes = np.tile([10, 10, 50, 60], (count, 1)) + rng.integers(0, 200, (count, 1))
    return Picture(images, boxes, evidence, label if outcome == Outcome.DIGIT else NO_DIGIT, outcome, "")


def make_pictures(count: int, seed: int) -> list[Picture]:
    rng = np.random.default_rng(seed)
    return [make_picture(rng, Outcome(number % 3)) for number in range(count)]


def make_drawing(label: int) -> Picture:
    images = np.full((1, 28, 28, 1), label, np.uint8)
    return Picture(
        images, np.ones((1, 4), int), np.empty((0, len(Evidence._fields)), np.float32), label, Outcome.DIGIT, ""
    )


@pytest.fixture(scope="module")
def vote() -> Perceptron:
    return fit_vote(predict, make_pictures(400, seed=0), seed=0)


def test_vote_learns_which_feature_tells_the_good_segment(vote: Perceptron) -> None:
    pictures = make_pictures(90, seed=1)
    chosen = [
        decision.loudest == picture.evidence[:, UNEVENNESS].argmin()
        for picture, decision in zip(pictures, read_pictures(predict, vote, 0, pictures), strict=True)
        if picture.outcome == Outcome.DIGIT
    ]
    assert np.mean(chosen) > 0.9


def test_vote_learns_what_tells_the_outcome(vote: Perceptron) -> None:
    pictures = make_pictures(90, seed=2)
    decisions = read_pictures(predict, vote, 0, pictures)
    outcomes = np.array([decision.outcome for decision in decisions])
    assert np.mean(outcomes == [picture.outcome for picture in pictures]) > 0.9


def test_vote_depends_on_the_seed_and_not_on_chance(vote: Perceptron) -> None:
    for array, again in zip(vote, fit_vote(predict, make_pictures(400, seed=0), seed=0), strict=True):
        np.testing.assert_array_equal(array, again)
    assert (fit_vote(predict, make_pictures(400, seed=0), seed=1).hidden != vote.hidden).any()


def test_features_are_scaled_by_what_the_pictures_show(vote: Perceptron) -> None:
    segments = np.concatenate([picture.evidence for picture in make_pictures(400, seed=0)])
    count = segments.shape[1]
    np.testing.assert_allclose(vote.centre[:count], segments.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(vote.scale[:count], segments.std(axis=0) + 1e-3, rtol=1e-3)
    assert all(np.isfinite(array).all() for array in vote)


def test_drawings_have_no_part_in_the_vote(vote: Perceptron) -> None:
    pictures = make_pictures(400, seed=0)
    with_drawings = [make_drawing(3), *pictures[:40], make_drawing(5), *pictures[40:]]
    for array, again in zip(vote, fit_vote(predict, with_drawings, seed=0), strict=True):
        np.testing.assert_array_equal(array, again)


def test_each_picture_is_read_by_its_own_segments(vote: Perceptron) -> None:
    pictures = make_pictures(12, seed=3)
    pictures.insert(5, make_drawing(8))
    together = read_pictures(predict, vote, 0.5, pictures)
    assert len(together) == 13
    assert together[5].probabilities.argmax() == 8
    assert together[5].outcome == Outcome.DIGIT
    for picture, decision in zip(pictures, together, strict=True):
        (alone,) = read_pictures(predict, vote, 0.5, [picture])
        np.testing.assert_array_equal(alone.probabilities, decision.probabilities)
        assert (alone.outcome, alone.loudest) == (decision.outcome, decision.loudest)
