import numpy as np
import pytest

from mnist_cnn.handwriting import FAMILIES, FOR_MEASURING, FOR_TRAINING, NONDIGITS, draw, sample_nondigit
from mnist_cnn.images import to_mnist


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_is_drawn_on_the_canvas_and_becomes_an_mnist_image(family: str) -> None:
    rng = np.random.default_rng(0)
    for kind in FAMILIES[family]:
        for _ in range(3):
            strokes = sample_nondigit(rng, [kind])
            points = np.concatenate(strokes)
            assert np.isfinite(points).all()
            assert points.min() > -1e-9
            assert points.max() < 1 + 1e-9
        assert to_mnist(draw(strokes, rng)).max() > 100


def test_every_kind_is_in_one_family() -> None:
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) == set(NONDIGITS)


def test_kinds_for_measuring_are_not_for_training() -> None:
    assert not set(FOR_TRAINING) & set(FOR_MEASURING)
    assert set(FOR_TRAINING) | set(FOR_MEASURING) == set(NONDIGITS)


@pytest.mark.parametrize("family", FAMILIES)
def test_about_a_quarter_of_a_family_is_for_measuring(family: str) -> None:
    weights = {kind: NONDIGITS[kind] for kind in FAMILIES[family]}
    measured = sum(weights[kind] for kind in set(weights) & set(FOR_MEASURING))
    assert 0.1 < measured / sum(weights.values()) < 0.4


def test_families_are_drawn_by_their_shares() -> None:
    shares = {family: sum(NONDIGITS[kind] for kind in kinds) for family, kinds in FAMILIES.items()}
    assert sum(shares.values()) == pytest.approx(100)
    assert shares["closed outlines"] == pytest.approx(20)
    assert min(shares.values()) > 5


def test_kinds_for_training_are_the_default() -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(20):
        default, chosen = sample_nondigit(first), sample_nondigit(second, FOR_TRAINING)
        np.testing.assert_array_equal(np.concatenate(default), np.concatenate(chosen))


def test_equal_generators_draw_equal_nondigits() -> None:
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for kind in NONDIGITS:
        for one, other in zip(sample_nondigit(first, [kind]), sample_nondigit(second, [kind]), strict=True):
            np.testing.assert_array_equal(one, other)


def test_frequent_kinds_are_drawn_more_often() -> None:
    rng = np.random.default_rng(2)
    tangles = [len(sample_nondigit(rng, ["tangle", "hash"])) == 1 for _ in range(500)]
    expected = NONDIGITS["tangle"] / (NONDIGITS["tangle"] + NONDIGITS["hash"])
    assert np.mean(tangles) == pytest.approx(expected, abs=0.06)
