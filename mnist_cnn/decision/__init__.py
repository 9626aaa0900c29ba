"""What the network said, turned into an answer.

This wing knows nothing but arrays.
"""

from mnist_cnn.decision.one import digit_score, is_one_digit

__all__ = ["digit_score", "is_one_digit"]
