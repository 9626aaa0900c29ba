"""How a model reads the digits of typefaces, black on white, as an upload would show them.

Run from the project's root: python -m tests.benchmarks.typefaces FOLDER [--model SOURCE]

FOLDER holds font files, in folders of its own if need be. Those of Fontsource, with `npm install @fontsource/NAME`,
have a file NAME-latin-400-normal.woff for the digits.
"""

import argparse
from pathlib import Path

from PIL import ImageFont

from mnist_cnn.inference import Classifier
from mnist_cnn.preprocessing import NUM_CLASSES
from tests.pictures import print_digit

SUFFIXES = {".otf", ".ttf", ".woff"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="what Classifier.from_pretrained takes (default: the bundled model)")
    arguments = parser.parse_args()

    classifier = Classifier.from_pretrained(arguments.model)
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        parser.error(f"{arguments.folder} holds no font files ({', '.join(sorted(SUFFIXES))}).")
    wrong = []
    for path in files:
        font = ImageFont.truetype(path, 160)
        answers = classifier.predict_batch([print_digit(digit, font) for digit in range(NUM_CLASSES)]).argmax(axis=1)
        wrong += [(digit, answer, path.stem) for digit, answer in enumerate(answers) if digit != answer]
    count = NUM_CLASSES * len(files)
    print(f"{1 - len(wrong) / count:.2%} of {count} digits of {len(files)} typefaces are read.")
    for digit, answer, name in sorted(wrong):
        print(f"{digit} read as {answer}: {name}")


if __name__ == "__main__":
    main()
