"""What the network said, turned into an answer.

This wing knows nothing but arrays.
"""

from mnist_cnn.decision.features import describe_segments, digit_score
from mnist_cnn.decision.one import Decision, Outcome, count_votes, decide
from mnist_cnn.decision.perceptron import Perceptron
from mnist_cnn.decision.row import (
    CANDIDATE_FEATURES,
    CANDIDATE_OUTPUTS,
    PATH_FEATURES,
    REMAINDER_FEATURES,
    REMAINDER_OUTPUTS,
    Lattice,
    NumberDecision,
    RowModel,
    build_lattice,
    decide_number,
    describe_candidates,
    describe_layouts,
    describe_remainders,
    digit_logarithms,
    measure_layouts,
    score_candidates,
    score_remainders,
)

__all__ = [
    "CANDIDATE_FEATURES",
    "CANDIDATE_OUTPUTS",
    "PATH_FEATURES",
    "REMAINDER_FEATURES",
    "REMAINDER_OUTPUTS",
    "Decision",
    "Lattice",
    "NumberDecision",
    "Outcome",
    "Perceptron",
    "RowModel",
    "build_lattice",
    "count_votes",
    "decide",
    "decide_number",
    "describe_candidates",
    "describe_layouts",
    "describe_remainders",
    "describe_segments",
    "digit_logarithms",
    "digit_score",
    "measure_layouts",
    "score_candidates",
    "score_remainders",
]
