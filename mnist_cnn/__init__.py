"""Read handwritten digits. Importing the package selects JAX as Keras's backend."""

import os

os.environ["KERAS_BACKEND"] = "jax"
