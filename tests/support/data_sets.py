"""Data sets in MNIST's layout on the Hub."""

from pathlib import Path

import datasets

from mnist_cnn.training import Split


def write_data_set(folder: Path, **splits: Split) -> Path:
    """Write a data set in the layout of MNIST on the Hub: a parquet file per split."""
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=[str(digit) for digit in range(10)])}
    )
    for name, split in splits.items():
        rows = {"image": list(split.images[..., 0]), "label": split.labels.tolist()}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(
            folder / "mnist" / f"{name}-00000-of-00001.parquet"
        )
    return folder
