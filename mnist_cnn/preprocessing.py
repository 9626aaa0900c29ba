"""Any picture of a digit -> the 28x28 image that MNIST would have made of it."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from mnist_cnn.ink import EmptyPictureError, Found, find_ink
from mnist_cnn.limits import MAX_PIXELS

__all__ = ["IMAGE_SHAPE", "NUM_CLASSES", "EmptyPictureError", "Found", "UnreadablePictureError", "find_digit"]
__all__ += ["load_picture", "to_mnist"]

IMAGE_SHAPE = (28, 28, 1)
NUM_CLASSES = 10

# MNIST's construction, measured on its training split: the longer side of the ink spans 20 pixels, and the ink's centre
# of mass lies in the pixel of row 14, column 14, whose own centre is 14.5 pixels from the edge.
INK_SIDE = 20
_CENTRE = 14.5

# Ink fainter than this doesn't count when the ink's box is measured: it is JPEG noise or a soft brush's fringe.
# 99.97 % of MNIST's training images keep their box.
_FAINTEST_EDGE = 32
_ORIENTATION_TAG = 0x0112  # Exif
_LARGEST = 1e38  # sums and powers of 2 that far from zero are still finite in single precision


class UnreadablePictureError(ValueError):
    """The source is no picture, is damaged, or is too large."""


def load_picture(source: Image.Image | np.ndarray | str | Path | bytes) -> Image.Image:
    """Read a picture, upright as its Exif data says.

    Args:
        source: a PIL image, a file's path or content, or an array of shape (height, width) or (height, width, 1 to 4):
            grey, grey and alpha, RGB or RGBA; axes of length 1 before these are dropped. Integers of 8 bits or more,
            booleans, or floats from 0 to 1 or 0 to 255.

    Returns:
        The picture, decoded; of an animation, the current frame.

    Raises:
        UnreadablePictureError: if it can't be read.
    """
    if isinstance(source, np.ndarray):
        return _picture_from_array(source)
    try:
        if isinstance(source, Image.Image):
            picture = source
        else:
            picture = Image.open(BytesIO(source) if isinstance(source, bytes) else source)
            picture.draft(
                None, (2048, 2048)
            )  # a JPEG of twice that or more is decoded at half its size, in half the time
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        picture.load()
        if picture.getexif().get(_ORIENTATION_TAG, 1) != 1:
            picture = ImageOps.exif_transpose(picture)
        return picture
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"The picture is too large: send one of at most {MAX_PIXELS // 10**6} megapixels."
        raise UnreadablePictureError(message) from error
    except FileNotFoundError as error:
        raise UnreadablePictureError(f"There is no file {source!s}: check the path.") from error
    except UnidentifiedImageError as error:
        message = "This is not a picture that can be read: send a PNG, JPEG, WebP, GIF, BMP or TIFF file."
        raise UnreadablePictureError(message) from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise on broken files
        raise UnreadablePictureError(f"The picture is damaged or incomplete ({error}): send it again.") from error


def to_mnist(picture: Image.Image) -> np.ndarray:
    """Turn a drawing or a photo of one digit into the image that MNIST would hold.

    Follows the steps by which MNIST was made from NIST (LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section III.A): the ink is scaled to fit 20x20 pixels and its centre of mass put at the centre.

    Args:
        picture: any size and mode; dark ink on light or light on dark, transparency allowed.

    Returns:
        uint8 array of shape (28, 28, 1); 0 is paper, 255 is ink.

    Raises:
        EmptyPictureError: if there is no ink.
    """
    return _normalize(find_digit(picture).ink)


def find_digit(picture: Image.Image) -> Found:
    """Find the ink of a digit, and the part of the picture in which it lies; takes and raises what `to_mnist` does."""
    return find_ink(_flatten(picture))


def _picture_from_array(array: np.ndarray) -> Image.Image:
    """Return an array of any usual dtype and shape as a picture of mode L, LA, RGB or RGBA."""
    received = f"received shape {array.shape} of {array.dtype}"
    while array.ndim > 2 and array.shape[0] == 1 and (array.ndim > 3 or array.shape[-1] > 4):
        array = array[0]
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] > 4):
        message = f"A picture's array has the shape (height, width) or (height, width, 1 to 4): {received}."
        raise UnreadablePictureError(message)
    if array.dtype.kind not in "buif" or not max(-float(array.min()), float(array.max())) < _LARGEST:
        raise UnreadablePictureError(f"A picture's array holds numbers from -1e38 to 1e38: {received}.")
    return Image.fromarray(_to_bytes(array))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Scale numbers of any range to uint8: from 0 (or the least) to 1, to 255 or to the next full number of bits."""
    top = float(values.max())
    if values.dtype == np.uint8 and top > 1:
        return values
    bottom = min(float(values.min()), 0.0)
    top = 2.0 ** max(8, np.ceil(np.log2(top + 1))) - 1 if top > 1 else 1.0
    return np.round((values.astype(np.float32) - bottom) * (255 / (top - bottom))).astype(np.uint8)


