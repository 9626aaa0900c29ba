import jax.numpy as jnp
import numpy as np
import pytest

from mnist_cnn.attribution import build_explainer
from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.inference import PRETRAINED, Classifier
from mnist_cnn.network import read_weights
from mnist_cnn.preprocessing import to_mnist


def image_of(digit: int) -> np.ndarray:
    return to_mnist(render(sample_strokes(digit, np.random.default_rng(0)), size=112, pen_width=10))


def log_odds(classifier: Classifier, image: np.ndarray, first: int, second: int) -> float:
    probabilities = np.log(classifier.read(image[np.newaxis])[0])
    return probabilities[first] - probabilities[second]


@pytest.mark.parametrize(("first", "second"), [(7, 1), (3, 8), (0, 6)])
def test_attributions_add_up_to_what_they_explain(classifier: Classifier, first: int, second: int) -> None:
    image = image_of(first)
    explained = log_odds(classifier, image, first, second) - log_odds(classifier, np.zeros_like(image), first, second)
    assert classifier.explain(image, first, second).sum() == pytest.approx(explained, rel=0.05)


def test_paper_speaks_for_nothing(classifier: Classifier) -> None:
    image = image_of(4)
    assert not classifier.explain(image, 4, 9)[image[..., 0] == 0].any()


def test_two_digits_in_turn_give_the_opposite(classifier: Classifier) -> None:
    image = image_of(5)
    np.testing.assert_allclose(classifier.explain(image, 5, 6), -classifier.explain(image, 6, 5), rtol=1e-3, atol=1e-4)


def test_explainer_takes_the_weights_that_it_is_given() -> None:
    weights = [jnp.zeros_like(array) for array in read_weights(PRETRAINED)]
    assert not build_explainer(weights)(image_of(7), 7, 1).any()
