import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import Segment
from mnist_cnn.images.drawings import find_drawing
from mnist_cnn.images.loading import flatten
from tests.support.pictures import draw_seven, on_paper

SEVEN = draw_seven().getchannel("A")


def find(image: Image.Image) -> list[Segment]:
    (picture,), is_drawing = flatten(image)
    return find_drawing(picture, is_drawing)


def test_drawing_on_transparency_is_one_segment_of_exactly_what_was_drawn() -> None:
    (segment,) = find(draw_seven())
    assert segment.box == SEVEN.getbbox()
    assert segment.evidence is None
    assert segment.ink.dtype == np.uint8
    np.testing.assert_array_equal(segment.ink, np.asarray(SEVEN.crop(segment.box)))


@pytest.mark.parametrize(
    ("paper", "pen"),
    [("white", "black"), ("black", "white"), ("navy", "orange"), ("yellow", "white"), ((200,) * 3, (188,) * 3)],
    ids=["dark", "light", "coloured", "in one channel", "pale"],
)
def test_drawing_in_one_piece_on_plain_paper_is_one_segment_of_full_contrast(
    paper: str | tuple[int, ...], pen: str | tuple[int, ...]
) -> None:
    picture = Image.new("RGB", SEVEN.size, paper)
    picture.paste(pen, mask=SEVEN)
    (segment,) = find(picture)
    np.testing.assert_allclose(segment.box, SEVEN.getbbox() or (), atol=1)  # the faintest fringe may be paper
    assert segment.evidence is None
    drawn = np.asarray(SEVEN.crop(segment.box), float)
    assert np.abs(segment.ink - drawn).max() < 25  # a pale pen has few levels


def draw_on_lines() -> Image.Image:
    """Return a 7 on ruled paper."""
    page = on_paper(draw_seven())
    for top in range(30, 400, 60):
        page.paste((230, 230, 240), (0, top, 400, top + 2))
    return page


def draw_tile() -> Image.Image:
    """Return a dark square with a light 7 in it."""
    page = Image.new("L", (600, 600), 255)
    page.paste(0, (100, 100, 500, 500))
    page.paste(255, (100, 100), SEVEN)
    return page


def draw_sheets() -> Image.Image:
    """Return a grey sheet on a white one on a black table, with a dark 7."""
    page = Image.new("L", (500, 700))
    page.paste(230, (100, 100, 400, 550))
    page.paste(110, (130, 100, 400, 430))
    page.paste(30, (100, 80), draw_seven(300).getchannel("A"))
    return page


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray((np.asarray(on_paper(draw_seven())) * np.linspace(0.8, 1, 400)[:, None]).astype(np.uint8)),
        draw_on_lines(),
        on_paper(draw_seven()).filter(ImageFilter.GaussianBlur(40)),
        draw_tile(),
        draw_sheets(),
    ],
    ids=["uneven paper", "lines", "blur", "tile", "sheets"],
)
def test_what_may_be_a_photo_or_a_figure_is_left_to_the_search(picture: Image.Image) -> None:
    assert find(picture) == []


def test_drawing_in_several_pieces_is_left_to_the_search_unless_it_is_known_to_be_one() -> None:
    sketch = Image.new("RGBA", (400, 300))
    for left in (50, 250):
        ImageDraw.Draw(sketch).line((left, 50, left + 30, 250), "black", 20)
    assert len(find(sketch)) == 3
    assert find(on_paper(sketch)) == []


def test_tall_pieces_of_a_drawing_come_along_after_the_whole() -> None:
    sketch = Image.new("RGBA", (900, 500))
    for left, top, size in ((0, 0, 400), (450, 80, 300)):
        sketch.paste("black", (left, top), draw_seven(size).getchannel("A"))
    whole, first, second = find(sketch)
    assert whole.box == sketch.getchannel("A").getbbox()
    assert first.box == SEVEN.getbbox()
    for segment in (first, second):
        left, top, right, bottom = segment.box
        assert segment.ink.shape == (bottom - top, right - left)
        np.testing.assert_array_equal(segment.ink, np.asarray(sketch.getchannel("A").crop(segment.box)))
    assert all(segment.evidence is None for segment in (whole, first, second))


def test_piece_holds_nothing_of_another_that_reaches_into_its_box() -> None:
    sketch = Image.new("RGBA", (300, 300))
    pen = ImageDraw.Draw(sketch)
    pen.line([(20, 20), (20, 280), (200, 280)], "black", 10)
    pen.line((100, 40, 280, 220), "black", 10)
    _, corner, slope = find(sketch)
    assert corner.box[2] > slope.box[0]
    assert ndimage.label(corner.ink > 0, np.ones((3, 3)))[1] == 1
    assert ndimage.label(slope.ink > 0, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize(("digit", "style"), [(0, "dot"), (5, "floating bar")])
def test_small_pieces_belong_to_the_whole_alone(digit: int, style: str) -> None:
    ink = render(sample_strokes(digit, np.random.default_rng(2), style), 300, 14)
    (segment,) = find(ink)
    assert ndimage.label(segment.ink > 127)[1] == 2


@pytest.mark.parametrize("colour", ["white", "black", "grey", "pink"])
def test_blank_paper_is_empty(colour: str) -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        find(Image.new("RGB", (300, 300), colour))


def test_untouched_sketch_and_ink_that_nobody_sees_are_empty() -> None:
    faint = Image.new("L", (100, 100), 255)
    faint.paste(249, (30, 30, 40, 70))
    for image in (Image.new("RGBA", (300, 300)), faint):
        with pytest.raises(EmptyPictureError, match="no ink in the picture"):
            find(image)


def test_scribble_over_most_of_the_canvas_is_ink() -> None:
    canvas = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(canvas).ellipse((8, 8, 92, 92), fill="black")
    (segment,) = find(canvas)
    assert segment.box == (8, 8, 93, 93)


def test_large_drawing_is_reduced_and_keeps_its_place() -> None:
    sketch = draw_seven(4000, left=0.1, top=0.1, height=0.8)
    (segment,) = find(sketch)
    assert max(segment.ink.shape) < 1280
    np.testing.assert_allclose(segment.box, sketch.getchannel("A").getbbox() or (), atol=6)
    small = draw_seven(4000, left=0.7, top=0.7, height=0.05)
    (segment,) = find(small)
    assert max(segment.ink.shape) >= 200  # nothing is lost of it
