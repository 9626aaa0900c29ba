import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import sample_scene
from mnist_cnn.images import LAYOUT_EVIDENCE, MAX_GROUP, MAX_LAYOUTS, Layout, propose_layouts
from mnist_cnn.images.numbers import MAX_CANDIDATES
from tests.support.numbers import draw_number
from tests.support.pictures import on_paper


def crosses(layout: Layout, column: float) -> bool:
    """Return whether a candidate lies on both sides of a column."""
    return any(left < column - 15 and column + 15 < right for left, _, right, _ in layout.boxes)


def scribble(count: int, step: int) -> tuple[Image.Image, list[list[tuple[float, float]]]]:
    """Return a page full of scribbles in rows, and their strokes."""
    rng = np.random.default_rng(0)
    page = Image.new("RGBA", (1200, 900))
    strokes = []
    for number in range(count):
        middle = 20 + step * (number % 30), 20 + 48 * (number // 30)
        strokes.append([(x, y) for x, y in (rng.uniform(-14, 14, (4, 2)) + middle).tolist()])
        ImageDraw.Draw(page).line(strokes[-1], fill="black", width=3)
    return page, strokes


def test_spaced_digits_of_a_drawing_are_candidates_of_one_layout() -> None:
    (layout,) = propose_layouts(draw_number("123")[0])
    assert set(layout.rows.tolist()) == {0}
    for digit in range(3):
        left, right = 100 * digit, 100 * (digit + 1)
        within = [box[2] - box[0] for box in layout.boxes if left <= box[0] and box[2] <= right]
        assert max(within) == max(box[2] - box[0] for box in layout.boxes if left <= box[0] < right)


def test_candidates_look_like_mnist() -> None:
    layout, _ = propose_layouts(*draw_number("80"))
    assert layout.images.shape == (2, 28, 28, 1)
    assert layout.images.dtype == np.uint8
    for image in layout.images[..., 0]:
        assert image.max() > 200
        assert np.ptp(np.flatnonzero(image.max(axis=1) > 100)) == pytest.approx(19, abs=1)


def test_rows_of_a_drawing_are_counted_from_the_top() -> None:
    (layout,) = propose_layouts(draw_number("11\n111")[0])
    assert layout.rows.tolist() == [0, 0, 1, 1, 1]
    assert [top >= 100 for _, top, _, _ in layout.boxes] == [False, False, True, True, True]
    assert layout.spans.tolist() == [[number, number + 1] for number in range(5)]


def test_strokes_tell_apart_what_touches() -> None:
    picture, strokes = draw_number("83", step=0.38)
    drawn, components = propose_layouts(picture, strokes)
    assert (drawn.evidence[0], components.evidence[0]) == (1, 0)  # it is told which pieces are strokes
    assert drawn.spans.tolist() == [[0, 1], [0, 2], [1, 2]]
    (left, together, right) = drawn.boxes
    assert left[2] > right[0]  # they overlap
    assert (together[0], together[2]) == (left[0], right[2])


def test_strokes_out_of_order_give_a_layout_in_the_order_of_writing_too() -> None:
    picture, strokes = draw_number("123")
    assert len(list(propose_layouts(picture, strokes))) == 2  # of the strokes, and of the components
    sorted_, written, _ = propose_layouts(picture, strokes[::-1])
    assert sorted_.boxes == written.boxes[::-1]
    assert (sorted_.evidence != written.evidence).any()


def test_eights_of_two_rings_are_one_row_of_digits_or_two_of_rings() -> None:
    turns, strokes = np.linspace(0, 2 * np.pi, 24), []
    picture = Image.new("RGBA", (200, 100))
    for x, y in ((60, 30), (60, 70), (140, 30), (140, 70)):
        strokes.append(list(zip(x + 18 * np.cos(turns), y + 21 * np.sin(turns), strict=True)))
        ImageDraw.Draw(picture).line(strokes[-1], fill="black", width=6)
    digits, rings, _ = propose_layouts(picture, strokes)
    assert [layout.rows.tolist() for layout in (digits, rings)] == [[0, 0], [0, 0, 1, 1]]
    assert {bottom - top for _, top, _, bottom in digits.boxes} == {88}


@pytest.mark.parametrize("kind", ["number: photo", "number: table", "several: form"])
@pytest.mark.parametrize("seed", [2, 3])
def test_layouts_agree_in_their_sizes_and_stay_within_their_limits(kind: str, seed: int) -> None:
    layouts = list(propose_layouts(sample_scene(np.random.default_rng(seed), kind).image))
    assert 0 < len(layouts) <= MAX_LAYOUTS
    assert sum(len(layout.images) for layout in layouts) <= MAX_CANDIDATES
    for layout in layouts:
        count, pieces = len(layout.images), len(layout.rows)
        assert count > 0
        assert layout.images.shape == (count, 28, 28, 1)
        assert len(layout.boxes) == count
        assert layout.candidates.shape == (count, LAYOUT_EVIDENCE.candidates)
        assert layout.remainders.shape == (pieces, LAYOUT_EVIDENCE.remainders)
        assert layout.evidence.shape == (LAYOUT_EVIDENCE.whole,)
        assert layout.evidence[0] == 0  # they are no strokes
        assert all(np.isfinite(known).all() for known in layout[-3:])
        starts, stops = layout.spans.T
        assert ((stops > starts) & (stops <= starts + MAX_GROUP) & (stops <= pieces)).all()
        np.testing.assert_array_equal(layout.rows[starts], layout.rows[stops - 1])
        assert (np.diff(layout.rows) >= 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_boxes_lie_in_the_picture(seed: int) -> None:
    image = sample_scene(np.random.default_rng(seed), "number: close-up").image
    boxes = np.array([box for layout in propose_layouts(image) for box in layout.boxes])
    assert boxes[:, :2].min() >= 0
    assert (boxes[:, 2:] <= image.size).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()


def test_boxes_of_a_large_drawing_are_in_its_pixels_and_lie_in_it() -> None:
    picture = draw_number("11")[0].resize((1999, 1000)).crop((0, 0, 1999, 997))
    (layout,) = propose_layouts(picture)
    for (left, top, right, bottom), (first, last) in zip(layout.boxes, ((0, 1000), (1000, 1999)), strict=True):
        expected = picture.crop((first, 0, last, 997)).getbbox() or (0, 0, 0, 0)
        np.testing.assert_allclose((left - first, top, right - first, bottom), expected, atol=10)
    edge = Image.new("RGBA", (1999, 997))
    edge.paste("black", (1900, 300, 1999, 997))
    assert next(propose_layouts(edge)).boxes[0][2:] == (1999, 997)


def test_both_digits_of_a_photo_are_found() -> None:
    picture = on_paper(draw_number("47")[0]).convert("RGB")
    pixels = np.asarray(picture.resize((600, 300)), float) * np.linspace(0.7, 1, 600)[:, None]
    layouts = list(propose_layouts(Image.fromarray(pixels.astype(np.uint8))))
    middles = {round((left + right) / 600) for left, _, right, _ in layouts[0].boxes}
    assert {0, 1} <= middles
    assert not any(crosses(layout, 300) for layout in layouts)


def test_nothing_is_proposed_for_blank_paper_and_nothing_drawn_is_an_error() -> None:
    assert list(propose_layouts(Image.new("RGB", (90, 60), "white"))) == []
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        next(propose_layouts(Image.new("RGBA", (90, 60))))


def test_a_page_of_scribbles_has_a_limited_number_of_candidates() -> None:
    page, strokes = scribble(540, 38)
    for given in (None, strokes[::-1]):
        layouts = list(propose_layouts(page, given))
        assert 0 < sum(len(layout.images) for layout in layouts) <= MAX_CANDIDATES
        assert max(int(layout.rows.max()) for layout in layouts) < 16
    assert max(layout.evidence[-1] for layout in layouts) > 0  # it tells how many rows were left out
