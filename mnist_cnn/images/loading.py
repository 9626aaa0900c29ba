"""A picture in any form -> an upright grey or colour image."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from mnist_cnn.errors import UnreadablePictureError
from mnist_cnn.images.heif import count_coded_pixels

ImageSource = Image.Image | np.ndarray | str | Path | bytes

# A decoded image takes up to 4 bytes per pixel, 160 MB, and finding the ink takes as much again.
MAX_PIXELS = 40_000_000

# Of the many kinds that Pillow knows, some run other programs, and some take seconds for a small file.
_FORMATS = ("PNG", "JPEG", "HEIF", "AVIF", "WEBP", "GIF", "BMP", "TIFF")

# Only the picture itself is decoded, and by one thread: how many work at once is the caller's decision.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)

# A progressive JPEG of the largest size usually has ten scans, each over all its pixels. A small file can have
# thousands, and take minutes.
_MAX_SCANNED_PIXELS = 10 * MAX_PIXELS
_START_OF_SCAN = b"\xff\xda"  # ITU-T T.81, table B.1; can't occur in a scan

# A phone's HEIC file holds the picture in tiles, of which the last ones stick out, and a few smaller ones besides it.
_MAX_CODED_PIXELS = 2 * MAX_PIXELS

_BROKEN = (EOFError, OSError, RuntimeError, SyntaxError, ValueError)  # what decoders raise on broken files

_PAPERS = ("white", "black")  # behind a transparent picture

_ORIENTATION_TAG = 0x0112  # of Exif 2.3, section 4.6.4; 1 is upright

# In single precision, sums and powers of two of smaller numbers stay finite.
_MAX_MAGNITUDE = 1e38


def load_image(source: ImageSource) -> Image.Image:
    """Return the decoded picture, turned upright as its Exif data says.

    Args:
        source: a PIL image, the path or the content of a file, or an array of shape (height, width) or (height, width,
            channels). One channel is grey, two are grey and alpha, three RGB, four RGBA; leading axes of length 1 are
            dropped. Values are booleans, integers of 8 bits or more, or floats in 0 to 1 or 0 to 255.

    Returns:
        An image of any mode. Of an animation, the current frame.

    Raises:
        UnreadablePictureError: if the source is not a picture, is damaged, or has more than `MAX_PIXELS` pixels.
    """
    if isinstance(source, np.ndarray):
        return _image_from_array(source)
    try:
        return _decode(source)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"The picture is too large: send one of at most {MAX_PIXELS // 10**6} megapixels."
        raise UnreadablePictureError(message) from error
    except FileNotFoundError as error:
        raise UnreadablePictureError(f"There is no file {source!s}: check the path.") from error
    except UnidentifiedImageError as error:
        message = "This is not a picture that can be read: send a PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP or TIFF file."
        raise UnreadablePictureError(message) from error
    except _BROKEN as error:
        raise UnreadablePictureError(f"The picture is damaged or incomplete ({error}): send it again.") from error


def count_pixels(content: bytes) -> int:
    """Return how many pixels a picture's file says that it has, without decoding it; 0 if it is no picture."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            return image.width * image.height
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 0


def flatten(image: Image.Image) -> tuple[list[Image.Image], bool]:
    """Return the image in mode L or RGB, with paper behind its transparent parts.

    Returns:
        One image; two, on white and on black paper, where only the network can tell which shows the ink. And whether it
        is a drawing of one colour on transparency: dark ink on white, mode L.
    """
    if image.mode.startswith(("I", "F")):
        image = _image_from_array(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema() != (255, 255):
            colours = image.convert("RGB")
            if _has_one_colour(colours, alpha):  # the coverage holds the whole drawing
                return [ImageChops.invert(alpha)], True
            return [Image.composite(colours, Image.new("RGB", image.size, paper), alpha) for paper in _PAPERS], False
    mode = "L" if image.mode in ("1", "L") else "RGB"
    return [image if image.mode == mode else image.convert(mode)], False


def _has_one_colour(colours: Image.Image, alpha: Image.Image) -> bool:
    """Return whether all that shows has the same colour."""
    if colours.getcolors(1):
        return True
    shown = np.asarray(colours)[np.asarray(alpha) > 0]
    return bool((shown == shown[:1]).all())


def _decode(source: Image.Image | str | Path | bytes) -> Image.Image:
    """Decode a picture and turn it upright; raises whatever Pillow does."""
    if isinstance(source, Image.Image):
        image = source
    else:
        image = Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
        scans = source.count(_START_OF_SCAN) if isinstance(source, bytes) and image.format in ("JPEG", "MPO") else 0
        if scans * image.width * image.height > _MAX_SCANNED_PIXELS:
            raise UnreadablePictureError("The picture is stored in too many scans: save it anew, and send that file.")
        if isinstance(source, bytes) and image.format in ("HEIF", "AVIF"):
            coded = count_coded_pixels(source)
            if coded > _MAX_CODED_PIXELS and image.width * image.height <= MAX_PIXELS:
                raise UnreadablePictureError(
                    "The picture is stored in too many parts: save it anew, and send that file."
                )
        # A JPEG with sides of at least twice this length is decoded at half the size, in half the time.
        image.draft(None, (2048, 2048))
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    image.load()
    if image.getexif().get(_ORIENTATION_TAG, 1) != 1:
        image = ImageOps.exif_transpose(image)
    return image


def _image_from_array(array: np.ndarray) -> Image.Image:
    """Return an array, as `load_image` describes it, as an image of mode L, LA, RGB or RGBA."""
    received = f"received shape {array.shape} of {array.dtype}."
    while array.ndim > 2 and array.shape[0] == 1 and (array.ndim > 3 or array.shape[-1] > 4):
        array = array[0]
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] > 4):
        message = f"An image array must have shape (height, width) or (height, width, 1 to 4): {received}"
        raise UnreadablePictureError(message)
    if array.dtype.kind not in "buif" or not max(-float(array.min()), float(array.max())) < _MAX_MAGNITUDE:
        message = f"An image array must hold finite numbers between -1e38 and 1e38: {received}"
        raise UnreadablePictureError(message)
    return Image.fromarray(_to_uint8(array))


def _to_uint8(values: np.ndarray) -> np.ndarray:
    """Scale numbers of any range to 0 to 255.

    Black is 0, or the minimum if that is negative. White is 1 if no value is larger; else it is the largest integer
    with as many bits as the maximum needs, but at least 8.
    """
    top = float(values.max())
    if values.dtype == np.uint8 and top > 1:
        return values
    bottom = min(float(values.min()), 0.0)
    top = 2.0 ** max(8, np.ceil(np.log2(top + 1))) - 1 if top > 1 else 1.0
    return np.round((values.astype(np.float32) - bottom) * (255 / (top - bottom))).astype(np.uint8)
