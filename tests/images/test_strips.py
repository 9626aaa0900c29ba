import numpy as np
import pytest

from mnist_cnn.images.pieces import Piece
from mnist_cnn.images.strips import STRIP_HEIGHT, STRIP_MARGIN, WORD_WIDTH, Strip, draw_strip


def bar(x: int, y: int, width: int = 10, height: int = 40, level: int = 255) -> Piece:
    """Return an even bar around a point."""
    left, top = x - width // 2, y - height // 2
    return Piece(np.full((height, width), level, np.uint8), (left, top, left + width, top + height))


def middles(strip: Strip) -> list[float]:
    """Return the middle of the ink in each column that has some."""
    rows = np.arange(STRIP_HEIGHT) + 0.5
    ink = strip.image[:, strip.image.max(axis=0) > 200].astype(float)
    return [float(rows @ column / column.sum()) for column in ink.T]


def test_digits_are_as_high_as_in_mnist_and_stand_in_the_middle_with_paper_around() -> None:
    strip = draw_strip([bar(100, 70), bar(200, 70)], 40, np.array([0.0, 70.0]))
    columns = np.flatnonzero(strip.image.max(axis=0) > 127)
    rows = np.flatnonzero(strip.image.max(axis=1) > 127)
    assert (rows[0], rows[-1] + 1) == (6, 26)
    assert (columns[0], columns[-1] + 1) == (STRIP_MARGIN, strip.image.shape[1] - STRIP_MARGIN)
    assert strip.image.shape == (STRIP_HEIGHT, 110 // 2 + 2 * STRIP_MARGIN)


def test_slanted_rows_lie_level() -> None:
    pieces = [bar(x, 100 + x // 5, 10, 20) for x in range(50, 400, 50)]
    assert middles(draw_strip(pieces, 20, np.array([0.2, 100.0]))) == pytest.approx([STRIP_HEIGHT / 2] * 70, abs=1.1)


def test_faint_ink_is_as_dark_as_any() -> None:
    assert draw_strip([bar(50, 50, level=60)], 40, np.array([0.0, 50.0])).image.max() == 255


def test_places_are_found_in_columns_of_the_strip() -> None:
    strip = draw_strip([bar(100, 70), bar(200, 70)], 40, np.array([0.0, 70.0]))
    start, stop = strip.find_columns(195, 205)
    seen = strip.image[:, start * WORD_WIDTH : stop * WORD_WIDTH]
    assert seen.max(axis=0).min() > 127
    assert strip.image[:, stop * WORD_WIDTH + 1 :].max() < 127
    width = -(-strip.image.shape[1] // WORD_WIDTH)
    assert strip.find_columns(-1e4, 1e4) == (0, width)
    assert strip.find_columns(1e4, 1e4) == (width - 1, width)
    assert strip.find_columns(150, 150)[1] - strip.find_columns(150, 150)[0] == 1


def test_a_wider_row_is_squeezed() -> None:
    strip = draw_strip([bar(20, 50), bar(20_000, 50)], 40, np.array([0.0, 50.0]))
    assert strip.image.shape[1] == 1024
    assert strip.image[:, -2 * STRIP_MARGIN :].max() > 100
