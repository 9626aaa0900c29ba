"""Random distortions of a batch of MNIST images, such as another writer, or the same one, might have produced."""

from functools import partial

import jax
import jax.numpy as jnp

from mnist_cnn.images import IMAGE_SHAPE, INK_SIDE

SIZE = IMAGE_SHAPE[0]
CENTRE = 14  # the pixel at the centre of mass in MNIST

# Largest values of distributions that are uniform around zero.
ROTATION = 0.2  # radians
SHEAR = 0.35
ASPECT = 0.3  # logarithm of width over height
JITTER = 0.7  # offset of the centre in pixels, about what a serif causes
SCALE_JITTER = 0.06
STROKE = 0.8  # change of the stroke's width, as a share of one pixel on each side

ELASTIC_KNOTS = 5  # random displacements are drawn on a grid of 5x5 knots and interpolated
ELASTIC_STRENGTH = 1.0  # standard deviation of the displacements, in pixels
INK = 64  # pixels above this value, of 255, count as ink when the digit's box is measured


@jax.jit
def augment(images: jax.Array, key: jax.Array, strength: float | jax.Array = 1.0) -> jax.Array:
    """Return each digit distorted, scaled and centred again as `to_mnist` would, with another stroke width.

    The elastic distortion follows Simard et al. 2003, "Best practices for convolutional neural networks applied to
    visual document analysis", with a coarse grid instead of a smoothed field.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        key: a JAX random key; the same key gives the same distortions.
        strength: of the distortion, 0 to 1. The stroke width changes at any strength.

    Returns:
        float32 array of shape (n, 28, 28, 1), 0 to 255.
    """
    pixels = images[..., 0].astype(jnp.float32)
    keys = jax.random.split(key, len(pixels))
    return jax.vmap(partial(_augment_one, strength=strength))(pixels, keys)[..., None]


def _augment_one(image: jax.Array, key: jax.Array, strength: float | jax.Array) -> jax.Array:
    matrix_key, knots_key, jitter_key, stroke_key = jax.random.split(key, 4)
    matrix = _random_matrix(matrix_key, strength)
    knots = strength * ELASTIC_STRENGTH * jax.random.normal(knots_key, (2, ELASTIC_KNOTS, ELASTIC_KNOTS))
    source = partial(_source, matrix=matrix, knots=knots)

    # The first pass only finds where the distorted digit lies. The second samples the original again, straight into the
    # final position, so that pixels are interpolated only once.
    axis = jnp.arange(SIZE) - CENTRE
    scale, centre = _box(_sample(image, *source(axis, axis)))
    jitter = jax.random.uniform(jitter_key, (3,), minval=-1.0, maxval=1.0)
    scale *= 1 + SCALE_JITTER * jitter[2]
    rows, columns = axis * scale + centre[0] + JITTER * jitter[0], axis * scale + centre[1] + JITTER * jitter[1]
    changed = _change_stroke(_sample(image, *source(rows, columns)), stroke_key)
    return changed * (255 / jnp.maximum(changed.max(), 1))  # full contrast, as `to_mnist` gives


def _random_matrix(key: jax.Array, strength: float | jax.Array) -> jax.Array:
    ends = strength * jnp.array([ROTATION, SHEAR, ASPECT])
    rotation, shear, aspect = jax.random.uniform(key, (3,), minval=-1.0, maxval=1.0) * ends
    cos, sin = jnp.cos(rotation), jnp.sin(rotation)
    stretch = jnp.exp(aspect / 2)
    return jnp.array([[cos, -sin], [sin, cos]]) @ jnp.array([[stretch, 0.0], [shear, 1 / stretch]])


def _source(rows: jax.Array, columns: jax.Array, matrix: jax.Array, knots: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return where in the original each point of a grid is sampled, in pixels from the centre."""
    row_weights, column_weights = _hat_weights(rows), _hat_weights(columns)
    bend = jnp.einsum("rk,dkl,cl->drc", row_weights, knots, column_weights)
    grid_rows, grid_columns = jnp.meshgrid(rows, columns, indexing="ij")
    return (
        matrix[0, 0] * grid_rows + matrix[0, 1] * grid_columns + bend[0],
        matrix[1, 0] * grid_rows + matrix[1, 1] * grid_columns + bend[1],
    )


def _hat_weights(positions: jax.Array) -> jax.Array:
    """Return the weights of linear interpolation between the knots, shape (positions, knots)."""
    knots = jnp.linspace(-CENTRE, CENTRE, ELASTIC_KNOTS)
    spacing = 2 * CENTRE / (ELASTIC_KNOTS - 1)
    return jnp.clip(1 - jnp.abs(jnp.clip(positions, -CENTRE, CENTRE)[:, None] - knots) / spacing, 0, 1)


def _box(image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the scale that fits the longer side of the ink to MNIST's box, and the ink's centre of mass.

    The centre is relative to that of the image.
    """
    positions = jnp.arange(SIZE)
    extents = []
    for axis in (1, 0):
        inked = jnp.any(image > INK, axis=axis)
        extents.append(jnp.max(jnp.where(inked, positions, 0)) - jnp.min(jnp.where(inked, positions, SIZE)) + 1)
    total = jnp.sum(image) + 1e-6
    centre = jnp.stack([image.sum(1) @ (positions - CENTRE), image.sum(0) @ (positions - CENTRE)]) / total
    return jnp.clip(jnp.maximum(*extents) / INK_SIDE, 0.5, 1.5), centre


def _sample(image: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Interpolate bilinearly; outside the image there is paper."""
    rows, columns = rows + CENTRE, columns + CENTRE
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = rows - top, columns - left
    top, left = top.astype(int), left.astype(int)
    above = (1 - right) * _look_up(image, top, left) + right * _look_up(image, top, left + 1)
    below = (1 - right) * _look_up(image, top + 1, left) + right * _look_up(image, top + 1, left + 1)
    return (1 - down) * above + down * below


def _look_up(image: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    inside = (rows >= 0) & (rows < SIZE) & (columns >= 0) & (columns < SIZE)
    flat = jnp.clip(rows, 0, SIZE - 1) * SIZE + jnp.clip(columns, 0, SIZE - 1)
    return jnp.where(inside, image.ravel()[flat], 0)


def _change_stroke(image: jax.Array, key: jax.Array) -> jax.Array:
    """Blend the image with its grey dilation or erosion by a 3x3 cross."""
    padded = jnp.pad(image, 1)
    neighbours = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    share = STROKE * jax.random.uniform(key, minval=-1.0, maxval=1.0)
    thicker = jnp.maximum(jnp.max(jnp.stack(neighbours), axis=0), image)
    thinner = jnp.minimum(jnp.min(jnp.stack(neighbours), axis=0), image)
    return image + jnp.where(share > 0, share * (thicker - image), share * (image - thinner))
