"""The network: its blocks as data, and the Keras model built from them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mnist_cnn.images import IMAGE_SHAPE

if TYPE_CHECKING:  # Keras takes seconds to import, and serving does without it
    import keras

NUM_CLASSES = 10

# Of the batch normalizations: EPSILON is added to the variance, MOMENTUM is how much of the running statistics each
# training step keeps.
EPSILON = 1e-3
MOMENTUM = 0.95


class Block(NamedTuple):
    """A convolution without bias, 2x2 max pooling if `pooled`, a batch normalization and a ReLU."""

    filters: int
    kernel_size: int
    padding: str  # "same" or "valid"
    pooled: bool


# The padding is chosen so that each 3x3 convolution returns 12x12 or 4x4 pixels, which the 4x4 tiles of the fast
# convolution in training divide evenly.
BLOCKS = (
    Block(48, 5, "valid", True),
    Block(96, 3, "same", False),
    Block(96, 3, "same", True),
    Block(192, 3, "valid", False),
    Block(192, 3, "same", False),
)


def stock_block(
    x: "keras.KerasTensor", filters: int, kernel_size: int, padding: str, pooled: bool
) -> "keras.KerasTensor":
    """Return the output of one block, made of Keras's own layers.

    Pooling precedes the normalization, which then has a quarter of the work. As long as the normalization's scale is
    positive the result is the same, because the maximum commutes with it and with the ReLU.

    Args:
        x: images or features, shape (n, height, width, channels).
        filters: the number of output channels.
        kernel_size: the side of the convolution's kernels, in pixels.
        padding: "same" or "valid".
        pooled: whether to halve height and width.
    """
    from keras import layers

    x = layers.Conv2D(filters, kernel_size, padding=padding, use_bias=False)(x)
    if pooled:
        x = layers.MaxPooling2D()(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(x)
    return layers.ReLU()(x)


def build_model(block: Callable[..., "keras.KerasTensor"] = stock_block) -> "keras.Model":
    """Return the untrained network.

    Args:
        block: a function with the signature and the weights of `stock_block`. Training passes one with faster
            gradients.

    Returns:
        A model of images, shape (n, 28, 28, 1), 0 to 255, that returns probabilities, float32 of shape (n, 10).
    """
    import keras
    from keras import layers

    inputs = x = keras.Input(IMAGE_SHAPE, name="image")
    x = layers.Rescaling(1 / 255)(x)
    for properties in BLOCKS:
        x = block(x, *properties)
    x = layers.Flatten()(x)  # and not global pooling: digits are centred, so where a stroke lies is informative
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(NUM_CLASSES, name="logits")(x)
    outputs = layers.Softmax(name="probabilities")(x)
    return keras.Model(inputs, outputs, name="mnist_cnn")
