"""Pictures with known answers, as people send them to a digit reader: drawings, photos, figures, screens, and nothing.

A scene has one of the `CONTENTS` in one of `_SETTINGS`. A setting says only how probable each part is, so that
troubles meet at random.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from mnist_cnn.handwriting.contents import CONTENTS, MANNERS, Glyph, draw_turned, measure_gap, write_out
from mnist_cnn.handwriting.photography import blur, compress, expose, sample_light
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
    soil,
    stencil,
    widen,
)
from mnist_cnn.handwriting.writing import sample_strokes

Range = tuple[float, float]


class Scene(NamedTuple):
    """A picture, and what is written in it.

    Attributes:
        image: of mode L, LA, RGB or RGBA, of any size.
        text: the digits as they are read, rows joined by a newline; empty where no digit is written.
        ink: how much of each pixel the only digit's ink covers, mode L, of the picture's size; 255 is all of it. None
            unless there is exactly one digit.
        kind: a key of `SCENES`.
        gap: the smallest between neighbours in a row, in sizes of the largest; infinite where there are none.
    """

    image: Image.Image
    text: str
    ink: Image.Image | None
    kind: str
    gap: float = float("inf")

    @property
    def digits(self) -> tuple[int, ...]:
        """The digits as they follow each other."""
        return tuple(int(digit) for digit in self.text if digit != "\n")


class Setting(NamedTuple):
    """Where something is written. All fields from `rules` on are probabilities.

    Attributes:
        weight: relative frequency.
        sides: range of the picture's longer side in pixels.
        heights: range of the writing's height as a share of the picture's shorter side.
        grounds: textures of the lowest surface.
        sheets: what lies on it, the lowest first: each a range of margins in heights of the writing.
        turned: a sheet and its lines are turned against the picture.
        rules: printed lines.
        frame: a frame around the writing or a line below it.
        border: bars along the picture's edges.
        text: printed text.
        objects: things that lie on the ground.
        soil: specks, stains and folds.
        hold: a finger or a pen in view.
        neighbours: parts of other digits at the picture's edges.
        coarse: low resolution, enlarged.
        light: uneven light.
        blur: out of focus or shaken.
        trouble: each trouble of a sensor.
        jpeg: JPEG compression.
        alpha: a transparent background.
        crop: the picture is cropped close to the writing.
        enlarge: the largest factor by which the picture is enlarged.
    """

    weight: float
    sides: Range = (60, 700)
    heights: Range = (0.2, 0.8)
    grounds: Sequence[str] = ("plain",)
    sheets: Sequence[Sequence[Range]] = ((),)
    turned: float = 0
    rules: float = 0
    frame: float = 0
    border: float = 0.04
    text: float = 0
    objects: float = 0
    soil: float = 0
    hold: float = 0
    neighbours: float = 0
    coarse: float = 0
    light: float = 0
    blur: float = 0
    trouble: float = 0
    jpeg: float = 0
    alpha: float = 0
    crop: float = 0
    enlarge: float = 1


_SHEET, _CARD, _TILE, _RIM = (0.2, 2.5), (0.15, 0.8), (0.08, 0.4), (0.03, 0.3)
_PAPERS = ("plain", "blotches", "grain", "slope")

_PHOTO = Setting(14, grounds=_PAPERS, rules=0.4, frame=0.12, text=0.15, hold=0.15, turned=0.7, soil=0.25, light=0.7,
    blur=0.4, trouble=0.4, jpeg=0.4)  # fmt: skip

_SETTINGS = {
    "drawing": Setting(14, frame=0.05, blur=0.05, jpeg=0.1, alpha=0.2),
    "printed page": Setting(12, rules=0.75, frame=0.35, text=0.2, blur=0.1, trouble=0.05, jpeg=0.15, turned=0.1),
    "photo": _PHOTO,
    "icon": Setting(6, (16, 64), (0.45, 0.9), _PAPERS, rules=0.1, frame=0.1, light=0.4, trouble=0.3, alpha=0.1),
    "form": Setting(10, (60, 500), (0.35, 0.75), ("plain", "grain"), ((), (_CARD,)), rules=0.3, frame=0.7, text=0.3,
        neighbours=0.7, light=0.4, blur=0.2, trouble=0.2, jpeg=0.3, turned=0.3),
    "table": _PHOTO._replace(sides=(100, 700), heights=(0.12, 0.5), grounds=TEXTURES, objects=0.4,
        sheets=((_SHEET,), (_SHEET,), (_CARD,), (_SHEET, _CARD))),
    "screen": _PHOTO._replace(weight=6, sides=(100, 700), heights=(0.12, 0.6), rules=0.1, text=0.25, objects=0.2,
        sheets=((_SHEET,), (_SHEET, _SHEET), (_RIM, _CARD))),
    "close-up": _PHOTO._replace(weight=12, sides=(60, 500), heights=(0.3, 0.8), neighbours=0.5, crop=1,
        grounds=(*_PAPERS, "guilloche")),
    "figure": Setting(9, (80, 700), (0.15, 0.75), ("plain",), ((_TILE,), (_TILE,), (_TILE,), (_SHEET, _TILE)), text=0.5,
        rules=0.1, coarse=0.8, blur=0.1, trouble=0.07, jpeg=0.2),
    "noise": Setting(8, (60, 500), (0.3, 0.8), TEXTURES[:4], ((), (), (_CARD,)), rules=0.15, frame=0.1, light=0.3,
        blur=0.6, trouble=0.8, jpeg=0.5, turned=0.2),
    "far away": _PHOTO._replace(weight=4, sides=(500, 1000), heights=(0.05, 0.14), sheets=((), (_SHEET,)), rules=0.2,
        objects=0.2, enlarge=4),
    "transparent": Setting(6, frame=0.1, sheets=((), (), (_CARD,)), coarse=0.1, alpha=1),
    "anything": Setting(8, (60, 600), (0.2, 0.7), TEXTURES, ((), (_SHEET,), (_CARD,), (_TILE,), (_SHEET, _TILE)), 0.4,
        0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.15, 0.15, 0.15, 0.3, 0.3, 0.2, 0.3, 0.05, 0.1),
}  # fmt: skip


# What is seen where nobody wrote: it stands for the content "nothing" only.
_EMPTY = {
    "objects": Setting(45, grounds=TEXTURES, objects=1, turned=0.5, rules=0.1, text=0.1, hold=0.3, light=0.6, blur=0.4,
        trouble=0.4, jpeg=0.4),
    "texture": Setting(15, grounds=TEXTURES, soil=0.2, light=0.6, blur=0.4, trouble=0.4, jpeg=0.4, alpha=0.05),
}  # fmt: skip

# A form's box of one digit, scanned: it has no room for a number.
_BOX = {
    "box": Setting(10, (24, 90), (0.5, 0.95), ("plain", "grain", "guilloche", "guilloche"), rules=0.2, frame=0.2,
        neighbours=0.5, soil=0.2, light=0.4, blur=0.4, trouble=0.4, jpeg=0.4, crop=1),
}  # fmt: skip

# Content -> where it may be besides; by default in a box.
_BESIDES = {"nothing": _EMPTY | _BOX, "number": {}}

# Kind -> what writes, and where; kinds are named by both.
SCENES: dict[str, tuple[Callable[[np.random.Generator], list[Glyph]], Setting]] = {
    f"{content}: {name}": (write, setting)
    for content, (_, write) in CONTENTS.items()
    for name, setting in (_SETTINGS | _BESIDES.get(content, _BOX)).items()
}


def sample_scene(rng: np.random.Generator, kind: str | None = None, glyphs: list[Glyph] | None = None) -> Scene:
    """Return a random scene.

    Args:
        rng: the only source of randomness; equal generators give equal scenes.
        kind: a key of `SCENES`, or one of `CONTENTS`; any by default, by their frequency.
        glyphs: what is written in it; by default what its kind writes.
    """
    if kind not in SCENES:
        weights = np.array(
            [
                setting.weight * (CONTENTS[content][0] if kind is None else content == kind)
                for content, setting in ((name.split(":")[0], setting) for name, (_, setting) in SCENES.items())
            ]
        )
        kind = list(SCENES)[rng.choice(len(SCENES), p=weights / weights.sum())]
    write, setting = SCENES[kind]
    glyphs = write(rng) if glyphs is None else glyphs
    picture, height, origin = _lay(glyphs, setting, rng)
    ink = _ink(picture, glyphs, height, origin, setting, rng)
    if setting.coarse > rng.random():
        ink = _coarsen(picture, ink, height, rng)
    if setting.hold > rng.random():
        hold(picture, rng)
    image, ink = _photograph(picture, ink, setting, rng)
    if setting.alpha > rng.random():
        image = _cut_out(image, ink, picture, rng)
    elif rng.random() < 0.15:
        image = image.convert("L")
    if glyphs and setting.crop > rng.random():
        image, ink = _crop(image, ink, rng)
    text = write_out(glyphs)
    return Scene(image, text, ink if len(text) == 1 else None, kind, measure_gap(glyphs))


def _lay(glyphs: list[Glyph], setting: Setting, rng: np.random.Generator) -> tuple[Picture, float, np.ndarray]:
    """Return the picture before anyone writes, the glyphs' size in pixels, and where their coordinates begin."""
    side = np.exp(rng.uniform(*np.log(setting.sides)))
    size = np.array([side, max(0.4 * side, 14, side * np.exp(-abs(rng.normal(0, 0.3))))]).astype(int)
    size = size if rng.random() < 0.5 else size[::-1]
    halves = [np.ptp(np.concatenate(glyph.strokes), axis=0) * glyph.size / 2 + 0.05 for glyph in glyphs]
    middles, extents = np.array([glyph.middle for glyph in glyphs] or [(0, 0)]), np.array(halves or [(0.4, 0.5)])
    low, high = (middles - extents).min(axis=0), (middles + extents).max(axis=0)
    height = max(11, size.min() * rng.uniform(*setting.heights))
    height = float(min(height, *(0.95 * size / (high - low))))
    free = size - height * (high - low)
    place = free * (rng.random(2) if rng.random() < 0.5 else np.clip(rng.normal(0.5, 0.12, 2), 0, 1))
    dark_ink = rng.random() < 0.67
    paper = rng.uniform(0.55, 1) if dark_ink else rng.uniform(0, 0.4)
    if rng.random() < 0.4:
        paper = float(dark_ink)
    ink = rng.uniform(0, paper - 0.35) if dark_ink else rng.uniform(paper + 0.4, 1)
    if rng.random() < 0.3:
        ink = float(not dark_ink)
    pen = max(1.0, height * float(np.exp(rng.uniform(np.log(0.07 if setting.coarse > 0.5 else 0.03), np.log(0.14)))))
    angle = rng.normal(0, 0.12) if rng.random() < setting.turned else 0
    picture = Picture(
        image=Image.new("RGB", (int(size[0]), int(size[1]))),
        sheet=Image.new("L", (int(size[0]), int(size[1])), 255),
        block=(*place, *(place + height * (high - low))),
        angle=float(np.clip(angle, -0.3, 0.3)),
        paper=sample_colour(rng, paper),
        ink=sample_colour(rng, ink),
        pen=pen,
    )
    _furnish(picture, setting, rng, written=bool(glyphs))
    return picture, height, place - low * height


