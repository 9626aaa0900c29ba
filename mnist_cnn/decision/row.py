"""Which digits stand in a row, and how sure that is: the best path through all that may be digits in it.

Every way to read a row is a path: it takes candidates, each of a few neighbouring pieces, and leaves out the pieces
between them. A path's score is the sum of what the network and two perceptrons say of its steps, and its probability is
that of a softmax over all paths. The perceptrons were fitted to make the right texts likeliest, whichever paths lead to
them. LeCun et al. 1998, "Gradient-based learning applied to document recognition", sections V to VII.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn.decision.features import digit_score
from mnist_cnn.decision.perceptron import Perceptron

_MIN_PROBABILITY = 1e-4  # of a digit: the network may be wrong
_DIGITS, _WORDS = 10, 11  # what the networks speak of: digits, and that of rows of none as well
CANDIDATE_OUTPUTS, REMAINDER_OUTPUTS = _DIGITS + 2, 2  # scores, and how far to believe each network
# How many features the network adds to what is known of a candidate and of a piece, and the best path to what is known
# of a layout.
CANDIDATE_FEATURES, REMAINDER_FEATURES, PATH_FEATURES = 25, 6, 12
_MASS = 2  # the share of the row's ink, among what is known of a piece
_STROKES = 0  # that the pieces are strokes, among what is known of the whole
_LEAST_WEIGHT = 0.01  # of a layout that is asked about others' texts
_SURE = 0.9  # that a text is right: no other way to see the picture is looked at


class RowModel(NamedTuple):
    """What rows are read by.

    Attributes:
        candidates: what speaks for a candidate as each digit, and for either network; twelve outputs.
        remainders: what speaks for leaving out a piece, and for the network of rows; two outputs.
        layouts: what speaks for one way to see a picture among others, for that there is no digit, and for that none
            of them is right; three outputs.
    """

    candidates: Perceptron
    remainders: Perceptron
    layouts: Perceptron


class Lattice(NamedTuple):
    """One way to see a picture as rows of pieces, and what may be digits in them.

    Attributes:
        spans: the first piece of each candidate, and the one after its last, int array of shape (n, 2). Pieces are
            counted through, from the first row to the last.
        rows: the row of each piece, int array of shape (m,).
        candidates: what is known of each candidate, float32 array of shape (n, k).
        remainders: what is known of each piece, float32 array of shape (m, r). The third number is the logarithm of its
            share of the row's ink.
        evidence: for and against the whole, float32 array of shape (l,). The first number is 1 if the pieces are
            strokes, else 0.
        probabilities: what the network says of each candidate, shape (n, 10).
        candidate_words: what the network of rows says of the columns of each candidate: how likely each digit stands
            there, and how likely none does, as logarithms, shape (n, 11).
        remainder_words: likewise of each piece, shape (m, 11).
    """

    spans: np.ndarray
    rows: np.ndarray
    candidates: np.ndarray
    remainders: np.ndarray
    evidence: np.ndarray
    probabilities: np.ndarray
    candidate_words: np.ndarray
    remainder_words: np.ndarray


def build_lattice(
    spans: np.ndarray,
    rows: np.ndarray,
    candidates: np.ndarray,
    remainders: np.ndarray,
    evidence: np.ndarray,
    candidate_columns: np.ndarray,
    remainder_columns: np.ndarray,
    probabilities: np.ndarray,
    words: Sequence[np.ndarray],
) -> Lattice:
    """Return the lattice of a layout that both networks have read.

    Args:
        spans: as in `Lattice`.
        rows: likewise.
        candidates: likewise.
        remainders: likewise.
        evidence: likewise.
        candidate_columns: the first column of each candidate in its row, and the one after its last, int array of shape
            (n, 2).
        remainder_columns: those of each piece, shape (m, 2).
        probabilities: as in `Lattice`.
        words: what the network of rows says of each row: logarithms of shape (columns, 11).
    """
    heard = [
        _read_rows(words, numbers, columns)
        for numbers, columns in ((rows[spans[:, 0]], candidate_columns), (rows, remainder_columns))
    ]
    return Lattice(spans, rows, candidates, remainders, evidence, probabilities, *heard)


class Step(NamedTuple):
    """A digit of a path: the number of its candidate, and which digit it is."""

    candidate: int
    digit: int


class NumberDecision(NamedTuple):
    """What the lattices of a picture say together.

    Attributes:
        text: the digits of each row, rows joined by a newline; empty if there is none.
        confidence: how likely the whole text is right, 0 to 1.
        several: how likely there are several digits, whichever, 0 to 1.
        lattice: the number of the lattice in which it was read.
        steps: the digits, in reading order.
    """

    text: str
    confidence: float
    several: float
    lattice: int
    steps: list[Step]


class _Scored(NamedTuple):
    """A lattice whose steps have scores.

    Attributes:
        lattice: without scores.
        by_start: the candidates that begin at each piece.
        steps: scores of each candidate as each digit, shape (n, 10).
        gains: logarithms of the sums over its digits, shape (n, 1).
        skips: scores of leaving out each piece, shape (m,).
        total: logarithm of the sum over all paths.
    """

    lattice: Lattice
    by_start: list[list[int]]
    steps: np.ndarray
    gains: np.ndarray
    skips: np.ndarray
    total: float


class _Seen(NamedTuple):
    """A lattice that was read by itself.

    Attributes:
        scored: the lattice.
        path: the best one through it.
        text: of the path.
        likelihood: how likely the lattice reads as the text, 0 to 1.
        several: how likely it has several digits, 0 to 1.
        known: of the layout.
    """

    scored: _Scored
    path: list[Step]
    text: str
    likelihood: float
    several: float
    known: np.ndarray


def decide_number(model: RowModel, lattices: Iterable[Lattice]) -> NumberDecision:
    """Decide which digits stand in a picture, by all ways to see it; surely none, if there is no way.

    Whoever makes them while they are asked for saves those that come after one is sure.

    Args:
        model: fitted in training.
        lattices: those that tell most come first.
    """
    decision, seen = NumberDecision("", 1.0, 0.0, 0, []), []
    for lattice in lattices:
        seen.append(_see(model.candidates, model.remainders, lattice))
        decision = _decide(model.layouts, seen)
        if decision.text and decision.confidence > _SURE:
            break
    return decision


def _see(candidates: Perceptron, remainders: Perceptron, lattice: Lattice) -> _Seen:
    """Return a lattice's best path, and what is known of it."""
    scored = _score(candidates, remainders, lattice)
    path = _find_path(scored)
    likelihood = _measure(scored, [step.digit for step in path])
    several = 1 - float(_sum_paths(scored, scored.gains).sum())
    known = _describe_path(lattice, path, likelihood)
    return _Seen(scored, path, _write_out(lattice, path), likelihood, several, known)


