import numpy as np
import pytest

from mnist_cnn.handwriting import render
from mnist_cnn.handwriting.fragments import FRAMED, PIECES, ROWS


@pytest.mark.parametrize(("kind", "across"), [("two digits", 0), ("two digits, one below the other", 1)])
def test_paper_shows_between_digits_in_a_row(kind: str, across: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        picture = render(ROWS[kind](rng), 112, 2)
        inked = np.flatnonzero(np.asarray(picture.getchannel("A")).max(axis=across))
        assert np.diff(inked).max() > 1


def test_no_paper_shows_between_touching_digits() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        picture = render(ROWS["touching digits"](rng), 112, 4)
        inked = np.flatnonzero(np.asarray(picture.getchannel("A")).max(axis=0))
        assert np.diff(inked).max() == 1


@pytest.mark.parametrize("kind", PIECES)
def test_pieces_are_fitted_and_cut_straight(kind: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        points = np.concatenate(PIECES[kind](rng))
        assert np.ptp(points, axis=0).max() == pytest.approx(1)
        assert (points.min(axis=0) + points.max(axis=0)).tolist() == pytest.approx([1, 1])


def test_half_a_zero_is_open_on_the_side_of_the_cut() -> None:
    rng = np.random.default_rng(4)
    for kind, outer in (("top of a 0", 0), ("bottom of a 0", 1)):
        for _ in range(10):
            x, y = np.concatenate(PIECES[kind](rng)).T
            inner = np.abs(y - outer) > 0.5 + 0.45 * np.ptp(y)  # what lies along the cut, if the zero were closed
            assert np.abs(x[inner] - 0.5).min(initial=1) > 0.1


@pytest.mark.parametrize("kind", ["underlined digit", "crossed out digit"])
def test_line_is_far_wider_than_its_digit(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        *digit, level = FRAMED[kind](rng)
        assert np.ptp(level[:, 0]) > 1.3 * np.ptp(np.concatenate(digit)[:, 0])
        assert np.ptp(level[:, 1]) < 0.2


def test_box_goes_round_its_digit() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        *digit, box = FRAMED["digit in a box"](rng)
        points = np.concatenate(digit)
        assert (box.min(axis=0) < points.min(axis=0)).all()
        assert (box.max(axis=0) > points.max(axis=0)).all()
        assert np.hypot(*(box[0] - box[-1])) < 0.1
