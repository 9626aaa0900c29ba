import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import Explainer, build_explainer, compute_logits, load_weights


@pytest.fixture(scope="module")
def weights() -> list[jax.Array]:
    """The bundled model's."""
    return [jnp.asarray(array) for array in load_weights(PRETRAINED)]


@pytest.fixture(scope="module")
def explain(weights: list[jax.Array]) -> Explainer:
    return build_explainer(weights)


def image_of(digit: int) -> np.ndarray:
    return to_mnist(render(sample_strokes(digit, np.random.default_rng(0)), size=112, pen_width=10))


@pytest.mark.parametrize(("first", "second"), [(7, 1), (3, 8), (0, 6)])
def test_attributions_add_up_to_what_they_explain(
    weights: list[jax.Array], explain: Explainer, first: int, second: int
) -> None:
    image = image_of(first)
    logits = compute_logits(weights, jnp.asarray(np.stack([image, np.zeros_like(image)])))
    of_image, of_blank = np.asarray(logits[:, first] - logits[:, second])
    assert explain(image, first, second).sum() == pytest.approx(of_image - of_blank, rel=0.05)


def test_attributions_have_the_images_height_and_width(explain: Explainer) -> None:
    attributions = explain(image_of(4), 4, 9)
    assert attributions.shape == (28, 28)
    assert attributions.dtype == np.float32


def test_paper_speaks_for_nothing(explain: Explainer) -> None:
    image = image_of(4)
    assert not explain(image, 4, 9)[image[..., 0] == 0].any()


def test_swapping_the_digits_reverses_the_signs(explain: Explainer) -> None:
    image = image_of(5)
    np.testing.assert_allclose(explain(image, 5, 6), -explain(image, 6, 5), rtol=1e-3, atol=1e-4)


def test_explainer_uses_the_weights_that_it_is_given(weights: list[jax.Array]) -> None:
    assert not build_explainer([jnp.zeros_like(array) for array in weights])(image_of(7), 7, 1).any()