def _furnish(picture: Picture, setting: Setting, rng: np.random.Generator, *, written: bool) -> None:
    """Lay the ground, what lies on it, and what is printed on the uppermost sheet."""
    sheets = setting.sheets[int(rng.integers(len(setting.sheets)))]
    ground = sample_colour(rng, rng.random()) if sheets else picture.paper
    texture = str(rng.choice(setting.grounds))
    picture.image = cover(rng, picture.image.size, texture, ground, rng.uniform(0.02, 0.3 if sheets else 0.1))
    if setting.objects > rng.random():
        scatter(picture, rng, covering=bool(sheets) or not written)
    if setting.text > rng.random():
        print_text(picture, rng)
    height = picture.block[3] - picture.block[1]
    for index, margins in enumerate(sheets):
        top = index == len(sheets) - 1
        colour = picture.paper if top else sample_colour(rng, rng.random())
        reach = picture.pen + height * rng.uniform(margins[0], margins[1], 4) + (len(sheets) - 1 - index) * 0.5 * height
        lay_sheet(picture, rng, reach, str(rng.choice(_PAPERS)) if setting.light else "plain", colour)
    for part, probability in (
        (soil, setting.soil),
        (rule, setting.rules),
        (frame, setting.frame),
        (print_text, setting.text / 2),
        (border, setting.border),
    ):
        if probability > rng.random():
            part(picture, rng)


