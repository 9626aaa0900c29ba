"""Pictures of digits, made by program: drawings, print, and sheets of paper as phones and scanners show them."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from mnist_cnn.handwriting import render, sample_strokes

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """How a digit was written and photographed.

    Attributes:
        size: width and height of the photo, in pixels.
        reach: the share of the photo's width or height that the digit takes.
        in_corner: whether the digit is in a corner, or near the middle.
        paper: its colour.
        pens: colours, of which one is drawn.
        grain: of chalk, the share of the ink that is missing in places.
        lines: printed on the paper, "ruled" or "squared".
        line_strength: limits of the share of the light that the lines take.
        shade: the share of the light that is lost from one side to the other, and towards the corners.
        shadow: the share of the light that is lost beyond an edge across the digit.
        table: whether a table shows along one or two sides of the sheet.
        specks: how many there are.
        blur: radius, in pixels.
        noise: standard deviation, in levels of 255.
        quality: of the JPEG file, 1 to 95.
    """

    size: tuple[int, int] = (1000, 750)
    reach: float = 0.5
    in_corner: bool = False
    paper: Colour = (232, 230, 224)
    pens: tuple[Colour, ...] = ((35, 35, 45), (25, 45, 130))
    grain: float = 0.0
    lines: str = ""
    line_strength: tuple[float, float] = (0.1, 0.3)
    shade: float = 0.05
    shadow: float = 0.0
    table: bool = False
    specks: int = 0
    blur: float = 0.7
    noise: float = 2.0
    quality: int = 85


KINDS = {
    "plain paper": Scene(),
    "uneven light": Scene(shade=0.5),
    "shadow": Scene(shadow=0.45),
    "ruled paper": Scene(lines="ruled"),
    "squared paper": Scene(lines="squared"),
    "dark squares": Scene(lines="squared", line_strength=(0.4, 0.6)),
    "specks": Scene(specks=60),
    "noise": Scene(noise=16, blur=1),
    "night": Scene(paper=(120, 110, 95), shade=0.6, noise=25, blur=1.5),
    "JPEG": Scene(size=(400, 300), quality=15),
    "blur": Scene(blur=6),
    "close-up": Scene(reach=0.93),
    "thumbnail": Scene(size=(120, 100), noise=5, quality=60),
    "pale pens": Scene(pens=((245, 180, 195), (185, 185, 185), (240, 220, 120), (170, 210, 240))),
    "coloured paper": Scene(paper=(90, 130, 200), pens=((200, 60, 60), (240, 240, 240))),
    "chalk": Scene(paper=(45, 55, 50), pens=((225, 225, 220), (235, 215, 130)), grain=0.6, shade=0.3, noise=5),
    "table edge": Scene(table=True, reach=0.35),
    "corner of 12 megapixels": Scene(size=(4000, 3000), reach=0.06, in_corner=True, lines="squared", blur=1.5),
    "everything": Scene(lines="squared", shadow=0.35, shade=0.2, specks=15, blur=1.2, noise=6, quality=70),
}


def draw_seven(size: int = 400, left: float = 0.3, top: float = 0.2, height: float = 0.6) -> Image.Image:
    """Return a crossed 7 as a sketchpad delivers it: antialiased black ink on a transparent square, mode RGBA.

    Args:
        size: side of the square, in pixels.
        left: of the 7, as a share of the side.
        top: of the 7, likewise.
        height: of the 7, likewise.
    """
    points = [(0, 0), (0.6, 0), (0.2, 1)], [(0.1, 0.55), (0.6, 0.5)]
    ink = Image.new("L", (4 * size, 4 * size))
    pen = ImageDraw.Draw(ink)
    for stroke in points:
        line = [(4 * size * (left + x * height), 4 * size * (top + y * height)) for x, y in stroke]
        pen.line(line, fill=255, width=int(4 * size * height / 12), joint="curve")
    sketch = Image.new("RGBA", (size, size))
    sketch.putalpha(ink.reduce(4))
    return sketch


def on_paper(sketch: Image.Image) -> Image.Image:
    """Return a transparent sketch on white paper, mode RGB."""
    paper = Image.new("RGBA", sketch.size, "white")
    return Image.alpha_composite(paper, sketch).convert("RGB")


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean absolute difference between two images, 0 to 255."""
    return float(np.abs(one.astype(float) - other).mean())


def print_digit(digit: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    """Return a white page of 400x400 pixels, mode L, with the digit in black in its middle."""
    left, top, right, bottom = font.getbbox(str(digit))
    page = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(page).text((200 - (left + right) / 2, 200 - (top + bottom) / 2), str(digit), font=font, fill=0)
    return page


def write_digit(digit: int, rng: np.random.Generator) -> Image.Image:
    """Return a digit written by a pen or marker of random width: the coverage of the ink, mode L, cropped to it."""
    strokes = sample_strokes(digit, rng)
    length = sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes)
    pen_width = min(0.3 / length, np.exp(rng.uniform(np.log(0.03), np.log(0.13))))  # a wider pen would fill the loops
    ink = render(strokes, 400, 400 * pen_width).getchannel("A")
    return ink.crop(ink.getbbox())


