"""How a model is made from MNIST and from digits drawn by program, and how it is measured.

Serving never imports this wing.
"""

import os

# XLA's new library of CPU kernels (YNNPACK) slows a training step by a quarter, and threefold when the cores are busy.
# JAX reads the flag when it first compiles something. Serving keeps the kernels: without them its answers change by
# rounding.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")

# isort: split
from mnist_cnn.training.config import QUICK, TrainConfig, option_name
from mnist_cnn.training.data import MNIST_REPO, NO_DIGIT, Mnist, Split, concatenate, load_corrections, load_mnist
from mnist_cnn.training.distribution import abandon, is_first_process, join_hosts
from mnist_cnn.training.evaluation import DRAWINGS, Measurement, measure, write_measurement
from mnist_cnn.training.loop import Epoch, best_epoch, train
from mnist_cnn.training.metrics import Evaluation, evaluate, predict
from mnist_cnn.training.output import checkpoint_file, describe_run, find_problem, partial_folder, write_model
from mnist_cnn.training.row_network import STEPS, read_strips, train_row_network
from mnist_cnn.training.strips import make_strips
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits, trace_digits

__all__ = [
    "DRAWINGS",
    "MNIST_REPO",
    "NO_DIGIT",
    "QUICK",
    "STEPS",
    "Epoch",
    "Evaluation",
    "Measurement",
    "Mnist",
    "Split",
    "TrainConfig",
    "abandon",
    "best_epoch",
    "checkpoint_file",
    "concatenate",
    "describe_run",
    "draw_digits",
    "draw_nondigits",
    "evaluate",
    "find_problem",
    "is_first_process",
    "join_hosts",
    "load_corrections",
    "load_mnist",
    "make_strips",
    "measure",
    "option_name",
    "partial_folder",
    "predict",
    "read_strips",
    "trace_digits",
    "train",
    "train_row_network",
    "write_measurement",
    "write_model",
]
