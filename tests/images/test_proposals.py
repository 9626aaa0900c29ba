import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy import ndimage

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import render, sample_scene, sample_strokes
from mnist_cnn.images import Segment, normalize_ink, propose, to_mnist
from mnist_cnn.images.proposals import MAX_SEGMENTS
from tests.support.pictures import KINDS, Scene, draw_seven, on_paper, photograph, write_digit


def likeness(segment: Segment, ink: Image.Image) -> float:
    """Return the cosine between a segment and a digit's ink, blurred: thin strokes may fall differently on the grid."""
    one, other = (
        ndimage.gaussian_filter(normalize_ink(each)[..., 0].astype(float), 1.5)
        for each in (segment.ink, np.asarray(ink))
    )
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def find(picture: Image.Image, ink: Image.Image) -> tuple[Segment, float]:
    """Return the segment that is most like the ink, and how much it is."""
    segments = propose(picture)
    assert len(segments) <= MAX_SEGMENTS
    likenesses = [likeness(segment, ink) for segment in segments]
    return segments[int(np.argmax(likenesses))], max(likenesses)


def test_drawing_is_one_segment() -> None:
    for image in (draw_seven(), on_paper(draw_seven()), ImageOps.invert(on_paper(draw_seven()))):
        (segment,) = propose(image)
        assert segment.box == draw_seven().getchannel("A").getbbox()
        assert segment.evidence is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "12 megapixels" not in kind])
def test_one_of_the_segments_of_a_photo_is_the_digit_as_it_was_written(kind: str) -> None:
    for digit in (0, 5):
        rng = np.random.default_rng([digit, 1])
        ink = write_digit(digit, rng)
        _, alike = find(photograph(ink, KINDS[kind], rng), ink)
        assert alike > 0.97, digit


def test_small_digit_in_the_corner_of_a_large_photo_is_found() -> None:
    noise = np.random.default_rng(0).integers(0, 12, (3000, 4000, 1), np.uint8)
    photo = Image.fromarray(np.repeat(noise + 215, 3, axis=2))
    seven = draw_seven(200)
    photo.paste((40, 50, 110), (3700, 2700), seven)
    ink = seven.getchannel("A")
    segment, alike = find(photo, ink)
    assert alike > 0.97
    np.testing.assert_allclose(segment.box, np.add(ink.getbbox() or (), (3700, 2700) * 2), atol=8)


def test_box_in_a_photo_is_that_of_the_ink() -> None:
    photo = Image.new("RGB", (1600, 1200), "white")
    photo.paste(on_paper(draw_seven()), (1100, 700))
    noise = np.random.default_rng(0).normal(0, 8, (1200, 1600, 1)) + np.linspace(-90, -10, 1600)[:, np.newaxis]
    ink = draw_seven().getchannel("A")
    found, _ = find(Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)), ink)
    np.testing.assert_allclose(found.box, np.add(ink.getbbox() or (), (1100, 700) * 2), atol=5)


@pytest.mark.parametrize("kind", ["form", "photo", "screen", "figure", "noise", "transparent"])
def test_digit_is_found_in_most_scenes_of_a_kind(kind: str) -> None:
    alike = []
    for seed in range(6):
        scene = sample_scene(np.random.default_rng([seed, 3]), f"one: {kind}")
        assert scene.ink is not None
        alike.append(find(scene.image, scene.ink)[1])
    assert np.median(alike) > 0.95
    assert np.mean(np.array(alike) > 0.9) > 0.6


