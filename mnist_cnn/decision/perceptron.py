"""A network with one hidden layer, small enough to be kept as plain numbers with the model."""

from typing import Any, NamedTuple

import numpy as np


class Perceptron(NamedTuple):
    """Its weights: NumPy's arrays, or JAX's while they are fitted.

    Attributes:
        centre: of each feature, shape (features,).
        scale: of each feature, shape (features,).
        hidden: shape (features, units).
        hidden_bias: shape (units,).
        output: shape (units, outputs).
        output_bias: shape (outputs,).
    """

    centre: np.ndarray
    scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray

    def evaluate(self, features: Any) -> Any:  # noqa: ANN401
        """Return the outputs, shape (..., outputs), for features of shape (..., features): of NumPy, or of JAX."""
        numpy = features.__array_namespace__()
        hidden = numpy.tanh((features - self.centre) / self.scale @ self.hidden + self.hidden_bias)
        return hidden @ self.output + self.output_bias
