import numpy as np
from scipy import ndimage

from mnist_cnn.handwriting import Number, sample_number, write_nondigit, write_number
from mnist_cnn.images.pieces import join
from mnist_cnn.images.strokes import draw_strokes


def sample(seed: int, *, is_number: bool = True) -> Number:
    rng = np.random.default_rng(seed)
    return sample_number(rng, (write_number if is_number else write_nondigit)(rng))


def cover(number: Number, points: np.ndarray) -> np.ndarray:
    """Return how much ink is at points of a number's picture, 0 to 1."""
    ink = np.asarray(number.image.getchannel("A"), float) / 255
    covered: np.ndarray = ndimage.map_coordinates(ink, points.T[::-1] - 0.5, order=1, mode="nearest")
    return covered


def test_the_same_seed_gives_the_same_number() -> None:
    for is_number in (True, False):
        first, again, other = (sample(seed, is_number=is_number) for seed in (5, 5, 6))
        assert (first.text, first.image) == (again.text, again.image)
        for one, two in zip(first.strokes, again.strokes, strict=True):
            np.testing.assert_array_equal(one, two)
        assert first.image != other.image


def test_strokes_lie_on_the_ink() -> None:
    for seed in range(12):
        number = sample(seed, is_number=bool(seed % 4))
        points = np.concatenate(number.strokes)
        assert number.image.mode == "RGBA"
        assert points.min() > 0
        assert (points < number.image.size).all()
        assert cover(number, points).mean() > 0.9
        assert cover(number, points + 0.3 * np.array(number.image.size)).mean() < 0.6  # and not everywhere


def test_strokes_of_the_ink_s_width_cover_the_ink_and_no_more() -> None:
    shares = []
    for seed in range(12):
        number = sample(seed)
        ink = np.asarray(number.image.getchannel("A"))
        whole = join(draw_strokes([[(x, y) for x, y in stroke] for stroke in number.strokes], ink, 1))
        drawn = np.zeros_like(ink)
        left, top, right, bottom = whole.box
        drawn[top:bottom, left:right] = whole.ink
        both = (drawn > 127) & (ink > 127)
        shares.append(both.sum() / ((drawn > 127) | (ink > 127)).sum())
    assert np.mean(shares) > 0.75


def test_pictures_are_as_large_as_pads_are() -> None:
    numbers = [sample(seed) for seed in range(40)]
    longer = [max(number.image.size) for number in numbers]
    assert 150 < min(longer) < 250
    assert 600 < max(longer) <= 900
    assert len({number.text for number in numbers}) > 35


def test_text_has_a_digit_for_each_glyph_and_none_where_there_is_no_number() -> None:
    for seed in range(12):
        number = sample(seed)
        assert all(row.isdecimal() for row in number.text.split("\n"))
        assert len(number.strokes) >= sum(map(str.isdecimal, number.text))
        assert sample(seed, is_number=False).text == ""


def test_a_stroke_comes_late_now_and_then() -> None:
    owners = [[owner for owner in sample(seed).owners if owner is not None] for seed in range(100)]
    assert 0.06 < np.mean([numbers != sorted(numbers) for numbers in owners]) < 0.3


def test_each_digit_has_strokes_and_can_be_drawn_by_itself() -> None:
    for seed in range(6):
        number = sample(seed)
        count = len(number.text.replace("\n", ""))
        assert len(number.owners) == len(number.strokes)
        assert set(number.owners) - {None} == set(range(count))
        for digit in range(count):
            own = [stroke for stroke, owner in zip(number.strokes, number.owners, strict=True) if owner == digit]
            left, top, right, bottom = number.draw_digit(digit).getbbox() or (0, 0, 0, 0)
            extent = np.ptp(np.concatenate(own), axis=0) + number.pen
            np.testing.assert_allclose((right - left, bottom - top), extent, atol=2.5)
