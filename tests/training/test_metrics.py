import keras
import numpy as np
import pytest

from mnist_cnn.errors import DataError
from mnist_cnn.training.data import concatenate
from mnist_cnn.training.metrics import (
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    find_temperature,
    predict,
    reliability,
)
from mnist_cnn.training.synthetic import draw_digits, draw_nondigits
from tests.support.probabilities import sure


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """An untrained network of one layer."""
    keras.utils.set_random_seed(0)
    flat = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    return keras.Sequential([*flat, keras.layers.Dense(10, activation="softmax")])


def test_evaluation_counts_every_image_however_the_batches_fall(model: keras.Model) -> None:
    split = draw_digits(260, seed=2)  # one batch, and a part of another
    evaluation = evaluate(model, split)
    predictions = np.concatenate([np.asarray(model(images)) for images in np.split(split.images, 10)])
    np.testing.assert_allclose(evaluation.probabilities, predictions, atol=1e-5)
    assert evaluation.accuracy == np.mean(predictions.argmax(axis=1) == split.labels)
    expected = -np.log(predictions[np.arange(len(split.labels)), split.labels]).mean()
    assert evaluation.loss == pytest.approx(expected, rel=1e-4)


def test_nondigits_have_no_accuracy(model: keras.Model) -> None:
    with pytest.raises(DataError, match=r"a digit as the label of every image, but 4 of 10 show none\."):
        evaluate(model, concatenate(draw_digits(6, seed=0), draw_nondigits(4, seed=0)))


def test_nondigits_have_probabilities(model: keras.Model) -> None:
    probabilities = predict(model, draw_nondigits(4, seed=0).images)
    assert probabilities.shape == (4, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_temperature_takes_back_what_the_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.3), 20_000)
    labels = np.array([rng.choice(10, p=row) for row in probabilities])
    sharpened = probabilities**3 / np.sum(probabilities**3, axis=1, keepdims=True)
    temperature, loss = find_temperature(sharpened, labels)
    assert temperature == pytest.approx(3, rel=0.05)
    assert loss < -np.log(sharpened[np.arange(len(labels)), labels]).mean()


def test_a_model_as_often_right_as_it_is_sure_has_no_calibration_error() -> None:
    probabilities = np.stack([sure(0.75)] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_the_calibration_error_weighs_each_bin_by_its_images() -> None:
    probabilities = np.stack([sure(1.0), sure(1.0), sure(1.0), sure(0.5)])
    # Three images: 100 % sure, two thirds right. One image: 50 % sure and right.
    assert expected_calibration_error(probabilities, np.array([0, 0, 1, 0])) == pytest.approx(0.75 / 3 + 0.25 / 2)


def test_reliability_leaves_empty_bins_out() -> None:
    bins = reliability(np.stack([sure(1.0), sure(0.5), sure(0.5), sure(0.5)]), np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(bins.shares, [0.75, 0.25])
    np.testing.assert_allclose(bins.confidences, [0.5, 1])
    np.testing.assert_allclose(bins.accuracies, [2 / 3, 1])


def test_the_confusion_matrix_has_a_row_per_label_and_a_column_per_reading() -> None:
    probabilities = np.eye(10)[[1, 7, 7]]
    counts = confusion_matrix(np.array([1, 1, 7]), probabilities)
    assert counts[1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert counts[7, 7] == 1
    assert counts.sum() == 3
