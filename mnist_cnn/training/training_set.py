"""What one run trains on: the given images, and those that the program draws and traces."""

from typing import NamedTuple

import numpy as np

from mnist_cnn.errors import ConfigError
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import Split, concatenate
from mnist_cnn.training.pictures import cut_pictures
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits, trace_digits


class TrainingSet(NamedTuple):
    """All training images of a run, and how many of them an epoch uses.

    Attributes:
        split: the given images, then the synthetic ones.
        num_given: number of given images; every epoch uses all of them.
        num_sampled: number of synthetic images that an epoch uses.
        batch_size: images per step.
    """

    split: Split
    num_given: int
    num_sampled: int
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole batches in an epoch."""
        return (self.num_given + self.num_sampled) // self.batch_size

    def choose_batches(self, seed: int, epoch: int) -> np.ndarray:
        """Return the rows of each batch of an epoch, int32 of shape (steps_per_epoch, batch_size).

        An epoch uses no row twice. The same seed and epoch give the same batches.
        """
        rng = np.random.default_rng((seed, epoch))
        num_synthetic = len(self.split.labels) - self.num_given
        sampled = self.num_given + rng.permutation(num_synthetic)[: self.num_sampled]
        rows = rng.permutation(np.concatenate([np.arange(self.num_given), sampled]))
        return rows[: self.steps_per_epoch * self.batch_size].reshape(-1, self.batch_size).astype(np.int32)


def build_training_set(config: TrainConfig, given: Split) -> TrainingSet:
    """Draw and trace what the config asks for, which takes minutes for 100,000 images, and add it to the given images.

    Raises:
        ConfigError: if an epoch has fewer images than a batch.
    """
    synthetic = concatenate(
        draw_digits(config.drawn_digits, config.seed),
        trace_digits(given, config.traced_digits, config.seed),
        draw_nondigits(config.nondigits, config.seed),
        cut_pictures(config.cut_pictures, config.seed),
    )
    num_given, num_sampled = len(given.labels), round(config.drawn_share * len(synthetic.labels))
    training_set = TrainingSet(concatenate(given, synthetic), num_given, num_sampled, config.batch_size)
    if not training_set.steps_per_epoch:
        raise ConfigError(f"{num_given + num_sampled} training images don't fill one batch of {config.batch_size}.")
    return training_set
