"""Print how accurately a model reads the digits of typefaces, black on white.

Run from the project's root: python -m tests.benchmarks.typefaces FOLDER [--model SOURCE]

FOLDER is searched for font files, with its subfolders, such as those of the following packages of Debian
12, fetched by `apt-get download PACKAGE` and unpacked by `dpkg --extract FILE FOLDER`. Most of the typefaces imitate
handwriting, and no style of `handwriting` was copied from them: fonts-breip fonts-bwht fonts-dkg-handwriting
fonts-ecolier-court fonts-femkeklaver fonts-havana fonts-humor-sans fonts-joscelyn fonts-kiloji fonts-klaudia-berenika
fonts-rufscript fonts-seto fonts-sjfonts fonts-tomsontalks
"""

import argparse
from pathlib import Path

from PIL import ImageFont

from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.inference import Classifier
from mnist_cnn.network import NUM_CLASSES
from tests.support.pictures import print_digit

SUFFIXES = {".otf", ".ttf", ".woff"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with the font files")
    parser.add_argument("--model", help="what Classifier.from_pretrained takes (default: the bundled model)")
    arguments = parser.parse_args()

    classifier = Classifier.from_pretrained(arguments.model)
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix in SUFFIXES)
    wrong, blank = [], []
    for path in files:
        font = ImageFont.truetype(path, 160)
        pages = [print_digit(digit, font) for digit in range(NUM_CLASSES)]
        try:
            answers = classifier.predict_batch(pages).argmax(axis=1)
        except EmptyPictureError:
            blank.append(path.stem)
            continue
        wrong += [(digit, answer, path.stem) for digit, answer in enumerate(answers) if digit != answer]
    typefaces = len(files) - len(blank)
    if not typefaces:
        parser.error(f"{arguments.folder} holds no fonts with digits ({', '.join(sorted(SUFFIXES))}).")
    count = NUM_CLASSES * typefaces
    print(f"{1 - len(wrong) / count:.2%} of {count} digits of {typefaces} typefaces are read correctly.")
    print(f"Typefaces without digits: {', '.join(blank) or 'none'}")
    for digit, answer, name in sorted(wrong):
        print(f"{digit} read as {answer}: {name}")


if __name__ == "__main__":
    main()