def test_digit_on_a_sheet_on_a_table_is_found_on_the_sheet() -> None:
    table = Image.effect_noise((500, 600), 40).point(lambda level: level // 4).convert("RGB")
    table.paste((235, 230, 220), (90, 60, 420, 500))
    table.paste((50, 50, 120), (150, 160), draw_seven(200))
    segment, alike = find(table, draw_seven().getchannel("A"))
    assert alike > 0.97
    assert segment.evidence is not None
    assert segment.evidence.sheet == 1


@pytest.mark.parametrize(("square", "figure"), [(15, 255), (245, 30)])
def test_digit_in_a_square_of_a_figure_is_found(square: int, figure: int) -> None:
    ink = draw_seven(240).getchannel("A")
    page = Image.new("L", (400, 330), figure)
    page.paste(square, (90, 40, 330, 280))
    page.paste(figure, (90, 40), ink)
    for tick in range(40, 281, 60):
        page.paste(square, (84, tick, 90, tick + 1))
    assert find(page, ink)[1] > 0.97


@pytest.mark.parametrize("edges", [(0, 0, 400, 12), (0, 0, 20, 400), (380, 0, 400, 400)])
def test_dark_digit_on_transparency_is_found_beside_opaque_edges(edges: tuple[int, int, int, int]) -> None:
    picture = draw_seven()
    picture.paste((150, 150, 150, 255), edges)
    segment, alike = find(picture, draw_seven().getchannel("A"))
    assert alike > 0.97
    np.testing.assert_allclose(segment.box, draw_seven().getchannel("A").getbbox() or (), atol=4)


def test_sheet_with_transparent_surroundings_shows_its_digit() -> None:
    image = Image.new("RGBA", (600, 600))
    image.paste(on_paper(draw_seven()).convert("RGBA"), (100, 100))
    assert find(image, draw_seven().getchannel("A"))[1] > 0.97


def test_printed_line_through_a_digit_is_not_ink() -> None:
    ink = draw_seven(1000).getchannel("A")
    page = 255 - 0.3 * np.asarray(ink)  # paler than the line
    page *= np.linspace(0.6, 0.9, 1000)  # uneven light, so that the paper isn't plain
    page[450:458] *= 0.6
    segment, alike = find(Image.fromarray(page.astype(np.uint8)), ink)
    assert alike > 0.95
    assert segment.evidence is not None
    assert segment.evidence.lines_out == 1
    np.testing.assert_allclose(segment.box, ink.getbbox() or (), atol=12)


@pytest.mark.parametrize("kind", ["plain paper", "uneven light", "ruled paper", "shadow", "chalk"])
def test_each_of_several_digits_in_a_photo_is_a_segment(kind: str) -> None:
    rng = np.random.default_rng(3)
    digits = [write_digit(digit, rng).resize((100, 160)) for digit in (3, 0, 8)]
    row = Image.new("L", (600, 160))
    for place, digit in enumerate(digits):
        row.paste(digit, (250 * place, 0))
    picture = photograph(row, KINDS[kind], rng)
    segments = [find(picture, digit) for digit in digits]
    assert min(alike for _, alike in segments) > 0.95
    ends = [(segment.box[0], segment.box[2]) for segment, _ in segments]
    assert ends[0][1] < ends[1][0] < ends[1][1] < ends[2][0]


@pytest.mark.parametrize(("digit", "style"), [(0, "dot"), (5, "floating bar")])
def test_separate_strokes_of_a_digit_in_a_photo_are_one_segment(digit: int, style: str) -> None:
    rng = np.random.default_rng(2)
    ink = render(sample_strokes(digit, rng, style), 300, 14).getchannel("A")
    ink = ink.crop(ink.getbbox())
    segment, alike = find(photograph(ink, Scene(shade=0.3, noise=4), rng), ink)
    assert alike > 0.97
    assert ndimage.label(segment.ink > 127)[1] == 2


@pytest.mark.parametrize("kind", ["plain paper", "noise", "blur", "close-up"])
def test_photo_of_blank_paper_is_empty(kind: str) -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        propose(photograph(Image.new("L", (60, 80)), KINDS[kind], np.random.default_rng(1)))


def test_the_same_picture_gives_the_same_segments() -> None:
    photo = photograph(write_digit(4, np.random.default_rng(0)), KINDS["everything"], np.random.default_rng(0))
    for one, other in zip(propose(photo), propose(photo.copy()), strict=True):
        assert (one.box, one.evidence) == (other.box, other.evidence)
        np.testing.assert_array_equal(one.ink, other.ink)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (28, 28), (9, 9)])
def test_picture_of_any_size_has_segments_or_is_empty(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    try:
        segments = propose(Image.fromarray(pixels))
    except EmptyPictureError:
        return
    assert len(segments) <= MAX_SEGMENTS
    assert to_mnist(Image.fromarray(pixels)).max() == 255
