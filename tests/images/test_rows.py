from itertools import chain, pairwise

import numpy as np
import pytest

from mnist_cnn.images.pieces import Piece
from mnist_cnn.images.rows import (
    CANDIDATE_EVIDENCE,
    MAX_GROUP,
    MAX_ROW_PIECES,
    MAX_ROWS,
    REMAINDER_EVIDENCE,
    arrange,
    build_row,
    fit_line,
    join_stacked,
    measure_height,
)
from mnist_cnn.images.strips import STRIP_MARGIN, WORD_WIDTH


def bar(x: float, y: float, width: int = 10, height: int = 40) -> Piece:
    """Return a black bar around a point."""
    left, top = round(x - width / 2), round(y - height / 2)
    return Piece(np.full((height, width), 255, np.uint8), (left, top, left + width, top + height))


def boxes(pieces: list[Piece]) -> set[tuple[int, int, int, int]]:
    return {piece.box for piece in pieces}


def test_rows_are_returned_from_top_to_bottom_with_all_their_pieces() -> None:
    lower, upper = [bar(x, 200) for x in (20, 60, 100, 140)], [bar(x, 100) for x in (30, 70)]
    assert [boxes(row) for row in arrange([*lower, *upper])] == [boxes(upper), boxes(lower)]


@pytest.mark.parametrize("slope", [-0.3, 0.3])
def test_slanted_rows_are_followed(slope: float) -> None:
    rows = [[bar(x, 300 + start + slope * x) for x in range(20, 500, 30)] for start in (0, 70)]
    assert [boxes(row) for row in arrange([*rows[1], *rows[0]])] == [boxes(row) for row in rows]
    np.testing.assert_allclose(fit_line(rows[0]), [slope, 300], atol=0.5)


def test_a_dot_at_the_end_of_a_slanted_row_belongs_to_it() -> None:
    upper, lower = ([bar(x, start + 0.3 * x) for x in range(20, 500, 30)] for start in (100, 200))
    dot = bar(485, 115 + 0.3 * 485, 4, 4)
    assert [boxes(row) for row in arrange([*lower, dot, *upper])] == [boxes([*upper, dot]), boxes(lower)]


def test_a_stroke_gone_over_again_has_its_ink_in_common_with_the_first() -> None:
    pieces = [bar(20, 50), bar(21, 50), bar(55, 50), bar(100, 50)]
    row = build_row(pieces, are_strokes=True)
    shares = [remainder[-4] for remainder in row.remainders]
    assert shares == pytest.approx([0.9, 0.9, 0, 0])
    twins = [remainder[-1] for remainder in row.remainders]
    assert twins == pytest.approx([1 / 40, 1 / 40, 34 / 40, 1])
    known = {(one.start, one.stop): one.evidence[-3:-1] for one in row.candidates}
    assert known[0, 1] == pytest.approx([1, 1 / 40])  # the nearest twin within, and without
    assert known[0, 2] == pytest.approx([1 / 40, 34 / 40])
    assert known[2, 3] == pytest.approx([1, 34 / 40])


def test_it_is_known_how_the_pieces_of_a_candidate_stand_to_each_other() -> None:
    row = build_row([bar(20, 40, 10, 60), bar(26, 40, 20, 30), bar(72, 40, 10, 60)], are_strokes=True)
    known = {(one.start, one.stop): one.evidence[-6:-3] for one in row.candidates}
    assert known[0, 1] == [1, 0, 0]
    # The lower of two is half as high, six pixels to the right, and shares its left nine with the other.
    assert known[0, 2] == pytest.approx([0.5, 6 / 60, 9 * 30 / (600 + 600)])


def test_it_is_known_of_a_piece_how_far_it_is_from_those_beside_it() -> None:
    row = build_row([bar(10, 20), bar(40, 20), bar(46, 20)])
    gaps = [remainder[-3:-1] for remainder in row.remainders]
    assert np.array(gaps) == pytest.approx(np.array([[1, 20 / 40], [20 / 40, -4 / 40], [-4 / 40, 1]]))


