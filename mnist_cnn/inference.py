"""Pictures in, readings out: the public face of the package."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn import hub
from mnist_cnn.decision import (
    CANDIDATE_FEATURES,
    CANDIDATE_OUTPUTS,
    PATH_FEATURES,
    REMAINDER_FEATURES,
    REMAINDER_OUTPUTS,
    Lattice,
    Outcome,
    Perceptron,
    RowModel,
    build_lattice,
    decide,
    decide_number,
    describe_segments,
)
from mnist_cnn.errors import ModelError
from mnist_cnn.images import (
    IMAGE_SHAPE,
    LAYOUT_EVIDENCE,
    MAX_LAYOUTS,
    STRIP_HEIGHT,
    Box,
    Evidence,
    ImageSource,
    Layout,
    Strokes,
    count_pixels,
    load_image,
    normalize_ink,
    propose,
    propose_layouts,
)
from mnist_cnn.network import (
    NUM_CLASSES,
    WINDOW,
    build_explainer,
    compute_logits,
    compute_words,
    cut_windows,
    join_windows,
    load_row_weights,
    load_weights,
)

__all__ = [
    "BATCH_SIZE",
    "NUM_CLASSES",
    "PRETRAINED",
    "Box",
    "Classifier",
    "ImageSource",
    "Layout",
    "NumberReading",
    "Prepared",
    "Reading",
    "Strokes",
    "count_pixels",
    "find_folder",
    "load_image",
    "prepare",
    "propose_layouts",
]

PRETRAINED = Path(__file__).parent / "pretrained"
# The network is compiled for one image and for this many. More go through it in parts, which takes no longer per image,
# and the last part is padded with blank images.
BATCH_SIZE = 4
TURN = 64  # images of a number that are read in one go, as many as a picture of one digit has at most

# Where several digits are likelier than this, rows are looked for, even if a picture seems to show one digit: in a
# photo that takes many times as long as to read the digit.
_DOUBT = 0.1

# Perceptrons come with the model, from whoever trained that. Within these limits, whatever they compute is finite.
_MAX_UNITS = 64
_MAX_WEIGHT, _MIN_SCALE = 1e6, 1e-6


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read in a picture. It is made once for a picture and never changes.

    Attributes:
        probabilities: of the digits 0 to 9, float32 array of shape (10,), read-only; they sum to 1.
        is_digit: whether the picture shows exactly one digit.
        box: where the digit is in the picture: left, top, right, bottom, in pixels.
        image: what the network saw of it, uint8 array of shape (28, 28, 1), read-only; 0 is paper, 255 is ink. Where
            it saw several images, this is the one that counted most.
        is_several: whether the picture shows several digits.
        several: how likely it does, 0 to 1. Of a drawing that is taken for one digit: how likely it is none.
    """

    probabilities: np.ndarray
    is_digit: bool
    box: Box
    image: np.ndarray
    is_several: bool = False
    several: float = 0.0

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.probabilities, self.image):
            array.flags.writeable = False

    @property
    def digit(self) -> int:
        """The likeliest digit."""
        return int(self.probabilities.argmax())

    def count_layouts(self, strokes: Strokes | None = None) -> int:
        """Return in how many ways to see the picture, at most, rows of digits are to be looked for.

        Where it seems to show one digit, in none; drawn with several strokes, in one, since these may be digits.
        """
        if not self.is_digit or self.several > _DOUBT:
            return MAX_LAYOUTS
        return int(strokes is not None and len(strokes) > 1)


@dataclass(frozen=True, eq=False)
class NumberReading:
    """Which digits were read in a picture. It is made once for a picture and never changes.

    Attributes:
        text: the digits, rows joined by a newline; empty if there is none.
        confidence: how likely the whole text is right, 0 to 1.
        digits: one reading for each digit of the text, in reading order.
        whole: the picture's reading as one digit, as `Classifier.read` returns it.
    """

    text: str
    confidence: float
    digits: tuple[Reading, ...]
    whole: Reading


class Prepared(NamedTuple):
    """A picture, ready for the network.

    Attributes:
        images: of the segments that may be its digit, uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        boxes: where their ink is in the picture: left, top, right, bottom, in pixels.
        evidence: for and against each of them; empty for a drawing on plain paper, which needs none.
    """

    images: np.ndarray
    boxes: list[Box]
    evidence: list[Evidence]


