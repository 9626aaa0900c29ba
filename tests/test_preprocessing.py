from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.preprocessing import (
    IMAGE_SHAPE,
    EmptyPictureError,
    UnreadablePictureError,
    find_digit,
    load_picture,
    to_mnist,
)
from tests.pictures import KINDS, Scene, photograph, write_digit


def draw_seven(size: int = 400, left: float = 0.3, top: float = 0.2, height: float = 0.6) -> Image.Image:
    """A crossed 7 as a sketchpad hands it over: black ink on transparent, antialiased."""
    points = [(0, 0), (0.6, 0), (0.2, 1)], [(0.1, 0.55), (0.6, 0.5)]
    ink = Image.new("L", (4 * size, 4 * size))
    pen = ImageDraw.Draw(ink)
    for stroke in points:
        line = [(4 * size * (left + x * height), 4 * size * (top + y * height)) for x, y in stroke]
        pen.line(line, fill=255, width=int(4 * size * height / 12), joint="curve")
    sketch = Image.new("RGBA", (size, size))
    sketch.putalpha(ink.reduce(4))
    return sketch


def on_paper(sketch: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", sketch.size, "white")
    return Image.alpha_composite(paper, sketch).convert("RGB")


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two images, of 255."""
    return float(np.abs(one.astype(float) - other).mean())


def test_result_has_mnists_shape_contrast_box_and_centre() -> None:
    image = to_mnist(draw_seven())
    assert image.shape == IMAGE_SHAPE
    assert image.dtype == np.uint8
    assert image.min() == 0
    assert image.max() == 255
    ink = image[..., 0].astype(float)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = np.average(np.arange(28) + 0.5, weights=ink.sum(axis=1 - axis))
        assert 14 <= centre <= 15


def test_image_made_like_mnist_comes_back_unchanged() -> None:
    image = to_mnist(draw_seven())
    np.testing.assert_array_equal(to_mnist(Image.fromarray(image[..., 0])), image)


@pytest.mark.parametrize(("left", "top"), [(0.05, 0.05), (0.5, 0.35), (0.33, 0.12)])
def test_moving_the_drawing_changes_nothing(left: float, top: float) -> None:
    assert difference(to_mnist(draw_seven(left=left, top=top)), to_mnist(draw_seven())) < 1


@pytest.mark.parametrize(("size", "height"), [(400, 0.3), (400, 0.8), (100, 0.6), (1600, 0.7)])
def test_scaling_the_drawing_changes_nothing(size: int, height: float) -> None:
    assert difference(to_mnist(draw_seven(size, left=0.1, top=0.1, height=height)), to_mnist(draw_seven())) < 3


def test_drawing_smaller_than_the_result_is_read() -> None:
    small = on_paper(draw_seven()).resize((24, 24), Image.Resampling.BOX)
    assert difference(to_mnist(small), to_mnist(draw_seven())) < 12


def test_inverting_the_drawing_changes_nothing() -> None:
    drawing = on_paper(draw_seven())
    np.testing.assert_array_equal(to_mnist(ImageOps.invert(drawing)), to_mnist(drawing))


@pytest.mark.parametrize("ink", ["black", "white", "red"])
def test_ink_on_transparent_is_read_in_any_colour(ink: str) -> None:
    sketch = draw_seven()
    coloured = Image.new("RGBA", sketch.size, ink)
    coloured.putalpha(sketch.getchannel("A"))
    assert difference(to_mnist(coloured), to_mnist(sketch)) < 0.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_picture_is_read_in_any_mode(mode: str) -> None:
    drawing = on_paper(draw_seven()).convert("L")
    picture = (drawing.convert("RGB") if mode in ("CMYK", "YCbCr", "HSV") else drawing).convert(mode)
    assert difference(to_mnist(picture), to_mnist(drawing)) < (4 if mode == "1" else 1)


def test_16_bit_picture_is_scaled_not_clipped() -> None:
    drawing = np.asarray(on_paper(draw_seven()).convert("L"))
    picture = Image.fromarray(drawing.astype(np.uint16) * 257)
    assert picture.mode == "I;16"
    np.testing.assert_array_equal(to_mnist(picture), to_mnist(Image.fromarray(drawing)))


def test_palette_picture_with_transparency_is_read() -> None:
    sketch = Image.new("P", (100, 100), 0)
    sketch.putpalette([0, 0, 0, 0, 0, 0])  # black ink on transparent black
    sketch.paste(1, (40, 20, 50, 80))
    file = BytesIO()
    sketch.save(file, "GIF", transparency=0)
    image = to_mnist(load_picture(file.getvalue()))
    assert image.mean() == pytest.approx(255 * 20 * 20 / 6 / 28**2, rel=0.01)


@pytest.mark.parametrize("colour", ["white", "black", "grey", "pink"])
def test_blank_picture_is_empty(colour: str) -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        to_mnist(Image.new("RGB", (300, 300), colour))


def test_untouched_sketch_is_empty() -> None:
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        to_mnist(Image.new("RGBA", (300, 300)))


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two images, softened and at the best shift by a pixel: the grid cuts thin strokes unevenly."""
    one, other = (ndimage.gaussian_filter(image[..., 0].astype(float), 1) for image in (one, other))
    shifted = [np.roll(one, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(np.corrcoef(image.ravel(), other.ravel())[0, 1] for image in shifted)


@pytest.mark.parametrize("kind", KINDS)
def test_photo_is_read_like_the_drawing(kind: str) -> None:
    for digit in [3] if "12 megapixels" in kind else [0, 3, 5, 7]:
        rng = np.random.default_rng([digit, 1])
        ink = write_digit(digit, rng)
        drawn = to_mnist(ImageOps.expand(ink, 20))
        assert resemblance(to_mnist(photograph(ink, KINDS[kind], rng)), drawn) > 0.9, digit


@pytest.mark.parametrize("kind", KINDS)
def test_photo_of_blank_paper_is_empty(kind: str) -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(EmptyPictureError, match="no ink in the picture"):
        to_mnist(photograph(Image.new("L", (60, 80)), KINDS[kind], rng))


@pytest.mark.parametrize("kind", ["plain paper", "uneven light", "ruled paper", "shadow", "chalk"])
def test_several_digits_in_a_photo_are_seen_as_several(kind: str) -> None:
    rng = np.random.default_rng(3)
    row = Image.new("L", (600, 160))
    for place, digit in enumerate((3, 0, 8)):
        row.paste(write_digit(digit, rng).resize((100, 160)), (250 * place, 0))
    ink = find_digit(photograph(row, KINDS[kind], rng)).ink
    inked = np.flatnonzero((ink > 127).any(axis=0))
    assert np.count_nonzero(np.diff(inked) > 0.15 * ink.shape[1]) == 2  # paper between the three


@pytest.mark.parametrize("scene", [None, Scene(shade=0.3, noise=4)], ids=["drawing", "photo"])
@pytest.mark.parametrize(("digit", "style"), [(0, "dot"), (5, "floating bar")])
def test_strokes_that_touch_nothing_are_kept(digit: int, style: str, scene: Scene | None) -> None:
    rng = np.random.default_rng(2)
    ink = render(sample_strokes(digit, rng, style), 300, 14).getchannel("A")
    picture = photograph(ink.crop(ink.getbbox()), scene, rng) if scene else ink
    _, strokes = ndimage.label(find_digit(picture).ink > 127)
    assert strokes == 2


def test_box_tells_where_the_ink_of_a_drawing_was() -> None:
    assert find_digit(draw_seven()).box == draw_seven().getchannel("A").getbbox()


def test_box_tells_where_the_ink_in_a_photo_was() -> None:
    drawing = on_paper(draw_seven())
    photo = Image.new("RGB", (1600, 1200), "white")
    photo.paste(drawing, (1100, 700))
    noise = np.random.default_rng(0).normal(0, 8, (1200, 1600, 1)) + np.linspace(-90, -10, 1600)[:, np.newaxis]
    found = find_digit(Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)))
    expected = np.add(draw_seven().getchannel("A").getbbox() or (), (1100, 700, 1100, 700))
    np.testing.assert_allclose(found.box, expected, atol=4)


@pytest.mark.parametrize("quality", [95, 75, 30])
def test_jpeg_of_a_drawing_is_read_like_the_drawing(quality: int) -> None:
    file = BytesIO()
    on_paper(draw_seven()).save(file, "JPEG", quality=quality)
    assert difference(to_mnist(load_picture(file.getvalue())), to_mnist(draw_seven())) < 4


def test_large_drawing_is_read_like_a_small_one() -> None:
    large = draw_seven(3000, left=0.1, top=0.1, height=0.1)
    assert difference(to_mnist(on_paper(large)), to_mnist(draw_seven())) < 3


def test_sheet_with_transparent_surroundings_is_read() -> None:
    sheet = on_paper(draw_seven()).convert("RGBA")
    picture = Image.new("RGBA", (600, 600))
    picture.paste(sheet, (100, 100))
    assert difference(to_mnist(picture), to_mnist(sheet)) < 1


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64, np.float16, np.float32, np.float64])
def test_array_of_any_usual_dtype_is_read(dtype: type) -> None:
    drawing = np.asarray(on_paper(draw_seven()).convert("L"))
    top: float = {"b": 1, "u": np.iinfo(dtype).max if dtype in (np.uint8, np.uint16) else 255, "i": 255, "f": 1}[
        np.dtype(dtype).kind
    ]
    array: np.ndarray = (drawing / 255 * top).round(0 if np.dtype(dtype).kind != "f" else 3).astype(dtype)
    assert difference(to_mnist(load_picture(array)), to_mnist(Image.fromarray(drawing))) < (4 if dtype is bool else 1)


