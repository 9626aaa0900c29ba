"""The figures in the model card."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mnist_cnn.network import NUM_CLASSES
from mnist_cnn.training.data import Split
from mnist_cnn.training.metrics import confusion_matrix, reliability

MISREAD_SHOWN = 60
SAMPLES_PER_DIGIT = 12


def save_figures(
    folder: Path,
    history: Sequence[dict[str, float]],
    train: Split,
    read: dict[str, tuple[Split, np.ndarray]],
    robustness: dict[str, dict[str, float]],
) -> None:
    """Draw the training curves, the data set, and how the model reads the test split and others, as PNG files.

    Args:
        folder: where to; made if need be.
        history: a dict for each epoch, with epoch, loss, accuracy, val_loss and val_accuracy.
        train: the training split.
        read: "test" and other names: a split, and the probabilities that the model gave to it, shape (n, 10).
        robustness: for each condition, the accuracy by level.
    """
    folder.mkdir(parents=True, exist_ok=True)
    test, probabilities = read["test"]
    figures = {
        "curves": _curves(history),
        "confusion_matrix": _confusion_matrix(confusion_matrix(test.labels, probabilities)),
        "reliability": _reliability(*reliability(probabilities, test.labels)),
        "robustness": _robustness(robustness),
        "class_balance": _class_balance(train.labels, test.labels),
        "samples": _samples(*train),
        **{f"misread_{name}": _misread(*split, given) for name, (split, given) in read.items()},
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=100)


def _curves(history: Sequence[dict[str, float]]) -> Figure:
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[measure] for row in history], ".-", label="training, augmented")
        axes.plot(epochs, [row[f"val_{measure}"] for row in history], ".-", label="validation")
        axes.set(xlabel="epoch", ylabel=measure)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _confusion_matrix(counts: np.ndarray) -> Figure:
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots()
    mistakes = counts * (1 - np.eye(len(counts), dtype=int))  # the diagonal would drown out everything else
    axes.imshow(mistakes, cmap="Oranges", vmax=max(mistakes.max(), 1))
    for (label, prediction), count in np.ndenumerate(counts):
        if count:
            axes.text(prediction, label, str(count), ha="center", va="center", fontsize=8)
    axes.set(xlabel="read as", ylabel="label", xticks=range(len(counts)), yticks=range(len(counts)))
    return figure


def _misread(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    predictions = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    surest = wrong[np.argsort(-probabilities[wrong, predictions[wrong]])][:MISREAD_SHOWN]
    titles = [f"{labels[i]} read as {predictions[i]}\n{probabilities[i, predictions[i]]:.0%} sure" for i in surest]
    figure = _grid(images[surest], titles, columns=10)
    figure.suptitle(f"{len(wrong)} of {len(labels)} misread, the most confident first")
    return figure


def _reliability(shares: np.ndarray, confidences: np.ndarray, accuracies: np.ndarray) -> Figure:
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(confidences, accuracies, s=20 + 400 * shares, alpha=0.7)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


def _robustness(robustness: dict[str, dict[str, float]]) -> Figure:
    figure = Figure(figsize=(3 * len(robustness), 3), layout="constrained")
    for axes, (condition, accuracies) in zip(figure.subplots(1, len(robustness)), robustness.items(), strict=True):
        axes.plot([float(level) for level in accuracies], list(accuracies.values()), ".-")
        axes.set(xlabel=condition, ylabel="accuracy on drawn digits", ylim=(0, 1.03))
        axes.grid(alpha=0.3)
    return figure


def _class_balance(train_labels: np.ndarray, test_labels: np.ndarray) -> Figure:
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for offset, labels, name in ((-0.2, train_labels, "training"), (0.2, test_labels, "test")):
        counts = np.bincount(labels, minlength=NUM_CLASSES)
        axes.bar(np.arange(NUM_CLASSES) + offset, counts / counts.sum(), width=0.4, label=name)
    axes.set(xlabel="digit", ylabel="share of the split", xticks=range(NUM_CLASSES))
    axes.legend()
    return figure


def _samples(images: np.ndarray, labels: np.ndarray) -> Figure:
    chosen = [row for digit in range(NUM_CLASSES) for row in np.flatnonzero(labels == digit)[:SAMPLES_PER_DIGIT]]
    return _grid(images[chosen], [str(labels[row]) for row in chosen], columns=SAMPLES_PER_DIGIT)


def _grid(images: np.ndarray, titles: Sequence[str], columns: int) -> Figure:
    rows = max(-(-len(images) // columns), 1)
    figure = Figure(figsize=(columns * 1.1, rows * 1.3 + 0.5), layout="constrained")
    axes = figure.subplots()  # one for all: to lay out and draw a hundred takes seconds
    for place, (image, title) in enumerate(zip(images, titles, strict=True)):
        row, column = divmod(place, columns)
        extent = (column + 0.05, column + 0.95, row + 0.98, row + 0.22)
        axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=255, extent=extent)
        axes.text(column + 0.5, row + 0.2, title, ha="center", va="bottom", fontsize=7)
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect="auto")
    axes.axis("off")
    return figure
