"""Random changes of a batch of MNIST images: what another writer's hand does, and what a bad picture does."""

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

TROUBLED = 2 / 3  # share of the images that get a trouble
TROUBLES = 7

# From the mildest to the worst, in which a person still reads all but the thinnest digits.
NOISE = (10, 90)  # standard deviation in grey levels
SPECKS = (2.3, 1.1)  # a pixel turns black or white where a normal variate lies beyond: 2 to 27 % of the pixels
SHOTS = (60, 3)  # the mean count of a Poisson variate where there is full ink
BLUR = (0.5, 2.0)  # standard deviation in pixels
FOG = (0.2, 2.5)  # density; at 1 half of the contrast is left
FOG_KNOTS = 5  # the fog's density varies between 5x5 random values
OFFSET = (23, 18)  # between two digits' centres, in pixels; digits touch from about 20
GREYEST_PAPER = 130  # grey level
CONTRAST = (1.0, 0.35)  # share of the range between paper and full ink


@jax.jit
def augment(images: jax.Array, key: jax.Array, strength: float | jax.Array = 1.0) -> jax.Array:
    """Return each digit as another hand might have written it, and most of them as a bad picture might show it.

    Args:
        images: uint8 array of shape (n, 28, 28, 1); 0 is paper, 255 is ink.
        key: a JAX random key; the same key gives the same changes.
        strength: of the distortion, 0 to 1. It changes neither the stroke widths nor the troubles.

    Returns:
        float32 array of shape (n, 28, 28, 1), 0 to 255.
    """
    distortion_key, trouble_key = jax.random.split(key)
    return trouble(distort(images, distortion_key, strength), trouble_key)


def trouble(images: jax.Array, key: jax.Array) -> jax.Array:
    """Return two thirds of the images with one trouble of random strength, and the others as they are.

    The troubles are Gaussian noise, salt and pepper, shot noise, blur, fog, a part of the batch's image before at an
    edge, and faint ink on grey paper.

    Args:
        images: float32 array of shape (n, 28, 28, 1), 0 to 255.
        key: a JAX random key.

    Returns:
        Array of the same shape, type and range.
    """
    pixels = images[..., 0]
    keys = jax.random.split(key, len(pixels))
    troubled: jax.Array = jax.vmap(_trouble_one)(pixels, jnp.roll(pixels, 1, axis=0), keys)[..., None]
    return troubled


def _trouble_one(image: jax.Array, neighbour: jax.Array, key: jax.Array) -> jax.Array:
    choice_key, noise_key, fog_key = jax.random.split(key, 3)
    choice, severity, place = jax.random.uniform(choice_key, (3,))

    def between(ends: tuple[float, float]) -> jax.Array:
        mildest, worst = ends
        return jnp.asarray(mildest + (worst - mildest) * severity)

    noise = jax.random.normal(noise_key, image.shape)
    paper = place * GREYEST_PAPER
    troubled = (
        image + between(NOISE) * noise,
        jnp.where(jnp.abs(noise) > between(SPECKS), jnp.where(noise > 0, 255, 0), image),
        # A normal variate of a Poisson variate's variance; jax.random.poisson would slow a step 25 times.
        image + jnp.sqrt(image * 255 / between(SHOTS)) * noise,
        _blur(image, between(BLUR)),
        _add_fog(image, between(FOG), fog_key),
        jnp.maximum(image, _shift(neighbour, between(OFFSET), (place * 4).astype(int))),
        paper + (255 - paper) / 255 * between(CONTRAST) * image,
    )
    # All are cheap, and under vmap a switch would compute all of them as well.
    kind = jnp.minimum((choice * TROUBLES / TROUBLED).astype(int), TROUBLES)
    return jnp.clip(jax.lax.select_n(kind, *troubled, image), 0, 255)


def _blur(image: jax.Array, deviation: jax.Array) -> jax.Array:
    """Average with the weights of a Gaussian, which are cut off at the edges."""
    positions = jnp.arange(SIZE)
    weights = jnp.exp(-(((positions[:, None] - positions) / deviation) ** 2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ image @ weights.T


def _add_fog(image: jax.Array, density: jax.Array, key: jax.Array) -> jax.Array:
    weights = _hat_weights(jnp.arange(SIZE) - CENTRE, FOG_KNOTS)
    fog = weights @ jax.random.uniform(key, (FOG_KNOTS, FOG_KNOTS), maxval=255.0) @ weights.T
    return (image + density * fog) / (1 + density)


def _shift(image: jax.Array, distance: jax.Array, direction: jax.Array) -> jax.Array:
    """Return the image moved up, down, left or right by a rounded distance, in pixels; paper follows."""
    steps = jnp.array([[-1, 0], [1, 0], [0, -1], [0, 1]])[direction] * jnp.round(distance).astype(int)
    return jax.lax.dynamic_slice(jnp.pad(image, SIZE), SIZE - steps, image.shape)


def distort(images: jax.Array, key: jax.Array, strength: float | jax.Array = 1.0) -> jax.Array:
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
    row_weights, column_weights = _hat_weights(rows, ELASTIC_KNOTS), _hat_weights(columns, ELASTIC_KNOTS)
    bend = jnp.einsum("rk,dkl,cl->drc", row_weights, knots, column_weights)
    grid_rows, grid_columns = jnp.meshgrid(rows, columns, indexing="ij")
    return (
        matrix[0, 0] * grid_rows + matrix[0, 1] * grid_columns + bend[0],
        matrix[1, 0] * grid_rows + matrix[1, 1] * grid_columns + bend[1],
    )


def _hat_weights(positions: jax.Array, count: int) -> jax.Array:
    """Return the weights of linear interpolation between `count` knots, shape (positions, count)."""
    knots = jnp.linspace(-CENTRE, CENTRE, count)
    spacing = 2 * CENTRE / (count - 1)
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
    """Blend the image with its grey dilation or erosion."""
    share = STROKE * jax.random.uniform(key, minval=-1.0, maxval=1.0)
    thicker, thinner = _thicken(image), 255 - _thicken(255 - image)
    return image + jnp.where(share > 0, share * (thicker - image), share * (image - thinner))


def _thicken(image: jax.Array) -> jax.Array:
    """Return the grey dilation by a 3x3 cross."""
    padded = jnp.pad(image, 1, mode="edge")
    neighbours = padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]
    return jnp.max(jnp.stack([image, *neighbours]), axis=0)
