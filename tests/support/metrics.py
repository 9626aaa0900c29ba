"""The metrics of a made-up training run, as train.py writes them."""

from typing import Any

import numpy as np

from mnist_cnn.decision import Outcome
from tests.support.models import vote_for

METRICS: dict[str, Any] = {
    "command": "python train.py --dataset ylecun/mnist --seed 7",
    "seed": 7,
    "hardware": "2 CPU cores",
    "versions": {"keras": "3.15.1", "jax": "0.10.2"},
    "config": {
        "epochs": 3,
        "drawn_digits": 500,
        "traced_digits": 700,
        "nondigits": 100,
        "cut_pictures": 50,
        "drawn_share": 0.5,
    },
    "dataset": {"source": "ylecun/mnist", "revision": "b" * 40, "train": 55000, "val": 5000, "test": 10000},
    "parameters": 12345,
    "train_seconds": 61.4,
    "best_epoch": 2,
    "val": {
        "accuracy": 0.9952,
        "loss": 0.0171,
        "errors": 24,
        "images": 5000,
        "calibration_error": 0.0012,
        "refused": 0.005,
    },
    "test": {
        "accuracy": 0.9961,
        "loss": 0.0123,
        "errors": 39,
        "images": 10000,
        "calibration_error": 0.0021,
        "refused": 0.0055,
        "confusion_matrix": np.eye(10, dtype=int).tolist(),
    },
    "drawn": {"accuracy": 0.99, "loss": 0.04, "errors": 40, "images": 4000, "calibration_error": 0.01, "refused": 0.02},
    "nondigits": {"refused": 0.87, "images": 2000, "families": {"letters": 0.91, "signs": 0.83}},
    "numbers": {
        "images": 500,
        "right": 0.8125,
        "spaced": {"right": 0.9, "right_if_cut_out": 0.95, "images": 80},
        "calibration_error": 0.0321,
        "sources": {"strokes": {"right": 0.88, "images": 250}, "photo": {"right": 0.74, "images": 250}},
        "lengths": {"2": {"right": 0.8, "images": 500}},
        "gaps": {"apart": {"right": 0.85, "images": 400}, "touching": {"right": 0.66, "images": 100}},
    },
    "pictures": {
        "images": 3990,
        "accuracy": 0.953,
        "calibration_error": 0.013,
        "kinds": {"one: photo": {"right": 0.94, "images": 400}, "nothing: texture": {"right": 0.97, "images": 200}},
    },
    "corrupted": {"fog": 0.02, "zigzag": 0.11},
    "robustness": {"blur": {"0": 1.0, "2": 0.97}, "noise": {"0": 1.0, "30": 0.93}},
    "digit_threshold": 0.64,
    "vote": vote_for(Outcome.DIGIT),
}
