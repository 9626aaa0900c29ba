import numpy as np
import pytest
from PIL import Image

from mnist_cnn import handwriting
from mnist_cnn.preprocessing import to_mnist

ALL_STYLES = [(digit, style) for digit, styles in handwriting.STYLES.items() for style in styles]
every_style = pytest.mark.parametrize(("digit", "style"), ALL_STYLES)


def drawing(digit: int, style: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return handwriting.draw(handwriting.sample_strokes(digit, rng, style), rng)


def ink(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.getchannel("A"))


PROMISED = {
    0: {"slash", "backslash", "crossing slash", "dot", "open", "loop"},
    1: {"stem", "short flag", "long upstroke", "foot", "slanted"},
    2: {"loop", "curl", "Z", "wavy base"},
    3: {"flat top", "loop"},
    4: {"open", "closed", "one stroke", "short bar", "long bar"},
    5: {"floating bar", "missing bar", "long bar", "S"},
    6: {"curl", "open"},
    7: {"crossed", "serif", "curved"},
    8: {"two loops", "S and close", "open", "tiny top"},
    9: {"straight", "curled", "hooked", "g", "open"},
}


def test_the_styles_that_mnist_lacks_are_there() -> None:
    assert {digit: set(styles) & PROMISED[digit] for digit, styles in handwriting.STYLES.items()} == PROMISED


@every_style
def test_both_drawings_of_a_style_have_the_same_strokes(digit: int, style: str) -> None:
    _, one, other = handwriting.STYLES[digit][style]
    shape = [[len(piece.split()) for piece in stroke.split("|")] for stroke in one.split("/")]
    assert [[len(piece.split()) for piece in stroke.split("|")] for stroke in other.split("/")] == shape
    assert len(handwriting.sample_strokes(digit, np.random.default_rng(0), style)) == len(shape)


@every_style
def test_strokes_fill_the_unit_square_in_one_direction_and_are_centred_in_the_other(digit: int, style: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        points = np.concatenate(handwriting.sample_strokes(digit, rng, style))
        low, high = points.min(axis=0), points.max(axis=0)
        assert (high - low).max() == pytest.approx(1, abs=1 / 9)  # the coarsest grid of a device
        np.testing.assert_allclose(low + high, 1, atol=1 / 9)
        assert low.min() > -1e-9
        assert high.max() < 1 + 1e-9


@every_style
def test_every_style_draws_ink_that_stays_off_the_edge_of_the_canvas(digit: int, style: str) -> None:
    picture = ink(drawing(digit, style, 2))
    assert picture.max() == 255
    assert not np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).any()


@every_style
def test_every_style_becomes_an_mnist_image(digit: int, style: str) -> None:
    image = to_mnist(drawing(digit, style, 3))
    assert image.shape == (28, 28, 1)
    assert image.max() > 100


def test_equal_generators_write_equal_strokes() -> None:
    first = handwriting.sample_strokes(4, np.random.default_rng(4))
    second = handwriting.sample_strokes(4, np.random.default_rng(4))
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_two_samples_of_a_style_are_alike() -> None:
    pictures = {drawing(3, "loop", seed).tobytes() for seed in range(50)}
    assert len(pictures) == 50


def test_usual_styles_are_written_more_often_than_rare_ones() -> None:
    rng = np.random.default_rng(6)
    strokes_of_ones = [len(handwriting.sample_strokes(1, rng)) for _ in range(400)]
    weights = handwriting.STYLES[1]
    two_strokes = sum(weight for weight, one, _ in weights.values() if "/" in one)
    expected = two_strokes / sum(weight for weight, _, _ in weights.values())
    assert np.mean(np.array(strokes_of_ones) == 2) == pytest.approx(expected, abs=0.08)


def test_a_wider_pen_leaves_more_ink() -> None:
    strokes = handwriting.sample_strokes(2, np.random.default_rng(7))
    amounts = [ink(handwriting.render(strokes, 100, width)).sum() for width in (1.5, 3, 6, 12)]
    assert amounts == sorted(set(amounts))


def test_a_straight_stroke_is_as_wide_as_the_pen_and_has_round_ends() -> None:
    column = np.array([[0.5, 0.0], [0.5, 1.0]])
    picture = ink(handwriting.render([column], 100, 10))
    assert (picture[50] > 127).sum() == pytest.approx(10, abs=1)
    tip = picture[(picture > 127).any(axis=1).argmax()]
    assert (tip > 127).sum() < 8


def test_a_dot_is_a_round_spot() -> None:
    picture = ink(handwriting.render([np.array([[0.5, 0.5]])], 100, 20)) / 255
    assert picture.sum() == pytest.approx(np.pi * 10**2, rel=0.05)


def test_strokes_are_black_on_a_transparent_canvas() -> None:
    picture = np.asarray(drawing(8, "open", 8))
    assert picture.shape == (112, 112, 4)
    assert not picture[..., :3].any()
    assert picture[0, 0, 3] == 0
