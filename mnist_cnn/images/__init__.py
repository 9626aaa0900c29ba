"""A picture, however it comes, turned into the 28x28 image that MNIST would have made of the digit in it.

This wing finds and scales ink; it never asks the network.
"""

from mnist_cnn.images.loading import MAX_PIXELS, ImageSource, count_pixels, load_image
from mnist_cnn.images.normalize import IMAGE_SHAPE, INK_SIDE, normalize_ink, to_mnist
from mnist_cnn.images.numbers import LAYOUT_EVIDENCE, MAX_LAYOUTS, Layout, propose_layouts
from mnist_cnn.images.proposals import propose
from mnist_cnn.images.rows import MAX_GROUP
from mnist_cnn.images.segments import Box, Evidence, Segment
from mnist_cnn.images.strips import STRIP_HEIGHT, STRIP_MARGIN, WORD_WIDTH
from mnist_cnn.images.strokes import Strokes

__all__ = [
    "IMAGE_SHAPE",
    "INK_SIDE",
    "LAYOUT_EVIDENCE",
    "MAX_GROUP",
    "MAX_LAYOUTS",
    "MAX_PIXELS",
    "STRIP_HEIGHT",
    "STRIP_MARGIN",
    "WORD_WIDTH",
    "Box",
    "Evidence",
    "ImageSource",
    "Layout",
    "Segment",
    "Strokes",
    "count_pixels",
    "load_image",
    "normalize_ink",
    "propose",
    "propose_layouts",
    "to_mnist",
]
