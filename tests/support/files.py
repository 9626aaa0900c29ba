"""Picture files of a 7 in many formats, and what turns pictures into files."""

import base64
import io

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()


def picture_of_7() -> Image.Image:
    picture = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(picture).line([(80, 70), (220, 70), (130, 340)], fill="black", width=26, joint="curve")
    return picture


def encode(picture: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def turned(picture: Image.Image, file_format: str = "JPEG") -> bytes:
    """The picture lying on its side, with the Exif orientation that sets it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = picture.transpose(Image.Transpose.ROTATE_90)
    lying.info["exif"] = exif.tobytes()  # of which HEIC's encoder makes the turn that phones write
    return encode(lying, file_format, **({} if file_format == "HEIF" else {"exif": exif}))


def sixteen_bit(picture: Image.Image) -> bytes:
    return encode(Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257), "PNG")


def black_on_transparent(picture: Image.Image) -> bytes:
    sheet = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    sheet.putalpha(picture.convert("L").point(lambda value: 255 - value))
    return encode(sheet, "PNG")


FILES = {
    "seven.png": encode(picture_of_7(), "PNG"),
    "palette.gif": encode(picture_of_7(), "GIF"),
    "cmyk.jpg": encode(picture_of_7().convert("CMYK"), "JPEG"),
    "turned.jpg": turned(picture_of_7()),
    "sixteen-bit.png": sixteen_bit(picture_of_7()),
    "transparent.png": black_on_transparent(picture_of_7()),
    "seven.webp": encode(picture_of_7(), "WEBP"),
    "seven.bmp": encode(picture_of_7(), "BMP"),
    "seven.heic": encode(picture_of_7(), "HEIF"),
    "turned.heic": turned(picture_of_7(), "HEIF"),
    "seven.avif": encode(picture_of_7(), "AVIF"),
    "seven.tif": encode(picture_of_7(), "TIFF"),
}
