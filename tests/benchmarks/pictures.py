"""Print how well a model reads each kind of picture in tests/support/cases.py.

A picture of a digit is read rightly if it is taken for one digit, and for that one. Any other is read rightly if it
isn't taken for a digit, or is found to be empty.

Run from the project's root:
python -m tests.benchmarks.pictures [--count N] [--model SOURCE] [--seed SEED] [--sheet FOLDER]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.inference import Classifier, Reading
from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.metrics import expected_calibration_error
from tests.support.cases import WITH_DIGIT, WITHOUT_DIGIT

TILE, COLUMNS = 150, 10  # of the contact sheets: side of a picture in pixels, and pictures in a row


class Answer(NamedTuple):
    """A picture and what was read in it.

    Attributes:
        picture: reduced to the size of a tile.
        digit: that it shows; None if it doesn't show exactly one.
        reading: None if no ink was found.
    """

    picture: Image.Image
    digit: int | None
    reading: Reading | None

    @property
    def is_right(self) -> bool:
        """Whether the digit was read, or rightly none."""
        return (self.reading.digit if self.reading and self.reading.is_digit else None) == self.digit


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30, help="pictures of each kind (default: %(default)s)")
    parser.add_argument("--model", help="what Classifier.from_pretrained takes (default: the bundled model)")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures (default: %(default)s)")
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="for a PNG of each kind, with what was read")
    arguments = parser.parse_args()

    classifier = Classifier.from_pretrained(arguments.model)
    read_digits: list[Answer] = []
    for group, kinds in (("with a digit", WITH_DIGIT), ("without one digit", WITHOUT_DIGIT)):
        shares = []
        for kind in kinds:
            answers = list(read_kind(classifier, kind, arguments.count, arguments.seed))
            shares.append(np.mean([answer.is_right for answer in answers]))
            print(f"{kind:44}{shares[-1]:8.1%}", flush=True)
            read_digits += [answer for answer in answers if answer.digit is not None and answer.reading]
            if arguments.sheet:
                arguments.sheet.mkdir(parents=True, exist_ok=True)
                draw_sheet(answers).save(arguments.sheet / f"{kind}.png")
        print(f"{f'mean of {len(kinds)} kinds {group}':44}{np.mean(shares):8.1%}\n")
    probabilities = np.array([answer.reading.probabilities for answer in read_digits if answer.reading])
    error = expected_calibration_error(probabilities, np.array([answer.digit for answer in read_digits]))
    print(f"expected calibration error, of {len(read_digits)} pictures of digits with ink found: {error:.2%}")


def read_kind(classifier: Classifier, kind: str, count: int, seed: int) -> Iterator[Answer]:
    """Yield the answers to pictures of one kind; their digits go round from 0 to 9."""
    # The name and not the place of the kind is part of the seed, so that a new kind changes no other.
    rng = np.random.default_rng([seed, *kind.encode()])
    for number in range(count):
        digit = number % NUM_CLASSES if kind in WITH_DIGIT else None
        picture = WITH_DIGIT[kind](digit, rng) if digit is not None else WITHOUT_DIGIT[kind](number, rng)
        try:
            reading = classifier.read(picture)
        except EmptyPictureError:
            reading = None
        yield Answer(ImageOps.contain(picture, (TILE, TILE)), digit, reading)


def draw_sheet(answers: list[Answer]) -> Image.Image:
    """Return the pictures in rows, each above what was read in it; wrong answers are red."""
    height = TILE + 24
    sheet = Image.new("RGB", (COLUMNS * (TILE + 4), -(-len(answers) // COLUMNS) * height), "white")
    pencil = ImageDraw.Draw(sheet)
    for number, (picture, _, reading) in enumerate(answers):
        row, column = divmod(number, COLUMNS)
        corner = column * (TILE + 4), row * height
        sheet.paste(picture, corner, picture if picture.has_transparency_data else None)
        text = "empty"
        if reading:
            verdict = "" if reading.is_digit else ", several" if reading.is_several else ", no digit"
            text = f"{reading.digit}: {reading.probabilities.max():.0%}{verdict}"
        colour = "black" if answers[number].is_right else "red"
        pencil.text((corner[0] + 2, corner[1] + TILE + 2), text, colour, font_size=13)
    return sheet


if __name__ == "__main__":
    main()