def _ink(
    picture: Picture,
    glyphs: list[Glyph],
    height: float,
    origin: np.ndarray,
    setting: Setting,
    rng: np.random.Generator,
) -> Image.Image:
    """Write the glyphs, and perhaps parts of others at the edges; return how far the glyphs cover each pixel."""
    ink = Image.new("L", picture.image.size)
    manner = str(rng.choice(list(MANNERS)))
    for glyph in glyphs:
        mask = draw_turned(glyph.strokes, height * glyph.size, picture.pen, picture.angle)
        corner = np.round(origin + height * np.array(glyph.middle) - mask.width / 2).astype(int)
        place = (int(corner[0]), int(corner[1]))
        covered = Image.new("L", ink.size)
        covered.paste(mask, place)
        ink = ImageChops.lighter(ink, covered)
        picture.image.paste(
            picture.ink, place, MANNERS[manner](mask, rng, picture.pen, glyph.strength * rng.uniform(0.75, 1))
        )
    if setting.neighbours > rng.random():
        _write_neighbours(picture, height, manner, rng)
    return ink


def _write_neighbours(picture: Picture, height: float, manner: str, rng: np.random.Generator) -> None:
    """Let parts of other digits stand at the left and right edges, where the block leaves room for them."""
    left, top, right, _ = picture.block
    for gap, at_left in ((left, True), (picture.image.width - right, False)):
        mask = draw_turned(sample_strokes(int(rng.integers(10)), rng), height, picture.pen, picture.angle)
        box = mask.getbbox() or (0, 0, *mask.size)
        seen = round(min(gap - picture.pen - 0.08 * height, rng.uniform(0.08, 0.45) * (box[2] - box[0])))
        if seen > 1:
            x = seen - box[2] if at_left else picture.image.width - seen - box[0]
            picture.image.paste(picture.ink, (x, round(top)), MANNERS[manner](mask, rng, picture.pen, 1))


