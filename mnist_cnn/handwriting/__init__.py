"""Synthetic handwriting: digits in the styles of many countries, non-digits, and MNIST digits redrawn with another pen.

The page takes its examples from here, and training takes everything it learns besides MNIST.
"""

from mnist_cnn.handwriting.contents import (
    DENSE_GAPS,
    Glyph,
    Samples,
    sample_digits,
    sample_gaps,
    write_nondigit,
    write_number,
)
from mnist_cnn.handwriting.nondigits import FAMILIES, FOR_MEASURING, FOR_TRAINING, NONDIGITS, sample_nondigit
from mnist_cnn.handwriting.numbers import Number, sample_number
from mnist_cnn.handwriting.rendering import draw, render
from mnist_cnn.handwriting.scenes import SCENES, Scene, sample_scene
from mnist_cnn.handwriting.styles import STYLES
from mnist_cnn.handwriting.tracing import trace, trace_strokes
from mnist_cnn.handwriting.writing import sample_strokes

__all__ = [
    "DENSE_GAPS",
    "FAMILIES",
    "FOR_MEASURING",
    "FOR_TRAINING",
    "NONDIGITS",
    "SCENES",
    "STYLES",
    "Glyph",
    "Number",
    "Samples",
    "Scene",
    "draw",
    "render",
    "sample_digits",
    "sample_gaps",
    "sample_nondigit",
    "sample_number",
    "sample_scene",
    "sample_strokes",
    "trace",
    "trace_strokes",
    "write_nondigit",
    "write_number",
]
