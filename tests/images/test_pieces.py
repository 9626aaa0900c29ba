from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mnist_cnn.images.pieces import MAX_PIECES, Piece, cut, find_pieces, join


def draw_ovals(*middles: int, radius: int = 20, pen: int | None = None) -> Image.Image:
    """Return ovals of 90 pixels' height with middles at these columns: outlines of a pen, or filled discs."""
    page = Image.new("L", (200, 130))
    for x in middles:
        box = x - radius, 20, x + radius, 110
        ImageDraw.Draw(page).ellipse(box, fill=None if pen else 255, outline=255, width=pen or 1)
    return page


def find_one(page: Image.Image) -> Piece:
    (piece,) = find_pieces(np.asarray(page) / 255, 0.5, (0, 1))
    return piece


def test_a_component_keeps_its_soft_edge() -> None:
    soft = draw_ovals(60).filter(ImageFilter.GaussianBlur(0.5))
    piece = find_one(soft)
    left, top, right, bottom = piece.box
    assert piece.pen == pytest.approx(1, abs=0.01)
    assert piece.ink.shape == (bottom - top, right - left)
    edge = (piece.ink > 0) & (piece.ink <= 127)
    assert edge.sum() > 50
    np.testing.assert_allclose(piece.ink[edge], np.asarray(soft)[top:bottom, left:right][edge], atol=1)


def test_a_component_has_none_of_its_neighbour_s_ink() -> None:
    contrast = np.zeros((40, 40))
    contrast[5:35, 5:10] = contrast[30:35, 5:35] = 0.8  # an L, and a bar in its corner
    contrast[5:27, 14:18] = 0.4
    corner, bar = find_pieces(contrast, 0.2, (0.2, 0.8))
    assert (corner.box, bar.box) == ((4, 4, 36, 36), (13, 4, 19, 28))
    assert (corner.pen, bar.pen) == (0.8, 0.4)
    assert not corner.ink[:20, 9:].any()
    assert bar.ink.max() == corner.ink.max() == 255  # each is scaled by its own pen


def test_contrast_below_the_ink_is_paper() -> None:
    contrast = np.full((20, 20), 0.1)
    contrast[5:15, 5:15] = 1
    (piece,) = find_pieces(contrast, 0.5, (0.2, 0.8))
    assert (piece.ink > 0).sum() == 100


def test_only_the_heaviest_pieces_are_kept() -> None:
    contrast = np.zeros((80, 80))
    contrast[::4, ::4] = 0.9
    contrast[40:43, 40:43] = 1
    pieces = find_pieces(contrast, 0.5, (0, 1))
    assert len(pieces) == MAX_PIECES < 400
    assert pieces[0].box == (39, 39, 44, 44)
    assert find_pieces(np.zeros((9, 9)), 0.5, (0, 1)) == []


@pytest.mark.parametrize(
    ("page", "seam"),
    [(draw_ovals(50, 90), 70), (draw_ovals(50, 110, radius=30, pen=12), 80)],
    ids=["discs", "zeros"],
)
def test_digits_that_touch_are_cut_where_they_do(page: Image.Image, seam: int) -> None:
    borders = [(one.box[2] + other.box[0]) / 2 for one, other in pairwise(cut(find_one(page)))]
    assert min(abs(border - seam) for border in borders) <= 2


def test_cuts_tell_how_many_pens_they_crossed() -> None:
    page = Image.new("L", (120, 120))
    for box in ((20, 20, 29, 99), (80, 20, 89, 99), (20, 55, 89, 64)):  # an H of a pen of ten pixels
        ImageDraw.Draw(page).rectangle(box, fill=255)
    pieces = cut(find_one(page))
    assert len(pieces) > 1
    assert (pieces[0].cuts[0], pieces[-1].cuts[1]) == (0, 0)
    for one, other in pairwise(pieces):
        assert one.cuts[1] == other.cuts[0] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("page", [draw_ovals(50, 90), draw_ovals(40, 95, 150, radius=30, pen=7)])
def test_joined_cuts_are_what_was_cut(page: Image.Image) -> None:
    whole = find_one(page)
    pieces = cut(whole)
    again = join(pieces)
    assert len(pieces) > 2
    assert again.box == page.getbbox()
    np.testing.assert_array_equal(again.ink, np.asarray(page.crop(again.box)))


def test_strokes_that_cross_are_whole_on_both_sides_of_the_cut() -> None:
    page = Image.new("L", (120, 120))
    for box in ((20, 20, 29, 99), (80, 20, 89, 99), (20, 55, 89, 64)):  # an H of a pen of ten pixels
        ImageDraw.Draw(page).rectangle(box, fill=255)
    for one, other in pairwise(cut(find_one(page))):
        assert one.box[2] - other.box[0] == pytest.approx(20, abs=4)
        both = np.asarray(page.crop((other.box[0], 55, one.box[2], 65)))
        start = other.box[0] - one.box[0], 55 - one.box[1]
        np.testing.assert_array_equal(one.ink[start[1] : start[1] + 10, start[0] :], both)


def test_zeros_that_share_a_wall_both_keep_it() -> None:
    middles = 50, 85, 120
    pieces = cut(find_one(draw_ovals(*middles, radius=20, pen=5)))
    for middle in middles:
        zero = np.asarray(draw_ovals(middle, radius=20, pen=5)) > 127
        kept = []
        for piece in pieces:
            page = np.zeros(zero.shape, bool)
            page[piece.box[1] : piece.box[3], piece.box[0] : piece.box[2]] = piece.ink > 127
            kept.append((zero & page).sum() / (zero | page).sum())
        assert max(kept) > 0.7


@pytest.mark.parametrize(
    "page", [draw_ovals(60, radius=4), Image.new("L", (9, 3), 255)], ids=["a narrow one", "a low one"]
)
def test_what_is_too_small_for_two_digits_is_not_cut(page: Image.Image) -> None:
    piece = find_one(page)
    assert cut(piece) == [piece]


def test_joined_pieces_have_the_outer_cuts_and_the_darkest_pen() -> None:
    black, grey = np.full((4, 2), 255, np.uint8), np.full((2, 3), 90, np.uint8)
    left, right = Piece(black, (10, 10, 12, 14), 0.5, (1.5, 2)), Piece(grey, (11, 13, 14, 15), 0.8, (2, 0.5))
    both = join([left, right])
    assert both[1:4] == ((10, 10, 14, 15), 0.8, (1.5, 0.5))
    assert (both.width, both.height, both.middle) == (4, 5, (12, 12.5))
    expected = [[255, 255, 0, 0]] * 3 + [[255, 255, 90, 90], [0, 90, 90, 90]]
    np.testing.assert_array_equal(both.ink, expected)
