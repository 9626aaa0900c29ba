from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.handwriting.contents import CONTENTS, MANNERS, Glyph, draw_turned


def write(kind: str, seed: int) -> list[Glyph]:
    return CONTENTS[kind][1](np.random.default_rng(seed))


@pytest.mark.parametrize(("kind", "counts"), [("one", {1}), ("several", {2, 3, 4, 5, 6, 8, 9, 10, 12, 15})])
def test_digits_are_written_as_many_as_the_kind_says(kind: str, counts: set[int]) -> None:
    pages = [write(kind, seed) for seed in range(60)]
    assert {len(glyphs) for glyphs in pages} <= counts
    assert {glyph.digit for glyphs in pages for glyph in glyphs} == set(range(10))
    assert all(0.3 < glyph.size <= 1 for glyphs in pages for glyph in glyphs)


def test_what_shows_no_digit_says_so() -> None:
    for seed in range(20):
        assert [glyph.digit for glyph in write("non-digit", seed)] == [None]
        assert write("nothing", seed) == []


def test_digits_in_a_row_follow_each_other_to_the_right_or_below() -> None:
    for seed in range(40):
        middles = [glyph.middle for glyph in write("several", seed)]
        for (x, y), (next_x, next_y) in pairwise(middles):
            assert next_x > x or next_y > y + 0.5


@pytest.mark.parametrize("kind", ["one", "several", "non-digit"])
def test_the_same_seed_writes_the_same_and_another_something_else(kind: str) -> None:
    first, again, other = (np.concatenate(write(kind, seed)[0].strokes) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


@pytest.mark.parametrize(("angle", "sides"), [(0, (8, 100)), (np.pi / 2, (100, 8)), (np.pi / 4, (100, 100))])
def test_a_turned_bar_fills_the_square_and_keeps_the_pen_s_width(angle: float, sides: tuple[int, int]) -> None:
    mask = draw_turned([np.array([[0.5, 0.0], [0.5, 1.0]])], 100, 8, angle)
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    np.testing.assert_allclose((right - left, bottom - top), sides, atol=6)
    assert mask.mode == "L"
    assert mask.getextrema() == (0, 255)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_pen_marks_what_was_drawn_and_little_else(manner: str) -> None:
    mask = Image.new("L", (60, 60))
    mask.paste(255, (25, 10, 35, 50))
    rng = np.random.default_rng(0)
    for _ in range(10):
        strong, weak = (np.asarray(MANNERS[manner](mask, rng, 10, strength), float) for strength in (1, 0.5))
        assert strong.shape == (60, 60)
        assert strong[10:50, 28:32].mean() > 80
        assert weak.max() <= 128
        assert strong[:, :12].max() == strong[:, 48:].max() == 0


def test_ink_is_even_unless_it_is_rubbed_or_pressed() -> None:
    mask = Image.new("L", (60, 60), 255)
    rng = np.random.default_rng(0)
    marks = {manner: np.asarray(mark(mask, rng, 10, 1))[10:50, 10:50] for manner, mark in MANNERS.items()}
    assert {manner for manner, ink in marks.items() if ink.min() == ink.max()} == {"even", "brush"}
