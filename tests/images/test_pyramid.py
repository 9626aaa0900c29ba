import numpy as np
import pytest
from PIL import Image

from mnist_cnn.images.pyramid import Pyramid


@pytest.fixture(scope="module")
def pyramid() -> Pyramid:
    """Grey on the left, red on the right; no side is a multiple of two."""
    picture = Image.new("RGB", (1001, 701), (90, 90, 90))
    picture.paste((200, 10, 10), (500, 0, 1001, 701))
    return Pyramid(picture)


@pytest.mark.parametrize("size", [(5, 4), (40, 9), (80, 80), (333, 500), (900, 1200)])
def test_view_of_an_even_area_is_even_and_as_large_as_asked_for(pyramid: Pyramid, size: tuple[int, int]) -> None:
    for area, colour in (((10.3, 20.8, 400.2, 650), (90, 90, 90)), ((600, 300.5, 1001, 701), (200, 10, 10))):
        view = pyramid.view(area, size)
        assert view.size == size
        assert view.getcolors() == [(size[0] * size[1], colour)]


def test_whole_picture_at_its_own_size_is_the_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (41, 67), np.uint8)
    pyramid = Pyramid(Image.fromarray(pixels))
    assert pyramid.area == (0, 0, 67, 41)
    np.testing.assert_array_equal(np.asarray(pyramid.view(pyramid.area, pyramid.size)), pixels)


@pytest.mark.parametrize("shrink", [2.5, 4, 9, 30])
def test_a_spot_lies_where_it_is_in_the_picture_at_any_scale(shrink: float) -> None:
    picture = Image.new("L", (1200, 900))
    picture.paste(255, (640, 300, 700, 360))
    left, top = 500, 200  # the spot's middle is 170 and 130 pixels from this corner
    size = round(400 / shrink), round(300 / shrink)
    view = np.asarray(Pyramid(picture).view((left, top, left + 400, top + 300), size), float)
    rows, columns = np.indices(view.shape) + 0.5
    middle = np.array([np.average(columns, weights=view), np.average(rows, weights=view)])
    np.testing.assert_allclose(middle * (400 / size[0], 300 / size[1]), (170, 130), atol=0.4 * shrink)


def test_shrunk_noise_is_averaged_and_not_picked() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024), np.uint8)
    pyramid = Pyramid(Image.fromarray(noise))
    assert np.asarray(pyramid.view(pyramid.area, (32, 32))).std() < noise.std() / 10