def prepare(source: ImageSource) -> Prepared:
    """Find what may be a digit in a picture, and turn it into images that MNIST would hold.

    Raises:
        UnreadablePictureError: if the source is not a picture.
        EmptyPictureError: if there is no ink in it.
    """
    segments = propose(load_image(source))
    return Prepared(
        np.stack([normalize_ink(segment.ink) for segment in segments]),
        [segment.box for segment in segments],
        [segment.evidence for segment in segments if segment.evidence],
    )


class Classifier:
    """A trained network, compiled and warmed up. It never changes.

    Attributes:
        source: where the model came from: "bundled", a folder, or the id of a repo on the Hub.
        revision: the commit of the repo, None for a folder.
        metrics: what training measured, the content of metrics.json.
    """

    def __init__(self, folder: Path, source: str | None = None, revision: str | None = None) -> None:
        """Load a model folder.

        Args:
            folder: with the weights and metrics.json.
            source: what the model is called; the folder by default.
            revision: the commit that the folder holds, if it came from the Hub.

        Raises:
            ModelError: if the folder holds no weights that fit, no metrics.json, or a vote that doesn't fit.
        """
        self.source = source or str(folder)
        self.revision = revision
        self.metrics = _load_metrics(folder)
        self._vote = _load_perceptrons(folder, self.metrics, "vote")
        self._rows = RowModel(**_load_perceptrons(folder, self.metrics, "rows"))
        weights = [jnp.asarray(array) for array in load_weights(folder)]
        forward = jax.jit(lambda images: jax.nn.softmax(compute_logits(weights, images)))
        blank = {size: np.zeros((size, *IMAGE_SHAPE), np.uint8) for size in (1, BATCH_SIZE)}
        self._forward = {size: forward.lower(images).compile() for size, images in blank.items()}
        for images in blank.values():
            self.compute_probabilities(images)  # the first call of compiled code is slow too
        self._explain = build_explainer(weights)
        row_weights = [jnp.asarray(array) for array in load_row_weights()]
        window = np.zeros((1, STRIP_HEIGHT, WINDOW), np.uint8)
        self._read_window = jax.jit(lambda strips: compute_words(row_weights, strips)).lower(window).compile()
        self._read_window(window)

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, revision: str | None = None) -> "Classifier":
        """Load the bundled model, a local folder, or a model repo on the Hub.

        Args:
            source: a folder, or the id of a repo such as "owner/name"; None for the bundled model.
            revision: a commit, branch or tag of the repo.

        Raises:
            ModelError: if the source is a path at which there is no folder, or if the folder, or what came from the
                Hub, holds no model that fits.
            HubError: if the repo can't be pulled.
        """
        if source is None:
            return cls(PRETRAINED, "bundled")
        if folder := find_folder(source):
            return cls(folder)
        pulled = hub.pull_model(str(source), revision)
        return cls(pulled, str(source), pulled.name)

    @property
    def description(self) -> str:
        """Which model this is, in a few words for people."""
        return f"{self.source} at revision {self.revision[:7]}" if self.revision else self.source

    def predict(self, image: ImageSource) -> dict[str, float]:
        """Return the probability of each digit.

        Args:
            image: a drawing or photo of one digit, in any form that `load_image` takes.

        Returns:
            The probabilities of "0" to "9"; they sum to 1.

        Raises:
            UnreadablePictureError: if it is not a picture.
            EmptyPictureError: if there is no ink in it.
        """
        return {str(digit): float(share) for digit, share in enumerate(self.read(image).probabilities)}

    def predict_batch(self, images: Sequence[ImageSource]) -> np.ndarray:
        """Return the probabilities of each picture's digits.

        Args:
            images: as in `predict`, which also tells the errors.

        Returns:
            float32 array of shape (n, 10); rows sum to 1.
        """
        readings = self.read_prepared([prepare(image) for image in images])
        return np.array([reading.probabilities for reading in readings], np.float32).reshape(-1, NUM_CLASSES)

    def read(self, image: ImageSource) -> Reading:
        """Read one picture; arguments and errors are those of `predict`."""
        (reading,) = self.read_prepared([prepare(image)])
        return reading

    def read_prepared(self, prepared: Sequence[Prepared]) -> list[Reading]:
        """Read pictures that `prepare` has made ready.

        Each goes through the network by itself: what is computed for it doesn't depend on what is read with it, not
        even in the last bit.
        """
        return [self._read_prepared(picture) for picture in prepared]

    def _read_prepared(self, picture: Prepared) -> Reading:
        evidence = np.array(picture.evidence, np.float32).reshape(-1, len(Evidence._fields))
        probabilities = self.compute_probabilities(picture.images)
        threshold = self.metrics.get("digit_threshold", 0.0)
        decision = decide(self._vote, threshold, probabilities, np.array(picture.boxes), evidence)
        return Reading(
            decision.probabilities,
            decision.outcome == Outcome.DIGIT,
            picture.boxes[decision.loudest],
            picture.images[decision.loudest].copy(),
            decision.outcome == Outcome.SEVERAL,
            decision.several,
        )

    def read_number(self, image: ImageSource, strokes: Strokes | None = None) -> NumberReading:
        """Read all digits of a picture. Where `read` finds one digit, it is that, unless several are likelier.

        Args:
            image: as for `predict`.
            strokes: of the pen, if the picture was drawn on transparency: x and y of each point of each stroke, in the
                picture's pixels and in the order of writing. They tell apart what touches.

        Raises:
            UnreadablePictureError: if the image is not a picture, or the strokes are none.
            EmptyPictureError: if there is no ink in it.
        """
        loaded = load_image(image)
        whole = self.read(loaded)
        return self.read_layouts(islice(propose_layouts(loaded, strokes), whole.count_layouts(strokes)), whole)

    def read_layouts(
        self,
        layouts: Iterable[Layout],
        whole: Reading,
        take_turn: Callable[[int], AbstractContextManager[object]] = nullcontext,
    ) -> NumberReading:
        """Read the digits of a picture, given all ways to see it, and what was read of it as one digit.

        Args:
            layouts: as `propose_layouts` yields them.
            whole: as `read` returns it.
            take_turn: called with a number of images, at most `TURN`; what it returns is entered while the network
                reads them, so that others can come between.
        """
        one = NumberReading(str(whole.digit), float(whole.probabilities.max()), (whole,), whole)
        looked: list[tuple[Layout, Lattice]] = []
        known: dict[bytes, np.ndarray] = {}

        def look() -> Iterator[Lattice]:
            for layout in layouts:
                read = self._read_images(layout.images, known, take_turn)
                words = [self._read_strip(strip, known, take_turn) for strip in layout.strips]
                looked.append((layout, build_lattice(*layout[3:], read, words)))
                yield looked[-1][1]

        decision = decide_number(self._rows, look())
        if whole.is_digit and (len(decision.steps) < 2 or decision.several + whole.several < 1):
            return one
        digits = []
        for candidate, _ in decision.steps:
            layout, lattice = looked[decision.lattice]
            image = layout.images[candidate].copy()
            digits.append(Reading(lattice.probabilities[candidate], True, layout.boxes[candidate], image))
        return NumberReading(decision.text, decision.confidence, tuple(digits), whole)

    def _read_images(
        self,
        images: np.ndarray,
        known: dict[bytes, np.ndarray],
        take_turn: Callable[[int], AbstractContextManager[object]],
    ) -> np.ndarray:
        """Return the probabilities of each image, and add them to what is known of others, by their bytes.

        The layouts of a drawing have most candidates in common.
        """
        keys = [image.tobytes() for image in images]
        new = list({key: image for key, image in zip(keys, images, strict=True) if key not in known}.items())
        for start in range(0, len(new), TURN):
            turn = new[start : start + TURN]
            with take_turn(len(turn)):
                read = self.compute_probabilities(np.stack([image for _, image in turn]))
            known.update(zip([key for key, _ in turn], read, strict=True))
        return np.array([known[key] for key in keys])

    def _read_strip(
        self,
        strip: np.ndarray,
        known: dict[bytes, np.ndarray],
        take_turn: Callable[[int], AbstractContextManager[object]],
    ) -> np.ndarray:
        """Return what the network of rows says of each column of a strip, and add it to what is known of others.

        The layouts of a drawing have the strips in common.
        """
        key = strip.tobytes()
        if key not in known:
            windows = cut_windows(strip)
            with take_turn(len(windows)):
                words = np.concatenate([self._read_window(window[None]) for window in windows])
            known[key] = join_windows(words, strip.shape[1])
        return known[key]

    def compute_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return what the network says of images that are MNIST's already.

        Args:
            images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.

        Returns:
            float32 array of shape (n, 10); rows sum to 1.
        """
        size = 1 if len(images) == 1 else BATCH_SIZE
        padded = np.zeros((-(-len(images) // size) * size, *IMAGE_SHAPE), np.uint8)
        padded[: len(images)] = images
        # JAX computes in the background: one part is computed while the next is handed over.
        parts = [self._forward[size](padded[start : start + size]) for start in range(0, len(padded), size)]
        return np.concatenate([np.empty((0, NUM_CLASSES), np.float32), *parts])[: len(images)]

    def explain(self, image: np.ndarray, first: int, second: int) -> np.ndarray:
        """Return which ink of an image speaks for one digit, and which for another.

        Args:
            image: of a `Reading`, uint8 array of shape (28, 28, 1).
            first: a digit, such as the likeliest one.
            second: another, such as the runner-up.

        Returns:
            float32 array of shape (28, 28), above 0 for the first and below 0 for the second. The first call compiles.
        """
        return self._explain(image, first, second)


def find_folder(source: str | Path) -> Path | None:
    """Return the folder that a model's source names, None if it names a repo on the Hub.

    Raises:
        ModelError: if the source looks like a path (absolute, beginning with ./, ../ or ~, or with more than one slash)
            and there is no such folder.
    """
    if Path(source).is_dir():
        return Path(source)
    if isinstance(source, Path) or re.match(r"\.{0,2}/|~|.*/.*/", source):
        raise ModelError(f"There is no folder {source}: check the path, or name a repo on the Hub as owner/name.")
    return None


def _load_metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
        if not (0 <= metrics["test"]["accuracy"] <= 1 and 0 <= metrics.get("digit_threshold", 0) <= 1):
            raise ValueError("the accuracy and the threshold of a digit must lie between 0 and 1")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder} is no model folder: its metrics.json can't be read ({error}).") from error
    return metrics


def _load_perceptrons(folder: Path, metrics: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the perceptrons that metrics.json holds under a name; the bundled model's, if it was trained without them.

    Returns:
        For "vote" a perceptron, for "rows" a dict of them.

    Raises:
        ModelError: if one is damaged, or belongs to other features than are described here.
    """
    if name not in metrics:
        folder, metrics = PRETRAINED, _load_metrics(PRETRAINED)
    if name not in metrics:
        raise ModelError(f"{folder} is no model folder: its metrics.json holds no {name}. Install the model again.")
    try:
        if name == "vote":
            return _load_perceptron(metrics[name], _count_vote_features(), 1 + len(Outcome))
        return {part: _load_perceptron(metrics[name][part], *sizes) for part, sizes in _count_row_features().items()}
    except (ValueError, KeyError, TypeError) as error:
        message = f"{folder} is no model folder: its metrics.json holds no {name} that fits ({error})."
        raise ModelError(message) from error


