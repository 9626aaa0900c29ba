"""The pictures that the page shows, and how a visitor's own picture is kept."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from mnist_cnn.errors import UnreadablePictureError

FOR, AGAINST = np.array([129, 140, 248]), np.array([251, 146, 60])  # as in page.css
MAGNIFIED = 4  # times, so that there is room for a hole in a pixel
PREVIEW_SIDE = 1024  # pixels
MAX_DRAWING_SIDE = 1024  # pixels; a photo is kept no larger
LEAST_SIDE, LEAST_SHARE = 8, 0.01  # of a visitor's frame, in pixels and of the picture's longer side
BAD_FRAME = "The frame is too small, or outside the picture: draw it around the whole digit."


def encode_png_url(image: Image.Image) -> str:
    """Return a picture as a data URL, which the page shows without another request."""
    return _encode_url(image, "png")


def encode_preview(image: Image.Image) -> str:
    """Return a picture as the data URL of a JPEG file, no larger than the page shows it."""
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return _encode_url(small, "jpeg", quality=80)


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


def cut_out(image: Image.Image, frame: Any) -> Image.Image:  # noqa: ANN401  # it comes from a browser
    """Return the part of a picture inside a visitor's frame.

    Args:
        image: the whole picture.
        frame: left, top, width and height, as shares of the picture's; what is outside of it is ignored.

    Raises:
        UnreadablePictureError: if that is none, or leaves too little of the picture.
    """
    try:
        x, y, width, height = map(float, frame)
        shares = zip((x, y, x + width, y + height), image.size * 2, strict=True)
        left, top, right, bottom = (round(min(max(share, 0.0), 1.0) * side) for share, side in shares)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadablePictureError(BAD_FRAME) from error
    if min(right - left, bottom - top) < max(LEAST_SIDE, LEAST_SHARE * max(image.size)):
        raise UnreadablePictureError(BAD_FRAME)
    return image.crop((left, top, right, bottom))


def draw_heat_map(image: np.ndarray, attribution: np.ndarray) -> Image.Image:
    """Colour the ink by the digit that it speaks for; the stronger, the brighter.

    What speaks against the first has holes, for those who can't tell the colours apart.

    Args:
        image: uint8 array of shape (28, 28, 1).
        attribution: float32 array of shape (28, 28), as `Classifier.explain` returns it.
    """
    attribution = attribution[..., np.newaxis]
    strength = np.sqrt(np.abs(attribution) / max(np.abs(attribution).max(), 1e-6))
    colours = np.where(attribution > 0, FOR, AGAINST) * strength + image * 0.25 * (1 - strength)
    pixel = np.ones((MAGNIFIED, MAGNIFIED, 1))
    hole = np.pad(np.ones((MAGNIFIED - 2, MAGNIFIED - 2, 1)), ((1, 1), (1, 1), (0, 0)))
    magnified = np.kron(colours, pixel) * (1 - np.kron(attribution < 0, hole))
    return Image.fromarray(magnified.astype(np.uint8))


def _encode_url(image: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