def test_rings_that_stand_on_each_other_are_one_stroke_and_rows_that_lie_apart_are_not() -> None:
    upper, lower, beside, below = bar(20, 20), bar(24, 62), bar(80, 40, 20, 80), bar(20, 180)
    joined = join_stacked([upper, beside, lower, below])
    assert [stroke.box for stroke in joined] == [(15, 0, 29, 82), beside.box, below.box]
    assert [stroke.turn for stroke in joined] == [0, 1, 2]
    assert joined[0].ink[:40, :10].all()
    assert joined[0].ink[42:, 4:].all()
    assert len(arrange([upper, lower])) == 2 > len(arrange(joined[:1]))


@pytest.mark.parametrize("other", [bar(20, 22), bar(45, 62), bar(20, 46, 10, 12), bar(20, 75)])
def test_strokes_beside_each_other_apart_or_much_smaller_stay_two(other: Piece) -> None:
    assert [stroke.box for stroke in join_stacked([bar(20, 20), other])] == [bar(20, 20).box, other.box]


def test_it_is_known_which_strokes_touch_and_which_were_written_in_between() -> None:
    down, across = bar(30, 40, 6, 60), bar(30, 40, 40, 6)
    apart, late = bar(62, 40, 6, 60), bar(72, 40, 30, 6)
    pieces = [stroke._replace(turn=turn) for turn, stroke in enumerate([down, across, apart, late])]
    row = build_row(pieces, are_strokes=True)
    known = {(one.start, one.stop): one.evidence[-9:-6] for one in row.candidates}
    assert known[0, 1] == pytest.approx([0, 36 / 360, 0])  # the bar across it is another's ink
    assert known[0, 2] == [0, 0, 0]
    assert known[2, 4] == [0, 0, 0]
    assert known[1, 3] == pytest.approx([2, (36 + 36) / (240 + 360), 0])
    assert build_row(pieces).candidates[0].evidence[-9:-6] == known[0, 1]  # of components as well
    pieces[1], pieces[3] = pieces[1]._replace(turn=3), pieces[3]._replace(turn=1)
    late_row = build_row(pieces, are_strokes=True)
    assert {(one.start, one.stop): one.evidence[-7] for one in late_row.candidates}[0, 2] == 2


def test_line_through_few_pieces_is_level() -> None:
    np.testing.assert_array_equal(fit_line([bar(10, 20), bar(500, 40)]), [0, 30])
    np.testing.assert_array_equal(fit_line([bar(10, 20), bar(30, 40), bar(50, 40)]), [0, 40])


def test_a_dot_belongs_to_the_row_that_it_is_next_to() -> None:
    upper, lower = [bar(x, 100) for x in (20, 60)], [bar(x, 180) for x in (20, 60)]
    dot, far = bar(40, 165, 4, 4), bar(40, 260, 4, 4)
    assert [boxes(row) for row in arrange([*upper, *lower, dot, far])] == [boxes(upper), boxes([*lower, dot])]


def test_what_is_much_larger_than_digits_is_left_out() -> None:
    digits = [bar(x, 100) for x in (40, 80, 120)]
    frame = Piece(np.pad(np.zeros((198, 158), np.uint8), 1, constant_values=255), (0, 0, 160, 200))
    assert [boxes(row) for row in arrange([frame, *digits])] == [boxes(digits)]
    assert arrange([]) == []


def test_only_the_rows_with_the_most_ink_are_kept() -> None:
    rows = [[bar(20, 60 * row, 8 + row), bar(60, 60 * row, 8 + row)] for row in range(1, MAX_ROWS + 4)]
    assert [boxes(row) for row in arrange([*chain.from_iterable(rows)])] == [boxes(row) for row in rows[3:]]


def test_height_is_that_of_the_pieces_with_the_most_ink() -> None:
    assert measure_height([bar(0, 0, 4, 4), bar(0, 0, 4, 5), bar(0, 0, 20, 60), bar(0, 0, 40, 50)]) == 50


def test_all_neighbours_that_may_be_a_digit_together_are_candidates() -> None:
    row = build_row([bar(44, 20, 8), bar(10, 20, 8), bar(27, 20, 8)])
    spans = {(candidate.start, candidate.stop): candidate for candidate in row.candidates}
    assert set(spans) == {(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)}
    assert spans[0, 2].box == (6, 0, 31, 40)
    np.testing.assert_array_equal(spans[0, 2].ink.max(axis=0), [255] * 8 + [0] * 9 + [255] * 8)
    assert (row.mass, row.height, len(row.remainders)) == (3 * 8 * 40 * 255, 40, 3)