@pytest.mark.parametrize(
    "shape", [(40, 30), (40, 30, 1), (1, 40, 30), (1, 40, 30, 1), (40, 30, 2), (40, 30, 3), (40, 30, 4)]
)
def test_array_of_any_usual_shape_is_a_picture(shape: tuple[int, ...]) -> None:
    assert load_picture(np.zeros(shape, np.uint8)).size == (30, 40)


def test_array_of_huge_numbers_is_a_picture_like_its_small_copy() -> None:
    array = np.array([[-1.0, 0.0, 0.5], [0.9, 0.1, 0.7]])
    small, huge = (np.asarray(load_picture(array * factor)) for factor in (2.0**100, 2.0**126))
    np.testing.assert_array_equal(small, huge)
    assert small.min() == 0


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5)),
        np.zeros(9),
        np.zeros((5, 5, 7)),
        np.full((5, 5), np.nan),
        np.full((5, 5), "x"),
        *(np.array([[0, far], [1, 2]]) for far in (np.nan, np.inf, -np.inf, 3.41e38, -3.41e38, 1e300)),
    ],
)
def test_array_that_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UnreadablePictureError, match="received shape"):
        load_picture(array)


def test_path_bytes_and_picture_load_alike(tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    draw_seven().save(path)
    expected = to_mnist(draw_seven())
    for source in (path, str(path), path.read_bytes(), Image.open(path)):
        np.testing.assert_array_equal(to_mnist(load_picture(source)), expected)


def test_exif_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    file = BytesIO()
    drawing = on_paper(draw_seven())
    drawing.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(to_mnist(load_picture(file.getvalue())), to_mnist(drawing))


def test_missing_file_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="There is no file nowhere"):
        load_picture("nowhere.png")


def test_file_that_is_no_picture_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="not a picture"):
        load_picture(b"%PDF-1.7 no picture")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_truncated_file_is_refused(kind: str) -> None:
    file = BytesIO()
    on_paper(draw_seven()).save(file, kind)
    with pytest.raises(UnreadablePictureError, match=r"damaged|not a picture"):
        load_picture(file.getvalue()[: len(file.getvalue()) // 2])


@pytest.mark.parametrize("side", [9_000, 11_000, 20_000])
def test_picture_too_large_is_refused_before_it_is_decoded(side: int) -> None:
    file = BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    with pytest.raises(UnreadablePictureError, match="too large"):
        load_picture(file.getvalue())


def test_heavy_scribble_over_most_of_the_canvas_is_ink() -> None:
    canvas = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(canvas).ellipse((8, 8, 92, 92), fill="black")
    assert np.mean(np.asarray(canvas.getchannel("A")) > 0) > 0.5
    assert to_mnist(canvas).max() == 255
