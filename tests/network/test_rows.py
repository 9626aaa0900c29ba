from pathlib import Path

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnist_cnn.errors import ModelError
from mnist_cnn.images import STRIP_HEIGHT, WORD_WIDTH, propose_layouts
from mnist_cnn.network import (
    NUM_CLASSES,
    ROW_WEIGHTS,
    WINDOW,
    build_row_network,
    compute_words,
    cut_windows,
    join_windows,
    load_row_weights,
    save_row_weights,
)
from mnist_cnn.training.fast_layers import fast_block
from tests.support.disks import fill, small_disk
from tests.support.numbers import draw_number


@pytest.fixture(scope="module")
def weights() -> list[np.ndarray]:
    """Random weights, with statistics that batch normalization doesn't start with."""
    rng = np.random.default_rng(0)
    return [
        (rng.normal(0, 0.1, array.shape) if array.ndim > 1 else rng.uniform(0.5, 1.5, array.shape)).astype(np.float32)
        for array in build_row_network().get_weights()
    ]


def draw_ink(width: int, count: int = 1) -> np.ndarray:
    ink = np.random.default_rng(1).integers(0, 256, (count, STRIP_HEIGHT, width))
    return ink.astype(np.uint8)


def compute(weights: list[np.ndarray], strips: np.ndarray) -> np.ndarray:
    return np.asarray(compute_words(list(map(jnp.asarray, weights)), jnp.asarray(strips)))


@pytest.mark.parametrize("width", [64, 130])
def test_jax_computes_what_keras_does(weights: list[np.ndarray], width: int) -> None:
    network, strips = build_row_network(), draw_ink(width, 2)
    network.set_weights(weights)
    expected = keras.ops.log_softmax(network(strips[..., None].astype(np.float32)))
    words = compute(weights, strips)
    assert words.shape == (2, width // WORD_WIDTH, NUM_CLASSES + 1)
    np.testing.assert_allclose(words, expected, atol=1e-3)


def test_layers_of_training_compute_the_same(weights: list[np.ndarray]) -> None:
    network, strips = build_row_network(fast_block), draw_ink(96)
    network.set_weights(weights)
    logits = network(strips[..., None].astype(np.float32))
    np.testing.assert_allclose(keras.ops.log_softmax(logits), compute(weights, strips), atol=1e-3)


@pytest.mark.parametrize("width", [13, 96, 97, WINDOW, 129, 500])
def test_a_strip_read_in_windows_gives_the_words_of_the_whole(weights: list[np.ndarray], width: int) -> None:
    strip = draw_ink(width)[0]
    windows = cut_windows(strip)
    assert windows.shape[1:] == (STRIP_HEIGHT, WINDOW)
    paper = np.pad(strip, [(0, 0), (0, 2 * WINDOW - width % 2)])  # as much as nobody sees the end of
    whole = compute(weights, paper[None])[0]
    words = join_windows(compute(weights, windows), width)
    assert len(words) == -(-width // WORD_WIDTH)
    reach = 8 if width > 32 else 0  # near its end the last window may end, and not the paper
    np.testing.assert_allclose(words[: len(words) - reach], whole[: len(words) - reach], atol=1e-3)


def test_saved_weights_are_loaded_as_they_were(weights: list[np.ndarray], tmp_path: Path) -> None:
    save_row_weights(weights, tmp_path / "rows.h5")
    for loaded, saved in zip(load_row_weights(tmp_path / "rows.h5"), weights, strict=True):
        np.testing.assert_array_equal(loaded, saved)


def test_saving_to_a_full_disk_raises(weights: list[np.ndarray], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6) as disk:
        fill(disk)
        with pytest.raises(OSError, match="No space left on device"):
            save_row_weights(weights, disk / "rows.h5")


@pytest.mark.parametrize("damage", ["missing", "no HDF5", "of another shape", "not finite"])
def test_weights_that_do_not_fit_are_refused(weights: list[np.ndarray], tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.h5"
    if damage == "no HDF5":
        path.write_bytes(b"weights")
    elif damage != "missing":
        save_row_weights(weights, path)
        with h5py.File(path, "a") as file:
            del file["0"]
            file["0"] = weights[0][:3] if damage == "of another shape" else np.full_like(weights[0], np.nan)
    reasons = "no weights that fit this network|weights that are not numbers or not finite"
    with pytest.raises(ModelError, match=rf"rows\.h5 holds ({reasons})"):
        load_row_weights(path)


def test_the_bundled_network_reads_a_strip_of_digits() -> None:
    (strip,) = next(propose_layouts(*draw_number("3057"))).strips
    words = join_windows(compute(load_row_weights(ROW_WEIGHTS), cut_windows(strip)), strip.shape[1]).argmax(axis=1)
    read = [word for word, before in zip(words, [-1, *words], strict=False) if word not in (before, NUM_CLASSES)]
    assert read == [3, 0, 5, 7]