def photograph(ink: Image.Image, scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Return a photo of a digit, a decoded JPEG of mode RGB.

    Args:
        ink: the coverage of the ink, mode L, cropped to it.
        scene: what is fixed. Angles, places, and whatever has limits or alternatives are drawn at random.
        rng: the only source of randomness.
    """
    width, height = scene.size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    ink = _resized(ink, scene.reach * rng.uniform(0.8, 1.05) * min(width / ink.width, height / ink.height))
    left, top = _place(ink, scene, rng)
    picture = _sheet(x, y, scene, rng)[..., np.newaxis] * (np.array(scene.paper, np.float32) / 255)

    coverage = np.asarray(ink, np.float32)[..., np.newaxis] / 255
    if scene.grain:
        coverage *= 1 - scene.grain * clouds(ink.size, 2, rng)[..., np.newaxis]
    pen = np.array(scene.pens[rng.integers(len(scene.pens))], np.float32)
    beneath = picture[top : top + ink.height, left : left + ink.width]
    # Chalk covers the board. Ink absorbs the same share of the paper's light as it does of white light.
    inked = pen if sum(pen) > sum(scene.paper) else beneath * pen / 255
    beneath += coverage * (inked - beneath)

    if scene.table:
        _lay_on_table(picture, x, y, (left, top, left + ink.width, top + ink.height), rng)
    middle = left + ink.width / 2, top + ink.height / 2
    picture *= _light(x, y, scene, middle, rng)[..., np.newaxis]
    return develop(picture, scene, rng)


def _resized(ink: Image.Image, scale: float) -> Image.Image:
    """Return the ink at a multiple of its size."""
    size = max(1, round(ink.width * scale)), max(1, round(ink.height * scale))
    return ink.resize(size, Image.Resampling.BOX)


def _place(ink: Image.Image, scene: Scene, rng: np.random.Generator) -> tuple[int, int]:
    """Return where the left and the top of the ink come to lie."""
    shares = rng.choice([0.03, 0.97], 2) if scene.in_corner else rng.uniform(0.35, 0.65, 2)
    left, top = shares * np.subtract(scene.size, ink.size)
    return round(left), round(top)


def _sheet(x: np.ndarray, y: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Return how light the sheet is at each pixel, 0 to 255; it is 255 where nothing is printed on it."""
    sheet = np.full(x.shape, 255, np.float32)
    if scene.lines:
        sheet *= 1 - rng.uniform(*scene.line_strength) * _lines(x, y, scene.lines == "squared", rng)
    for _ in range(scene.specks):
        radius, left, top = rng.uniform(0.5, 0.004 * scene.size[0]), *rng.integers(scene.size)
        area = np.s_[max(top - 9, 0) : top + 10, max(left - 9, 0) : left + 10]
        sheet[area] *= 1 - rng.uniform(0.2, 0.7) * (np.hypot(x[area] - left, y[area] - top) < radius)
    return sheet


def _lines(x: np.ndarray, y: np.ndarray, squared: bool, rng: np.random.Generator) -> np.ndarray:
    """Return the coverage of printed lines, 0 to 1; they are slightly tilted and bent, like a real sheet's."""
    width = x.shape[1]
    angle, bend = rng.uniform(-0.1, 0.1), rng.uniform(-0.02, 0.02)
    spacing, thickness = width * rng.uniform(0.05, 0.14), width * rng.uniform(0.0015, 0.0035)
    across = y + angle * x + bend * x * (x / width - 1)
    along = x - angle * y + bend * y * (y / width - 1)
    coverage = np.zeros_like(x)
    for position in (across, along) if squared else (across,):
        away = np.abs((position + rng.uniform(0, spacing)) % spacing - spacing / 2)
        coverage = np.maximum(coverage, np.clip(thickness / 2 + 0.5 - away, 0, 1))
    return coverage


def clouds(size: tuple[int, int], grain: float, rng: np.random.Generator) -> np.ndarray:
    """Return smooth noise, 0 to 1, with features of about `grain` pixels."""
    coarse = rng.random([max(2, int(side / grain)) for side in reversed(size)], dtype=np.float32)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def _lay_on_table(
    picture: np.ndarray, x: np.ndarray, y: np.ndarray, box: tuple[int, int, int, int], rng: np.random.Generator
) -> None:
    """Paint wood over the picture along one or two sides, so that the sheet ends between the digit and the edge."""
    height, width = x.shape
    left, top, right, bottom = box
    colour = np.array(rng.permutation(3) * 10 + rng.uniform(50, 130), np.float32)
    wood = colour * (0.75 + 0.5 * clouds((width, height), 12, rng)[..., np.newaxis])
    tilts = rng.uniform(-0.06, 0.06, 3)
    depths = [  # how far each pixel lies beyond the digit, and how far the picture extends there
        (left - x + tilts[0] * (y - top), left),
        (x - right + tilts[1] * (y - top), width - right),
        (y - bottom + tilts[2] * (x - left), height - bottom),
    ]
    for side in rng.choice(3, rng.integers(1, 3), replace=False):
        depth, room = depths[side]
        beyond = np.clip(depth - rng.uniform(0.4, 0.8) * room + 0.5, 0, 1)[..., np.newaxis]
        picture += beyond * (wood - picture)


def _light(
    x: np.ndarray, y: np.ndarray, scene: Scene, middle: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Return the share of the light that reaches each pixel, possibly with the edge of a shadow through the digit."""
    height, width = x.shape
    angle = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) / np.sqrt(2) + 0.5
    corners = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2
    light = 1 - scene.shade * (0.7 * slope + 0.3 * corners)
    if scene.shadow:
        angle, softness = rng.uniform(0, 2 * np.pi), width * rng.uniform(0.002, 0.03)
        away = np.cos(angle) * (x - middle[0]) + np.sin(angle) * (y - middle[1])
        light *= 1 - scene.shadow / (1 + np.exp(-np.clip(away / softness, -30, 30)))
    return light


def develop(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Return the picture blurred, with noise, and compressed as JPEG."""
    photo = Image.fromarray(picture.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(scene.blur))
    noisy = np.asarray(photo) + scene.noise * rng.standard_normal(picture.shape, dtype=np.float32)
    file = BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=scene.quality)
    return Image.open(file)
