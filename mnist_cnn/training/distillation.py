"""Self-distillation: labels that give way to what the network itself has said of the images in earlier epochs.

Kim et al. 2021, "Self-knowledge distillation with progressive refinement of targets".
"""

import jax

MEMORY_RATE = 0.3  # weight of the latest probabilities in the running mean kept for each image


def blend_targets(targets: jax.Array, remembered: jax.Array, trust: jax.Array) -> jax.Array:
    """Return targets that have moved towards what the network remembers.

    Args:
        targets: float32, shape (n, 10).
        remembered: running mean of the probabilities, same shape.
        trust: how far to go, 0 to 1, shape (n, 1).
    """
    return targets + trust * (remembered - targets)


def remember(memory: jax.Array, rows: jax.Array, probabilities: jax.Array) -> jax.Array:
    """Return the memory of all images after a batch has been seen.

    Args:
        memory: running mean of the probabilities of every training image, shape (images, 10).
        rows: of the batch's images, each at most once, shape (n,).
        probabilities: what the network has just said of them, shape (n, 10).
    """
    return memory.at[rows].add(MEMORY_RATE * (probabilities - memory[rows]))
