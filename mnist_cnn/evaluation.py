"""Measure a trained model and print what was found.

python -m mnist_cnn.evaluation FOLDER [--dataset FOLDER] [--write]
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mnist_cnn.errors import MnistCnnError, ModelError
from mnist_cnn.network import load_model
from mnist_cnn.training import DRAWINGS, MNIST_REPO, load_mnist, measure, write_measurement

PRINTED = ("test", "drawn", "nondigits", "pictures", "corrupted", "digit_threshold", "robustness")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a trained model")
    parser.add_argument(
        "--dataset", default=MNIST_REPO, help="data set on the Hub, or a local folder (default: %(default)s)"
    )
    parser.add_argument(
        "--drawings", type=int, default=DRAWINGS, help="number of digits to draw and measure on (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="replace the folder's metrics, model card and figures")
    arguments = parser.parse_args()
    try:
        metrics = _measure_folder(arguments.folder, arguments.dataset, arguments.drawings, write=arguments.write)
    except MnistCnnError as error:
        sys.exit(f"{error}")
    print(json.dumps({name: metrics[name] for name in PRINTED}))


def _measure_folder(folder: Path, dataset: str, drawings: int, *, write: bool) -> dict[str, Any]:
    """Return the metrics of the model in a folder.

    Raises:
        MnistCnnError: if the model or the data set can't be loaded, or the folder can't be read or written.
    """
    try:
        model = load_model(folder)
        run, history = _read_folder(folder) if write else ({}, [])  # before measuring, which takes minutes
        mnist = load_mnist(dataset)
        measurement = measure(model, mnist, drawings)
        if write:
            write_measurement(folder, measurement, run, history, mnist.train)
    except OSError as error:
        raise ModelError(f"{error.filename or folder} can't be used: {error.strerror or error}.") from error
    return measurement.metrics


def _read_folder(folder: Path) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Return the metrics and the history that training left in a model's folder."""
    try:
        return json.loads((folder / "metrics.json").read_text()), json.loads((folder / "history.json").read_text())
    except ValueError as error:
        raise ModelError(f"{folder} holds a metrics.json or history.json that is no JSON file: {error}.") from error


if __name__ == "__main__":
    main()
