"""What digits are written on and what lies around them: tables, sheets, screens, printed lines, text, and objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
Size = tuple[int, int]

_LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue (ITU-R BT.601)


@dataclass
class Picture:
    """A picture on which surfaces are laid from the lowest to the uppermost.

    Attributes:
        image: RGB.
        sheet: where the uppermost sheet lies, mode L; 255 everywhere where there is none.
        block: left, top, right and bottom of the place for the writing, in pixels.
        angle: of the sheet and its lines against the picture, in radians.
        paper: the uppermost surface's colour.
        ink: the writing's colour.
        pen: the pen's width in pixels.
    """

    image: Image.Image
    sheet: Image.Image
    block: Box
    angle: float
    paper: Colour
    ink: Colour
    pen: float


def sample_colour(rng: np.random.Generator, luminance: float) -> Colour:
    """Return a colour of about this luminance (0 to 1): a grey in two of five cases, else of any hue."""
    saturation = 0 if rng.random() < 0.4 else 0.5 * rng.random() ** 2
    hue = rng.normal(size=3)
    hue -= hue @ _LUMA
    red, green, blue = np.clip(255 * (luminance + saturation * hue / np.abs(hue).max()), 0, 255).astype(int).tolist()
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Return how light the colour is, from 0 to 1."""
    return float(_LUMA @ colour) / 255


def smooth_field(rng: np.random.Generator, size: Size, cells: Size) -> np.ndarray:
    """Return a random field of shape (height, width), float32 from 0 to 1, which changes from cell to cell."""
    coarse = Image.fromarray(rng.random((cells[1] + 1, cells[0] + 1), dtype=np.float32))
    return np.asarray(coarse.resize(size, Image.Resampling.BILINEAR))


def stencil(size: Size, paths: Sequence[np.ndarray], width: float = 0) -> Image.Image:
    """Return an antialiased mask (mode L) of lines through points of shape (points, 2); of filled shapes at width 0."""
    scale = 3 if max(size) < 1200 else 1
    mask = Image.new("L", (size[0] * scale, size[1] * scale))
    pen = ImageDraw.Draw(mask)
    for path in paths:
        corners = (np.clip(path, -2 * max(size), 3 * max(size)) * scale).ravel().tolist()
        if width:
            pen.line(corners, fill=255, width=max(1, round(width * scale)), joint="curve")
        else:
            pen.polygon(corners, fill=255)
    return mask.reduce(scale)


def outline(box: Box, angle: float, rng: np.random.Generator, squareness: float = np.inf) -> np.ndarray:
    """Return the closed outline of a box that is turned about its middle: (points, 2).

    Args:
        box: left, top, right, bottom.
        angle: in radians.
        rng: moves the corners of a box with corners, as seen from aside.
        squareness: the exponent of a superellipse (Lamé, 1818), from 2 for an ellipse; infinite for sharp corners.
    """
    middle, half = np.array([box[0] + box[2], box[1] + box[3]]) / 2, np.array([box[2] - box[0], box[3] - box[1]]) / 2
    if np.isinf(squareness):
        tilt = 0.08 * rng.random() if angle else 0
        path = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * (1 + tilt * rng.random((5, 1)))
        path[4] = path[0]
    else:
        turn = np.linspace(0, 2 * np.pi, 97)
        path = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        path = np.sign(path) * np.abs(path) ** (2 / squareness)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: np.ndarray = middle + (path * half) @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def widen(box: Box, margins: np.ndarray) -> Box:
    """Return the box with margins added at its left, top, right and bottom."""
    return box[0] - margins[0], box[1] - margins[1], box[2] + margins[2], box[3] + margins[3]


def _blotches(rng: np.random.Generator, size: Size) -> np.ndarray:
    return smooth_field(rng, size, tuple(rng.integers(1, 9, 2)))


