"""The photos that a visitor can try the page with: pages of a notebook, drawn by program."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.web.pictures import encode_preview

SIZE = (320, 240)
PAPER, LINES, INK = (236, 230, 216), (176, 196, 214), (38, 44, 92)
HEIGHT, ADVANCE, PEN_WIDTH = 138, 80, 9  # pixels; of a digit with its pen, and from one to the next


def build_photos() -> list[dict[str, str]]:
    """Return photos of a number, of a digit on squared paper and of one in shadow: what they show, and a data URL."""
    rng = np.random.default_rng(13)  # a steady hand
    number = _write([(2, "loop"), (0, "closed"), (6, "plain")], rng)
    squared = _write([(5, "plain")], rng, squared=True)
    shaded = _shade(_write([(3, "flat top")], rng))
    photos = {"the number 206": number, "a 5 on squared paper": squared, "a 3 in shadow": shaded}
    return [{"name": name, "url": encode_preview(photo)} for name, photo in photos.items()]


def _write(digits: Sequence[tuple[int, str]], rng: np.random.Generator, squared: bool = False) -> Image.Image:
    """Return a page with digits of given styles."""
    photo = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(photo)
    if squared:
        for place in range(10, max(SIZE), 30):
            pen.line([(place, 0), (place, SIZE[1])], LINES)
            pen.line([(0, place), (SIZE[0], place)], LINES)
    for place, (digit, style) in enumerate(digits):
        ink = render(sample_strokes(digit, rng, style), HEIGHT, PEN_WIDTH)
        left = (SIZE[0] - HEIGHT) // 2 + round((place - (len(digits) - 1) / 2) * ADVANCE)
        photo.paste(INK, (left, (SIZE[1] - HEIGHT) // 2), ink)
    return photo.filter(ImageFilter.GaussianBlur(1))


def _shade(photo: Image.Image) -> Image.Image:
    """Return a photo on whose right half a soft shadow lies."""
    light = Image.new("L", SIZE, 255)
    ImageDraw.Draw(light).polygon([(190, 0), (SIZE[0], 0), SIZE, (110, SIZE[1])], 130)
    light = light.filter(ImageFilter.GaussianBlur(12))
    return ImageChops.multiply(photo, light.convert("RGB"))
