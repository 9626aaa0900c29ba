"""Draws random outlines that are no zeros: closed ones with dents, corners or other things in or at them, and arcs."""

from collections.abc import Callable

import numpy as np

Strokes = list[np.ndarray]
Drawer = Callable[[np.random.Generator], Strokes]


def line(*points: tuple[float, float]) -> np.ndarray:
    """Return a stroke along straight lines from point to point, as an array in which every corner comes twice."""
    return np.repeat(np.array(points), 2, axis=0)[1:-1]


def ellipse(
    x: float, y: float, width: float, height: float, start: float = 0.0, turn: float = 1.0, points: int = 12
) -> np.ndarray:
    """Return a stroke along an ellipse, clockwise.

    Args:
        x: of the centre.
        y: of the centre, downward.
        width: half of the ellipse's width.
        height: half of its height.
        start: where the stroke starts, in turns clockwise from the right.
        turn: the share of the ellipse that the stroke follows.
        points: of the stroke.

    Returns:
        Array of shape (points, 2).
    """
    angle = 2 * np.pi * (start + np.linspace(0, turn, points))
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def turned(strokes: Strokes, rng: np.random.Generator, angle: float = np.pi) -> Strokes:
    """Return the strokes rotated about the origin by a random angle of at most `angle` radians either way."""
    angle = rng.uniform(-angle, angle)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [stroke @ rotation for stroke in strokes]


def polygon(rng: np.random.Generator) -> np.ndarray:
    """Return a stroke round an irregular triangle or quadrilateral about 2 wide at the origin."""
    count = rng.integers(3, 5)
    angle = rng.uniform(0, 2 * np.pi) + (np.arange(count) + rng.uniform(-0.2, 0.2, count)) * 2 * np.pi / count
    corners = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.85, 1.15, (count, 1))
    return np.repeat(np.concatenate([corners, corners[:1]]), 2, axis=0)[1:-1]


def ring(rng: np.random.Generator) -> np.ndarray:
    """Return a stroke round an uneven circle about 2 wide at the origin, whose end just misses or passes its start."""
    stroke = ellipse(0, 0, 1, 1, rng.random(), rng.choice([-1, 1]) * rng.uniform(0.98, 1.06), 14)
    angle = np.arctan2(stroke[:, 1], stroke[:, 0])
    swell = 1 + sum(rng.normal(0, 0.05) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi)) for wave in (2, 3))
    uneven: np.ndarray = stroke * np.asarray(swell)[:, None]
    return uneven


def _lobed(rng: np.random.Generator) -> np.ndarray:
    """Return an outline of 5 to 8 lobes: waves with rounded or, as in clouds, with pointed valleys."""
    lobes = int(rng.integers(5, 9))
    stroke = ellipse(0, 0, 1, 1, 0, 1, 6 * lobes + 1)
    angle = np.linspace(0, 2 * np.pi, len(stroke))
    depth = rng.uniform(0.3, 0.55)
    wave = np.abs(np.sin(lobes * angle / 2)) if rng.random() < 0.5 else 0.5 - 0.5 * np.cos(lobes * angle)
    return stroke * (1 - depth + depth * wave)[:, None]


def _dented(rng: np.random.Generator) -> np.ndarray:
    """Return an outline with one deep dent, as of a kidney, a bitten biscuit or an apple."""
    stroke = ellipse(0, 0, 1, 1, 0, 1, 25)
    angle = np.linspace(-np.pi, np.pi, 25)
    dent = rng.uniform(0.65, 0.95) * np.exp(-((angle / rng.uniform(0.3, 0.6)) ** 2))
    return stroke * (1 - dent)[:, None]


def _pointed(rng: np.random.Generator) -> np.ndarray:
    """Return an outline of 3 to 6 points with sides that curve inward, as of a thorny leaf or a star."""
    points = int(rng.integers(3, 7))
    stroke = ellipse(0, 0, 1, 1, 0, 1, 4 * points + 1)
    angle = np.linspace(0, 2 * np.pi, len(stroke))
    stroke *= (1 - rng.uniform(0.35, 0.65) * np.abs(np.sin(points * angle / 2)))[:, None]
    return np.repeat(stroke, 1 + (np.arange(len(stroke)) % 4 == 0), axis=0)[1:-1]


