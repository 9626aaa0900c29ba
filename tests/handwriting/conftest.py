"""The styles one by one, and drawn digits to trace."""

import numpy as np
import pytest

from mnist_cnn.handwriting import STYLES, draw, sample_strokes
from mnist_cnn.images import to_mnist

ALL_STYLES = [(digit, name) for digit, styles in STYLES.items() for name in styles]


@pytest.fixture(params=ALL_STYLES, ids=[f"{digit} {name}" for digit, name in ALL_STYLES])
def style(request: pytest.FixtureRequest) -> tuple[int, str]:
    """A digit and the name of one of its styles."""
    return request.param


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """400 drawn digits as MNIST images, from 0 to 9 in turn: uint8 array of shape (400, 28, 28, 1)."""
    rng = np.random.default_rng(8)
    strokes = [sample_strokes(index % 10, rng) for index in range(400)]
    return np.stack([to_mnist(draw(digit, rng)) for digit in strokes])
