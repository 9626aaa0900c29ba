import numpy as np
import pytest
from PIL import Image

from mnist_cnn.images.planes import (
    Plane,
    find_components,
    find_lines,
    find_planes,
    find_rim,
    measure_stroke,
    otsu,
)
from tests.support.pictures import draw_seven

NAMES = ("dark", "light", "colour")


def draw_bar(paper: tuple[int, int, int], pen: tuple[int, int, int]) -> Image.Image:
    """Return an upright bar, 10 pixels wide, in the middle of 120x120 pixels of paper."""
    page = Image.new("RGB", (120, 120), paper)
    page.paste(pen, (55, 30, 65, 90))
    return page


@pytest.mark.parametrize(
    ("paper", "pen", "shown"),
    [
        ((240, 240, 240), (40, 40, 40), ["dark"]),
        ((60, 60, 60), (200, 200, 200), ["light"]),
        ((150, 150, 150), (230, 120, 110), ["colour"]),
        ((230, 230, 230), (40, 60, 230), ["dark", "colour"]),
        ((240, 240, 240), (236, 236, 236), []),
    ],
    ids=["dark", "light", "coloured", "dark and coloured", "too pale"],
)
def test_ink_is_in_the_planes_in_which_it_stands_out(
    paper: tuple[int, int, int], pen: tuple[int, int, int], shown: list[str]
) -> None:
    planes = find_planes(draw_bar(paper, pen), 30, NAMES)
    inked = {plane.name: plane.contrast > plane.threshold for plane in planes}
    assert [name for name, above in inked.items() if above[30:90, 55:65].any()] == shown
    for name in shown:
        assert inked[name][30:90, 55:65].all()
        assert not inked[name][:28].any()
        assert not inked[name][:, :53].any()


def test_only_the_planes_that_are_asked_for_are_returned() -> None:
    page = draw_bar((230, 230, 230), (40, 60, 230))
    assert [plane.name for plane in find_planes(page, 30, ("colour",))] == ["colour"]


def test_contrast_is_the_share_of_the_light_that_is_missing_wherever_it_is_darker() -> None:
    light = np.linspace(110, 250, 200) * np.where(np.arange(200) > 120, 0.7, 1)[:, None]  # with the edge of a shadow
    pixels = light.copy()
    pixels[40:160, 95:105] *= 0.6
    (plane,) = find_planes(Image.fromarray(pixels.astype(np.uint8)), 40, ("dark",))
    assert np.median(plane.contrast) == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(plane.contrast[45:110, 97:103], 0.4, atol=0.06)
    blank = Image.fromarray(light.astype(np.uint8))
    assert not any((plane.contrast > 0.2).any() for plane in find_planes(blank, 40, ("dark",)))


def test_what_is_wider_than_a_stroke_is_paper() -> None:
    page = Image.new("L", (200, 200), 220)
    page.paste(100, (50, 50, 150, 150))
    for widest, is_ink in ((40, False), (140, True)):
        inked = [plane.contrast[60:140, 60:140] > plane.threshold for plane in find_planes(page, widest, ("dark",))]
        assert [above.all() for above in inked if above.any()] == [True] * is_ink


@pytest.mark.parametrize("deviation", [2, 5])
def test_noise_is_measured_and_nothing_of_it_is_ink(deviation: float) -> None:
    pixels = 200 + np.random.default_rng(0).normal(0, deviation, (200, 200))
    pixels[60:140, 90:100] -= 120
    (plane,) = find_planes(Image.fromarray(pixels.round().astype(np.uint8)), 40, ("dark",))
    assert plane.noise == pytest.approx(deviation / 200, rel=0.4)
    above = plane.contrast > plane.threshold
    assert above[60:140, 90:100].mean() > 0.99
    assert np.count_nonzero(above) < 80 * 10 + 60  # of 40,000 pixels


def test_strong_noise_is_smoothed() -> None:
    noise = np.random.default_rng(0).normal(0, 25, (200, 200))
    pixels = 180 + noise
    pixels[60:140, 90:100] -= 120
    (plane,) = find_planes(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), 40, ("dark",))
    assert plane.contrast[:50].std() < 0.6 * noise.std() / 180
    assert (plane.contrast[65:135, 92:98] > plane.threshold).all()


@pytest.mark.parametrize(
    ("name", "noise", "threshold"),
    [("dark", 0, 0.035), ("colour", 0, 0.12), ("light", 0.03, 0.12), ("colour", 0.1, 0.4)],
)
def test_threshold_is_above_the_paper_and_its_noise(name: str, noise: float, threshold: float) -> None:
    assert Plane(name, np.zeros((2, 2), np.float32), noise).threshold == pytest.approx(threshold)


def test_components_touch_at_corners_and_know_their_box_mass_and_edges() -> None:
    contrast = np.zeros((20, 30), np.float32)
    contrast[5:10, 4:8] = 0.5
    contrast[10, 8] = 0.3
    contrast[12:20, 20:22] = 1
    contrast[3, 25] = 0.1
    components = find_components(contrast, 0.2)
    assert components.boxes[1:].tolist() == [[4, 5, 9, 11], [20, 12, 22, 20]]
    np.testing.assert_allclose(components.mass, [0, 10.3, 16], rtol=1e-6)
    np.testing.assert_allclose(components.mean[1:], [10.3 / 21, 1], rtol=1e-6)
    assert components.is_cut[1:].tolist() == [False, True]
    assert (components.labels > 0).sum() == 37


def test_rim_is_all_four_edges() -> None:
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[1:-1, 1:-1] = 9
    pixels[2, 0] = pixels[-1, 3] = 4
    rim = find_rim(pixels)
    assert rim.shape == (24, 3)
    assert sorted(set(rim[:, 0].tolist())) == [0, 4]


@pytest.mark.parametrize("width", [2, 5, 12])
def test_stroke_is_as_wide_as_it_was_drawn(width: int) -> None:
    mask = np.zeros((300, 60), bool)
    mask[:, 20 : 20 + width] = True
    assert measure_stroke(mask) == pytest.approx(width, rel=0.05)
    assert measure_stroke(np.zeros((9, 9), bool)) == 0


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_otsu_separates_two_levels_however_many_have_each(share: float) -> None:
    rng = np.random.default_rng(0)
    is_high = np.arange(1000) < 1000 * share
    values = np.where(is_high, 0.7, 0.2) + rng.normal(0, 0.03, 1000)
    np.testing.assert_array_equal(values > otsu(values), is_high)


def test_otsu_of_one_level_is_that_level() -> None:
    assert otsu(np.full((3, 3), 0.3)) == pytest.approx(0.3)


def test_long_lines_are_found_and_the_digit_that_they_cross_is_spared() -> None:
    digit = np.asarray(draw_seven(300).getchannel("A")) / 255 * 0.8
    rows, columns = np.indices(digit.shape)
    lines = np.zeros_like(digit)
    for away in (rows - 130 - 0.05 * columns, columns - 60 + 0.03 * rows, columns - 270):  # slightly tilted
        lines[np.abs(away) < 1.5] = 0.35
    found = find_lines(np.maximum(digit, lines), 0.1, 0.7)
    assert found[(lines > 0) & (digit == 0)].mean() > 0.9
    assert found[digit > 0.4].mean() < 0.05
    assert not found[(lines == 0) & (digit == 0)].any()


def test_no_digit_is_made_of_lines() -> None:
    digit = np.asarray(draw_seven(300, left=0.2, top=0.15, height=0.7).getchannel("A")) / 255
    assert not find_lines(digit, 0.1, 0.7).any()
