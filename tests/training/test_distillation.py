import jax.numpy as jnp
import numpy as np
import pytest

from mnist_cnn.training.augmentation import distort
from mnist_cnn.training.config import TrainConfig
from mnist_cnn.training.distillation import MEMORY_RATE, blend_targets, remember
from mnist_cnn.training.loop import train
from mnist_cnn.training.metrics import evaluate
from mnist_cnn.training.synthetic import draw_digits

pytestmark = pytest.mark.integration


def test_targets_move_to_what_is_remembered_as_far_as_it_is_trusted() -> None:
    targets, remembered = jnp.eye(10)[:3], jnp.full((3, 10), 0.1)
    blended = blend_targets(targets, remembered, jnp.array([[0.0], [0.5], [1.0]]))
    np.testing.assert_allclose(blended[0], targets[0])
    np.testing.assert_allclose(blended[1], (targets[1] + 0.1) / 2)
    np.testing.assert_allclose(blended[2], remembered[2], rtol=1e-6)


def test_only_the_rows_of_the_batch_are_remembered() -> None:
    memory, probabilities = jnp.full((4, 10), 0.1), jnp.eye(10)[:2]
    after = remember(memory, jnp.array([3, 1]), probabilities)
    np.testing.assert_allclose(after[jnp.array([0, 2])], 0.1)
    np.testing.assert_allclose(after[3], 0.1 * (1 - MEMORY_RATE) + MEMORY_RATE * probabilities[0])
    np.testing.assert_allclose(after[1], 0.1 * (1 - MEMORY_RATE) + MEMORY_RATE * probabilities[1])


@pytest.mark.slow
def test_wrong_labels_give_way_to_what_the_network_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.step.augment", distort)  # what it can't see can't teach it in so few epochs
    drawn = draw_digits(600, seed=1)
    wrong = np.arange(0, 600, 9)
    labels = drawn.labels.copy()
    labels[wrong] = (labels[wrong] + 1) % 10
    trust = []
    for share in (0.0, 0.9):
        config = TrainConfig(
            epochs=14,
            batch_size=60,
            self_distillation=share,
            drawn_digits=0,
            traced_digits=0,
            nondigits=0,
            cut_pictures=0,
        )
        model, _ = train(config, drawn._replace(labels=labels), draw_digits(100, seed=2))
        trust.append(evaluate(model, drawn).probabilities[wrong, drawn.labels[wrong]].mean())
    assert trust[1] > trust[0] + 0.05