def _decide(layouts: Perceptron, seen: list[_Seen]) -> NumberDecision:
    """Return what the lattices that were looked at say together."""
    weights, nothing, doubt = _weigh(layouts, describe_layouts(np.stack([one.known for one in seen])))
    likely = {}
    for text, path in {"": [], **{one.text: one.path for one in seen}}.items():
        digits = [step.digit for step in path]
        likelihoods = [
            weight * (one.likelihood if one.text == text else _measure(one.scored, digits))
            for weight, one in zip(weights, seen, strict=True)
            if weight > _LEAST_WEIGHT
        ]
        likely[text] = (1 - nothing) * sum(likelihoods) + (nothing if text == "" else 0)
    # First whether there is a digit, then which: no text may be likelier than none, where there are many.
    text = "" if likely[""] >= 0.5 else max(filter(None, likely), key=lambda text: likely[text], default="")
    number = max((weight, number) for number, weight in enumerate(weights) if seen[number].text == text or not text)[1]
    confidence = min(float((1 - doubt) * likely[text]), 1.0)
    several = (1 - nothing) * float(weights @ [one.several for one in seen])
    return NumberDecision(text, confidence, several, number, seen[number].path if text else [])


def _weigh(layouts: Perceptron, features: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return how much each layout counts, shape (n,), summing to 1, and how likely all hold no digit, and are wrong."""
    loudness, *logits = layouts.evaluate(features).T
    weights = np.exp(loudness - loudness.max())
    weights /= weights.sum()
    nothing, doubt = (float(_sigmoid(weights @ logit)) for logit in logits)
    return weights, nothing, doubt


def describe_candidates(lattice: Lattice) -> np.ndarray:
    """Return the features of a lattice's candidates, float32 of shape (n, features)."""
    probabilities = lattice.probabilities
    score, top = digit_score(probabilities), probabilities.max(axis=1)
    columns = [
        *(lattice.candidates, np.tile(lattice.evidence, (len(score), 1))),
        *(score, top, np.log(1.001 - score), np.log(1.001 - top), digit_logarithms(probabilities)),
        lattice.candidate_words,
    ]
    return _double(np.column_stack(columns), lattice.evidence[_STROKES])


def describe_remainders(lattice: Lattice) -> np.ndarray:
    """Return the features of a lattice's pieces, float32 of shape (m, features)."""
    alone = lattice.spans[:, 1] - lattice.spans[:, 0] == 1
    known = np.zeros((len(lattice.remainders), REMAINDER_FEATURES - 2))  # of a piece that is no candidate
    probabilities = lattice.probabilities[alone]
    score, top = digit_score(probabilities), probabilities.max(axis=1)
    known[lattice.spans[alone, 0]] = np.column_stack([score, np.log(1.001 - score), top, probabilities[:, 1]])
    whole = np.tile(lattice.evidence, (len(known), 1))
    digit = np.logaddexp.reduce(lattice.remainder_words[:, :-1], axis=1)
    columns = [lattice.remainders, whole, known, digit, lattice.remainder_words[:, -1]]
    return _double(np.column_stack(columns), lattice.evidence[_STROKES])


def describe_layouts(known: np.ndarray) -> np.ndarray:
    """Return the features of the layouts that were looked at, each beside the others.

    What is known of each stands beside the mean of all, as in a set (Zaheer et al. 2017, "Deep sets").

    Args:
        known: of each layout, as `measure_layouts` returns it, shape (n, k).

    Returns:
        float32 array of shape (n, features).
    """
    return np.hstack([_double(known, known[:, _STROKES, None]), np.tile(known.mean(axis=0), (len(known), 1))])


def _double(features: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Return features twice, at first zeros unless the pieces are strokes: these have weights of their own as well."""
    return np.hstack([features * strokes, features]).astype(np.float32)


def score_candidates(perceptron: Perceptron, features: Any) -> Any:  # noqa: ANN401
    """Return the scores of candidates as each digit, shape (..., 10), for features of NumPy, or of JAX.

    The perceptron adds to what the two networks say, and says how far to believe either.
    """
    outputs = perceptron.evaluate(features)
    trust = _sigmoid(outputs[..., _DIGITS:])
    words = features[..., -_WORDS - _DIGITS : -_WORDS], features[..., -_WORDS:-1]
    return outputs[..., :_DIGITS] + trust[..., :1] * words[0] + trust[..., 1:] * words[1]


def score_remainders(perceptron: Perceptron, features: Any) -> Any:  # noqa: ANN401
    """Return the scores of leaving out pieces, shape (...), for features of NumPy, or of JAX, likewise."""
    outputs = perceptron.evaluate(features)
    return outputs[..., 0] + _sigmoid(outputs[..., 1]) * features[..., -1]


def _sigmoid(logits: Any) -> Any:  # noqa: ANN401
    numpy = logits.__array_namespace__()
    return 1 / (1 + numpy.exp(-numpy.clip(logits, -30, 30)))


def _read_rows(words: Sequence[np.ndarray], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return what `_read_columns` does of columns in several rows, whose numbers are given."""
    read = np.zeros((len(rows), _WORDS))
    for number, row in enumerate(words):
        is_here = rows == number
        read[is_here] = _read_columns(row, columns[is_here])
    return read


def _read_columns(words: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return how likely each digit stands in some columns, and how likely none does, as logarithms; never quite 0.

    Of every way in which the columns can show one digit, nothing before it and nothing after it, the sum is taken, as
    in connectionist temporal classification (Graves et al. 2006).

    Args:
        words: of the network of rows, on each column of a strip: logarithms of shape (width, 11).
        columns: the first ones, and those after the last, int array of shape (n, 2).

    Returns:
        array of shape (n, 11).
    """
    starts, stops = columns.T
    places = starts[:, None] + np.arange((stops - starts).max(initial=1))
    within = (places < stops[:, None])[..., None]
    taken = np.where(within, words[np.minimum(places, len(words) - 1)], 0.0)
    nothing = taken[..., -1].sum(axis=1, keepdims=True)
    runs = np.cumsum(taken[..., :-1] - taken[..., -1:], axis=1)
    earlier = np.pad(runs, [(0, 0), (1, 0), (0, 0)])[:, :-1]
    ways = np.where(within, np.logaddexp.accumulate(-earlier, axis=1) + runs, -np.inf)
    likely = np.concatenate([np.logaddexp.reduce(ways, axis=1) + nothing, nothing], axis=1)
    floored: np.ndarray = np.logaddexp(likely, np.log(_MIN_PROBABILITY))
    return floored


def digit_logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithm of the probability of each digit, never quite that of 0."""
    count = probabilities.shape[-1]
    logarithms: np.ndarray = np.log((probabilities + _MIN_PROBABILITY) / (1 + count * _MIN_PROBABILITY))
    return logarithms


def measure_layouts(
    candidates: Perceptron, remainders: Perceptron, lattices: list[Lattice], text: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is known of each lattice, shape (n, k), and how likely it reads as a text, shape (n,)."""
    digits = [int(digit) for digit in text if digit != "\n"]
    known, likelihoods = [], []
    for lattice in lattices:
        seen = _see(candidates, remainders, lattice)
        known.append(seen.known)
        likelihoods.append(_measure(seen.scored, digits))
    return np.stack(known), np.array(likelihoods)


def _write_out(lattice: Lattice, path: list[Step]) -> str:
    """Return the digits of a path, rows joined by a newline."""
    rows: dict[int, str] = {}
    for candidate, digit in path:
        row = int(lattice.rows[lattice.spans[candidate, 0]])
        rows[row] = rows.get(row, "") + str(digit)
    return "\n".join(rows.values())


def _describe_path(lattice: Lattice, path: list[Step], likelihood: float) -> np.ndarray:
    """Return what is known of a layout, float32 of shape (k,).

    Args:
        lattice: of the layout.
        path: the best one.
        likelihood: of the path's text, if this is how the picture is to be seen.
    """
    likely = [float(lattice.probabilities[candidate, digit]) for candidate, digit in path]
    scores = [float(digit_score(lattice.probabilities[candidate])) for candidate, _ in path]
    words = [float(lattice.candidate_words[step]) for step in path]
    left = np.ones(len(lattice.remainders), bool)
    for candidate, _ in path:
        left[slice(*lattice.spans[candidate])] = False
    known = [
        *(np.mean(likely or [0]), min(likely, default=0), np.mean(scores or [0]), min(scores, default=0)),
        *(np.log1p(len(path)), np.log1p(left.sum()), np.log(likelihood + 1e-3), float(not path)),
        *(float(len(path) == 1), np.exp(lattice.remainders[left, _MASS]).sum()),
        *(np.mean(words or [0]), min(words, default=0)),
    ]
    return np.concatenate([lattice.evidence, known]).astype(np.float32)


def _score(candidates: Perceptron, remainders: Perceptron, lattice: Lattice) -> _Scored:
    """Return the scores of all steps of a lattice."""
    steps = score_candidates(candidates, describe_candidates(lattice))
    gains = np.logaddexp.reduce(steps, axis=1)
    skips = score_remainders(remainders, describe_remainders(lattice))
    by_start: list[list[int]] = [[] for _ in skips]
    for candidate, (start, _) in enumerate(lattice.spans):
        by_start[start].append(candidate)
    forward = np.full(len(skips) + 1, -np.inf)
    forward[0] = 0
    for start, skip in enumerate(skips):
        forward[start + 1] = np.logaddexp(forward[start + 1], forward[start] + skip)
        for candidate in by_start[start]:
            stop = lattice.spans[candidate, 1]
            forward[stop] = np.logaddexp(forward[stop], forward[start] + gains[candidate])
    return _Scored(lattice, by_start, steps, gains[:, None], skips, float(forward[-1]))


def _find_path(scored: _Scored) -> list[Step]:
    """Return the digits on the best path (Viterbi 1967)."""
    pieces = len(scored.skips)
    best = np.full(pieces + 1, -np.inf)
    best[0] = 0
    came: list[tuple[int, Step | None]] = [(0, None)] * (pieces + 1)
    digits = scored.steps.argmax(axis=1)
    for start, skip in enumerate(scored.skips):
        options: list[tuple[int, float, Step | None]] = [(start + 1, float(skip), None)]
        for candidate in scored.by_start[start]:
            step = Step(candidate, int(digits[candidate]))
            options.append((int(scored.lattice.spans[candidate, 1]), float(scored.steps[step]), step))
        for stop, gain, taken in options:
            if best[start] + gain > best[stop]:
                best[stop], came[stop] = best[start] + gain, (start, taken)
    path: list[Step] = []
    end = pieces
    while end:
        end, last = came[end]
        if last:
            path.append(last)
    return path[::-1]


def _measure(scored: _Scored, digits: list[int]) -> float:
    """Return how likely a lattice reads as these digits, over all paths that do, 0 to 1."""
    return float(_sum_paths(scored, scored.steps[:, digits])[-1])


def _sum_paths(scored: _Scored, steps: np.ndarray) -> np.ndarray:
    """Return how likely a lattice reads as none of some digits, as the first alone, and so on up to all, 0 to 1.

    Args:
        scored: the lattice.
        steps: scores of each candidate as the first digit, the second, and so on, shape (n, digits).
    """
    pieces = len(scored.skips)
    forward = np.full((pieces + 1, steps.shape[1] + 1), -np.inf)
    forward[0, 0] = 0
    for start, skip in enumerate(scored.skips):
        forward[start + 1] = np.logaddexp(forward[start + 1], forward[start] + skip)
        for candidate in scored.by_start[start]:
            row = forward[scored.lattice.spans[candidate, 1]]
            row[1:] = np.logaddexp(row[1:], forward[start, :-1] + steps[candidate])
    likelihoods: np.ndarray = np.exp(np.minimum(0.0, forward[-1] - scored.total))
    return likelihoods
