import base64
import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.inference import Classifier
from mnist_cnn.web.photos import SIZE, build_photos


@pytest.fixture(scope="module")
def photos() -> dict[str, Image.Image]:
    built = {photo["name"]: photo["url"] for photo in build_photos()}
    return {name: Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for name, url in built.items()}


def test_photos_are_read_as_their_names_say(photos: dict[str, Image.Image], classifier: Classifier) -> None:
    read = {name: classifier.read_number(photo).text for name, photo in photos.items()}
    assert read == {"the number 206": "206", "a 5 on squared paper": "5", "a 3 in shadow": "3"}


def test_photos_are_small_and_different(photos: dict[str, Image.Image]) -> None:
    assert {photo.size for photo in photos.values()} == {SIZE}
    pixels = [np.asarray(photo.convert("L"), float) for photo in photos.values()]
    assert all(np.abs(one - other).mean() > 2 for one, other in pairwise(pixels))
    assert sum(len(photo["url"]) for photo in build_photos()) < 40_000
