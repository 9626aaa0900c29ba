"""A picture, however it comes, turned into the 28x28 image that MNIST would have made of the digit in it.

This wing finds and scales ink; it never asks the network.
"""

from mnist_cnn.images.loading import MAX_PIXELS, ImageSource, count_pixels, load_image
from mnist_cnn.images.normalize import IMAGE_SHAPE, INK_SIDE, normalize_ink, to_mnist
from mnist_cnn.images.proposals import Box, Segment, find_segment

__all__ = [
    "IMAGE_SHAPE",
    "INK_SIDE",
    "MAX_PIXELS",
    "Box",
    "ImageSource",
    "Segment",
    "count_pixels",
    "find_segment",
    "load_image",
    "normalize_ink",
    "to_mnist",
]
