"""The network, and the folder in which it is kept."""

from collections.abc import Callable
from pathlib import Path

import keras
from keras import layers

from mnist_cnn.network import BLOCKS, read_weights
from mnist_cnn.preprocessing import IMAGE_SHAPE, NUM_CLASSES

MOMENTUM = 0.95  # of the running statistics of the normalisation


def stock_block(x: keras.KerasTensor, filters: int, kernel_size: int, padding: str, pooled: bool) -> keras.KerasTensor:
    """Convolution, pooling where it is asked for, normalisation and ReLU.

    Pooling comes before the normalisation, which spares three quarters of its work and, with a positive scale, changes
    nothing: the maximum commutes with it and with the ReLU.
    """
    x = layers.Conv2D(filters, kernel_size, padding=padding, use_bias=False)(x)
    if pooled:
        x = layers.MaxPooling2D()(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.ReLU()(x)


def build_model(block: Callable[..., keras.KerasTensor] = stock_block) -> keras.Model:
    """Build the untrained network: images of shape (n, 28, 28, 1), 0 to 255, to ten probabilities.

    Args:
        block: what `stock_block` does; training may pass a twin with faster gradients and the same weights.
    """
    inputs = x = keras.Input(IMAGE_SHAPE, name="image")
    x = layers.Rescaling(1 / 255)(x)
    for properties in BLOCKS:
        x = block(x, *properties)
    x = layers.Flatten()(x)  # not averaged: digits are centred, so that a stroke's place tells much
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(NUM_CLASSES, name="logits")(x)
    outputs = layers.Softmax(name="probabilities")(x)
    return keras.Model(inputs, outputs, name="mnist_cnn")


def save_model(model: keras.Model, folder: Path) -> None:
    """Write the model as a Hub repository holds it: config.json, metadata.json, model.weights.h5, and model.keras."""
    keras.saving.save_model(model, folder, zipped=False)
    keras.saving.save_model(model, folder / "model.keras")


def load_model(folder: Path) -> keras.Model:
    """Build the network and read the folder's weights into it; raises what `read_weights` does.

    The configuration stored with them is never run.
    """
    model = build_model()
    model.set_weights(read_weights(folder))
    return model