def _grain(rng: np.random.Generator, size: Size) -> np.ndarray:
    grain = smooth_field(rng, size, (size[0] // 2 + 1, size[1] // 2 + 1))
    return 0.6 * grain + 0.4 * _blotches(rng, size)


def _wood(rng: np.random.Generator, size: Size) -> np.ndarray:
    cells = (int(rng.integers(1, 4)), int(rng.integers(8, 40)))
    rings = smooth_field(rng, size, cells) + 0.3 * smooth_field(rng, size, (4, min(size[1], 160)))
    field = np.sin(rng.uniform(3, 16) * rings) / 2 + 0.5
    return field if rng.random() < 0.5 else np.ascontiguousarray(np.resize(field, size).T)


def _weave(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Return stripes, or checks where they cross, of any width and angle, with soft or hard edges."""
    period, angle = max(size) / rng.uniform(3, 60), rng.uniform(0, np.pi)
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    along, across = (np.cos(angle) * x + np.sin(angle) * y) / period, (np.cos(angle) * y - np.sin(angle) * x) / period
    wave = np.sin(2 * np.pi * along)
    if rng.random() < 0.6:
        wave = wave * np.sin(2 * np.pi * across)
    field: np.ndarray = np.clip(0.5 + rng.choice([0.5, 3]) * wave, 0, 1)
    return field


def _litter(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Return stones, leaves or scraps: many small shapes of any brightness, one on the other."""
    field = Image.new("L", size, int(rng.integers(256)))
    pen = ImageDraw.Draw(field)
    extent = max(size) * rng.uniform(0.02, 0.15)
    corners = int(rng.integers(3, 12))
    for _ in range(int(min(400, 2 * size[0] * size[1] / extent**2))):
        turn = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = extent * rng.uniform(0.3, 1, 2)
        shape = rng.random(2) * size + np.stack([np.cos(turn), np.sin(turn)], axis=1) * reach
        pen.polygon(shape.ravel().tolist(), fill=int(rng.integers(256)))
    return np.asarray(field.filter(ImageFilter.GaussianBlur(extent * rng.uniform(0, 0.2))), np.float32) / 255


def _guilloche(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Return fine lines side by side, that wave together, as on cheques; sometimes two such families."""
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    field = np.zeros(x.shape, np.float32)
    for _ in range(int(rng.integers(1, 3))):
        angle, period, wide = rng.normal(0, 0.4), rng.uniform(4, 12), min(size) * rng.uniform(0.3, 2)
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        waves = across + rng.uniform(0, 0.25) * wide * np.sin(2 * np.pi * along / wide + rng.uniform(0, 2 * np.pi))
        field = np.maximum(field, np.clip(rng.uniform(1.5, 3) * np.cos(2 * np.pi * waves / period) - 0.5, 0, 1))
    return 1 - field


def _slope(rng: np.random.Generator, size: Size) -> np.ndarray:
    return smooth_field(rng, size, (1, 1))


_TEXTURES: dict[str, Callable[[np.random.Generator, Size], np.ndarray]] = {
    "blotches": _blotches,
    "grain": _grain,
    "wood": _wood,
    "weave": _weave,
    "litter": _litter,
    "slope": _slope,
    "guilloche": _guilloche,
}
TEXTURES = ("plain", *_TEXTURES)


def cover(rng: np.random.Generator, size: Size, texture: str, colour: Colour, strength: float) -> Image.Image:
    """Return a surface (RGB) of one of `TEXTURES` around a colour.

    Args:
        rng: the only source of randomness.
        size: width and height in pixels.
        texture: a name.
        colour: its middle.
        strength: how far its luminance goes from there at most, as a share of the whole range.
    """
    if texture == "plain":
        return Image.new("RGB", size, colour)
    field = Image.fromarray((255 * np.clip(_TEXTURES[texture](rng, size), 0, 1)).astype(np.uint8))
    dark, light = ((*(int(np.clip(part + 255 * step, 0, 255)) for part in colour),) for step in (-strength, strength))
    return ImageOps.colorize(field, dark, light)


def lay_sheet(picture: Picture, rng: np.random.Generator, margins: np.ndarray, texture: str, colour: Colour) -> None:
    """Lay a sheet, a card, a tile or a screen around the picture's block.

    It may throw a shadow, have an edge of its own colour, and lie at another angle than the writing; its corners are
    sharp or round.

    Args:
        picture: gets the sheet.
        rng: the only source of randomness.
        margins: from the block to the sheet's edges, in pixels: left, top, right, bottom.
        texture: of `TEXTURES`.
        colour: of the sheet.
    """
    size, image = picture.image.size, picture.image
    squareness = np.inf if rng.random() < 0.75 else rng.uniform(6, 30)
    turn = picture.angle and rng.choice([0, rng.normal(0, 0.5)], p=[0.7, 0.3])
    left, top, right, bottom = picture.block
    margins = margins + abs(np.sin(turn)) * max(right - left, bottom - top) / 2  # the block stays on the sheet
    edge = outline(widen(picture.block, margins), picture.angle + turn, rng, squareness)
    if rng.random() < 0.4:
        reach = min(size) * rng.uniform(0.005, 0.05)
        shadow = stencil(size, [edge + rng.normal(0, reach, 2)]).filter(ImageFilter.GaussianBlur(reach))
        strength = rng.uniform(0.2, 0.8)
        image.paste((0, 0, 0), mask=shadow.point([int(strength * level) for level in range(256)]))
    picture.sheet = stencil(size, [edge])
    image.paste(cover(rng, size, texture, colour, rng.uniform(0.01, 0.06)), mask=picture.sheet)
    if rng.random() < 0.35:
        width = max(1, min(size) * rng.uniform(0.002, 0.04))
        image.paste(sample_colour(rng, rng.random()), mask=stencil(size, [edge], width))


def sample_line_colour(picture: Picture, rng: np.random.Generator) -> tuple[Colour, float]:
    """Return the colour of printed lines and how wide they may be in pixels: thin where they look like the ink."""
    kind = rng.random()
    if kind < 0.25:
        return picture.ink, max(1, 0.4 * picture.pen)
    paper, ink = luminance(picture.paper), luminance(picture.ink)
    level = paper + rng.uniform(0.12, 0.9) * (ink - paper)
    return sample_colour(rng, level), max(1, 0.7 * picture.pen)


def rule(picture: Picture, rng: np.random.Generator) -> None:
    """Print lines over the sheet: ruled, squared, dotted, or crosses; perhaps bent, perhaps with a margin."""
    size = picture.image.size
    height = picture.block[3] - picture.block[1]
    spacing = max(5, 2.5 * picture.pen, height * np.exp(rng.uniform(np.log(0.15), np.log(2.5))))
    colour, widest = sample_line_colour(picture, rng)
    width = min(widest, rng.uniform(0.7, 4))
    reach = np.hypot(*size) / 2
    count = int(reach / spacing) + 1
    along = np.linspace(-reach, reach, 13)
    bend = rng.normal(0, 0.01) * reach * np.sin(along / reach * rng.uniform(1, 4)) if picture.angle else 0 * along
    offsets = spacing * (np.arange(-count, count + 1) + rng.random())
    cosine, sine = np.cos(picture.angle), np.sin(picture.angle)
    turn, middle = np.array([[cosine, sine], [-sine, cosine]]), np.array(size) / 2
    rows = [np.stack([along, bend + offset], axis=1) @ turn + middle for offset in offsets]
    columns = [np.stack([bend + offset, along], axis=1) @ turn + middle for offset in offsets]
    match rng.choice(["ruled", "squared", "dotted", "crosses", "margin"], p=[0.35, 0.35, 0.12, 0.08, 0.1]):
        case "ruled":
            paths = rows if rng.random() < 0.85 else columns
        case "squared":
            paths = rows + columns
        case "margin":
            paths = [columns[int(rng.integers(len(columns)))], rows[int(rng.integers(len(rows)))]]
        case kind:
            spots = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)[:3000] @ turn + middle
            arms = np.array([[1, 0], [0, 1]]) * (width if kind == "dotted" else rng.uniform(0.1, 0.3) * spacing)
            paths = [np.stack([spot - arm, spot + arm]) for spot in spots for arm in arms]
    picture.image.paste(colour, mask=ImageChops.multiply(stencil(size, paths, width), picture.sheet))


def frame(picture: Picture, rng: np.random.Generator) -> None:
    """Draw a box, a rounded box or a ring around the block, or a line below it."""
    left, top, right, bottom = picture.block
    height = bottom - top
    colour, widest = sample_line_colour(picture, rng)
    width = min(2 * widest, max(0.7, height * rng.uniform(0.005, 0.05)))
    gaps = picture.pen + width + height * rng.uniform(0.02, 0.7) * rng.uniform(0.6, 1, 4)
    match rng.choice(["box", "rounded", "ring", "underline"]):
        case "underline":
            y = bottom + gaps[3]
            path = np.array([[left - gaps[0], y], [right + gaps[2], y + rng.normal(0, 0.02) * height]])
        case "ring":
            middle, half = (left + right) / 2, 0.75 * max(right - left, height) + gaps[0]
            box = (middle - half, (top + bottom) / 2 - half, middle + half, (top + bottom) / 2 + half)
            path = outline(box, 0, rng, 2)
        case kind:
            path = outline(widen(picture.block, gaps), picture.angle, rng, np.inf if kind == "box" else 8)
    picture.image.paste(colour, mask=stencil(picture.image.size, [path], width))


def print_text(picture: Picture, rng: np.random.Generator) -> None:
    """Print rows of tiny marks that look like text from afar; none of them on the block."""
    size = picture.image.size
    em = max(3, min(size) * rng.uniform(0.012, 0.04))
    block = widen(picture.block, np.full(4, 1.5 * em + picture.pen))
    paths = []
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.random(2) * size
        for _ in range(int(rng.integers(3, 40))):
            x += em * rng.choice([0.7, 0.9, 1.8], p=[0.5, 0.35, 0.15])
            if x < size[0] and not (block[0] < x < block[2] and block[1] < y < block[3]):
                corners = rng.random((int(rng.integers(2, 5)), 2)) * [0.6, 1]
                paths.append(np.array([x, y]) + em * (corners - 0.5))
    colour, _ = sample_line_colour(picture, rng)
    picture.image.paste(colour, mask=stencil(size, paths, max(0.7, 0.12 * em)))


def scatter(picture: Picture, rng: np.random.Generator, *, covering: bool) -> None:
    """Put shaded objects into the picture: ellipses, boxes and pillows of any size, and bars.

    Args:
        picture: gets the objects.
        rng: the only source of randomness.
        covering: objects may lie on the block.
    """
    size = picture.image.size
    bars = rng.choice([0.2, 0.2, 0.9])
    for _ in range(int(rng.integers(1, 7))):
        colour = sample_colour(rng, rng.random())
        if rng.random() < bars:
            ends = _lay_bar(rng) * size
            width = min(size) * rng.uniform(0.02, 0.25)
            step = width * rng.uniform(1.3, 4, 2)  # rails and beams come side by side
            mask = stencil(size, [ends + step * index for index in range(rng.choice([1, 1, 2, 3, 8]))], width)
        else:
            middle, half = rng.random(2) * size, min(size) * rng.uniform(0.05, 0.5, 2)
            box = (*(middle - half), *(middle + half))
            squareness = rng.choice([2, 4, np.inf])
            mask = stencil(size, [outline(box, rng.uniform(0, np.pi), rng, squareness)])
        if not covering and mask.crop(picture.block).getbbox():
            continue
        softness = min(size) * float(rng.choice([0, 0, 0.01, 0.05]))
        texture = str(rng.choice(TEXTURES))
        object_ = cover(rng, size, texture, colour, rng.uniform(0.05, 0.3))
        picture.image.paste(object_, mask=mask.filter(ImageFilter.GaussianBlur(softness)))


def _lay_bar(rng: np.random.Generator) -> np.ndarray:
    """Return the ends of a bar, as shares of the picture: across it, or a post or a beam that may end within it."""
    ends, along = rng.uniform(-0.3, 1.3, (2, 2)), int(rng.integers(2))
    is_post = rng.random() < 0.5
    if is_post:
        ends[1, 1 - along] = ends[0, 1 - along] + rng.normal(0, 0.03)
    if not is_post or rng.random() < 0.4:
        ends[:, along] = -0.1, 1.1
    return ends


def soil(picture: Picture, rng: np.random.Generator) -> None:
    """Leave specks, stains, and folds."""
    size = picture.image.size
    paper = luminance(picture.paper)
    height = picture.block[3] - picture.block[1]
    if rng.random() < 0.5:
        spots = rng.random((int(rng.integers(3, 40)), 1, 2)) * size
        specks = [spot + rng.normal(0, max(0.7, 0.02 * height), (5, 2)) for spot in spots]
        picture.image.paste(sample_colour(rng, rng.random()), mask=stencil(size, specks))
    if rng.random() < 0.4:
        faint = np.clip(4 * (_blotches(rng, size) - rng.uniform(0.5, 0.8)), 0, 1) * rng.uniform(20, 80)
        picture.image.paste(sample_colour(rng, rng.random()), mask=Image.fromarray(faint.astype(np.uint8)))
    if rng.random() < 0.4:
        fold = stencil(size, [rng.uniform(-0.2, 1.2, (2, 2)) * size], max(1, 0.5 * picture.pen))
        crease = sample_colour(rng, np.clip(paper + rng.choice([-0.2, 0.15]), 0, 1))
        picture.image.paste(crease, mask=fold.filter(ImageFilter.GaussianBlur(max(0.5, 0.2 * picture.pen))))


def hold(picture: Picture, rng: np.random.Generator) -> None:
    """Let a finger or a pen lie in view: a thick bar with soft edges from outside; it never covers the block."""
    size = picture.image.size
    width = min(size) * rng.uniform(0.04, 0.2)
    ends = rng.uniform(-0.2, 1.2, (2, 2)) * size
    ends[0, rng.integers(2)] = rng.choice([-0.3, 1.3]) * max(size)
    path = np.linspace(ends[0], ends[1], 50)
    left, top, right, bottom = widen(picture.block, np.full(4, 0.7 * width))
    covering = (path > (left, top)).all(axis=1) & (path < (right, bottom)).all(axis=1)
    path = path[: covering.argmax()] if covering.any() else path
    if len(path) < 2:
        return
    mask = stencil(size, [path], width).filter(ImageFilter.GaussianBlur(width * rng.uniform(0, 0.15)))
    colour = (210, 160, 130) if rng.random() < 0.4 else sample_colour(rng, rng.random())
    picture.image.paste(cover(rng, size, "blotches", colour, 0.15), mask=mask)


def border(picture: Picture, rng: np.random.Generator) -> None:
    """Let bars of one colour run along the picture's edges, as around scans, screens and films."""
    width, height = picture.image.size
    left, top, right, bottom = picture.block
    room = np.array([left, top, width - right, height - bottom]) - picture.pen
    reach = np.maximum(0, room) * rng.uniform(0, 0.8) * rng.choice([0, 1], 4, p=[0.3, 0.7])
    inside = stencil(picture.image.size, [outline(widen((0, 0, width, height), -reach), 0, rng)])
    colour = sample_colour(rng, rng.choice([0, 1, rng.random()]))
    picture.image.paste(colour, mask=ImageChops.invert(inside))
