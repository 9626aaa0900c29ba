"""Synthetic handwriting: digits in the styles of many countries, non-digits, and MNIST digits redrawn with another pen.

The page takes its examples from here, and training takes everything it learns besides MNIST.
"""

from mnist_cnn.handwriting.nondigits import FOR_MEASURING, FOR_TRAINING, NONDIGITS, sample_nondigit
from mnist_cnn.handwriting.rendering import draw, render
from mnist_cnn.handwriting.styles import STYLES
from mnist_cnn.handwriting.tracing import trace
from mnist_cnn.handwriting.writing import sample_strokes

__all__ = [
    "FOR_MEASURING",
    "FOR_TRAINING",
    "NONDIGITS",
    "STYLES",
    "draw",
    "render",
    "sample_nondigit",
    "sample_strokes",
    "trace",
]
