"""Print how accurately a model reads each kind of photo in tests/support/pictures.py, and the same digits drawn.

Run from the project's root: python -m tests.benchmarks.pictures [--count N] [--model SOURCE] [--seed SEED]
"""

import argparse

import numpy as np
from PIL import Image, ImageOps

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.images import IMAGE_SHAPE, to_mnist
from mnist_cnn.inference import Classifier
from tests.support.pictures import KINDS, photograph, write_digit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30, help="photos of each kind (default: %(default)s)")
    parser.add_argument("--model", help="what Classifier.from_pretrained takes (default: the bundled model)")
    parser.add_argument("--seed", type=int, default=0, help="of the photos (default: %(default)s)")
    arguments = parser.parse_args()

    classifier = Classifier.from_pretrained(arguments.model)
    labels = np.arange(arguments.count) % 10
    print(f"{'kind':26}{'accuracy':>10}{'drawn':>10}{'blank is empty':>16}")
    for number, (kind, scene) in enumerate(KINDS.items()):
        rng = np.random.default_rng([arguments.seed, number])
        inks = [write_digit(label, rng) for label in labels]
        photos = [to_mnist_or_blank(photograph(ink, scene, rng)) for ink in inks]
        accuracies = [
            np.mean(classifier.compute_probabilities(np.stack(images)).argmax(axis=1) == labels)
            for images in (photos, [to_mnist(ImageOps.expand(ink, 20)) for ink in inks])
        ]
        blank = [not to_mnist_or_blank(photograph(Image.new("L", (60, 80)), scene, rng)).any() for _ in range(10)]
        print(f"{kind:26}{accuracies[0]:10.1%}{accuracies[1]:10.1%}{np.mean(blank):16.0%}", flush=True)


def to_mnist_or_blank(picture: Image.Image) -> np.ndarray:
    """Return the picture as MNIST would hold it, or a blank image if there is no ink."""
    try:
        return to_mnist(picture)
    except EmptyPictureError:
        return np.zeros(IMAGE_SHAPE, np.uint8)


if __name__ == "__main__":
    main()