def _coarsen(picture: Picture, ink: Image.Image, height: float, rng: np.random.Generator) -> Image.Image:
    """Show the block as an image of few pixels, enlarged; return its ink likewise."""
    box = widen(picture.block, np.full(4, picture.pen + 0.2 * height))
    left, top, right, bottom = (
        int(np.clip(edge, 0, end)) for edge, end in zip(box, picture.image.size * 2, strict=True)
    )
    shrink = min(height / rng.uniform(14, 30), picture.pen)
    size = (right - left, bottom - top)
    few = (max(1, round(size[0] / shrink)), max(1, round(size[1] / shrink)))
    enlarge = Image.Resampling(int(rng.choice([Image.Resampling.NEAREST, Image.Resampling.BILINEAR])))
    if shrink > 1.2:
        for image in (picture.image, ink):
            part = image.crop((left, top, right, bottom)).resize(few, Image.Resampling.BOX).resize(size, enlarge)
            image.paste(part, (left, top))
    return ink


def _photograph(
    picture: Picture, ink: Image.Image, setting: Setting, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Return the picture as a camera sees it, and its ink, both perhaps enlarged."""
    image, contrast = picture.image, abs(luminance(picture.paper) - luminance(picture.ink))
    if setting.light > rng.random():
        light = sample_light(rng, image.size)[..., None]
        image = Image.fromarray(np.clip(np.asarray(image) * light, 0, 255).astype(np.uint8))
        contrast *= float(light.mean())
    if setting.blur > rng.random():
        image = blur(image, rng, picture.pen)
    if setting.enlarge > 1:
        factor = rng.uniform(1.5, setting.enlarge)
        size = (int(factor * image.width), int(factor * image.height))
        image, ink = image.resize(size, Image.Resampling.BICUBIC), ink.resize(size, Image.Resampling.BILINEAR)
    if setting.trouble > 0 and rng.random() < 0.8:
        image = expose(image, rng, contrast, picture.pen, setting.trouble)
    if setting.jpeg > rng.random():
        image = compress(image, rng)
    return image, ink


def _crop(image: Image.Image, ink: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Return what is near the ink: a box that is a little too large or too small for it on each side."""
    box = np.array(ink.getbbox() or (0, 0, *ink.size))
    height = box[3] - box[1]
    margins = height * np.clip(rng.normal(0.06, 0.08, 4), -0.06, 0.4) * (-1, -1, 1, 1)
    area = tuple(np.clip(np.round(box + margins), 0, ink.size * 2).astype(int).tolist())
    return image.crop(area), ink.crop(area)


def _cut_out(image: Image.Image, ink: Image.Image, picture: Picture, rng: np.random.Generator) -> Image.Image:
    """Return the picture with transparency, as drawing programs and careless hands leave it."""
    match rng.choice(["ink", "fringe", "halo", "card", "veil"], p=[0.4, 0.15, 0.15, 0.2, 0.1]):
        case "ink":  # the ink alone, its edges of its own colour
            image, alpha = Image.new("RGB", image.size, picture.ink), ink
        case "fringe":  # edges mixed with the paper, and opaque
            alpha = ink.point([255 * (level > 8) for level in range(256)])
        case "halo":  # paper around the ink, which fades out
            alpha = ink.filter(ImageFilter.GaussianBlur(picture.pen * rng.uniform(0.2, 1.2)))
            alpha = alpha.point([min(255, 4 * level) for level in range(256)])
        case "card":
            alpha = stencil(image.size, [outline((0, 0, *image.size), 0, rng, rng.uniform(6, 20))])
        case _:  # thin paper
            alpha = ImageChops.lighter(ink, Image.new("L", image.size, int(rng.integers(40, 230))))
    cut = image.convert("RGBA")
    cut.putalpha(alpha)
    if rng.random() < 0.5:  # what is wholly transparent has lost its colour
        blank = Image.new("RGBA", image.size, (255, 255, 255, 0) if rng.random() < 0.3 else (0, 0, 0, 0))
        cut = Image.composite(cut, blank, alpha.point([255 * (level > 0) for level in range(256)]))
    return cut.convert("LA") if rng.random() < 0.15 else cut
