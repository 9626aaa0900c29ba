from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.handwriting.surfaces import (
    TEXTURES,
    Picture,
    border,
    cover,
    frame,
    hold,
    lay_sheet,
    luminance,
    outline,
    print_text,
    rule,
    sample_colour,
    scatter,
    smooth_field,
    soil,
    stencil,
    widen,
)

SIZE = (240, 200)
BLOCK = (90, 60, 150, 140)
Surface = Callable[[Picture, np.random.Generator], None]


def lay_paper(angle: float = 0) -> Picture:
    paper = (230, 225, 215)
    return Picture(Image.new("RGB", SIZE, paper), Image.new("L", SIZE, 255), BLOCK, angle, paper, (30, 30, 80), 6)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_colours_are_as_light_as_asked_for_and_many(level: float) -> None:
    rng = np.random.default_rng(0)
    colours = [sample_colour(rng, level) for _ in range(100)]
    assert all(0 <= part <= 255 for colour in colours for part in colour)
    assert np.mean([luminance(colour) for colour in colours]) == pytest.approx(level, abs=0.05)
    greys = np.mean([max(colour) - min(colour) <= 1 for colour in colours])
    assert 0.3 < greys < 0.7


def test_a_field_changes_from_cell_to_cell() -> None:
    field = smooth_field(np.random.default_rng(0), (80, 50), (4, 3))
    assert field.shape == (50, 80)
    assert field.min() >= 0
    assert field.max() <= 1
    assert np.abs(np.diff(field, axis=0)).max() < 0.15 < np.ptp(field)


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_surface_has_about_the_colour_that_it_is_given(texture: str) -> None:
    colour = (150, 120, 90)
    for seed in range(5):
        surface = cover(np.random.default_rng(seed), SIZE, texture, colour, 0.1)
        assert (surface.size, surface.mode) == (SIZE, "RGB")
        pixels = np.asarray(surface, float)
        assert np.abs(pixels - colour).max() <= 27
        assert (pixels.std(axis=(0, 1)).max() == 0) == (texture == "plain")


def test_stencil_covers_lines_and_filled_shapes_as_far_as_they_reach() -> None:
    line = np.asarray(stencil((60, 40), [np.array([[10, 20], [50, 20]])], 6)) / 255
    assert line.sum() == pytest.approx(40 * 6, rel=0.1)
    assert line[18:22, 15:45].min() == 1
    filled = np.asarray(stencil((60, 40), [np.array([[10, 10], [50, 10], [50, 30], [10, 30]])])) / 255
    assert filled.sum() == pytest.approx(40 * 20, rel=0.1)


def test_outlines_are_closed_and_keep_their_box() -> None:
    rng = np.random.default_rng(0)
    for squareness in (2, 8, np.inf):
        path = outline((10, 20, 50, 40), 0, rng, squareness)
        np.testing.assert_allclose(path[0], path[-1], atol=0.01)
        np.testing.assert_allclose([*path.min(axis=0), *path.max(axis=0)], (10, 20, 50, 40), atol=0.1)
    turned = outline((10, 20, 50, 40), np.pi / 2, rng, 8)
    np.testing.assert_allclose([*turned.min(axis=0), *turned.max(axis=0)], (20, 10, 40, 50), atol=0.1)


def test_widening_adds_a_margin_on_each_side() -> None:
    assert widen((10, 20, 30, 40), np.array([1, 2, 3, 4])) == (9, 18, 33, 44)


def put_aside(picture: Picture, rng: np.random.Generator) -> None:
    scatter(picture, rng, covering=False)


@pytest.mark.parametrize("surface", [print_text, hold, border, put_aside])
def test_what_lies_around_leaves_the_writings_place_alone(surface: Surface) -> None:
    changed = 0
    for seed in range(15):
        picture = lay_paper()
        plain = np.asarray(picture.image)
        surface(picture, np.random.default_rng(seed))
        pixels = np.asarray(picture.image)
        changed += bool((pixels != plain).any())
        left, top, right, bottom = BLOCK
        middle = np.s_[top + 3 : bottom - 3, left + 3 : right - 3]
        assert np.abs(pixels[middle].astype(float) - plain[middle]).mean() < 2  # a soft shadow may reach it
    assert changed > 3


@pytest.mark.parametrize("surface", [rule, frame, soil])
def test_what_is_printed_or_left_on_the_paper_is_never_the_same(surface: Surface) -> None:
    pages = []
    for seed in range(10):
        picture = lay_paper(angle=0.1)
        surface(picture, np.random.default_rng(seed))
        assert picture.image.size == SIZE
        pages.append(picture.image.tobytes())
    assert len(set(pages)) > 5


def test_lines_are_printed_on_the_uppermost_sheet_alone() -> None:
    picture = lay_paper()
    picture.sheet = Image.new("L", SIZE)
    picture.sheet.paste(255, (60, 0, 180, 200))
    plain = np.asarray(picture.image)
    for seed in range(5):
        rule(picture, np.random.default_rng(seed))
    changed = (np.asarray(picture.image) != plain).any(axis=(0, 2))
    assert changed[60:180].any()
    assert not changed[:60].any()
    assert not changed[180:].any()


@pytest.mark.parametrize("angle", [0, 0.3])
def test_sheet_holds_the_writings_place(angle: float) -> None:
    for seed in range(10):
        picture = lay_paper(angle)
        lay_sheet(picture, np.random.default_rng(seed), np.full(4, 25.0), "plain", (255, 255, 255))
        inside = np.asarray(picture.sheet)[70:130, 100:140]
        assert inside.min() == 255
        assert np.asarray(picture.sheet).min() == 0
