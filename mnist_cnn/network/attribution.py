"""Which ink spoke for the answer, and which for another digit."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mnist_cnn.images import IMAGE_SHAPE
from mnist_cnn.network.forward import compute_logits

# Points at which the gradient is averaged. With 128, the attributions add up to within a few percent of what they
# explain.
_STEPS = 128

Explainer = Callable[[np.ndarray, int, int], np.ndarray]


def build_explainer(weights: list[jax.Array]) -> Explainer:
    """Return a function that attributes the network's preference for one digit over another to the ink of an image.

    The method is integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks"): the
    gradient of the difference between the two logits, averaged along the straight path from a blank image to this one,
    times the ink.

    Args:
        weights: of the network, in the order of `load_weights`.

    Returns:
        A function of an image, uint8 array of shape (28, 28, 1), and two digits. It returns a float32 array of shape
        (28, 28), positive where the ink speaks for the first digit and negative where it speaks for the second. The
        sum is the difference between the two logits, less the difference for a blank image. The first call compiles.
    """

    def preference(images: jax.Array, first: int, second: int) -> jax.Array:
        logits = compute_logits(weights, images)
        return jnp.sum(logits[:, first] - logits[:, second])

    @jax.jit
    def attribute(image: jax.Array, first: int, second: int) -> jax.Array:
        ink = image.astype(jnp.float32)
        path = (jnp.arange(_STEPS) + 0.5).reshape(-1, 1, 1, 1) / _STEPS
        gradients: jax.Array = jax.grad(preference)(path * ink, first, second)
        return (gradients.mean(axis=0) * ink).reshape(IMAGE_SHAPE[:2])

    return lambda image, first, second: np.asarray(attribute(image, first, second))