def test_no_candidate_spans_a_wide_gap_or_is_wide_or_low() -> None:
    pieces = [bar(10, 20), bar(45, 20), *(bar(x, 20) for x in range(80, 200, 14)), bar(215, 20, 4, 4)]
    row = build_row(pieces)
    spans = {(candidate.start, candidate.stop) for candidate in row.candidates}
    assert {(0, 1), (1, 2), (2, 6)} <= spans
    assert not {(0, 2), (1, 3), (len(pieces) - 1, len(pieces))} & spans
    assert all(candidate.box[2] - candidate.box[0] <= 1.6 * row.height for candidate in row.candidates)


def test_candidates_and_rows_have_a_limited_number_of_pieces() -> None:
    row = build_row([bar(4 * x, 20, 2) for x in range(MAX_ROW_PIECES + 9)])
    assert len(row.remainders) == MAX_ROW_PIECES
    assert max(candidate.stop - candidate.start for candidate in row.candidates) == MAX_GROUP


def test_a_wide_component_is_cut_and_a_stroke_as_wide_is_not() -> None:
    ink = np.zeros((40, 34), np.uint8)
    ink[:, :6] = ink[:, -6:] = ink[17:23] = 255  # an H: two digits that touch, or the stroke of one
    piece = Piece(ink, (0, 0, 34, 40))
    assert len(build_row([piece]).remainders) > 1
    assert len(build_row([piece], are_strokes=True).remainders) == 1


def test_pieces_stand_from_left_to_right_or_in_the_order_of_writing() -> None:
    pieces = [bar(50, 20, 8), bar(10, 20, 8)]
    for in_order, lefts in ((False, [6, 46]), (True, [46, 6])):
        row = build_row(pieces, in_order=in_order)
        assert [one.box[0] for one in row.candidates if one.stop - one.start == 1] == lefts
        assert {one.evidence[-1] for one in row.candidates} == {float(in_order)}


def test_as_much_is_known_of_each_candidate_and_piece_as_is_promised() -> None:
    crowded = [bar(x, 20, width) for x, width in ((10, 8), (22, 10), (34, 6), (70, 50), (110, 2))]
    for pieces in (crowded, crowded[:1], [bar(5, 5, 1, 1)]):
        row = build_row(pieces)
        assert {len(candidate.evidence) for candidate in row.candidates} == {CANDIDATE_EVIDENCE}
        assert {len(remainder) for remainder in row.remainders} == {REMAINDER_EVIDENCE}
        assert np.isfinite([candidate.evidence for candidate in row.candidates]).all()
        assert np.isfinite(row.remainders).all()


def test_evidence_tells_the_gaps_beside_a_candidate() -> None:
    pieces = [bar(10, 20), bar(40, 20), bar(58, 20)]
    (middle,) = (one for one in build_row(pieces).candidates if (one.start, one.stop) == (1, 2))
    gaps = [(other.box[0] - one.box[2]) / 40 for one, other in pairwise(pieces)]
    assert middle.evidence[4:6] == pytest.approx(gaps)


def test_columns_of_neighbours_meet_halfway_whether_they_are_apart_or_overlap() -> None:
    row = build_row([bar(20, 50), bar(60, 50), bar(66, 50), bar(120, 50)], are_strokes=True)
    starts, stops = zip(*row.columns, strict=True)
    assert starts[1:] == stops[:-1]
    assert starts[0] <= 1
    assert stops[-1] >= -(-row.strip.shape[1] // WORD_WIDTH) - 1
    middle = (40 - 15) * 20 / 40 / WORD_WIDTH + STRIP_MARGIN / WORD_WIDTH
    assert stops[0] == pytest.approx(middle, abs=1)
    for start, stop, _, _, columns, _ in row.candidates:
        assert columns == (starts[start], stops[stop - 1])


def test_a_stroke_that_was_written_late_has_its_own_columns() -> None:
    row = build_row([bar(60, 50), bar(100, 50), bar(20, 50)], are_strokes=True, in_order=True)
    starts, stops = zip(*row.columns, strict=True)
    assert starts[2] < stops[2] <= starts[0] < stops[0] <= starts[1] < stops[1]
