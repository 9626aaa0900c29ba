import base64
import io

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.web.pictures import AGAINST, FOR, draw_frames, draw_heat_map, encode_drawing, encode_png_url
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


def test_heat_map_colours_ink_by_what_it_speaks_for() -> None:
    image = np.zeros((28, 28, 1), np.uint8)
    image[:, :9] = 200
    attribution = np.zeros((28, 28), np.float32)
    attribution[0, 0], attribution[1, 0], attribution[2, 0] = 4, -4, 1
    heat = np.asarray(draw_heat_map(image, attribution)).astype(int)
    np.testing.assert_array_equal(heat[0, 0], FOR)
    np.testing.assert_array_equal(heat[1, 0], AGAINST)
    assert (heat[2, 0] < FOR).all()
    assert set(heat[3, 0]) == {50}  # ink that speaks for neither is grey
    assert not heat[:, 9:].any()  # paper is black


def test_frame_goes_around_the_box() -> None:
    framed = np.asarray(draw_frames(Image.new("RGB", (100, 80)), [(30, 20, 60, 50)]))
    assert framed.shape == (80, 100, 3)
    rows, columns = np.nonzero((framed == FOR).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (16, 53, 26, 63)
    assert not framed[20:50, 30:60].any()


def test_frames_of_a_large_picture_are_as_small_as_the_page_shows_it() -> None:
    framed = draw_frames(Image.new("RGBA", (3200, 1600)), [(1000, 1000, 2000, 1500), (100, 100, 500, 500)])
    assert framed.size == (320, 160)
    assert framed.getpixel((5, 5)) == (255, 255, 255)  # transparent parts are white
    for corner in ((98, 98), (8, 8)):
        np.testing.assert_array_equal(framed.getpixel(corner), FOR)
