"""Made numbers, and the reading of rows, fitted to them."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.decision import (
    CANDIDATE_OUTPUTS,
    REMAINDER_OUTPUTS,
    Lattice,
    Perceptron,
    RowModel,
    build_lattice,
    decide_number,
    describe_candidates,
    describe_layouts,
    describe_remainders,
    measure_layouts,
    score_candidates,
    score_remainders,
)
from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import (
    Number,
    Samples,
    Scene,
    sample_number,
    sample_scene,
    write_nondigit,
    write_number,
)
from mnist_cnn.images import IMAGE_SHAPE, MAX_GROUP, MAX_LAYOUTS, Layout, propose_layouts, to_mnist
from mnist_cnn.network import compute_words, cut_windows, join_windows, load_row_weights
from mnist_cnn.training.chunks import map_chunks
from mnist_cnn.training.data import Split
from mnist_cnn.training.metrics import confidence_error
from mnist_cnn.training.perceptrons import count_steps, fit_perceptrons
from mnist_cnn.training.synthetic import trace_samples
from mnist_cnn.training.vote import Predict

# Numbers per chunk: one takes about 200 ms, a photo twice that.
_CHUNK = 50
# Layouts, or numbers, that a step takes, and how often it takes each.
_BATCH_SIZE, _EPOCHS = 128, 60
_UNITS = 64
_WINDOWS = 64  # of strips that are read at once
_HELD_OUT = 4  # of so many numbers, one is for the layouts alone
# Longer texts, and layouts of more pieces, aren't fitted to: nearly all are shorter. Those of few pieces are fitted to
# together, since it takes a step as long as the most pieces in it.
_MAX_TEXT, _MAX_PIECES = 16, (8, 16, 24, 48)
_MIN_LIKELIHOOD = 1e-3  # of a text that can't be read: a layout that doesn't show it mustn't outweigh the others

# What numbers are made of: strokes on a pad, the picture of such a drawing alone, and photos, in this order.
_NONE = 0.1  # of the pictures hold no digit
_WRITTEN = 0.5  # of the drawings and photos have MNIST's digits, so many of which are at hand
_SAMPLES = 2_000
SOURCES = ("strokes", "drawing", "photo")
PAD_SOURCES = SOURCES[:2]


# By which numbers are measured: lengths from here on together, and gaps below these, in heights of a digit.
_LONG = 7
_SPACED = 0.05
_GAPS = (-0.05, "overlapping"), (_SPACED, "touching"), (0.2, "close"), (float("inf"), "apart")


class MadeNumber(NamedTuple):
    """What was proposed in a made number.

    Attributes:
        text: its digits, rows joined by a newline.
        source: one of `SOURCES`.
        gap: the smallest between neighbours in a row, in heights of a digit; infinite where there are none.
        layouts: as `propose_layouts` yields them.
        digits: of a number on a pad, each by itself, uint8 array of shape (n, 28, 28, 1); empty for a photo.
    """

    text: str
    source: str
    gap: float
    layouts: list[Layout]
    digits: np.ndarray


def make_numbers(
    count: int, seed: int, digits: Split, sources: Sequence[str] = SOURCES, gaps: tuple[float, float] | None = None
) -> list[MadeNumber]:
    """Return made numbers; the same arguments give the same ones.

    Args:
        count: of the numbers.
        seed: of everything in them.
        digits: of MNIST. Half of what isn't written on a pad is written with some of them, along their centre lines.
        sources: of the numbers, in turn.
        gaps: the narrowest and the widest between digits, in their heights; by default all sorts.
    """
    some = Split(*(part[:_SAMPLES] for part in digits))
    samples = trace_samples(some, np.random.default_rng(seed))
    make = partial(_make_numbers, samples=samples, sources=sources, gaps=gaps)
    chunks = map_chunks(make, np.arange(count), seed, _CHUNK)
    return [number for chunk in chunks for number in chunk]


def read_numbers(predict: Predict, model: RowModel, numbers: Sequence[MadeNumber]) -> list[tuple[str, float]]:
    """Return the text that is read in each number, and its confidence; no digits, surely, where nothing was found."""
    decisions = [decide_number(model, lattices) for lattices in _build_lattices(predict, numbers)]
    return [(decision.text, decision.confidence) for decision in decisions]


def fit_rows(predict: Predict, numbers: Sequence[MadeNumber], seed: int) -> RowModel:
    """Return the model of rows that makes the texts of made numbers likeliest.

    First the candidates and the remainders are fitted, layout by layout, to numbers alone: only the layouts tell that
    there is no digit. These are fitted to a fourth of the numbers, where the others are no surer than they should be.

    Args:
        predict: the network.
        numbers: made ones.
        seed: of the first weights, and of the batches.
    """
    made = list(zip(numbers, _build_lattices(predict, numbers), strict=True))
    np.random.default_rng(seed).shuffle(made)  # the sources come in turn, and of each some are held out
    held = slice(_HELD_OUT - 1, None, _HELD_OUT)
    held_out = made[held] or made.copy()
    del made[held]
    pairs = [
        (number.text.replace("\n", ""), lattice, 1 / len(found))
        for number, found in made
        for lattice in found
        if number.text and len(lattice.rows) <= _MAX_PIECES[-1] and len(lattice.spans)
    ]
    pairs = [pair for pair in pairs if len(pair[0]) <= _MAX_TEXT]
    known = [
        np.concatenate([describe_candidates(lattice) for _, lattice, _ in pairs]),
        np.concatenate([describe_remainders(lattice) for _, lattice, _ in pairs]),
    ]
    candidates, remainders = fit_perceptrons(
        _row_loss,
        known,
        [CANDIDATE_OUTPUTS, REMAINDER_OUTPUTS],
        _group(pairs),
        _count_steps(len(pairs)),
        seed,
        _BATCH_SIZE,
        _UNITS,
    )
    layouts = _fit_layouts(candidates, remainders, held_out, _count_steps(len(numbers)), seed)
    return RowModel(candidates, remainders, layouts)


def _fit_layouts(
    candidates: Perceptron,
    remainders: Perceptron,
    made: Sequence[tuple[MadeNumber, list[Lattice]]],
    steps: int,
    seed: int,
) -> Perceptron:
    """Return what tells which layouts to follow, fitted to the first layout of each number, the first two, and so on.

    Whoever reads stops at any of them, as soon as it is sure.
    """
    measured = [
        _pad(describe_layouts(known[:count]), likelihoods[:count], number.text == "")
        for number, found in made
        if found
        for known, likelihoods in [measure_layouts(candidates, remainders, found, number.text)]
        for count in range(1, len(found) + 1)
    ]
    described = np.concatenate([features[present > 0] for features, _, present, _ in measured])
    (layouts,) = fit_perceptrons(_layout_loss, [described], [3], [_stack(measured)], steps, seed, _BATCH_SIZE, _UNITS)
    return layouts


def measure_numbers(predict: Predict, model: RowModel, numbers: Sequence[MadeNumber]) -> dict[str, Any]:
    """Return how many made numbers are read right as a whole: by source, by length, and by gap; and the calibration.

    Of spaced numbers on a pad it tells as well how many would be right if each digit were cut out rightly: what is
    missing to that is lost by the decision alone.
    """
    read = read_numbers(predict, model, numbers)
    right = np.array([text == number.text for (text, _), number in zip(read, numbers, strict=True)])
    groups: dict[str, dict[str, list[bool]]] = {"sources": {}, "lengths": {}, "gaps": {}}
    for is_right, number in zip(right.tolist(), numbers, strict=True):
        length = len(number.text.replace("\n", ""))
        names = {"sources": number.source, "lengths": str(length) if length < _LONG else f"{_LONG} or more"}
        if length > 1:
            names["gaps"] = next((name for most, name in _GAPS if number.gap < most), "one below the other")
        for group, name in names.items():
            groups[group].setdefault(name, []).append(is_right)
    spaced = [
        (is_right, number)
        for is_right, number in zip(right.tolist(), numbers, strict=True)
        if number.source == "strokes" and _SPACED <= number.gap < float("inf")
    ]
    cut_out = [
        "".join(map(str, predict(number.digits).argmax(axis=1))) == number.text.replace("\n", "")
        for _, number in spaced
    ]
    return {
        "images": len(numbers),
        "right": float(right.mean()),
        "spaced": {
            "right": float(np.mean([is_right for is_right, _ in spaced] or [False])),
            "right_if_cut_out": float(np.mean(cut_out or [False])),
            "images": len(spaced),
        },
        "calibration_error": confidence_error(np.array([confidence for _, confidence in read]), right),
        **{
            group: {
                name: {"right": float(np.mean(rights)), "images": len(rights)} for name, rights in sorted(parts.items())
            }
            for group, parts in groups.items()
        },
    }


def _make_numbers(
    numbers: np.ndarray,
    rng: np.random.Generator,
    samples: Samples,
    sources: Sequence[str],
    gaps: tuple[float, float] | None,
) -> list[MadeNumber]:
    return [_make_number(sources[number % len(sources)], rng, samples, gaps) for number in numbers]


def _make_number(
    source: str, rng: np.random.Generator, samples: Samples, gaps: tuple[float, float] | None
) -> MadeNumber:
    is_number = rng.random() >= _NONE
    made: Scene | Number
    glyphs, strokes, digits = None, None, np.empty((0, *IMAGE_SHAPE), np.uint8)
    if is_number:
        # Centre lines are no strokes of a pen: they end where lines meet.
        glyphs = write_number(rng, samples if source != "strokes" and rng.random() < _WRITTEN else None, gaps)
    if source == "photo":
        kind = "number" if is_number else str(rng.choice(["non-digit", "nothing"]))
        made = sample_scene(rng, kind, glyphs)
    else:
        made = sample_number(rng, write_nondigit(rng) if glyphs is None else glyphs)
        strokes = [stroke.tolist() for stroke in made.strokes] if source == "strokes" else None
        if is_number:
            digits = np.stack([to_mnist(made.draw_digit(digit)) for digit in range(len(made.text.replace("\n", "")))])
    try:
        layouts = list(propose_layouts(made.image, strokes))
    except EmptyPictureError:
        layouts = []
    return MadeNumber(made.text, source, made.gap, layouts, digits)


def _count_steps(examples: int) -> int:
    return count_steps(examples, _BATCH_SIZE, _EPOCHS)


def _build_lattices(predict: Predict, numbers: Sequence[MadeNumber]) -> list[list[Lattice]]:
    """Return the lattices of each number, with what the network says of their candidates."""
    layouts = [layout for number in numbers for layout in number.layouts]
    probabilities = predict(np.concatenate([layout.images for layout in layouts]))
    parts = iter(np.split(probabilities, np.cumsum([len(layout.images) for layout in layouts])[:-1]))
    words = iter(_read_strips([strip for layout in layouts for strip in layout.strips]))
    return [
        [build_lattice(*layout[3:], next(parts), [next(words) for _ in layout.strips]) for layout in number.layouts]
        for number in numbers
    ]


def _read_strips(strips: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what the bundled network of rows says of each column of each strip."""
    weights = list(map(jnp.asarray, load_row_weights()))
    windows = [cut_windows(strip) for strip in strips]
    compute = jax.jit(partial(compute_words, weights))
    parts = np.array_split(np.concatenate(windows), sum(map(len, windows)) // _WINDOWS + 1)
    words = np.concatenate([np.asarray(compute(part)) for part in parts])
    ends = np.cumsum(list(map(len, windows)))[:-1]
    return [join_windows(own, strip.shape[1]) for own, strip in zip(np.split(words, ends), strips, strict=True)]


def _group(pairs: list[tuple[str, Lattice, float]]) -> list[list[np.ndarray]]:
    """Return texts, lattices and their weights, which are 1 on average, as arrays, by how many pieces there are.

    A few are one group, since each is compiled for itself.
    """
    sizes = _MAX_PIECES if len(pairs) >= len(_MAX_PIECES) * _BATCH_SIZE else _MAX_PIECES[-1:]
    mean = float(np.mean([weight for _, _, weight in pairs]))
    groups: dict[int, list[tuple[np.ndarray, ...]]] = {}
    for text, lattice, weight in pairs:
        most = next(most for most in sizes if len(lattice.rows) <= most)
        groups.setdefault(most, []).append(_spread(text, lattice, weight / mean, most))
    return [_stack(group) for group in groups.values()]


def _stack(examples: Iterable[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    return [np.stack(arrays) for arrays in zip(*examples, strict=True)]


def _spread(text: str, lattice: Lattice, weight: float, most: int) -> tuple[np.ndarray, ...]:
    """Return a lattice as arrays of one size: a table of the candidates by their last piece and how many they have."""
    features, left = describe_candidates(lattice), describe_remainders(lattice)
    table = np.zeros((most, MAX_GROUP, features.shape[1]), np.float32)
    missing = np.full((most, MAX_GROUP, 1), -1e9, np.float32)
    places = lattice.spans[:, 1] - 1, lattice.spans[:, 1] - lattice.spans[:, 0] - 1
    table[places] = features
    missing[places] = 0
    remainders = np.pad(left, [(0, most - len(left)), (0, 0)])
    label = np.zeros(_MAX_TEXT, np.int32)
    label[: len(text)] = list(map(int, text))
    return table, missing, remainders, label, np.array(len(text)), np.array(len(left)), np.array(weight)


def _row_loss(perceptrons: list[Perceptron], *batch: jax.Array) -> jax.Array:
    """Return the mean of what the texts are short of being certain, in the unit of the natural logarithm."""
    candidates, remainders = perceptrons
    features, missing, left, label, length, pieces, weights = batch
    steps = score_candidates(candidates, features) + missing  # (batch, pieces, group, digits)
    skips = score_remainders(remainders, left)
    likelihoods = jax.vmap(_log_likelihood)(steps, skips, label, length, pieces)
    losses = -jnp.log(jnp.exp(likelihoods) + _MIN_LIKELIHOOD)
    return (weights * losses).mean()


def _log_likelihood(
    steps: jax.Array, skips: jax.Array, label: jax.Array, length: jax.Array, pieces: jax.Array
) -> jax.Array:
    """Return the logarithm of how likely a lattice reads as its label, over all paths that do.

    Both sums, over these paths and over all, are made at once, from piece to piece: the last `MAX_GROUP` are kept.
    """
    total = jax.nn.logsumexp(steps, axis=2)  # of the ten digits
    right = steps[:, :, label]

    def advance(
        state: tuple[jax.Array, jax.Array], piece: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
        every, texts = state  # [g] is the state g + 1 pieces ago, shape (group,) and (group, text + 1)
        every_step, text_step, skip = piece
        now = jax.nn.logsumexp(jnp.append(every + every_step, every[0] + skip))
        moved = jnp.concatenate([jnp.full((MAX_GROUP, 1), -1e9), texts[:, :-1] + text_step], axis=1)
        text_now = jax.nn.logsumexp(jnp.concatenate([moved, texts[:1] + skip]), axis=0)
        shifted = jnp.append(now, every[:-1]), jnp.concatenate([text_now[None], texts[:-1]])
        return shifted, (now, text_now)

    every = jnp.full(MAX_GROUP, -1e9).at[0].set(0.0)
    texts = jnp.full((MAX_GROUP, len(label) + 1), -1e9).at[0, 0].set(0.0)
    _, (every, texts) = jax.lax.scan(advance, (every, texts), (total, right, skips))
    return texts[pieces - 1, length] - every[pieces - 1]


def _pad(features: np.ndarray, likelihoods: np.ndarray, is_empty: bool) -> tuple[np.ndarray, ...]:
    """Return the features and likelihoods of a picture's layouts, and 1 for each, with zeros for missing ones.

    And 1 if the picture holds no digit.
    """
    count = MAX_LAYOUTS - len(features)
    return (
        np.pad(features, [(0, count), (0, 0)]),
        np.pad(likelihoods, (0, count)).astype(np.float32),
        np.pad(np.ones(len(features), np.float32), (0, count)),
        np.array(is_empty, np.float32),
    )


def _layout_loss(
    perceptrons: list[Perceptron], features: jax.Array, likelihoods: jax.Array, present: jax.Array, is_empty: jax.Array
) -> jax.Array:
    outputs = perceptrons[0].evaluate(features)
    weights = jax.nn.softmax(outputs[..., 0] - 1e9 * (1 - present))
    nothing, doubt = (jax.nn.sigmoid((weights * outputs[..., place]).sum(axis=-1)) for place in (1, 2))
    likely = (1 - nothing) * (weights * likelihoods).sum(axis=-1) + nothing * is_empty
    return -jnp.mean(jnp.log((1 - doubt) * likely + doubt * _MIN_LIKELIHOOD))
