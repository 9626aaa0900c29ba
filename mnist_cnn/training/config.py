"""The settings of a training run."""

import dataclasses
import shlex
from dataclasses import dataclass

from mnist_cnn.errors import ConfigError

# The values that each field may have, both ends included. JAX and NumPy take seeds of 32 bits.
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, float("inf")),
    "batch_size": (1, float("inf")),
    "learning_rate": (0, float("inf")),
    "weight_decay": (0, float("inf")),
    "label_smoothing": (0, 1),
    "self_distillation": (0, 1),
    "average_decay": (0, 1),
    "last_strength": (0, 1),
    "drawn_digits": (0, float("inf")),
    "traced_digits": (0, float("inf")),
    "nondigits": (0, float("inf")),
    "cut_pictures": (0, float("inf")),
    "drawn_share": (0, 1),
    "seed": (0, 2**32 - 1),
}


@dataclass(frozen=True)
class TrainConfig:
    """Everything besides the data that decides the outcome of a training run.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step. Images left over at the end of an epoch are skipped; the next epoch shuffles anew.
        learning_rate: peak learning rate, reached by a linear warm-up over the first epoch. A cosine then decays it to
            zero.
        weight_decay: of AdamW; applied to kernels only.
        label_smoothing: share of each label that is spread evenly over all classes.
        self_distillation: share of each label that is replaced by the network's own earlier predictions for the image.
            It grows linearly from zero to this value over the run. Some of MNIST's labels are wrong, and some of its
            digits are ambiguous (Kim et al. 2021, "Self-knowledge distillation with progressive refinement of
            targets").
        average_decay: per step, of the exponential moving average of the weights. The average becomes the model.
        last_strength: strength of the augmentation at the end of training; a cosine leads there from full strength.
            Strong distortion helps at first, but training should end on digits as people wrote them.
        drawn_digits: number of digits drawn by program, in styles that are rare in MNIST, to train on as well.
        traced_digits: number of training images redrawn with pens of other widths, to train on as well; at most two
            per image.
        nondigits: number of drawings that show no digit. Their target is a uniform distribution (Hendrycks et al. 2019,
            "Deep anomaly detection with outlier exposure").
        cut_pictures: number of made pictures, to train on what the rules propose in them as well: on good cuts as
            digits, on bad ones as non-digits. So the network knows what it will be asked about.
        drawn_share: share of all these (drawn and traced digits, non-digits and cuts) that each epoch uses, chosen anew
            every epoch. Many examples seen rarely teach more than a few seen often.
        seed: of the drawings, the initial weights, the order of the images, dropout and augmentation.

    Raises:
        ConfigError: if a value is outside its range.
    """

    epochs: int = 24
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    self_distillation: float = 0.5
    average_decay: float = 0.998
    last_strength: float = 0.3
    drawn_digits: int = 60_000
    traced_digits: int = 100_000
    nondigits: int = 60_000
    cut_pictures: int = 12_000
    drawn_share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check each value against its range."""
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                wanted = f"at least {least}" if most == float("inf") else f"from {least} to {most}"
                raise ConfigError(f"{name} must be {wanted}, not {value}.")


# Reaches 99.0 % on the validation part in little more than a minute on two cores: small batches, augmentation that
# fades out, and no synthetic data.
QUICK = TrainConfig(
    epochs=2,
    batch_size=64,
    self_distillation=0.0,
    average_decay=0.995,
    last_strength=0.0,
    drawn_digits=0,
    traced_digits=0,
    nondigits=0,
    cut_pictures=0,
)


def option_name(field: str) -> str:
    """Return the command-line option of a field of `TrainConfig`."""
    return "--" + field.replace("_", "-")


def format_options(config: TrainConfig) -> str:
    """Return the shortest command-line options of train.py that give this config; empty for the defaults."""
    plain, quick = _differences(config, TrainConfig()), ["--quick", *_differences(config, QUICK)]
    return shlex.join(plain if len(plain) <= len(quick) else quick)


def _differences(config: TrainConfig, base: TrainConfig) -> list[str]:
    """Return options for the fields in which a config differs from another."""
    base_values = dataclasses.asdict(base)
    changed = ((name, value) for name, value in dataclasses.asdict(config).items() if value != base_values[name])
    return [word for name, value in changed for word in (option_name(name), str(value))]
