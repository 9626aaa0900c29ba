"""How a model reads each kind of picture that tests/pictures.py makes, beside the same digits drawn cleanly.

Run from the project's root: python -m tests.benchmarks.pictures [--count N] [--model SOURCE] [--seed SEED]
"""

import argparse

import numpy as np
from PIL import Image, ImageOps

from mnist_cnn.inference import Classifier
from mnist_cnn.preprocessing import IMAGE_SHAPE, EmptyPictureError, to_mnist
from tests.pictures import KINDS, photograph, write_digit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30, help="pictures of each kind (default: %(default)s)")
    parser.add_argument("--model", help="what Classifier.from_pretrained takes (default: the bundled model)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    classifier = Classifier.from_pretrained(arguments.model)
    labels = np.arange(arguments.count) % 10
    print(f"{'kind':26}{'accuracy':>10}{'drawn cleanly':>16}{'blank is empty':>16}")
    for number, (kind, scene) in enumerate(KINDS.items()):
        rng = np.random.default_rng([arguments.seed, number])
        inks = [write_digit(label, rng) for label in labels]
        photos = [prepare(photograph(ink, scene, rng)) for ink in inks]
        accuracies = [
            np.mean(classifier.read(np.stack(images)).argmax(axis=1) == labels)
            for images in (photos, [to_mnist(ImageOps.expand(ink, 20)) for ink in inks])
        ]
        blank = [not prepare(photograph(Image.new("L", (60, 80)), scene, rng)).any() for _ in range(10)]
        print(f"{kind:26}{accuracies[0]:10.1%}{accuracies[1]:16.1%}{np.mean(blank):16.0%}", flush=True)


def prepare(picture: Image.Image) -> np.ndarray:
    try:
        return to_mnist(picture)
    except EmptyPictureError:
        return np.zeros(IMAGE_SHAPE, np.uint8)


if __name__ == "__main__":
    main()
