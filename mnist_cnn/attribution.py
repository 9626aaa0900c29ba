"""Which ink spoke for the answer, and which for the runner-up."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.network import compute_logits
from mnist_cnn.preprocessing import IMAGE_SHAPE

STEPS = 128  # of the path's sum; with as many, the attributions add up to within some percent of what they explain

Explainer = Callable[[np.ndarray, int, int], np.ndarray]


def build_explainer(weights: list[jax.Array]) -> Explainer:
    """Build the function that attributes a network's preference for one digit over another to the ink of an image.

    By integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks"): the gradient
    of the difference of the two digits' logits, averaged on the way from blank paper to the image, times the ink.

    Args:
        weights: of the network, as JAX arrays in the order of `read_weights`.

    Returns:
        A function of an image, uint8 of shape (28, 28, 1), and two digits, whose result is a float32 array of shape
        (28, 28): above 0 where the ink spoke for the first, below where for the second. It adds up to the difference
        of the logits, less that of blank paper. It is compiled when it is called first.
    """

    def preference(images: jax.Array, first: int, second: int) -> jax.Array:
        outputs = compute_logits(weights, images)
        return jnp.sum(outputs[:, first] - outputs[:, second])

    @jax.jit
    def attribute(image: jax.Array, first: int, second: int) -> jax.Array:
        ink = image.astype(jnp.float32)
        way = (jnp.arange(STEPS) + 0.5).reshape(-1, 1, 1, 1) / STEPS
        gradients = jax.grad(preference)(way * ink, first, second)
        return (gradients.mean(axis=0) * ink).reshape(IMAGE_SHAPE[:2])

    return lambda image, first, second: np.asarray(attribute(image, first, second))
