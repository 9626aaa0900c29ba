import base64
import io

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.web.pictures import (
    AGAINST,
    FOR,
    MAGNIFIED,
    draw_heat_map,
    encode_drawing,
    encode_png_url,
    encode_preview,
)
from tests.support.files import picture_of_7


def test_png_url_holds_the_picture() -> None:
    url = encode_png_url(picture_of_7())
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(picture_of_7()))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA"])
def test_drawing_keeps_its_pixels(mode: str) -> None:
    picture = picture_of_7().convert(mode)
    kept = Image.open(io.BytesIO(encode_drawing(picture)))
    np.testing.assert_array_equal(np.asarray(kept.convert("RGBA")), np.asarray(picture.convert("RGBA")))


@pytest.mark.parametrize(("mode", "kept"), [("CMYK", "RGB"), ("P", "RGB"), ("HSV", "RGB")])
def test_drawing_in_another_mode_is_kept_in_colour(mode: str, kept: str) -> None:
    assert Image.open(io.BytesIO(encode_drawing(picture_of_7().convert(mode)))).mode == kept


def test_drawing_is_kept_without_its_metadata_and_no_larger_than_needed() -> None:
    photo = Image.new("RGB", (2000, 3000), "white")
    photo.info = {"exif": b"Exif: taken at home", "icc_profile": b"of a certain camera", "dpi": (300, 300)}
    content = encode_drawing(photo)
    assert b"taken at home" not in content
    kept = Image.open(io.BytesIO(content))
    assert (kept.size, kept.info) == ((683, 1024), {})
    assert photo.size == (2000, 3000)  # the visitor's own picture is untouched
    assert photo.info


def test_heat_map_marks_ink_by_what_it_speaks_for_in_colours_and_with_holes() -> None:
    image = np.zeros((28, 28, 1), np.uint8)
    image[:, :9] = 200
    attribution = np.zeros((28, 28), np.float32)
    attribution[0, 0], attribution[1, 0], attribution[2, 0] = 4, -4, 1
    whole = np.asarray(draw_heat_map(image, attribution)).astype(int)
    heat = whole[::MAGNIFIED, ::MAGNIFIED]  # the corner of each pixel
    assert whole[2, 2].any()
    assert not whole[MAGNIFIED + 2, 2].any()
    np.testing.assert_array_equal(heat[0, 0], FOR)
    np.testing.assert_array_equal(heat[1, 0], AGAINST)
    assert (heat[2, 0] < FOR).all()
    assert set(heat[3, 0]) == {50}  # ink that speaks for neither is grey
    assert not heat[:, 9:].any()  # paper is black


def test_preview_is_as_small_as_the_page_shows_it() -> None:
    url = encode_preview(Image.new("I;16", (3200, 1600)))
    preview = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
    assert (preview.size, preview.format) == ((1024, 512), "JPEG")