def _flatten(picture: Image.Image) -> Image.Image:
    """Return the picture in mode L or RGB, transparent parts filled with the paper that its ink needs."""
    if picture.mode.startswith(("I", "F")):
        return _picture_from_array(np.asarray(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        if alpha.getextrema() != (255, 255):
            return _fill_transparency(picture.convert("RGB"), alpha)
    mode = "L" if picture.mode in ("1", "L", "LA") else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _fill_transparency(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    """Put the picture on paper: its own where it shows some, else white under dark ink and black under light ink."""
    if picture.getcolors(1):  # ink of a single colour: its coverage says all
        return ImageChops.invert(alpha)
    visible = picture.convert("L").histogram(alpha.point([0] * 128 + [255] * 128))
    dark, typical, light = np.searchsorted(np.cumsum(visible), np.array([0.02, 0.5, 0.98]) * sum(visible))
    if light - dark < 64:  # the ink alone
        paper = 0 if typical > 127 else 255
    else:
        paper = int(light if light - typical < typical - dark else dark)
    return Image.composite(picture, Image.new("RGB", picture.size, (paper, paper, paper)), alpha)


def _normalize(ink: np.ndarray) -> np.ndarray:
    """Scale the ink to fit 20x20 pixels and put its centre of mass at the centre of 28x28.

    Each pixel is the mean of the area that it covers, be it many pixels of the ink or a part of one. The ink moves by
    whole pixels of the result, as in MNIST, so that MNIST's own images come back unchanged.
    """
    ink = ink.astype(np.float32)
    spans = [np.flatnonzero(ink.max(axis=1 - axis) >= _FAINTEST_EDGE)[[0, -1]] + (0, 1) for axis in (0, 1)]
    scale = max(end - start for start, end in spans) / INK_SIDE
    rows, columns = (_coverage(ink.sum(axis=1 - axis), spans[axis], scale) for axis in (0, 1))
    # Not by BLAS, whose threads wait for one another some 15 milliseconds where another process has a core.
    image = np.einsum("ij,lj->il", np.einsum("ij,jk->ik", rows, ink), columns)
    return np.round(image * (255 / image.max())).astype(np.uint8).reshape(IMAGE_SHAPE)


def _coverage(mass: np.ndarray, span: np.ndarray, scale: float) -> np.ndarray:
    """Return the share of each output pixel that each ink pixel covers, along one axis.

    Args:
        mass: ink in each row or column, shape (n,).
        span: where the ink's box begins and ends.
        scale: ink pixels per output pixel.

    Returns:
        float32 array of shape (28, n).
    """
    side = IMAGE_SHAPE[0]
    edges = (np.arange(len(mass) + 1) - span[0]) / scale
    centre = np.average((edges[:-1] + edges[1:]) / 2, weights=mass)
    room = side - int(np.ceil(np.ptp(span) / scale - 1e-6))
    edges += np.clip(round(_CENTRE - centre), 0, room)  # the ink stays inside, however uneven it is
    pixels = np.arange(side)[:, np.newaxis]
    covered = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    return np.clip(covered, 0, None).astype(np.float32)
