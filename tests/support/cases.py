"""Pictures to read, by kind: photos, and what else people send, with one digit or without.

They measure what carries over to pictures that nobody trained on, so they take no scene from `mnist_cnn.handwriting`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

from mnist_cnn.handwriting import FAMILIES, FOR_MEASURING, draw, sample_nondigit
from tests.support.pictures import KINDS, Colour, Scene, clouds, develop, photograph, write_digit

# Makes a picture, given the digit that it shows. Where it shows none, the number of the picture takes its place.
Case = Callable[[int, np.random.Generator], Image.Image]
Kind = TypeVar("Kind")

DARK_PENS: tuple[Colour, ...] = ((30, 30, 35), (20, 45, 140), (90, 20, 30))
BLUE_PENS: tuple[Colour, ...] = ((20, 50, 160), (40, 80, 200))
PALE_PRINT: tuple[Colour, ...] = ((185, 205, 230), (205, 205, 205), (235, 190, 190))
RED_OR_BLACK: tuple[Colour, ...] = ((200, 40, 40), (20, 20, 20))
SMALL = Scene(shade=0.5, noise=0, blur=0.4, reach=0.7, quality=95)
EVERYDAY = tuple(KINDS[kind] for kind in ("plain paper", "uneven light", "ruled paper", "shadow"))


def take_photo(digit: int, rng: np.random.Generator, scene: Scene) -> Image.Image:
    """Return a photo of a digit."""
    return photograph(write_digit(digit, rng), scene, rng)


def take_small_photo(digit: int, rng: np.random.Generator, scene: Scene, smallest: int, largest: int) -> Image.Image:
    """Return a photo whose longer side has between `smallest` and `largest` pixels."""
    width = int(rng.integers(smallest, largest + 1))
    return take_photo(digit, rng, replace(scene, size=(width, round(width * rng.uniform(0.75, 1)))))


def draw_digit(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a digit as a sketchpad delivers it: black on transparency."""
    ink = fit(write_digit(digit, rng), int(rng.integers(100, 250)))
    sketch = Image.new("RGBA", (300, 300))
    sketch.paste("black", place(ink, sketch, rng), ink)
    return sketch


def fill_page(
    digit: int, rng: np.random.Generator, printed: str, inks: tuple[Colour, ...], prints: tuple[Colour, ...] = ()
) -> Image.Image:
    """Return a digit on a page without any noise, as drawing programs and scanning apps deliver it.

    Args:
        digit: 0 to 9.
        rng: the only source of randomness.
        printed: "ruled", "squared" or "framed".
        inks: colours, of which one is drawn.
        prints: colours of the lines; none stands for the ink's.
    """
    side = int(rng.integers(200, 800))
    page = Image.new("RGB", (side, side), choose(((255, 255, 255), (250, 248, 240)), rng))
    ink = fit(write_digit(digit, rng), round(side * rng.uniform(0.3, 0.6)))
    corner = place(ink, page, rng)
    pen = choose(inks, rng)
    colour = choose(prints, rng) if prints else pen
    width, span = max(1, round(0.008 * max(ink.size))), max(ink.size)
    pencil = ImageDraw.Draw(page)
    if printed == "framed":
        gaps = rng.uniform(0.15, 0.4, 4) * span * (-1, -1, 1, 1)
        frame = np.clip(np.add(gaps, [*corner, *np.add(corner, ink.size)]), 2, side - 3)
        pencil.rectangle([int(edge) for edge in frame], outline=colour, width=width)
    else:
        spacing = span * rng.uniform(0.25, 0.7)
        for position in np.arange(rng.uniform(0, spacing), side, spacing):
            pencil.line((0, position, side, position), fill=colour, width=width)
            if printed == "squared":
                pencil.line((position, 0, position, side), fill=colour, width=width)
    page.paste(pen, corner, ink)
    return page


