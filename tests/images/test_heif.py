import pytest
from PIL import Image

from mnist_cnn.images.heif import count_coded_pixels
from tests.support.files import FILES, encode


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def file_of(parts: dict[int, list[int]], sides: dict[int, int]) -> bytes:
    """Return the head of a file of square pictures, some of them put together from others."""
    references = b"".join(
        box(b"dimg", b"".join(number.to_bytes(2, "big") for number in (item, len(of), *of)))
        for item, of in parts.items()
    )
    sizes = b"".join(box(b"ispe", bytes(4) + side.to_bytes(4, "big") * 2) for side in sides.values())
    links = b"".join(item.to_bytes(2, "big") + bytes([1, 0x81 + index]) for index, item in enumerate(sides))
    links = bytes(4) + len(sides).to_bytes(4, "big") + links
    properties = box(b"iprp", box(b"ipco", sizes) + box(b"ipma", links))
    return box(b"ftyp", b"heic") + box(b"meta", bytes(4) + box(b"iref", bytes(4) + references) + properties)


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_picture_of_one_piece_has_its_own_pixels(name: str) -> None:
    assert count_coded_pixels(encode(Image.new("L", (320, 256)), name)) == 320 * 256


def test_tile_counts_as_often_as_it_is_used() -> None:
    assert count_coded_pixels(file_of({1: [2] * 1000}, {1: 600, 2: 500, 3: 100})) == 1000 * 500**2 + 100**2
    assert count_coded_pixels(file_of({1: [2] * 1000, 2: [3] * 1000}, {1: 9, 2: 9, 3: 500})) == 10**6 * 500**2


@pytest.mark.parametrize("parts", [{1: [1]}, {1: [2], 2: [1]}, {item: [item + 1] for item in range(1, 9)}])
def test_parts_of_parts_without_end_are_refused(parts: dict[int, list[int]]) -> None:
    with pytest.raises(ValueError, match="without end"):
        count_coded_pixels(file_of(parts, {1: 9, 2: 9}))


def test_damaged_head_is_refused() -> None:
    with pytest.raises(ValueError, match="too early"):
        count_coded_pixels(file_of({1: [2]}, {1: 9}).replace(b"\0\1\0\1\0\2", b"\0\1\0\x09\0\2"))
    with pytest.raises(ValueError, match="shorter"):
        count_coded_pixels(b"\0\0\0\7ftypheic")
    assert count_coded_pixels(FILES["seven.heic"][:20]) == 0
