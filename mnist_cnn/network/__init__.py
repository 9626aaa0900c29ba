"""One network in three forms: a Keras model to train it, plain JAX to serve it, and its gradients to explain it.

This wing also saves a trained network to a folder and loads it safely.
"""

from mnist_cnn.network.architecture import BLOCKS, EPSILON, MOMENTUM, NUM_CLASSES, Block, build_model, stock_block
from mnist_cnn.network.attribution import Explainer, build_explainer
from mnist_cnn.network.files import WEIGHTS_FILE, load_model, load_weights, save_model
from mnist_cnn.network.forward import compute_logits

__all__ = [
    "BLOCKS",
    "EPSILON",
    "MOMENTUM",
    "NUM_CLASSES",
    "WEIGHTS_FILE",
    "Block",
    "Explainer",
    "build_explainer",
    "build_model",
    "compute_logits",
    "load_model",
    "load_weights",
    "save_model",
    "stock_block",
]
