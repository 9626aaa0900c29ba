import json
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest

from mnist_cnn.inference import PRETRAINED, Classifier
from mnist_cnn.network import BLOCKS, Block, build_model, stock_block


def without_addresses(config: Any) -> Any:
    """Return a configuration without the entries that Keras makes of memory addresses."""
    if isinstance(config, dict):
        return {key: without_addresses(value) for key, value in config.items() if key != "shared_object_id"}
    return [without_addresses(value) for value in config] if isinstance(config, list) else config


def test_architecture_is_that_of_the_bundled_model() -> None:
    keras.utils.clear_session()  # layers are numbered from the start again
    bundled = json.loads((PRETRAINED / "config.json").read_text())
    built = json.loads(build_model().to_json())
    assert without_addresses(built) == without_addresses(bundled)


def test_network_has_the_parameters_that_the_card_counts(classifier: Classifier) -> None:
    assert build_model().count_params() == classifier.metrics["parameters"] == 656_506


def test_probabilities_of_any_image_sum_to_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    np.testing.assert_allclose(build_model().predict(images, verbose=0).sum(axis=1), 1, atol=1e-6)


def test_network_is_built_of_the_blocks_that_it_is_given() -> None:
    calls = []

    def block(x: keras.KerasTensor, *properties: Any) -> keras.KerasTensor:
        calls.append(Block(*properties))
        return stock_block(x, *properties)

    build_model(block)
    assert tuple(calls) == BLOCKS


@pytest.mark.parametrize(
    ("padding", "pooled", "side"), [("same", False, 12), ("same", True, 6), ("valid", False, 10), ("valid", True, 5)]
)
def test_padding_and_pooling_decide_the_size_of_a_blocks_output(padding: str, pooled: bool, side: int) -> None:
    assert stock_block(keras.Input((12, 12, 3)), 7, 3, padding, pooled).shape == (None, side, side, 7)


def test_pooling_after_a_block_gives_the_same_as_pooling_in_it() -> None:
    images = np.random.default_rng(0).normal(size=(4, 12, 12, 3)).astype(np.float32)
    inputs = keras.Input((12, 12, 3))
    pooled = keras.Model(inputs, stock_block(inputs, 7, 3, "same", True))
    whole = keras.Model(inputs, keras.layers.MaxPooling2D()(stock_block(inputs, 7, 3, "same", False)))
    whole.set_weights(pooled.get_weights())
    np.testing.assert_allclose(pooled.predict(images, verbose=0), whole.predict(images, verbose=0), atol=1e-6)


def test_outputs_of_3x3_convolutions_are_whole_tiles_of_4x4() -> None:
    outputs = [layer.output.shape for layer in build_model().layers if isinstance(layer, keras.layers.Conv2D)]
    assert [(height % 4, width % 4) for _, height, width, _ in outputs[1:]] == [(0, 0)] * 4


def test_importing_the_wing_leaves_keras_alone() -> None:
    code = "import sys, mnist_cnn.network; assert 'keras' not in sys.modules, 'Keras was imported'"
    subprocess.run([sys.executable, "-c", code], check=True)
