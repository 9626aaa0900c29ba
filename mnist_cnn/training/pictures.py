"""Made pictures, and what the rules propose in them: examples for the network, and what the vote is fitted to."""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mnist_cnn.decision import Outcome
from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import Scene, sample_scene
from mnist_cnn.images import IMAGE_SHAPE, Evidence, normalize_ink, propose
from mnist_cnn.training.chunks import map_chunks
from mnist_cnn.training.data import NO_DIGIT, Split, concatenate

# Pictures per chunk: one takes about 50 ms.
_CHUNK = 100

# A cut is a digit if it is so much like the digit's own ink, as a cosine, and none if it is less like it than the
# second. In between, nobody could say. Both are blurred by the third, in pixels: a thin stroke may lie beside itself.
_LIKE, _UNLIKE, _BLUR = 0.93, 0.75, 1.5
# Of each picture, at most so many cuts are taken: neighbours are nearly the same.
_DIGITS_PER_PICTURE, _NONDIGITS_PER_PICTURE = 2, 3
# A bar may be a 1, wherever it comes from, unless it lies: if its ink varies less than this share as much across it as
# along it, and it rises by more than this angle, in radians.
_BAR, _LYING = 0.15, 0.4


class Picture(NamedTuple):
    """What was proposed in a made picture.

    Attributes:
        images: of the segments, uint8 array of shape (n, 28, 28, 1).
        boxes: int array of shape (n, 4).
        evidence: float32 array of shape (n, k); of shape (0, k) if it is a drawing on plain paper.
        label: the digit, or `NO_DIGIT` if there isn't exactly one.
        outcome: what the picture shows.
        kind: of the scene.
    """

    images: np.ndarray
    boxes: np.ndarray
    evidence: np.ndarray
    label: int
    outcome: Outcome
    kind: str


def make_pictures(count: int, seed: int) -> list[Picture]:
    """Return made pictures; those in which nothing is found are left out.

    Args:
        count: number of scenes.
        seed: of the scenes; the same seed gives the same pictures.
    """
    chunks = map_chunks(_make_pictures, np.arange(count), seed, _CHUNK)
    return [picture for chunk in chunks for picture in chunk]


def cut_pictures(count: int, seed: int) -> Split:
    """Return what the rules cut out of made pictures: good cuts as digits, bad ones labelled `NO_DIGIT`.

    Args:
        count: number of scenes, each with a few cuts.
        seed: of the scenes.
    """
    return concatenate(*map_chunks(_cut_pictures, np.arange(count), seed, _CHUNK))


def propose_in(image: Image.Image, label: int, outcome: Outcome, kind: str = "") -> Picture | None:
    """Return what is proposed in a picture with a known answer, None if nothing is."""
    try:
        segments = propose(image)
    except EmptyPictureError:
        return None
    evidence = [segment.evidence for segment in segments if segment.evidence]
    return Picture(
        np.stack([normalize_ink(segment.ink) for segment in segments]),
        np.array([segment.box for segment in segments]),
        np.array(evidence, np.float32).reshape(-1, len(Evidence._fields)),
        label,
        outcome,
        kind,
    )


def _make_pictures(numbers: np.ndarray, rng: np.random.Generator) -> list[Picture]:
    return [picture for _ in numbers if (picture := _propose_in_scene(sample_scene(rng)))]


def _propose_in_scene(scene: Scene) -> Picture | None:
    outcome = (Outcome.NONE, Outcome.DIGIT, Outcome.SEVERAL)[min(len(scene.digits), 2)]
    label = scene.digits[0] if outcome == Outcome.DIGIT else NO_DIGIT
    return propose_in(scene.image, label, outcome, scene.kind)


def _cut_pictures(numbers: np.ndarray, rng: np.random.Generator) -> Split:
    images, labels = [np.empty((0, *IMAGE_SHAPE), np.uint8)], [np.empty(0, np.int32)]
    for _ in numbers:
        scene = sample_scene(rng)
        picture = _propose_in_scene(scene)
        if picture is None or picture.outcome == Outcome.SEVERAL:  # some cuts are digits, and nobody knows which
            continue
        is_good, is_bad = _judge(scene, picture.images)
        for chosen, label, count in (
            (is_good, picture.label, _DIGITS_PER_PICTURE),
            (is_bad, NO_DIGIT, _NONDIGITS_PER_PICTURE),
        ):
            rows = rng.permutation(np.flatnonzero(chosen))[:count]
            images.append(picture.images[rows])
            labels.append(np.full(len(rows), label, np.int32))
    return Split(np.concatenate(images), np.concatenate(labels))


def _judge(scene: Scene, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which cuts show the scene's digit, and which certainly show none: bool arrays of shape (n,)."""
    blurred = gaussian_filter(images[..., 0].astype(np.float32), (0, _BLUR, _BLUR))
    may_be_one = _is_upright_bar(blurred)
    if scene.ink is None:
        return np.zeros(len(images), bool), ~may_be_one
    ink = gaussian_filter(normalize_ink(np.asarray(scene.ink))[..., 0].astype(np.float32), _BLUR)
    likeness = np.tensordot(blurred, ink) / (np.linalg.norm(blurred, axis=(1, 2)) * np.linalg.norm(ink))
    return likeness > _LIKE, (likeness < _UNLIKE) & ~may_be_one


def _is_upright_bar(images: np.ndarray) -> np.ndarray:
    """Return whether each image shows nothing but a bar that may be a 1, by the moments of its ink; shape (n,)."""
    y, x = np.indices(images.shape[1:])
    mass = images.sum(axis=(1, 2))
    dy, dx = (grid - (images * grid).sum(axis=(1, 2), keepdims=True) / mass[:, None, None] for grid in (y, x))
    xx, yy, xy = ((images * moment).sum(axis=(1, 2)) / mass for moment in (dx * dx, dy * dy, dx * dy))
    spread = np.hypot(xx - yy, 2 * xy)
    is_bar = xx + yy - spread < _BAR * (xx + yy + spread)
    is_upright: np.ndarray = is_bar & (np.abs(np.arctan2(2 * xy, xx - yy) / 2) > _LYING)
    return is_upright
