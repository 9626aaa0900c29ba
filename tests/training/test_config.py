import argparse
import dataclasses
import math
import shlex

import pytest

from mnist_cnn.errors import ConfigError
from mnist_cnn.training.config import QUICK, RANGES, TrainConfig, format_options, option_name


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("drawn_share", 1.5, "drawn_share must be from 0 to 1, not 1.5."),
        ("label_smoothing", -0.1, "label_smoothing must be from 0 to 1, not -0.1."),
        ("average_decay", math.nan, "average_decay must be from 0 to 1, not nan."),
        ("epochs", 0, "epochs must be at least 1, not 0."),
        ("batch_size", 0, "batch_size must be at least 1, not 0."),
        ("nondigits", -1, "nondigits must be at least 0, not -1."),
        ("cut_pictures", -1, "cut_pictures must be at least 0, not -1."),
        ("seed", 2**32, "seed must be from 0 to 4294967295, not 4294967296."),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: float, wanted: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        TrainConfig(**{field: value})  # type: ignore[arg-type]  # the fields have different types
    assert str(refusal.value) == wanted


def test_every_field_has_a_range() -> None:
    assert list(RANGES) == [field.name for field in dataclasses.fields(TrainConfig)]


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (TrainConfig(), ""),
        (TrainConfig(seed=1), "--seed 1"),
        (TrainConfig(cut_pictures=50), "--cut-pictures 50"),
        (TrainConfig(epochs=2, learning_rate=2e-4), "--epochs 2 --learning-rate 0.0002"),
        (QUICK, "--quick"),
        (dataclasses.replace(QUICK, seed=3, epochs=24), "--quick --epochs 24 --seed 3"),
    ],
)
def test_the_options_are_the_shortest_that_give_the_config(config: TrainConfig, options: str) -> None:
    assert format_options(config) == options


def test_the_options_give_the_config_back() -> None:
    config = TrainConfig(epochs=3, learning_rate=1e-5, drawn_share=1 / 3, nondigits=0, seed=9)
    parser = argparse.ArgumentParser()
    for field in dataclasses.fields(TrainConfig):
        parser.add_argument(option_name(field.name), type=type(field.default), default=field.default)
    assert TrainConfig(**vars(parser.parse_args(shlex.split(format_options(config))))) == config
