import numpy as np
import pytest

from mnist_cnn.errors import ConfigError
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import NO_DIGIT
from mnist_cnn.training.pictures import cut_pictures
from mnist_cnn.training.synthetic import draw_digits
from mnist_cnn.training.training_set import TrainingSet, build_training_set


@pytest.fixture(scope="module")
def training_set() -> TrainingSet:
    """100 given images and 60 others, of which an epoch takes 30."""
    return TrainingSet(draw_digits(160, seed=0), num_given=100, num_sampled=30, batch_size=13)


def test_an_epoch_takes_all_that_was_given_and_other_drawn_ones_each_time(training_set: TrainingSet) -> None:
    first, second = (training_set.choose_batches(0, epoch).ravel().tolist() for epoch in (1, 2))
    for rows in (first, second):
        assert len(set(rows)) == len(rows) == 130
        assert set(range(100)) <= set(rows) <= set(range(160))
    assert set(first) != set(second)
    assert first != sorted(first)


def test_an_epoch_is_the_same_for_the_same_seed_only(training_set: TrainingSet) -> None:
    batches = training_set.choose_batches(0, 1)
    np.testing.assert_array_equal(training_set.choose_batches(0, 1), batches)
    assert (training_set.choose_batches(1, 1) != batches).any()


def test_what_does_not_fill_a_batch_is_left_out(training_set: TrainingSet) -> None:
    batches = training_set._replace(batch_size=50).choose_batches(0, 1)
    assert batches.shape == (2, 50)
    assert batches.dtype == np.int32


def test_the_set_holds_what_was_given_then_what_the_config_asks_for() -> None:
    given = draw_digits(20, seed=5)
    amounts = {"drawn_digits": 10, "traced_digits": 15, "nondigits": 5, "cut_pictures": 6}
    training_set = build_training_set(TrainConfig(**amounts, drawn_share=0.2, batch_size=4, seed=3), given)
    cuts = cut_pictures(6, seed=3)
    np.testing.assert_array_equal(training_set.split.images[:20], given.images)
    np.testing.assert_array_equal(training_set.split.images[20:30], draw_digits(10, seed=3).images)
    assert (training_set.split.labels[45:50] == NO_DIGIT).all()
    np.testing.assert_array_equal(training_set.split.images[50:], cuts.images)
    np.testing.assert_array_equal(training_set.split.labels[50:], cuts.labels)
    num_sampled = round(0.2 * (30 + len(cuts.labels)))
    assert (training_set.num_given, training_set.num_sampled) == (20, num_sampled)
    assert training_set.steps_per_epoch == (20 + num_sampled) // 4


def test_fewer_images_than_a_batch_are_refused() -> None:
    config = TrainConfig(batch_size=1000, drawn_digits=30, traced_digits=0, nondigits=10, cut_pictures=0)
    with pytest.raises(ConfigError, match="45 training images don't fill one batch of 1000"):
        build_training_set(config, draw_digits(25, seed=0))
