from collections import Counter
from itertools import pairwise
from operator import eq

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.handwriting.contents import (
    CONTENTS,
    MANNERS,
    Glyph,
    draw_turned,
    measure_gap,
    sample_digits,
    sample_gaps,
    write_number,
    write_out,
)


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


def test_samples_of_digits_and_gaps_are_those_of_numbers() -> None:
    rng = np.random.default_rng(0)
    samples = [sample_digits(rng) for _ in range(200)]
    assert {len(digits) for digits in samples} == set(range(1, 9))
    assert {digit for digits in samples for digit in digits} == set(range(10))
    for closest, farthest in (sample_gaps(rng) for _ in range(100)):
        assert -0.2 <= closest < closest + 0.05 <= farthest <= closest + 0.4


def test_number_has_one_to_eight_digits_in_each_of_one_to_four_rows() -> None:
    texts = [write_out(write("number", seed)).split("\n") for seed in range(150)]
    assert {len(rows) for rows in texts} == {1, 2, 3, 4}
    assert {len(row) for rows in texts for row in rows} == set(range(1, 9))
    assert all(max(map(len, rows)) - min(map(len, rows)) <= 1 for rows in texts)


def test_glyphs_of_a_number_follow_each_other_to_the_right_in_rows_from_the_top() -> None:
    for seed in range(60):
        glyphs = write("number", seed)
        for one, other in pairwise(glyphs):
            if other.row == one.row:
                assert other.middle[0] > one.middle[0]
            else:
                assert other.row == one.row + 1
        tops = [np.mean([glyph.middle[1] for glyph in glyphs if glyph.row == row]) for row in range(glyphs[-1].row + 1)]
        assert (np.diff(tops) > 0.5).all()


def test_gap_is_the_smallest_between_neighbours_of_a_row() -> None:
    bar = [np.array([[0.4, 0.0], [0.6, 1.0]])]
    glyphs = [
        Glyph(1, bar, size, (x, 0), row) for size, x, row in ((1, 0, 0), (0.5, 0.5, 0), (1, 0.45, 0), (1, 0.4, 1))
    ]
    assert measure_gap(glyphs[:2]) == pytest.approx(0.35)
    assert measure_gap(glyphs) == pytest.approx(-0.2)  # the third overlaps the second
    assert measure_gap(glyphs[2:]) == measure_gap([]) == float("inf")


def test_digits_of_a_number_stand_apart_or_overlap() -> None:
    gaps = np.array([measure_gap(write("number", seed)) for seed in range(80)])
    assert np.mean(gaps < -0.05) > 0.1
    assert np.mean((gaps > 0.1) & (gaps < np.inf)) > 0.1


def test_gaps_of_a_number_can_be_chosen() -> None:
    numbers = [write_number(np.random.default_rng(seed), gaps=(-0.1, -0.1)) for seed in range(60)]
    gaps = [measure_gap(glyphs) for glyphs in numbers if all(glyph.digit is not None for glyph in glyphs)]
    apart = [gap for gap in gaps if gap != float("inf")]
    assert len(apart) > 20
    assert np.median(apart) == pytest.approx(-0.1)
    assert max(apart) < 0


def test_some_numbers_hold_marks_that_are_no_digits() -> None:
    marks = Counter(any(glyph.digit is None for glyph in write("number", seed)) for seed in range(150))
    assert 0.05 < marks[True] / 150 < 0.5


def test_pen_goes_on_from_digit_to_digit_in_some_hands() -> None:
    joined = []
    for seed in range(60):
        glyphs = [glyph for glyph in write("number", seed) if glyph.row == 0]
        ends = [np.array(glyph.middle) + glyph.size * (glyph.strokes[-1][-1] - 0.5) for glyph in glyphs]
        starts = [np.array(glyph.middle) + glyph.size * (glyph.strokes[0][0] - 0.5) for glyph in glyphs]
        joined.append(any(np.hypot(*(end - start)) < 1e-6 for end, start in zip(ends, starts[1:], strict=False)))
    assert 0.1 < np.mean(joined) < 0.4


def test_numbers_are_written_with_the_digits_that_are_given() -> None:
    bar, bow = [np.array([[0.5, 0.0], [0.5, 1.0]])], [np.array([[0.0, 0.0], [0.4, 0.1], [0.5, 1.0]])]
    for seed in range(20):
        glyphs = write_number(np.random.default_rng(seed), [[bar, bow]] * 10)
        sizes = {sum(map(len, glyph.strokes)) for glyph in glyphs if glyph.digit is not None}
        assert sizes <= {2, 3, 7, 8}  # joined ones have five points more


def test_zeros_stand_at_the_end_and_digits_beside_their_like_now_and_then() -> None:
    texts = [write_out(write("number", seed)).split("\n")[0] for seed in range(300)]
    long = [text for text in texts if len(text) > 3]
    assert 0.05 < np.mean([text.endswith("00") for text in long]) < 0.3
    assert 0.5 < np.mean([any(map(eq, text, text[1:])) for text in long]) < 0.9


def test_about_half_of_the_writers_write_a_1_as_a_bare_line() -> None:
    ones = [glyph for seed in range(400) for glyph in write("number", seed) if glyph.digit == 1]
    bare = [
        len(one.strokes) == 1
        and np.hypot(*np.diff(one.strokes[0], axis=0).T).sum() < 1.1 * np.hypot(*np.ptp(one.strokes[0], axis=0))
        for one in ones
    ]
    assert 0.4 < np.mean(bare) < 0.7


def test_number_is_written_in_one_hand() -> None:
    strokes = Counter[bool]()
    for seed in range(150):
        digits = [glyph for glyph in write("number", seed) if glyph.digit in {1, 4, 7}]
        for one, other in pairwise(sorted(digits, key=lambda glyph: glyph.digit or 0)):
            if one.digit == other.digit:
                strokes[len(one.strokes) == len(other.strokes)] += 1
    assert strokes[True] > 0.8 * strokes.total() > 20


def test_digits_are_written_out_row_by_row_without_marks() -> None:
    glyphs = [Glyph(digit, [], 1, (0, 0), row) for digit, row in ((1, 0), (None, 0), (2, 0), (0, 1), (None, 1))]
    assert write_out(glyphs) == "12\n0"
    assert write_out(glyphs[1:2]) == write_out([]) == ""


@pytest.mark.parametrize("kind", ["one", "several", "non-digit", "number"])
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
