"""What a camera and a file make of a picture: light and shadow, blur, fog, noise, and compression."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from mnist_cnn.handwriting.surfaces import Size, smooth_field, stencil


def sample_light(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Return how much light falls on each pixel: shape (height, width), float32 from 0.15 to 1.8."""
    light = np.ones((size[1], size[0]), np.float32)
    if rng.random() < 0.6:
        light *= 1 - rng.uniform(0.1, 0.7) * smooth_field(rng, size, (1, 1))
    if rng.random() < 0.4:
        light *= 1 - rng.uniform(0.1, 0.5) * smooth_field(rng, size, (4, 4))
    if rng.random() < 0.45:
        middle, reach = rng.random(2) * size, max(size) * rng.uniform(0.3, 1.2)
        turn = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        shape = stencil(size, [middle + reach * np.stack([np.cos(turn), np.sin(turn)], axis=1)])
        shape = shape.filter(ImageFilter.GaussianBlur(max(size) * float(rng.choice([0.002, 0.01, 0.05]))))
        light *= 1 - rng.uniform(0.2, 0.6) / 255 * np.asarray(shape, np.float32)
    if rng.random() < 0.3:
        x, y = np.linspace(-1, 1, size[0], dtype=np.float32), np.linspace(-1, 1, size[1], dtype=np.float32)
        light *= 1 - rng.uniform(0.1, 0.35) * (x**2 + y[:, None] ** 2)
    if rng.random() < 0.15:  # a reflection
        light *= 1 + rng.uniform(0.2, 0.8) * np.clip(3 * smooth_field(rng, size, (5, 5)) - 2, 0, 1)
    return np.maximum(light, 0.15)


def blur(image: Image.Image, rng: np.random.Generator, pen: float) -> Image.Image:
    """Return the picture out of focus or shaken, by no more than a share of the pen's width in pixels."""
    radius = pen * rng.uniform(0.1, 0.6)
    kind = rng.random()
    if kind < 0.5:
        return image.filter(ImageFilter.GaussianBlur(radius))
    if kind < 0.8:
        return image.filter(ImageFilter.BoxBlur(radius))
    return image.filter(ImageFilter.BoxBlur((radius, 0) if rng.random() < 0.5 else (0, radius)))


def sample_noise(rng: np.random.Generator, size: Size, channels: int) -> np.ndarray:
    """Return noise of standard deviation 1 and shape (height, width, channels), float32: fine or coarse grains."""
    side = 384  # what is larger repeats the noise, for speed
    grain = int(rng.choice([1, 1, 1, 2, 3]))
    shape = tuple(min(extent, side) // grain + 1 for extent in (size[1], size[0]))
    noise = rng.standard_normal((*shape, channels), dtype=np.float32).repeat(grain, 0).repeat(grain, 1)
    repeats = (-(-size[1] // noise.shape[0]), -(-size[0] // noise.shape[1]), 1)
    return np.tile(noise, repeats)[: size[1], : size[0]]


def expose(image: Image.Image, rng: np.random.Generator, contrast: float, pen: float, trouble: float) -> Image.Image:
    """Return the picture as a sensor sees it, with a random share of all troubles.

    Args:
        image: RGB.
        rng: the only source of randomness.
        contrast: between the ink and its paper, 0 to 1, against which noise is measured.
        pen: the pen's width in pixels; thin lines get less noise, because they drown in it.
        trouble: the probability of each trouble.
    """
    pixels = np.asarray(image, np.float32) / 255
    if rng.random() < 0.5 * trouble:  # fog, or a weak pen on a dull day
        share = min(1.0, float(np.exp(rng.uniform(np.log(0.1), np.log(0.6)))) / max(contrast, 0.1))
        pixels = share * pixels + (1 - share) * rng.random()
        contrast *= share
    if rng.random() < trouble:  # white balance
        pixels = pixels * rng.uniform(0.75, 1.1, 3).astype(np.float32)
    if rng.random() < trouble:  # tone
        pixels = np.maximum(pixels, 0) ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.4 * trouble:  # exposure
        pixels = pixels * np.float32(rng.uniform(0.5, 1.25))
    strength = contrast * min(1, 0.3 + pen / 6)
    if rng.random() < 0.25 * trouble:
        pixels = pixels + strength * rng.uniform(0.03, 0.2) * _sample_scan_lines(rng, image.size)
    if rng.random() < trouble:
        noise = sample_noise(rng, image.size, int(rng.choice([1, 3])))
        if rng.random() < 0.4:  # shot noise grows with the light
            noise = noise * np.sqrt(np.clip(pixels.mean(axis=-1, keepdims=True), 0.02, 1))
        pixels = pixels + np.float32(strength * np.exp(rng.uniform(np.log(0.02), np.log(0.3)))) * noise
    if rng.random() < 0.25 * trouble and max(image.size) < 1200:  # salt and pepper
        lost = rng.random((image.height, image.width, 1), dtype=np.float32)
        rate = rng.uniform(0.002, 0.03) * min(1, 0.3 + pen / 6)
        pixels = np.where(lost < rate, (lost < rate / 2).astype(np.float32), pixels)
    return Image.fromarray((255 * np.clip(pixels, 0, 1)).astype(np.uint8))


def _sample_scan_lines(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Return waves of any angle and a period of 2 to 12 pixels: shape (height, width, 1), float32 from -1 to 1."""
    frequency, angle = 2 * np.pi / rng.uniform(2, 12), rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)[:, None]
    return np.sin(np.float32(frequency * np.cos(angle)) * y + np.float32(frequency * np.sin(angle)) * x)[..., None]


def compress(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the picture after JPEG compression of any quality in which shapes survive."""
    file = BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(15 if min(image.size) > 100 else 40, 95)))
    return Image.open(file).convert("RGB")
