"""What the network said, turned into an answer.

This wing knows nothing but arrays.
"""

from mnist_cnn.decision.features import describe_segments, digit_score
from mnist_cnn.decision.one import Decision, Outcome, count_votes, decide
from mnist_cnn.decision.perceptron import Perceptron
from mnist_cnn.decision.row import (
    CANDIDATE_FEATURES,
    PATH_FEATURES,
    REMAINDER_FEATURES,
    Lattice,
    NumberDecision,
    RowModel,
    decide_number,
    describe_candidates,
    describe_remainders,
    digit_logarithms,
    measure_layouts,
)

__all__ = [
    "CANDIDATE_FEATURES",
    "PATH_FEATURES",
    "REMAINDER_FEATURES",
    "Decision",
    "Lattice",
    "NumberDecision",
    "Outcome",
    "Perceptron",
    "RowModel",
    "count_votes",
    "decide",
    "decide_number",
    "describe_candidates",
    "describe_remainders",
    "describe_segments",
    "digit_logarithms",
    "digit_score",
    "measure_layouts",
]
