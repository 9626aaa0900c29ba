import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_cnn.data import draw_digits
from mnist_cnn.inference import PRETRAINED, Classifier
from mnist_cnn.model import build_model, load_model, save_model

# Loads the model as somebody would who has Keras and not this package: the folder goes in, probabilities come out.
PLAIN_KERAS = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy
images = numpy.load("images.npy")
for source in sys.argv[1:]:
    print(*keras.saving.load_model(source).predict(images, verbose=0).ravel())
assert "mnist_cnn" not in sys.modules
"""


def test_the_network_has_the_parameters_that_the_card_counts(classifier: Classifier) -> None:
    assert build_model().count_params() == classifier.metrics["parameters"] == 656_506


def test_probabilities_of_any_image_sum_to_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    np.testing.assert_allclose(build_model().predict(images, verbose=0).sum(axis=1), 1, atol=1e-6)


def test_a_saved_model_reads_as_before(tmp_path: Path) -> None:
    model, images = build_model(), draw_digits(10, seed=0).images
    save_model(model, tmp_path)
    np.testing.assert_array_equal(load_model(tmp_path).predict(images, verbose=0), model.predict(images, verbose=0))


def test_the_bundled_model_loads_in_plain_keras_and_reads_the_same(tmp_path: Path, classifier: Classifier) -> None:
    images = draw_digits(10, seed=0).images
    np.save(tmp_path / "images.npy", images)
    process = subprocess.run(
        [sys.executable, "-c", PLAIN_KERAS, PRETRAINED, PRETRAINED / "model.keras"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    for line in process.stdout.splitlines():
        np.testing.assert_allclose(np.fromstring(line, sep=" ").reshape(10, 10), classifier.read(images), atol=1e-5)
    assert len(process.stdout.splitlines()) == 2


# Keras warns of some layers before it raises because of others.
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    save_model(other, tmp_path)
    with pytest.raises(ValueError, match=r"holds no weights \(model\.weights\.h5\) that fit this network"):
        load_model(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no weights"):
        load_model(tmp_path)
