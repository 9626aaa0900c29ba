import numpy as np
import pytest
from PIL import Image

from mnist_cnn.handwriting.photography import blur, compress, expose, sample_light, sample_noise


@pytest.fixture
def page() -> Image.Image:
    """A dark bar on light paper."""
    page = Image.new("RGB", (150, 120), (220, 215, 200))
    page.paste((40, 40, 60), (70, 20, 80, 100))
    return page


def test_light_is_never_out_and_differs_from_place_to_place() -> None:
    lights = [sample_light(np.random.default_rng(seed), (90, 60)) for seed in range(40)]
    for light in lights:
        assert light.shape == (60, 90)
        assert light.dtype == np.float32
        assert light.min() >= np.float32(0.15)
        assert light.max() <= 1.8
    assert np.mean([np.ptp(light) > 0.1 for light in lights]) > 0.6


@pytest.mark.parametrize(("size", "channels"), [((50, 30), 1), ((500, 400), 3)])
def test_noise_has_the_pictures_size_and_a_deviation_of_one(size: tuple[int, int], channels: int) -> None:
    for seed in range(5):
        noise = sample_noise(np.random.default_rng(seed), size, channels)
        assert noise.shape == (size[1], size[0], channels)
        assert noise.std() == pytest.approx(1, abs=0.15)


def test_blur_takes_sharpness_and_nothing_else(page: Image.Image) -> None:
    for seed in range(10):
        blurred = np.asarray(blur(page, np.random.default_rng(seed), 10), float)
        assert blurred.shape == (120, 150, 3)
        assert blurred.mean() == pytest.approx(np.asarray(page).mean(), abs=2)
        assert (blurred != np.asarray(page)).any()
        for axis in (0, 1):
            steepest, before = (
                np.abs(np.diff(pixels, axis=axis)).max() for pixels in (blurred, np.asarray(page, float))
            )
            assert steepest <= before


def test_sensor_without_trouble_changes_nothing_and_one_with_trouble_does(page: Image.Image) -> None:
    for seed in range(10):
        plain, troubled = (expose(page, np.random.default_rng(seed), 0.7, 10, share) for share in (0, 1))
        np.testing.assert_allclose(np.asarray(plain, int), np.asarray(page, int), atol=1)
        assert troubled.size == page.size
        assert troubled.mode == "RGB"
        assert np.abs(np.asarray(troubled, float) - np.asarray(page)).mean() > 1


def test_noise_leaves_pale_ink_in_sight(page: Image.Image) -> None:
    pale = Image.blend(page, Image.new("RGB", page.size, (220, 215, 200)), 0.8)
    seen = []
    for seed in range(30):
        pixels = np.asarray(expose(pale, np.random.default_rng(seed), 0.14, 10, 0.6).convert("L"), float)
        seen.append(pixels[30:90, 50:60].mean() - pixels[30:90, 72:78].mean() > pixels[30:90, 10:40].std() / 3)
    assert np.mean(seen) > 0.8


def test_compression_keeps_the_size_and_leaves_traces(page: Image.Image) -> None:
    compressed = [compress(page, np.random.default_rng(seed)) for seed in range(5)]
    for image in compressed:
        assert (image.size, image.mode) == (page.size, "RGB")
        assert 0 < np.abs(np.asarray(image, float) - np.asarray(page)).mean() < 12
    assert len({image.tobytes() for image in compressed}) > 1
