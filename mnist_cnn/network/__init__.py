"""One network in three forms: a Keras model, plain JAX to serve it, and its gradients to explain it; another for rows.

This wing also saves a trained network to a folder and loads it safely.
"""

from mnist_cnn.network.architecture import BLOCKS, EPSILON, MOMENTUM, NUM_CLASSES, Block, build_model, stock_block
from mnist_cnn.network.attribution import Explainer, build_explainer
from mnist_cnn.network.files import WEIGHTS_FILE, load_model, load_weights, save_model
from mnist_cnn.network.forward import compute_logits
from mnist_cnn.network.rows import (
    ROW_WEIGHTS,
    WINDOW,
    build_row_network,
    compute_words,
    cut_windows,
    join_windows,
    load_row_weights,
    save_row_weights,
)

__all__ = [
    "BLOCKS",
    "EPSILON",
    "MOMENTUM",
    "NUM_CLASSES",
    "ROW_WEIGHTS",
    "WEIGHTS_FILE",
    "WINDOW",
    "Block",
    "Explainer",
    "build_explainer",
    "build_model",
    "build_row_network",
    "compute_logits",
    "compute_words",
    "cut_windows",
    "join_windows",
    "load_model",
    "load_row_weights",
    "load_weights",
    "save_model",
    "save_row_weights",
    "stock_block",
]
