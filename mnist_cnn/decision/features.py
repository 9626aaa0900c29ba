"""What is known of each segment of a picture once the network has read them all, as numbers for the vote."""

import numpy as np

# How boxes lie to each other, as shares of the area of both together, or of the smaller one. The last is how much
# larger the outer of two nested boxes is.
_SAME, _APART, _WITHIN, _LARGER = 0.5, 0.4, 0.85, 1.3


def describe_segments(probabilities: np.ndarray, boxes: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """Return the features of each segment, float32 of shape (n, features).

    Args:
        probabilities: what the network says of each, shape (n, 10).
        boxes: left, top, right and bottom of each, shape (n, 4).
        evidence: what else is known of each, shape (n, k). It begins with the share of the picture's contrast that lies
            in the segment, and the contrast of its pen.
    """
    shares, pens = evidence[:, 0], evidence[:, 1]
    score, top, best = digit_score(probabilities), probabilities.max(axis=1), probabilities.argmax(axis=1)
    trust = score**4
    same, apart, around = _compare(boxes.astype(np.float64))
    within, others = around.T, ~np.eye(len(boxes), dtype=bool)
    # Of pairs: [i, j] is how likely j finds the digit of i, and how much paler and smaller j is.
    agreement = probabilities[:, best].T
    spans = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]).clip(1)
    paler, smaller = np.minimum(1, pens / pens[:, None]), np.minimum(1, spans / spans[:, None])
    solid = _mean(trust, same | ~others)  # of all that was seen at the same place
    rows, rivals = np.arange(len(boxes)), np.where(apart, solid * smaller, 0).argmax(axis=1)
    has_rival = apart.any(axis=1)
    columns = [
        evidence,
        *(score, top, np.log(1.001 - score), np.log(1.001 - top), probabilities[:, 0], probabilities[:, 1], solid),
        # How much the others agree: all, the heavy ones, those at the same place, those around, those within.
        _mean(agreement, others * trust),
        _mean(agreement, others * trust * shares),
        _mean(agreement, same * trust),
        *(_greatest(trust * agreement, mask) for mask in (around, within)),
        # Who else is there: at the same place, apart, around, within.
        *(np.log1p(same.sum(axis=1)), _mean(trust, same)),
        *(_greatest(trust * paler * smaller, apart), _greatest(trust * shares, apart)),
        *(has_rival * values for values in (solid[rivals], trust[rivals], paler[rows, rivals], smaller[rows, rivals])),
        *(_greatest(trust, around), _greatest(shares, around), _greatest(trust * paler, within)),
        # How it compares with the darkest, the heaviest and the largest.
        *(pens / pens.max(), shares / max(shares.max(), 1e-6), np.log(spans / spans.max())),
        np.full(len(boxes), np.log(len(boxes))),
    ]
    return np.column_stack(columns).astype(np.float32)


def digit_score(probabilities: np.ndarray) -> np.ndarray:
    """Return how much each image looks like one digit: the sum of the probabilities of its two likeliest digits.

    Two, because a 1 that could be a 7 is still a digit. For anything that is not a digit, the network spreads the
    probability over many digits.

    Args:
        probabilities: shape (..., 10); each row sums to 1.

    Returns:
        Scores from 0.2 to 1, shape (...).
    """
    scores: np.ndarray = np.sort(probabilities, axis=-1)[..., -2:].sum(axis=-1)
    return scores


def _compare(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whether box j is at the same place as box i, apart from it, or around it: bool arrays of shape (n, n)."""
    start, end = boxes[:, :2], boxes[:, 2:]
    areas = np.maximum((end - start).prod(axis=1), 1)
    both = (np.minimum(end[:, None], end) - np.maximum(start[:, None], start)).clip(0).prod(axis=2)
    of_smaller = both / np.minimum(areas[:, None], areas)
    same = both / (areas[:, None] + areas - both) > _SAME
    np.fill_diagonal(same, val=False)
    return same, of_smaller < _APART, (of_smaller > _WITHIN) & (areas > _LARGER * areas[:, None])


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of the values in each row, 0 where there are no weights."""
    mean: np.ndarray = (values * weights).sum(axis=1) / (weights.sum(axis=1) + 1e-6)
    return mean


def _greatest(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the greatest value of each row where the mask is true, 0 where it never is; no value is below 0."""
    greatest: np.ndarray = np.where(mask, values, 0).max(axis=1)
    return greatest
