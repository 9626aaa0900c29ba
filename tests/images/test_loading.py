from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.images import count_pixels, load_image, loading, to_mnist
from mnist_cnn.images.loading import flatten
from mnist_cnn.inference import Classifier
from tests.support.files import FILES, encode, picture_of_7
from tests.support.pictures import difference, draw_seven, on_paper


def test_path_bytes_and_image_load_alike(tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    draw_seven().save(path)
    expected = to_mnist(draw_seven())
    for source in (path, str(path), path.read_bytes(), Image.open(path)):
        np.testing.assert_array_equal(to_mnist(load_image(source)), expected)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64, np.float16, np.float32, np.float64])
def test_array_of_any_usual_dtype_is_an_image(dtype: type) -> None:
    drawing = np.asarray(on_paper(draw_seven()).convert("L"))
    top: float = {"b": 1, "u": np.iinfo(dtype).max if dtype in (np.uint8, np.uint16) else 255, "i": 255, "f": 1}[
        np.dtype(dtype).kind
    ]
    array: np.ndarray = (drawing / 255 * top).round(0 if np.dtype(dtype).kind != "f" else 3).astype(dtype)
    assert difference(to_mnist(load_image(array)), to_mnist(Image.fromarray(drawing))) < (4 if dtype is bool else 1)


@pytest.mark.parametrize(
    "shape", [(40, 30), (40, 30, 1), (1, 40, 30), (1, 40, 30, 1), (40, 30, 2), (40, 30, 3), (40, 30, 4)]
)
def test_array_of_any_usual_shape_is_an_image(shape: tuple[int, ...]) -> None:
    assert load_image(np.zeros(shape, np.uint8)).size == (30, 40)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 1], [128, 255]]), [[0, 1], [128, 255]]),
        (np.array([[0, 0.25], [0.5, 1]]), [[0, 64], [128, 255]]),
        (np.array([[0, 0.25], [0.5, 0.75]]), [[0, 64], [128, 191]]),
        (np.array([[0, 1000], [2048, 4095]], np.uint16), [[0, 62], [128, 255]]),
        (np.array([[-1, 0], [0.5, 1]]), [[0, 128], [191, 255]]),
    ],
    ids=["0 to 255", "0 to 1", "below 1", "12 bits", "negative"],
)
def test_numbers_of_any_range_are_scaled_to_bytes(array: np.ndarray, expected: list[list[int]]) -> None:
    np.testing.assert_array_equal(np.asarray(load_image(array)), expected)


def test_array_of_huge_numbers_loads_like_its_small_copy() -> None:
    array = np.array([[-1.0, 0.0, 0.5], [0.9, 0.1, 0.7]])
    small, huge = (np.asarray(load_image(array * factor)) for factor in (2.0**100, 2.0**126))
    np.testing.assert_array_equal(small, huge)
    assert small.min() == 0


@pytest.mark.parametrize("array", [np.zeros((0, 5)), np.zeros(9), np.zeros((5, 5, 7))])
def test_array_of_another_shape_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UnreadablePictureError, match=r"must have shape .*: received shape \(.*\) of float64\."):
        load_image(array)


@pytest.mark.parametrize(
    "array",
    [
        np.full((5, 5), np.nan),
        np.full((5, 5), "x"),
        *(np.array([[0, far], [1, 2]]) for far in (np.nan, np.inf, -np.inf, 3.41e38, -3.41e38, 1e300)),
    ],
)
def test_array_of_anything_but_moderate_numbers_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UnreadablePictureError, match=r"must hold finite numbers .*: received shape \(., .\) of "):
        load_image(array)


def test_exif_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    file = BytesIO()
    drawing = on_paper(draw_seven())
    drawing.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(to_mnist(load_image(file.getvalue())), to_mnist(drawing))