def cut_from_form(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a box of a form, carelessly cut out: its frame shows at some edges, or a rest of a neighbour's digit."""
    side = int(rng.integers(60, 300))
    pen, printed = choose(DARK_PENS, rng), choose((*PALE_PRINT, *RED_OR_BLACK), rng)
    form = Image.new("RGB", (3 * side, 2 * side), (245, 244, 240))
    for number, written in enumerate((int(rng.integers(10)), digit, int(rng.integers(10)))):
        ink = fit(write_digit(written, rng), round(side * rng.uniform(0.6, 0.8)))
        left, top = np.subtract(side, ink.size) // 2 + rng.integers(-side // 12, side // 12, 2)
        form.paste(pen, (int(left + number * side), int(top + side // 2)), ink)
    pencil = ImageDraw.Draw(form)
    for left in (0, side, 2 * side):
        pencil.rectangle((left, side // 2, left + side, 3 * side // 2), outline=printed, width=max(1, side // 50))
    beyond = side * rng.uniform(-0.05, (0.35, 0.2, 0.35, 0.2))  # what shows at each edge
    edges = (side - beyond[0], side / 2 - beyond[1], 2 * side + beyond[2], 3 * side / 2 + beyond[3])
    photo = form.rotate(rng.uniform(-3, 3), Image.Resampling.BICUBIC, fillcolor=(245, 244, 240)).crop(edges)
    return develop(np.asarray(photo, np.float32), Scene(blur=0.4, noise=3), rng)


def lay_on_table(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo of a whole sheet, slightly turned, on a dark table."""
    scene = Scene(size=(450, 450 + int(rng.integers(-150, 150))), reach=0.6, shade=0.15)
    sheet = take_photo(digit, rng, scene).convert("RGBA")
    turned = sheet.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    size = tuple(round(side * rng.uniform(1.1, 1.7)) for side in turned.size)
    wood = rng.uniform(0.3, 1) * np.array((95, 70, 50), np.float32)
    grain = 0.8 + 0.4 * clouds((size[0], size[1]), 15, rng)
    table = Image.fromarray((wood * grain[..., np.newaxis]).astype(np.uint8))
    table.paste(turned, place(turned, table, rng), turned)
    return develop(np.asarray(table, np.float32), Scene(), rng)


def show_in_figure(digit: int, rng: np.random.Generator, square: int, figure: int) -> Image.Image:
    """Return a figure as plotting programs make it: a square with a digit and ticks, in half of them of MNIST's pixels.

    Args:
        digit: 0 to 9.
        rng: the only source of randomness.
        square: the grey of the square, 0 to 255; the digit has that of the figure.
        figure: the grey around the square, 0 to 255.
    """
    side = int(rng.integers(120, 300))
    ink = fit(write_digit(digit, rng), round(20 / 28 * side))
    mask = Image.new("L", (side, side))
    mask.paste(ink, place(ink, mask, rng))
    if rng.random() < 0.5:
        mask = mask.resize((28, 28), Image.Resampling.BOX).resize((side, side), Image.Resampling.NEAREST)
    page = Image.new("L", (round(side * rng.uniform(1.3, 2)), round(side * rng.uniform(1.3, 1.6))), figure)
    left, top = place(mask, page, rng)
    page.paste(square, (left, top, left + side, top + side))
    page.paste(figure, (left, top), mask)
    pencil = ImageDraw.Draw(page)
    for tick in np.linspace(0, side - 1, 6).astype(int).tolist():
        pencil.line((left - 4, top + tick, left - 1, top + tick), fill=square)
        pencil.line((left + tick, top + side, left + tick, top + side + 3), fill=square)
    return page


def add_shot_noise(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo that was taken with 8 to 25 photons a pixel."""
    photons = rng.uniform(8, 25)
    photo = np.asarray(take_photo(digit, rng, Scene(size=(400, 300), noise=0)))
    return Image.fromarray((rng.poisson(photo / 255 * photons) * (255 / photons)).clip(0, 255).astype(np.uint8))


def strew_salt_and_pepper(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo with 2 to 10 percent of its pixels black or white."""
    photo = np.array(take_photo(digit, rng, Scene(size=(400, 300), noise=0)))
    dice, share = rng.random(photo.shape[:2]), rng.uniform(0.01, 0.05)
    photo[dice < share], photo[dice > 1 - share] = 0, 255
    return Image.fromarray(photo)


def veil_in_fog(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo of which drifting fog hides 60 to 85 percent."""
    photo = np.asarray(take_photo(digit, rng, Scene(size=(600, 450))), np.float32)
    fog = (rng.uniform(0.6, 0.75) + 0.1 * clouds((600, 450), 150, rng))[..., np.newaxis]
    return develop(photo + fog * (rng.uniform(170, 220) - photo), Scene(noise=2), rng)


def leave_edges_opaque(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a dark digit on transparency, with opaque grey along one or more edges, as cutting out leaves it."""
    side = int(rng.integers(100, 500))
    picture = Image.new("RGBA", (side, side))
    grey = (int(rng.integers(90, 200)),) * 3
    for _ in range(rng.integers(1, 5)):
        picture.paste((*grey, 255), (0, 0, side, max(1, round(side * rng.uniform(0.01, 0.08)))))
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    ink = fit(write_digit(digit, rng), round(side * rng.uniform(0.4, 0.65)))
    picture.paste(choose(DARK_PENS, rng), place(ink, picture, rng), ink)
    return picture


def photograph_blank(number: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo of blank paper, of each kind of photo in turn."""
    return photograph(Image.new("L", (60, 80)), tuple(KINDS.values())[number % len(KINDS)], rng)


def write_row(_: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo of two or three digits side by side."""
    inks = [fit(write_digit(digit, rng), 300) for digit in rng.integers(0, 10, rng.integers(2, 4))]
    gaps = rng.integers(30, 150, len(inks))
    row = Image.new("L", (sum(ink.width for ink in inks) + int(gaps.sum()), 300))
    left = 0
    for ink, gap in zip(inks, gaps.tolist(), strict=True):
        row.paste(ink, (left, (300 - ink.height) // 2))
        left += ink.width + gap
    return photograph(row.crop(row.getbbox()), choose(EVERYDAY, rng), rng)


def add_second(
    _: int, rng: np.random.Generator, spans: tuple[float, float] = (1, 1), strengths: tuple[float, float] = (1, 1)
) -> Image.Image:
    """Return a photo of a digit with another one beside it.

    Args:
        _: has no influence.
        rng: the only source of randomness.
        spans: limits of the other's span, as a share of the first's.
        strengths: limits of the share of its ink that the other has.
    """
    first, second = (write_digit(digit, rng) for digit in rng.integers(0, 10, 2))
    first, second = fit(first, 300), fit(second, round(300 * rng.uniform(*spans)))
    strength = rng.uniform(*strengths)
    page = Image.new("L", (first.width + int(rng.integers(40, 120)) + second.width, 300))
    second = second.point(lambda coverage: coverage * strength)
    left, right = (first, second) if rng.random() < 0.5 else (second, first)
    page.paste(left, (0, int(rng.integers(301 - left.height))))
    page.paste(right, (page.width - right.width, int(rng.integers(301 - right.height))))
    return photograph(page.crop(page.getbbox()), choose(EVERYDAY, rng), rng)


def walk_the_street(_: int, rng: np.random.Generator) -> Image.Image:
    """Return a photo of a street: houses under the sky, with posts, beams and wires before them."""
    width, height = 640, 480
    street = Image.new("RGB", (width, height), tuple(rng.integers(170, 235, 3).tolist()))
    brush = ImageDraw.Draw(street)
    left = 0
    while left < width:
        right, roof = left + int(rng.integers(90, 250)), int(rng.integers(60, 260))
        brush.rectangle((left, roof, right, height), fill=tuple(rng.integers(90, 210, 3).tolist()))
        left = right
    brush.rectangle((0, int(rng.integers(360, 430)), width, height), fill=(int(rng.integers(80, 130)),) * 3)
    for _ in range(rng.integers(2, 6)):
        grey, thickness = int(rng.choice([rng.integers(15, 60), rng.integers(220, 250)])), int(rng.integers(5, 30))
        start, end = rng.integers(0, width, 2).tolist()
        if rng.random() < 0.5:  # a post
            line = (start, int(rng.integers(0, 250)), start + int(rng.integers(-8, 9)), 440)
        else:  # a beam
            line = (start, int(rng.integers(20, 300)), end, int(rng.integers(20, 300)))
        brush.line(line, fill=(grey,) * 3, width=thickness)
    light = 1 - 0.4 * clouds((width, height), 150, rng)[..., np.newaxis]
    return develop(np.asarray(street, np.float32) * light, Scene(noise=5), rng)


def draw_nondigit(_: int, rng: np.random.Generator, kinds: tuple[str, ...]) -> Image.Image:
    """Return a drawing of something that is no digit, black on transparency."""
    return draw(sample_nondigit(rng, kinds), rng, 300)


def fit(image: Image.Image, span: int) -> Image.Image:
    """Return the image with a longer side of `span` pixels."""
    scale = span / max(image.size)
    return image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BOX)


def place(image: Image.Image, page: Image.Image, rng: np.random.Generator) -> tuple[int, int]:
    """Return where the left and the top of the image come to lie: near the middle of the page."""
    left, top = rng.uniform(0.3, 0.7, 2) * np.subtract(page.size, image.size)
    return round(left), round(top)


def choose(alternatives: tuple[Kind, ...], rng: np.random.Generator) -> Kind:
    """Return one of the alternatives at random."""
    return alternatives[rng.integers(len(alternatives))]


WITH_DIGIT: dict[str, Case] = {
    "drawing": draw_digit,
    **{kind: partial(take_photo, scene=scene) for kind, scene in KINDS.items()},
    **{
        f"clean page, {printed}{suffix}": partial(fill_page, printed=printed, inks=inks, prints=prints)
        for printed in ("ruled", "squared", "framed")
        for suffix, inks, prints in (("", DARK_PENS, PALE_PRINT), (" in the ink's colour", DARK_PENS, ()))
    },
    "clean page, blue on red or black squares": partial(
        fill_page, printed="squared", inks=BLUE_PENS, prints=RED_OR_BLACK
    ),
    "64 pixels or fewer": partial(take_small_photo, scene=SMALL, smallest=24, largest=64),
    "64 pixels or fewer, noise": partial(take_small_photo, scene=replace(SMALL, noise=8), smallest=24, largest=64),
    "small, strongly compressed": partial(take_small_photo, scene=Scene(quality=12), smallest=70, largest=160),
    "cut from a form": cut_from_form,
    "sheet on a dark table": lay_on_table,
    "dark square in a white figure": partial(show_in_figure, square=15, figure=255),
    "light square in a dark figure": partial(show_in_figure, square=245, figure=30),
    "shot noise": add_shot_noise,
    "salt and pepper": strew_salt_and_pepper,
    "fog": veil_in_fog,
    "transparent, with opaque edges": leave_edges_opaque,
}
WITHOUT_DIGIT: dict[str, Case] = {
    "blank paper": photograph_blank,
    "two or three digits": write_row,
    "a second digit, smaller": partial(add_second, spans=(0.35, 0.6)),
    "a second digit, paler": partial(add_second, strengths=(0.35, 0.6)),
    "beams in a street": walk_the_street,
    **{
        f"drawn {family}": partial(draw_nondigit, kinds=tuple(kind for kind in kinds if kind in FOR_MEASURING))
        for family, kinds in FAMILIES.items()
    },
}
