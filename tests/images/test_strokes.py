from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.images.strokes import draw_strokes
from tests.support.strokes import Stroke

PAIR: list[Stroke] = [[(120, 20), (120, 180)], [(30, 40), (60, 100), (50, 170)]]


def draw(strokes: list[Stroke], pen: float, size: tuple[int, int] = (200, 200)) -> np.ndarray:
    """Return strokes with round ends on a canvas."""
    page = Image.new("L", size)
    pencil = ImageDraw.Draw(page)
    for stroke in strokes:
        pencil.line(stroke, fill=255, width=round(pen), joint="curve")
        for x, y in (stroke[0], stroke[-1]):
            pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return np.asarray(page)


@pytest.mark.parametrize("pen", [3, 8, 20])
def test_strokes_are_as_wide_as_the_ink(pen: int) -> None:
    ink = draw(PAIR, pen)
    pieces = draw_strokes(PAIR, ink, 1)
    upright = (pieces[0].ink > 127).sum(axis=1)
    assert np.median(upright) == pytest.approx(pen, abs=1)
    assert sum((piece.ink > 127).sum() for piece in pieces) == pytest.approx((ink > 127).sum(), rel=0.15)


def test_pieces_lie_where_the_strokes_do_in_the_order_of_writing() -> None:
    pieces = draw_strokes(PAIR, draw(PAIR, 8), 1)
    for piece, stroke in zip(pieces, PAIR, strict=True):
        low, high = np.min(stroke, axis=0), np.max(stroke, axis=0)
        np.testing.assert_allclose(piece.box, [*low - 4, *high + 4], atol=2)
        assert piece.ink.shape == (piece.height, piece.width)
        assert piece.cuts == (0, 0)


def test_strokes_are_scaled_as_the_ink_is() -> None:
    ink = draw(PAIR, 8)
    full = draw_strokes(PAIR, ink, 1)
    half = draw_strokes(PAIR, np.asarray(Image.fromarray(ink).reduce(2)), 0.5)
    for one, other in zip(full, half, strict=True):
        np.testing.assert_allclose(np.array(one.box) / 2, other.box, atol=1.5)


def test_what_lies_outside_of_the_picture_is_left_out() -> None:
    strokes: list[Stroke] = [[(-60, 50), (60, 50)], [(-60, 90), (-30, 150)], [(100, 100), (100, 100)]]
    through, dot = draw_strokes(strokes, draw(strokes, 10), 1)
    assert through.box[0] == 0
    assert 60 < through.box[2] <= 66
    assert through.ink[:, 0].max() == 255
    assert dot.middle == pytest.approx((100, 100), abs=1)


def test_ink_without_strokes_and_strokes_without_ink_are_drawn_thinly_or_not() -> None:
    assert draw_strokes([], draw(PAIR, 8), 1) == []
    assert draw_strokes([[]], draw(PAIR, 8), 1) == []
    thin, _ = draw_strokes(PAIR, np.zeros((200, 200), np.uint8), 1)
    assert 1 <= thin.width <= 4


@pytest.mark.parametrize(
    "strokes", [[[(1, 2, 3)]], [[("a", "b")]], [[(1, 2), (3,)]], [["xy"]], [5], [[None]], [[{}]]], ids=str
)
def test_strokes_that_are_none_are_refused(strokes: Any) -> None:
    with pytest.raises(UnreadablePictureError, match=r"^The strokes (are none|don't lie in the picture): send x and y"):
        draw_strokes(strokes, draw(PAIR, 8), 1)


@pytest.mark.parametrize("far", [1e9, -1e9, 500.0, float("inf"), float("nan")])
def test_strokes_far_from_the_picture_are_refused(far: float) -> None:
    with pytest.raises(UnreadablePictureError, match=r"^The strokes don't lie in the picture: send x and y of each"):
        draw_strokes([[(10, 10), (10, far)]], draw(PAIR, 8), 1)


def test_no_piece_is_larger_than_the_picture() -> None:
    across: Stroke = [(-190, -190), (390, 390), (-190, 390), (390, -190)]
    (piece,) = draw_strokes([across], np.full((200, 200), 255, np.uint8), 1)
    assert piece.box == (0, 0, 200, 200)
    assert piece.ink.shape == (200, 200)
