"""A picture, however it comes, turned into the 28x28 image that MNIST would have made of the digit in it.

This wing finds and scales ink; it never asks the network.
"""

from mnist_cnn.images.loading import MAX_PIXELS, ImageSource, count_pixels, load_image
from mnist_cnn.images.normalize import IMAGE_SHAPE, INK_SIDE, normalize_ink, to_mnist
from mnist_cnn.images.proposals import propose
from mnist_cnn.images.segments import Box, Evidence, Segment

__all__ = [
    "IMAGE_SHAPE",
    "INK_SIDE",
    "MAX_PIXELS",
    "Box",
    "Evidence",
    "ImageSource",
    "Segment",
    "count_pixels",
    "load_image",
    "normalize_ink",
    "propose",
    "to_mnist",
]
