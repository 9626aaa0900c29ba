"""The pictures that the page shows, and how a visitor's own picture is kept."""

import base64
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

from mnist_cnn.inference import Box

FOR, AGAINST = np.array([129, 140, 248]), np.array([251, 146, 60])  # as in page.css
FOUND_SIDE = 320  # pixels
MAX_DRAWING_SIDE = 1024  # pixels; a photo is kept no larger


def encode_png_url(image: Image.Image) -> str:
    """Return a picture as a data URL, which the page shows without another request."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def encode_drawing(image: Image.Image) -> bytes:
    """Return a visitor's picture as a PNG file, reduced to 1024 pixels a side where it is larger.

    Only the pixels are kept: Exif data would tell where a photo was taken.
    """
    bare = image.convert("RGBA") if image.has_transparency_data else image
    bare = bare.copy() if bare.mode in ("1", "L", "LA", "RGB", "RGBA") else bare.convert("RGB")
    bare.thumbnail((MAX_DRAWING_SIDE, MAX_DRAWING_SIDE))
    bare.info = {}
    file = io.BytesIO()
    bare.save(file, "PNG", compress_level=1)  # a visitor waits for it
    return file.getvalue()


def draw_heat_map(image: np.ndarray, attribution: np.ndarray) -> Image.Image:
    """Colour the ink by the digit that it speaks for; the stronger, the brighter.

    Args:
        image: uint8 array of shape (28, 28, 1).
        attribution: float32 array of shape (28, 28), as `Classifier.explain` returns it.
    """
    attribution = attribution[..., np.newaxis]
    strength = np.sqrt(np.abs(attribution) / max(np.abs(attribution).max(), 1e-6))
    colours = np.where(attribution > 0, FOR, AGAINST) * strength + image * 0.25 * (1 - strength)
    return Image.fromarray(colours.astype(np.uint8))


def draw_frames(image: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """Return a picture on white, no larger than the page shows it, with frames around parts of it."""
    scale = min(1.0, FOUND_SIDE / max(image.size))
    small = image.convert("RGBA").resize([max(1, round(side * scale)) for side in image.size])
    framed = Image.new("RGB", small.size, "white")
    framed.paste(small, mask=small.getchannel("A"))
    pencil = ImageDraw.Draw(framed)
    for box in boxes:
        left, top, right, bottom = (round(edge * scale) for edge in box)
        pencil.rectangle((left - 4, top - 4, right + 3, bottom + 3), outline=tuple(FOR.tolist()), width=3)
    return framed
