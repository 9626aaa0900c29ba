"""The bundled weights give the probabilities that they always gave.

After a new model, or a change to how pictures are read, run `python -m tests.test_bundled_model` to store its figures.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_cnn.inference import Classifier
from tests.support.pictures import KINDS, photograph
from tests.support.strokes import DIGITS

STORED = Path(__file__).with_suffix(".json")
PHOTOS = ("plain paper", "shadow", "ruled paper", "pale pens", "thumbnail")


def draw_sketch(digit: str) -> Image.Image:
    """Draw a digit without this project's help: what it reads here must not depend on how it writes."""
    sketch = Image.new("L", (280, 280))
    for stroke in DIGITS[digit]:
        ImageDraw.Draw(sketch).line([(280 * x, 280 * y) for x, y in stroke], fill=255, width=18, joint="curve")
    return sketch


def draw_pictures() -> dict[str, Image.Image]:
    """Draw a sketch of each digit, and photos of some."""
    pictures = {digit: draw_sketch(digit) for digit in DIGITS}
    for number, kind in enumerate(PHOTOS):
        rng = np.random.default_rng(number)
        ink = draw_sketch(str(2 * number))
        pictures[kind] = photograph(ink.crop(ink.getbbox()), KINDS[kind], rng)
    return pictures


def compute_figures(classifier: Classifier) -> dict[str, list[float]]:
    """Compute the probabilities of all pictures."""
    return {name: list(classifier.predict(picture).values()) for name, picture in draw_pictures().items()}


def test_bundled_model_gives_the_probabilities_that_were_stored(classifier: Classifier) -> None:
    stored = json.loads(STORED.read_text())
    computed = compute_figures(classifier)
    assert computed.keys() == stored.keys()
    for name, probabilities in computed.items():
        # Equal to the bit on the machine that stored them; other processors round differently.
        assert probabilities == pytest.approx(stored[name], rel=1e-4, abs=1e-7), name


if __name__ == "__main__":
    STORED.write_text(json.dumps(compute_figures(Classifier.from_pretrained()), indent=1) + "\n")
