import signal
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from mnist_cnn.errors import CheckpointError, ConfigError
from mnist_cnn.training.checkpoint import identify_run, load_checkpoint, save_checkpoint
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.data import Mnist, load_mnist
from mnist_cnn.training.loop import Epoch, Interrupt, Keeper, Progress, best_epoch, calibrate, train
from mnist_cnn.training.metrics import evaluate, find_temperature

pytestmark = pytest.mark.integration

CONFIG = TrainConfig(epochs=3, batch_size=64, drawn_digits=150, traced_digits=60, nondigits=40, cut_pictures=0)


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


def test_the_best_epoch_is_the_one_with_the_lowest_validation_loss() -> None:
    rows = [
        Epoch(n, 0.0, 0.0, loss, accuracy, 0.0) for n, loss, accuracy in [(1, 0.3, 0.9), (2, 0.1, 0.8), (3, 0.2, 0.8)]
    ]
    assert best_epoch(rows).epoch == 2


def test_calibration_changes_no_prediction(run: tuple, mnist: Mnist) -> None:
    model, _ = run
    before = evaluate(model, mnist.test)
    layer = model.get_layer("logits")
    weights = layer.get_weights()
    layer.set_weights([3 * each for each in weights])
    try:
        calibrate(model, mnist.val)
        after = evaluate(model, mnist.test)
        assert after.accuracy == before.accuracy
        np.testing.assert_allclose(after.probabilities, before.probabilities, atol=0.01)
    finally:
        layer.set_weights(weights)


def test_a_run_resumes_from_its_checkpoint_to_the_same_weights(run: tuple, mnist: Mnist, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.npz"

    def stop(_: Keeper, progress: Progress) -> None:
        save(_, progress)
        if len(progress.history) == 2:
            raise InterruptedError

    save = Keeper.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "save", stop)
        with pytest.raises(InterruptedError):
            train(CONFIG, mnist.train, mnist.val, checkpoint)
    assert len(load_checkpoint(checkpoint)[1]["history"]) == 2
    model, history = train(CONFIG, mnist.train, mnist.val, checkpoint)
    for weights, uninterrupted in zip(model.get_weights(), run[0].get_weights(), strict=True):
        np.testing.assert_array_equal(weights, uninterrupted)
    assert [row._replace(seconds=0) for row in history] == [row._replace(seconds=0) for row in run[1]]


def test_another_runs_checkpoint_is_refused_before_anything_is_drawn(
    mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "checkpoint.npz", [], {"run": identify_run(CONFIG, mnist.train), "history": []})
    monkeypatch.setattr("mnist_cnn.training.loop.build_training_set", None)
    with pytest.raises(CheckpointError, match="The run to resume had other data"):
        train(CONFIG, mnist.train, mnist.val, tmp_path / "checkpoint.npz")


@pytest.fixture
def usual_ctrl_c() -> Iterator[None]:
    """Python's own handler of Ctrl-C; a shell in the background starts its processes without one."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("usual_ctrl_c")
def test_the_first_ctrl_c_is_a_request_and_the_second_raises() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        assert not interrupt.requested
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is handler


def test_among_several_hosts_the_first_ctrl_c_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with Interrupt(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_fewer_images_than_a_batch_are_refused(mnist: Mnist) -> None:
    config = TrainConfig(batch_size=1000, drawn_digits=150, traced_digits=0, nondigits=40, cut_pictures=0)
    with pytest.raises(ConfigError, match="425 training images don't fill one batch of 1000"):
        train(config, mnist.train, mnist.val)