def _body(rng: np.random.Generator) -> np.ndarray:
    """Return the outline of something that has other things in it or at it: a circle more often than not."""
    return (ring, ring, ring, polygon, _lobed, _dented)[rng.integers(6)](rng)


def _stretched(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Return the strokes half as large, to be about 1 high, and stretched one way or the other."""
    stretch = np.exp(rng.uniform(-0.2, 0.3))
    return [stroke * [stretch / 2, 0.5] for stroke in strokes]


def _spot(x: float, y: float, rng: np.random.Generator) -> np.ndarray:
    """Return a dot, a dash or a small circle."""
    size = rng.uniform(0.06, 0.14)
    shape = rng.integers(3)
    if shape == 2:
        return ellipse(x, y, size, size, 0.6, 1, 7)
    return line((x, y), (x + 0.03, y + (0.04, 2 * size)[shape]))


def _around(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` angles in radians, spread all round about evenly."""
    angles: np.ndarray = 2 * np.pi * (rng.random() + (np.arange(count) + rng.uniform(-0.25, 0.25, count)) / count)
    return angles


def _bare(outline: Callable[[np.random.Generator], np.ndarray]) -> Drawer:
    """Return a drawer of the outline alone, turned any way."""
    return lambda rng: _stretched(turned([outline(rng)], rng), rng)


def _filled(content: Drawer) -> Drawer:
    """Return a drawer of an outline with the content, which is drawn for an outline about 2 wide at the origin."""
    return lambda rng: _stretched([_body(rng), *content(rng)], rng)


def _dots(rng: np.random.Generator) -> Strokes:
    radius = rng.uniform(0.3, 0.55)
    return [_spot(radius * np.cos(a), radius * np.sin(a), rng) for a in _around(int(rng.integers(3, 8)), rng)]


def _bars(rng: np.random.Generator) -> Strokes:
    """Return 1 to 4 parallel lines, level ones if they are so few that they might be the slash of a zero."""
    count = rng.integers(1, 5)
    middle = rng.choice([-0.35, 0.35]) if count == 1 else 0.0
    places = middle + (np.arange(count) - (count - 1) / 2) * rng.uniform(0.25, 0.4)
    bars = [line((-half, y), (half, y)) for y, half in zip(places, rng.uniform(0.3, 0.55, count), strict=True)]
    return turned(bars, rng, 0.0 if count < 3 else np.pi)


def _inner_outline(rng: np.random.Generator) -> Strokes:
    scale = rng.uniform(0.25, 0.6)
    shift = (0.8 - scale) * rng.uniform(-0.6, 0.6, 2)
    return [scale * _body(rng) + shift]


def _cross(rng: np.random.Generator) -> Strokes:
    """Return 2 to 4 lines that cross in or near the centre, inside the outline or up to it."""
    reach = rng.uniform(0.4, 1)
    centre = rng.uniform(-0.15, 0.15, 2)
    spokes = np.pi * (np.arange(count := int(rng.integers(2, 5))) / count) + rng.uniform(0, np.pi)
    return [
        np.array([centre - reach * (tip := np.array([np.cos(a), np.sin(a)])), centre + reach * tip]) for a in spokes
    ]


def _zigzag(rng: np.random.Generator) -> Strokes:
    turns = rng.integers(5, 9)
    x = np.linspace(-0.6, 0.6, turns)
    y = np.arange(turns) % 2 * rng.uniform(0.4, 0.8) - 0.3
    return turned([line(*zip(x, y, strict=True))], rng)


def _curl(rng: np.random.Generator) -> Strokes:
    angle = np.linspace(0, 2 * np.pi * rng.uniform(1.5, 2.5), 18)
    radius = 0.65 * angle / angle[-1]
    return turned([np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)], rng)


