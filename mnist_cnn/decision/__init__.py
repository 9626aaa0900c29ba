"""What the network said, turned into an answer.

This wing knows nothing but arrays.
"""

from mnist_cnn.decision.features import describe_segments, digit_score
from mnist_cnn.decision.one import Decision, Outcome, Vote, count_votes, decide

__all__ = [
    "Decision",
    "Outcome",
    "Vote",
    "count_votes",
    "decide",
    "describe_segments",
    "digit_score",
]
