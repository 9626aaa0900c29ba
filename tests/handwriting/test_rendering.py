import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt, label

from mnist_cnn.handwriting import draw, render, sample_strokes
from mnist_cnn.images import to_mnist


def drawing(digit: int, style: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return draw(sample_strokes(digit, rng, style), rng)


def ink(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.getchannel("A"))


def test_every_style_draws_ink_that_stays_off_the_edge_of_the_canvas(style: tuple[int, str]) -> None:
    picture = ink(drawing(*style, 2))
    assert picture.max() == 255
    assert not np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).any()


def test_every_style_becomes_an_mnist_image(style: tuple[int, str]) -> None:
    image = to_mnist(drawing(*style, 3))
    assert image.shape == (28, 28, 1)
    assert image.max() > 100


def test_no_two_drawings_of_a_style_are_alike() -> None:
    assert len({drawing(3, "loop", seed).tobytes() for seed in range(50)}) == 50


def test_pens_range_from_very_thin_to_very_thick() -> None:
    stem = [np.array([[0.5, 0.0], [0.5, 1.0]])]
    rng = np.random.default_rng(0)
    widths = [2 * distance_transform_edt(ink(draw(stem, rng)) > 127).max() / 112 for _ in range(100)]
    assert min(widths) < 0.025
    assert 0.1 < max(widths) < 0.18


def test_pen_is_never_so_thick_that_it_fills_a_loop() -> None:
    angle = np.linspace(0, 2 * np.pi, 40)
    ring = [np.stack([0.5 + np.cos(angle) / 16, 0.5 + np.sin(angle) / 2], axis=1)]
    rng = np.random.default_rng(0)
    for _ in range(50):
        paper = ink(draw(ring, rng)) < 128
        assert label(paper)[1] == 2


def test_drawing_has_the_size_asked_for() -> None:
    rng = np.random.default_rng(0)
    assert draw(sample_strokes(6, rng), rng, size=50).size == (50, 50)


def test_wider_pen_leaves_more_ink() -> None:
    strokes = sample_strokes(2, np.random.default_rng(7))
    amounts = [ink(render(strokes, 100, width)).sum() for width in (1.5, 3, 6, 12)]
    assert amounts == sorted(set(amounts))


def test_straight_stroke_is_as_wide_as_the_pen_and_has_round_ends() -> None:
    column = np.array([[0.5, 0.0], [0.5, 1.0]])
    picture = ink(render([column], 100, 10))
    assert (picture[50] > 127).sum() == pytest.approx(10, abs=1)
    tip = picture[(picture > 127).any(axis=1).argmax()]
    assert (tip > 127).sum() < 8


def test_dot_is_a_round_spot() -> None:
    picture = ink(render([np.array([[0.5, 0.5]])], 100, 20)) / 255
    assert picture.sum() == pytest.approx(np.pi * 10**2, rel=0.05)


def test_strokes_are_black_on_a_transparent_canvas() -> None:
    picture = np.asarray(drawing(8, "open", 8))
    assert picture.shape == (112, 112, 4)
    assert not picture[..., :3].any()
    assert picture[0, 0, 3] == 0