def _features(rng: np.random.Generator) -> Strokes:
    """Return two eyes and a mouth, and sometimes a nose."""
    apart, height = rng.uniform(0.25, 0.4), rng.uniform(-0.4, -0.1)
    size, drop = rng.uniform(0.2, 0.55), rng.uniform(-0.2, 0.3)
    mouth = np.array([[-size, 0.45 - drop / 2], [0, 0.45 + drop / 2], [size, 0.45 - drop / 2]])
    nose = [line((0, -0.05), (rng.uniform(-0.1, 0.1), 0.18))] if rng.random() < 0.3 else []
    return [_spot(-apart, height, rng), _spot(apart, height, rng), mouth, *nose]


def _hands(rng: np.random.Generator) -> Strokes:
    """Return the hands of a clock, and sometimes marks for some hours."""
    first = rng.uniform(0, 2 * np.pi)
    second = first + rng.uniform(0.8, 2) * rng.choice([-1, 1])
    tips = [(r * np.cos(a), r * np.sin(a)) for r, a in ((0.75, first), (0.5, second))]
    marks = [0.8 * np.array([[np.cos(a), np.sin(a)], [1.12 * np.cos(a), 1.12 * np.sin(a)]]) for a in _around(4, rng)]
    return [line(tips[0], (0.0, 0.0), tips[1]), *(marks if rng.random() < 0.5 else [])]


def _ears(rng: np.random.Generator) -> Strokes:
    """Return two pointed or round ears on top."""
    at, long = rng.uniform(0.13, 0.18), rng.uniform(0.35, 0.8)
    angles = 2 * np.pi * np.array([-0.25 - at / 2, -0.25 + at / 2])
    if rng.random() < 0.5:
        return [ellipse(1.25 * np.cos(a), 1.25 * np.sin(a), long / 2, long / 1.6, 0.2) for a in angles]
    feet = [[(0.98 * np.cos(a + d), 0.98 * np.sin(a + d)) for d in (-0.25, 0.25)] for a in angles]
    tips = [((1 + long) * np.cos(a), (1 + long) * np.sin(a)) for a in angles]
    return [line(foot[0], tip, foot[1]) for foot, tip in zip(feet, tips, strict=True)]


def _legs(rng: np.random.Generator) -> Strokes:
    count = int(rng.integers(2, 5))
    long = rng.uniform(0.3, 0.9)
    feet = np.linspace(-0.6, 0.6, count)
    return [line((x, np.sqrt(1 - x**2)), (x * rng.uniform(0.9, 1.4), np.sqrt(1 - x**2) + long)) for x in feet]


def _trunk(rng: np.random.Generator) -> Strokes:
    """Return what makes an outline a tree: a trunk of two lines, or of one that branches inside the crown."""
    long = rng.uniform(0.6, 1.4)
    if rng.random() < 0.5:
        half = rng.uniform(0.1, 0.25)
        return [line((-half, 0.9), (-half * 1.2, 1 + long)), line((half, 0.9), (half * 1.2, 1 + long))]
    fork = rng.uniform(0.1, 0.6)
    return [line((0, fork), (0, 1 + long)), line((-0.5, fork - 0.5), (0, fork), (0.5, fork - 0.4))]


def _handle(rng: np.random.Generator) -> Strokes:
    """Return the handle of a jug, on one side or on both, and a line for what is in it."""
    bow = ellipse(0.9, 0, rng.uniform(0.4, 0.7), rng.uniform(0.3, 0.6), -0.25, 0.5, 7)
    return [bow, line((-0.7, -0.5), (0.7, -0.5)), *([bow * [-1, 1]] if rng.random() < 0.4 else [])]


def _rays(rng: np.random.Generator) -> Strokes:
    start, end = rng.uniform(1.1, 1.3), rng.uniform(1.5, 2)
    return [np.outer([start, end], [np.cos(angle), np.sin(angle)]) for angle in _around(int(rng.integers(6, 14)), rng)]


def _wings(rng: np.random.Generator) -> Strokes:
    wide, high, y = rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.6), rng.uniform(-0.4, 0.2)
    return [ellipse(-0.95 - wide, y, wide, high), ellipse(0.95 + wide, y, wide, high, 0.5)]