@pytest.mark.parametrize("quality", [95, 75, 30])
def test_jpeg_of_a_drawing_loads_like_the_drawing(quality: int) -> None:
    file = BytesIO()
    on_paper(draw_seven()).save(file, "JPEG", quality=quality)
    assert difference(to_mnist(load_image(file.getvalue())), to_mnist(draw_seven())) < 4


def test_large_jpeg_is_decoded_at_half_its_size() -> None:
    file = BytesIO()
    Image.new("L", (4096, 5000)).save(file, "JPEG")
    assert load_image(file.getvalue()).size == (2048, 2500)


def test_palette_picture_with_transparency_is_read() -> None:
    sketch = Image.new("P", (100, 100), 0)
    sketch.putpalette([0, 0, 0, 0, 0, 0])  # black ink on transparent black
    sketch.paste(1, (40, 20, 50, 80))
    file = BytesIO()
    sketch.save(file, "GIF", transparency=0)
    image = to_mnist(load_image(file.getvalue()))
    assert image.mean() == pytest.approx(255 * 20 * 20 / 6 / 28**2, rel=0.01)


def test_missing_file_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="There is no file nowhere"):
        load_image("nowhere.png")


def test_file_that_is_not_a_picture_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="not a picture that can be read: send a PNG, JPEG, HEIC,"):
        load_image(b"%PDF-1.7 no picture")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_truncated_file_is_refused(kind: str) -> None:
    file = BytesIO()
    on_paper(draw_seven()).save(file, kind)
    with pytest.raises(UnreadablePictureError, match=r"damaged|not a picture"):
        load_image(file.getvalue()[: len(file.getvalue()) // 2])


@pytest.mark.parametrize("side", [9_000, 11_000, 20_000])
def test_picture_that_is_too_large_is_refused_before_it_is_decoded(side: int) -> None:
    file = BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    with pytest.raises(UnreadablePictureError, match="too large: send one of at most 40 megapixels"):
        load_image(file.getvalue())


@pytest.mark.parametrize("name", ["seven.heic", "turned.heic", "seven.avif"])
def test_picture_of_a_phone_is_read(classifier: Classifier, name: str) -> None:
    number = classifier.read_number(FILES[name])
    assert (number.text, load_image(FILES[name]).size) == ("7", picture_of_7().size)


def test_heic_that_says_it_is_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = (side.to_bytes(4, "big") for side in picture_of_7().size)
    larger = FILES["seven.heic"].replace(width + height, (9_000).to_bytes(4, "big") * 2)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(UnreadablePictureError, match="too large: send one of at most 40 megapixels"):
        load_image(larger)
    assert count_pixels(larger) == 81_000_000


def test_heic_whose_picture_is_larger_than_it_says_is_refused() -> None:
    content = encode(Image.effect_noise((300, 400), 50), "HEIF")
    width, height = (side.to_bytes(4, "big") for side in (300, 400))
    with pytest.raises(UnreadablePictureError, match="damaged"):
        load_image(content.replace(width + height, (100).to_bytes(4, "big") * 2))


def test_heic_that_would_keep_the_decoder_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [Image.new("L", (200, 100))] * 5
    content = encode(pictures[0], "HEIF", save_all=True, append_images=pictures[1:])
    assert load_image(content).size == (200, 100)
    monkeypatch.setattr(loading, "_MAX_CODED_PIXELS", 90_000)
    with pytest.raises(UnreadablePictureError, match="too many parts"):
        load_image(content)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_image_of_any_mode_is_flattened(mode: str) -> None:
    drawing = on_paper(draw_seven()).convert("L")
    image = (drawing.convert("RGB") if mode in ("CMYK", "YCbCr", "HSV") else drawing).convert(mode)
    (flat,), is_drawing = flatten(image)
    assert not is_drawing
    assert flat.mode == ("L" if mode in ("1", "L", "I", "F") else "RGB")
    # Dithering to black and white changes the pixels of the edges only.
    assert difference(np.asarray(flat.convert("L")), np.asarray(drawing)) < 0.6
    assert difference(to_mnist(image), to_mnist(drawing)) < (4 if mode == "1" else 1)


def test_16_bit_image_is_scaled_not_clipped() -> None:
    drawing = np.asarray(on_paper(draw_seven()).convert("L"))
    image = Image.fromarray(drawing.astype(np.uint16) * 257)
    assert image.mode == "I;16"
    (flat,), _ = flatten(image)
    np.testing.assert_array_equal(np.asarray(flat), drawing)
    np.testing.assert_array_equal(to_mnist(image), to_mnist(Image.fromarray(drawing)))


@pytest.mark.parametrize("ink", ["black", "white", "red"])
def test_ink_of_one_colour_on_transparent_becomes_black_on_white(ink: str) -> None:
    sketch = draw_seven()
    coloured = Image.new("RGBA", sketch.size, ink)
    coloured.putalpha(sketch.getchannel("A"))
    (flat,), is_drawing = flatten(coloured)
    assert is_drawing
    np.testing.assert_array_equal(np.asarray(flat), np.asarray(on_paper(sketch).convert("L")))
    assert difference(to_mnist(coloured), to_mnist(sketch)) < 0.5


def test_colour_of_what_cannot_be_seen_does_not_count() -> None:
    sketch = Image.new("RGBA", (100, 100), (0, 0, 255, 0))
    sketch.paste((200, 30, 30, 255), (40, 20, 50, 80))
    (flat,), is_drawing = flatten(sketch)
    assert is_drawing
    assert flat.getcolors() == [(600, 0), (9400, 255)]


def test_ink_of_several_colours_on_transparent_is_shown_on_white_and_on_black_paper() -> None:
    image = Image.new("RGBA", (100, 100))
    image.paste((10, 20, 30, 255), (40, 20, 50, 80))
    image.paste((200, 210, 220, 128), (50, 20, 60, 80))
    (on_white, on_black), is_drawing = flatten(image)
    assert not is_drawing
    for flat, paper, half in ((on_white, 255, (227, 232, 237)), (on_black, 0, (100, 105, 110))):
        assert flat.mode == "RGB"
        assert flat.getpixel((0, 0)) == (paper,) * 3
        assert flat.getpixel((45, 50)) == (10, 20, 30)
        np.testing.assert_allclose(np.asarray(flat)[50, 55], half, atol=1)


def test_opaque_picture_with_an_alpha_channel_is_shown_as_it_is() -> None:
    drawing = on_paper(draw_seven())
    (flat,), is_drawing = flatten(drawing.convert("RGBA"))
    assert not is_drawing
    assert flat == drawing


def test_pixels_are_counted_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    file = BytesIO()
    draw_seven().save(file, "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    assert count_pixels(file.getvalue()) == draw_seven().width * draw_seven().height
    assert count_pixels(b"seven") == count_pixels(b"") == 0


def progressive(side: int, more_scans: int) -> bytes:
    """Return a JPEG file that stores its last scan, and what belongs to it, over and over again."""
    file = BytesIO()
    Image.effect_noise((side, side), 50).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content[content.rfind(b"\xff\xc4") : -2]
    return content[:-2] + last * more_scans + content[-2:]


def test_small_picture_may_have_many_scans_and_a_large_one_the_usual_number() -> None:
    assert load_image(progressive(100, 100)).size == (100, 100)
    assert load_image(progressive(3000, 0)).width >= 1500


def test_jpeg_of_more_scans_than_can_be_decoded_soon_is_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="too many scans"):
        load_image(progressive(3000, 100))


@pytest.mark.parametrize("kind", ["EPS", "JPEG2000", "PPM"])
def test_kinds_of_files_that_nobody_sends_are_not_opened(kind: str) -> None:
    file = BytesIO()
    Image.new("L", (50, 50)).save(file, kind)
    with pytest.raises(UnreadablePictureError, match="not a picture that can be read"):
        load_image(file.getvalue())
