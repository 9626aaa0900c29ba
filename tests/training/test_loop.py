from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import Mnist, load_mnist
from mnist_cnn.training.loop import Epoch, best_epoch, choose_rows, train
from mnist_cnn.training.metrics import evaluate, find_temperature
from mnist_cnn.training.synthetic import draw_digits

CONFIG = TrainConfig(epochs=3, batch_size=64, drawn_digits=150, traced_digits=60, nondigits=40)


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> Mnist:
    return load_mnist(str(mnist_folder))


@pytest.fixture(scope="module")
def run(mnist: Mnist) -> tuple:
    return train(CONFIG, mnist.train, mnist.val)


def test_the_loss_falls_from_epoch_to_epoch(run: tuple) -> None:
    losses = [row.loss for row in run[1]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


def test_two_runs_with_the_same_seed_agree_to_the_bit(run: tuple, mnist: Mnist) -> None:
    model, history = train(CONFIG, mnist.train, mnist.val)
    for weights, again in zip(run[0].get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, again)
    assert [row._replace(seconds=0) for row in history] == [row._replace(seconds=0) for row in run[1]]


def test_the_model_is_that_of_the_best_epoch_calibrated(run: tuple, mnist: Mnist) -> None:
    model, history = run
    val = evaluate(model, mnist.val)
    assert val.accuracy == best_epoch(history).val_accuracy
    assert val.loss == pytest.approx(best_epoch(history).val_loss, rel=1e-3)
    temperature, _ = find_temperature(val.probabilities, mnist.val.labels)
    assert temperature == pytest.approx(1, abs=0.02)


def test_the_temperature_takes_back_what_the_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.3), 20_000)
    labels = np.array([rng.choice(10, p=row) for row in probabilities])
    sharpened = probabilities**3 / np.sum(probabilities**3, axis=1, keepdims=True)
    temperature, loss = find_temperature(sharpened, labels)
    assert temperature == pytest.approx(3, rel=0.05)
    assert loss < -np.log(sharpened[np.arange(len(labels)), labels]).mean()


def test_the_best_epoch_is_the_one_with_the_lowest_validation_loss() -> None:
    rows = [
        Epoch(n, 0.0, 0.0, loss, accuracy, 0.0) for n, loss, accuracy in [(1, 0.3, 0.9), (2, 0.1, 0.8), (3, 0.2, 0.8)]
    ]
    assert best_epoch(rows).epoch == 2


def test_evaluation_counts_every_image_however_the_batches_fall(run: tuple, mnist: Mnist) -> None:
    model, test = run[0], mnist.test
    evaluation = evaluate(model, test)
    predictions = np.concatenate([model.predict(image[None], verbose=0) for image in test.images])
    np.testing.assert_allclose(evaluation.probabilities, predictions, atol=1e-5)
    assert evaluation.accuracy == np.mean(predictions.argmax(axis=1) == test.labels)
    expected = -np.log(predictions[np.arange(len(test.labels)), test.labels]).mean()
    assert evaluation.loss == pytest.approx(expected, rel=1e-4)


def test_wrong_labels_give_way_to_what_the_network_sees() -> None:
    drawn = draw_digits(600, seed=1)
    wrong = np.arange(0, 600, 9)
    labels = drawn.labels.copy()
    labels[wrong] = (labels[wrong] + 1) % 10
    trust = []
    for share in (0.0, 0.9):
        config = TrainConfig(
            epochs=14, batch_size=60, self_distillation=share, drawn_digits=0, traced_digits=0, nondigits=0
        )
        model, _ = train(config, drawn._replace(labels=labels), draw_digits(100, seed=2))
        trust.append(evaluate(model, drawn).probabilities[wrong, drawn.labels[wrong]].mean())
    assert trust[1] > trust[0] + 0.05


def test_an_epoch_takes_all_that_was_given_and_other_drawn_ones_each_time() -> None:
    first, second = (choose_rows(100, 60, 30, np.random.default_rng((0, epoch))) for epoch in (1, 2))
    for rows in (first, second):
        assert len(set(rows)) == len(rows) == 130
        assert set(range(100)) <= set(rows) <= set(range(160))
    assert set(first) != set(second)
    assert list(first) != sorted(first)


def test_a_share_that_is_none_is_refused(mnist: Mnist) -> None:
    with pytest.raises(ValueError, match=r"share of the drawn digits must be 0 to 1, not 1\.5"):
        train(TrainConfig(drawn_share=1.5), mnist.train, mnist.val)


def test_fewer_images_than_a_batch_are_refused(mnist: Mnist) -> None:
    with pytest.raises(ValueError, match="425 training images don't fill one batch of 1000"):
        train(TrainConfig(batch_size=1000, drawn_digits=150, traced_digits=0, nondigits=40), mnist.train, mnist.val)
