"""Picture files, damaged at random."""

import random

from PIL import Image, ImageDraw

from tests.support.files import encode


def seed_files() -> list[bytes]:
    """A small file of each format, to be damaged."""
    picture = Image.new("RGB", (24, 32), "white")
    ImageDraw.Draw(picture).line([(6, 5), (18, 5), (10, 28)], fill="black", width=4)
    plain = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "HEIF", "AVIF"]
    modes = [("PNG", "P"), ("PNG", "LA"), ("PNG", "1"), ("JPEG", "CMYK"), ("TIFF", "I;16"), ("GIF", "P")]
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        *(encode(picture, name) for name in plain),
        *(encode(picture.convert("L").convert(mode), name) for name, mode in modes),
        encode(picture, "JPEG", exif=exif, progressive=True),
        encode(picture, "TIFF", compression="tiff_lzw"),
        encode(picture, "PNG", save_all=True, append_images=[picture.rotate(90)]),
    ]


def damage(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or insert some bytes."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        place = rng.randrange(len(damaged) + 1) if rng.random() < 0.6 else rng.randrange(min(64, len(damaged) + 1))
        length = rng.choice([1, 1, 2, 4, 20])
        match rng.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                damaged[place : place + length] = rng.choice([b"\0", b"\xff", b"\x7f"]) * length
            case 2:
                del damaged[place : place + length]
            case 3:
                damaged[place:place] = damaged[place : place + length]
            case _:
                damaged = damaged[:place]
    return bytes(damaged)