def _arc(rng: np.random.Generator) -> Strokes:
    """Return a part of a circle: from 0.46 to 0.7 turns of it, but not round the upper right, as in a 7."""
    turn = rng.uniform(0.46, 0.7)
    return _stretched([ellipse(0, 0, 1, 1, rng.uniform(0, 0.75) - turn / 2, turn)], rng)


def _hook(rng: np.random.Generator) -> Strokes:
    """Return a long leg, an arc below and a short leg."""
    mirror = rng.choice([-1, 1])
    tall, short = rng.uniform(1, 1.8), rng.uniform(0, 0.7)
    bend = ellipse(0, 0, 1, 1, 0, 0.5)
    return _stretched([np.concatenate([[[1, -tall]], bend, [[-1.05, -short]]]) * [mirror, 1]], rng)


def _horseshoe(rng: np.random.Generator) -> Strokes:
    """Return an arc with feet that point outward."""
    foot = rng.uniform(0.3, 0.8)
    bend = ellipse(0, 0, 1, 1, 0.41, 0.68)
    left, right = bend[:1], bend[-1:]
    shoe = np.concatenate([left - [foot, 0], left, bend, right, right + np.array([foot, 0])])
    return _stretched(turned([shoe], rng, 0.5), rng)


def _legged_arch(rng: np.random.Generator) -> Strokes:
    """Return an arch with straight legs, which stands on its feet or on its back or lies on a side."""
    long = rng.uniform(0.4, 1.4)
    arch = np.concatenate([[[-1.05, long]], ellipse(0, 0, 1, 1, 0.5, 0.5, 9), [[1.05, long]]])
    quarter = [np.array([[1, 0], [0, 1]]), np.array([[-1, 0], [0, -1]]), np.array([[0, 1], [1, 0]])][rng.integers(3)]
    return _stretched([arch @ quarter], rng)


def _rainbow(rng: np.random.Generator) -> Strokes:
    """Return 2 to 4 arcs round the same centre."""
    radii = np.linspace(1, rng.uniform(0.3, 0.6), rng.integers(2, 5))
    start, turn = rng.random(), rng.uniform(0.35, 0.6)
    return _stretched([ellipse(0, 0, radius, radius, start, turn, 9) for radius in radii], rng)


def _gull(rng: np.random.Generator) -> Strokes:
    """Return two arches side by side, above or below a level line."""
    height = rng.choice([-1, 1]) * rng.uniform(0.5, 1)
    arches = [ellipse(x, 0, 0.8, height, 0.5, 0.5, 7) for x in (-0.8, 0.8)]
    return [0.4 * np.concatenate(arches)]


def _snail_shell(rng: np.random.Generator) -> Strokes:
    """Return a spiral of about two turns."""
    angle = np.linspace(0, 2 * np.pi * rng.uniform(1.9, 2.6), 24)
    spiral = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / angle[-1]
    return _stretched(turned([spiral], rng), rng)


# Kind -> a function that returns the points of random strokes.
OUTLINES: dict[str, Drawer] = {
    "corners": _bare(polygon),
    "lobed outline": _bare(_lobed),
    "dented outline": _bare(_dented),
    "pointed outline": _bare(_pointed),
    "outline with dots": _filled(_dots),
    "outline with bars": _filled(_bars),
    "outline with an outline": _filled(_inner_outline),
    "outline with a cross": _filled(_cross),
    "outline with a zigzag": _filled(_zigzag),
    "outline with a spiral": _filled(_curl),
    "outline with a face": _filled(_features),
    "outline with clock hands": _filled(_hands),
    "outline with ears": _filled(_ears),
    "outline with legs": _filled(_legs),
    "outline with a trunk": _filled(_trunk),
    "outline with a handle": _filled(_handle),
    "outline with rays": _filled(_rays),
    "outline with wings": _filled(_wings),
}
ARCS: dict[str, Drawer] = {
    "arc": _arc,
    "hook": _hook,
    "horseshoe": _horseshoe,
    "arch with legs": _legged_arch,
    "rainbow": _rainbow,
    "gull": _gull,
    "snail shell": _snail_shell,
}