def _load_perceptron(weights: dict[str, Any], features: int, outputs: int) -> Perceptron:
    """Return a perceptron.

    Raises:
        ValueError: if an array of it has another shape, or holds what is no number or too large.
        KeyError: if an array is missing.
        TypeError: if it holds no arrays.
    """
    perceptron = Perceptron(*(np.array(weights[name]) for name in Perceptron._fields))
    units = len(perceptron.hidden_bias)
    if not 1 <= units <= _MAX_UNITS:
        raise ValueError(f"it must have 1 to {_MAX_UNITS} hidden units")
    shapes = (features,), (features,), (features, units), (units,), (units, outputs), (outputs,)
    for name, array, shape in zip(Perceptron._fields, perceptron, shapes, strict=True):
        if array.shape != shape or array.dtype.kind not in "if":
            raise ValueError(f"its {name} must hold {shape} numbers")
        if not np.abs(array.astype(np.float64)).max() <= _MAX_WEIGHT:
            raise ValueError(f"its {name} must be finite, and no larger than {_MAX_WEIGHT:g}")
    if perceptron.scale.min() < _MIN_SCALE:
        raise ValueError(f"its scale must be at least {_MIN_SCALE:g}")
    return Perceptron(*(array.astype(np.float32) for array in perceptron))


def _count_vote_features() -> int:
    evidence = np.ones((1, len(Evidence._fields)))
    return int(describe_segments(np.full((1, NUM_CLASSES), 0.1), np.ones((1, 4)), evidence).shape[1])


def _count_row_features() -> dict[str, tuple[int, int]]:
    """Return the number of features and of outputs of each part of a `RowModel`."""
    candidates, remainders, whole = LAYOUT_EVIDENCE
    return {  # each is there once for strokes and once for all, and those of layouts as their mean as well
        "candidates": (2 * (candidates + whole + CANDIDATE_FEATURES), CANDIDATE_OUTPUTS),
        "remainders": (2 * (remainders + whole + REMAINDER_FEATURES), REMAINDER_OUTPUTS),
        "layouts": (3 * (whole + PATH_FEATURES), 3),
    }
