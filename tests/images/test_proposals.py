import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import find_segment, to_mnist
from tests.support.pictures import KINDS, Scene, draw_seven, on_paper, photograph, write_digit


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two images, blurred and at the best shift by a pixel.

    Without that, thin strokes that fall differently on the grid would look unlike.
    """
    one, other = (ndimage.gaussian_filter(image[..., 0].astype(float), 1) for image in (one, other))
    shifted = [np.roll(one, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(np.corrcoef(image.ravel(), other.ravel())[0, 1] for image in shifted)


def test_box_of_a_drawing_is_that_of_its_ink() -> None:
    assert find_segment(draw_seven()).box == draw_seven().getchannel("A").getbbox()


def test_box_of_a_photo_is_that_of_its_ink() -> None:
    drawing = on_paper(draw_seven())
    photo = Image.new("RGB", (1600, 1200), "white")
    photo.paste(drawing, (1100, 700))
    noise = np.random.default_rng(0).normal(0, 8, (1200, 1600, 1)) + np.linspace(-90, -10, 1600)[:, np.newaxis]
    found = find_segment(Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)))
    expected = np.add(draw_seven().getchannel("A").getbbox() or (), (1100, 700, 1100, 700))
    np.testing.assert_allclose(found.box, expected, atol=4)


def test_ink_of_a_drawing_is_what_was_drawn_there() -> None:
    segment = find_segment(draw_seven())
    assert segment.ink.dtype == np.uint8
    np.testing.assert_array_equal(segment.ink, np.asarray(draw_seven().getchannel("A").crop(segment.box)))


def test_pale_ink_on_plain_paper_is_scaled_to_full_contrast() -> None:
    paper = Image.new("L", (100, 100), 200)
    paper.paste(190, (40, 20, 50, 80))
    ink = find_segment(paper).ink
    np.testing.assert_array_equal(ink, np.full((60, 10), 255))


@pytest.mark.parametrize("colour", ["white", "black", "grey", "pink"])
def test_blank_picture_is_empty(colour: str) -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        find_segment(Image.new("RGB", (300, 300), colour))


def test_untouched_sketch_is_empty() -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        find_segment(Image.new("RGBA", (300, 300)))


@pytest.mark.parametrize("kind", KINDS)
def test_digit_in_a_photo_is_found_as_it_was_written(kind: str) -> None:
    for digit in [3] if "12 megapixels" in kind else [0, 3, 5, 7]:
        rng = np.random.default_rng([digit, 1])
        ink = write_digit(digit, rng)
        drawn = to_mnist(ImageOps.expand(ink, 20))
        assert resemblance(to_mnist(photograph(ink, KINDS[kind], rng)), drawn) > 0.9, digit


def test_printed_line_through_a_digit_is_not_ink() -> None:
    pale_pen = 255 * 0.7 + 0.3 * np.asarray(on_paper(draw_seven(1000)).convert("L"))  # paler than the line
    plain = pale_pen * np.linspace(0.6, 0.9, 1000)  # uneven light, so that the paper isn't plain
    lined = plain.copy()
    lined[450:458] *= 0.6
    drawn, found = (find_segment(Image.fromarray(pixels.astype(np.uint8))) for pixels in (plain, lined))
    np.testing.assert_allclose(found.box, drawn.box, atol=4)


@pytest.mark.parametrize("kind", KINDS)
def test_photo_of_blank_paper_is_empty(kind: str) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        find_segment(photograph(Image.new("L", (60, 80)), KINDS[kind], rng))


@pytest.mark.parametrize("kind", ["plain paper", "uneven light", "ruled paper", "shadow", "chalk"])
def test_several_digits_in_a_photo_are_seen_as_several(kind: str) -> None:
    rng = np.random.default_rng(3)
    row = Image.new("L", (600, 160))
    for place, digit in enumerate((3, 0, 8)):
        row.paste(write_digit(digit, rng).resize((100, 160)), (250 * place, 0))
    ink = find_segment(photograph(row, KINDS[kind], rng)).ink
    inked = np.flatnonzero((ink > 127).any(axis=0))
    assert np.count_nonzero(np.diff(inked) > 0.15 * ink.shape[1]) == 2  # gaps between the three


@pytest.mark.parametrize("scene", [None, Scene(shade=0.3, noise=4)], ids=["drawing", "photo"])
@pytest.mark.parametrize(("digit", "style"), [(0, "dot"), (5, "floating bar")])
def test_separate_strokes_of_a_digit_are_kept(digit: int, style: str, scene: Scene | None) -> None:
    rng = np.random.default_rng(2)
    ink = render(sample_strokes(digit, rng, style), 300, 14).getchannel("A")
    picture = photograph(ink.crop(ink.getbbox()), scene, rng) if scene else ink
    _, strokes = ndimage.label(find_segment(picture).ink > 127)
    assert strokes == 2


def test_heavy_scribble_over_most_of_the_canvas_is_ink() -> None:
    canvas = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(canvas).ellipse((8, 8, 92, 92), fill="black")
    assert np.mean(np.asarray(canvas.getchannel("A")) > 0) > 0.5
    assert find_segment(canvas).box == (8, 8, 93, 93)
    assert to_mnist(canvas).max() == 255
