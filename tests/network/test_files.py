import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from mnist_cnn.errors import ModelError
from mnist_cnn.inference import PRETRAINED, Classifier
from mnist_cnn.network import WEIGHTS_FILE, build_model, load_model, load_weights, save_model
from mnist_cnn.training.synthetic import draw_digits
from tests.support.disks import fill, small_disk
from tests.support.models import with_weights

# Loads a model as somebody would who has Keras but not this package.
PLAIN_KERAS = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy
images = numpy.load("images.npy")
numpy.save("probabilities.npy", keras.saving.load_model(sys.argv[1]).predict(images, verbose=0))
assert "mnist_cnn" not in sys.modules
"""


def predict_with_plain_keras(folder: Path, images: np.ndarray, scratch: Path) -> np.ndarray:
    np.save(scratch / "images.npy", images)
    subprocess.run([sys.executable, "-c", PLAIN_KERAS, folder], cwd=scratch, check=True)
    return np.load(scratch / "probabilities.npy")


def test_saved_model_predicts_as_before(tmp_path: Path) -> None:
    model, images = build_model(), draw_digits(10, seed=0).images
    save_model(model, tmp_path)
    np.testing.assert_array_equal(load_model(tmp_path).predict(images, verbose=0), model.predict(images, verbose=0))


def test_saved_model_is_three_files(tmp_path: Path) -> None:
    save_model(build_model(), tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"config.json", "metadata.json", WEIGHTS_FILE}


@pytest.mark.parametrize("kilobytes", [4, 100, 2_500])
def test_saving_to_a_full_disk_raises_and_can_be_repeated(tmp_path: Path, kilobytes: int) -> None:
    model = build_model()
    with small_disk(tmp_path / "disk", 6) as disk:
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - 1024 * kilobytes)
        with pytest.raises(OSError, match="No space left on device"):
            save_model(model, disk / "model")
        filler.unlink()
        save_model(model, disk / "model")
        assert {path.name for path in (disk / "model").iterdir()} == {"config.json", "metadata.json", WEIGHTS_FILE}
        for weights, original in zip(load_weights(disk / "model"), model.get_weights(), strict=True):
            np.testing.assert_array_equal(weights, original)


@pytest.mark.integration
def test_saved_model_loads_in_plain_keras_and_predicts_the_same(tmp_path: Path) -> None:
    model, images = build_model(), draw_digits(10, seed=0).images
    save_model(model, tmp_path / "model")
    probabilities = predict_with_plain_keras(tmp_path / "model", images, tmp_path)
    np.testing.assert_allclose(probabilities, model.predict(images, verbose=0), atol=1e-5)


@pytest.mark.integration
def test_bundled_model_loads_in_plain_keras_and_predicts_the_same(tmp_path: Path, classifier: Classifier) -> None:
    images = draw_digits(10, seed=0).images
    probabilities = predict_with_plain_keras(PRETRAINED, images, tmp_path)
    np.testing.assert_allclose(probabilities, classifier.compute_probabilities(images), atol=1e-5)


def test_weights_come_in_the_order_of_keras(tmp_path: Path) -> None:
    model = build_model()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=array.shape) for array in model.get_weights()])
    save_model(model, tmp_path)
    loaded = load_weights(tmp_path)
    assert {array.dtype for array in loaded} == {np.dtype(np.float32)}
    for array, expected in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)


# Keras warns about some layers before it raises because of others.
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    save_model(other, tmp_path)
    with pytest.raises(ModelError, match=r"holds no weights \(model\.weights\.h5\) that fit this network"):
        load_model(tmp_path)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no weights"):
        load_model(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    folder = with_weights(tmp_path, lambda array: np.full_like(array, value))
    with pytest.raises(ModelError, match="not numbers or not finite"):
        load_weights(folder)


@contextmanager
def without_last_array(folder: Path) -> Iterator[h5py.File]:
    """Copy the bundled weights into a folder, and open them without the last layer's bias."""
    shutil.copy(PRETRAINED / WEIGHTS_FILE, folder)
    with h5py.File(folder / WEIGHTS_FILE, "a") as file:
        del file["layers/dense/vars/1"]
        yield file


def test_array_of_another_shape_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with without_last_array(tmp_path) as file:
        file.create_dataset("layers/dense/vars/1", (1 << 40,), np.float32, chunks=(1 << 10,))  # 4 TB, if it were read
    with pytest.raises(ModelError, match=r"layers/dense/vars/1 has shape \(1099511627776,\), expected \(10,\)"):
        load_weights(tmp_path)


def test_group_in_place_of_an_array_is_refused(tmp_path: Path) -> None:
    with without_last_array(tmp_path) as file:
        file.create_group("layers/dense/vars/1")
    with pytest.raises(ModelError, match="layers/dense/vars/1 is not an array"):
        load_weights(tmp_path)


def test_array_of_another_type_is_refused(tmp_path: Path) -> None:
    with without_last_array(tmp_path) as file:
        file.create_dataset("layers/dense/vars/1", (10,), np.dtype([("real", np.float32), ("count", np.int32)]))
    with pytest.raises(ModelError, match=r"holds no weights .* that fit this network"):
        load_weights(tmp_path)
