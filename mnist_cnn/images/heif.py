"""What a HEIC or AVIF file would have a decoder do, found in its head without decoding anything."""

from collections import defaultdict
from collections.abc import Iterator

# ISO/IEC 14496-12 (boxes, meta, pitm, iref) and ISO/IEC 23008-12 (iprp, ipco, ipma, ispe).

_MAX_DEPTH = 4  # of pictures that are put together from others; those of phones have one level


def count_coded_pixels(content: bytes) -> int:
    """Return how many pixels have to be decoded for all pictures of a file, those of their tiles and layers included.

    A picture can be put together from others, and these can be used many times, so that a small file of a small picture
    would keep a decoder busy for hours.

    Raises:
        ValueError: if the file's head is damaged, or its pictures are parts of parts of parts.
    """
    meta = next((body for kind, body in _iterate_boxes(content) if kind == b"meta"), None)
    if meta is None:  # a sequence, of which only the first frame is decoded
        return 0
    boxes = dict(_iterate_boxes(meta[4:]))
    parts = _find_parts(boxes.get(b"iref", b""))
    areas = _find_areas(dict(_iterate_boxes(boxes.get(b"iprp", b""))))
    counted: dict[int, int] = {}
    for item in _order(parts):
        counted[item] = sum(counted.get(part, areas.get(part, 0)) for part in parts[item])
    used = {part for item in parts for part in parts[item]}
    return sum(counted.get(item, areas.get(item, 0)) for item in (areas.keys() | parts.keys()) - used)


def _order(parts: dict[int, list[int]]) -> list[int]:
    """Return the items that have parts, each after those of its parts that have parts themselves."""
    ordered: list[int] = []
    left = set(parts)
    for _ in range(_MAX_DEPTH):
        ready = {item for item in left if left.isdisjoint(parts[item])}
        ordered += ready
        left -= ready
    if left:
        raise ValueError("its pictures are parts of parts without end")
    return ordered


def _iterate_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each box."""
    start = 0
    while start + 8 <= len(content):
        size, head = _read(content, start, 4), 8
        if size == 1:
            size, head = _read(content, start + 8, 8), 16
        elif size == 0:
            size = len(content) - start
        if size < head:
            raise ValueError("a box is shorter than its head")
        yield content[start + 4 : start + 8], content[start + head : start + size]
        start += size


def _find_parts(references: bytes) -> dict[int, list[int]]:
    """Return of which items an item is put together."""
    width = 2 if references[:1] == b"\0" else 4
    parts: dict[int, list[int]] = defaultdict(list)
    for kind, body in _iterate_boxes(references[4:]):
        if kind == b"dimg":
            count = _read(body, width, 2)
            parts[_read(body, 0, width)] += [_read(body, width + 2 + width * i, width) for i in range(count)]
    return parts


def _find_areas(properties: dict[bytes, bytes]) -> dict[int, int]:
    """Return how many pixels each item says that it has."""
    sizes = [
        _read(body, 4, 4) * _read(body, 8, 4) if kind == b"ispe" else 0
        for kind, body in _iterate_boxes(properties.get(b"ipco", b""))
    ]
    links = properties.get(b"ipma", bytes(8))
    width = 2 if links[0] == 0 else 4
    step = 2 if links[3] & 1 else 1
    place, areas = 8, {}
    for _ in range(_read(links, 4, 4)):
        item, count = _read(links, place, width), _read(links, place + width, 1)
        place += width + 1
        indexes = [_read(links, place + step * i, step) & (2 ** (8 * step - 1) - 1) for i in range(count)]
        place += step * count
        areas[item] = max((sizes[index - 1] for index in indexes if 0 < index <= len(sizes)), default=0)
    return areas


def _read(content: bytes, start: int, length: int) -> int:
    if start + length > len(content):
        raise ValueError("the file ends too early")
    return int.from_bytes(content[start : start + length], "big")
