"""The model card, rendered from the template card.md with the figures in metrics.json."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from mnist_cnn.hub import PLACEHOLDER
from mnist_cnn.training.corruptions import UNSEEN
from mnist_cnn.training.data import MNIST_REPO
from mnist_cnn.training.metrics import ECE_BINS
from mnist_cnn.training.robustness import CORRUPTED

TEMPLATE = Path(__file__).with_name("card.md")


def render_card(metrics: dict[str, Any], figures: Iterable[str] = ()) -> str:
    """Return the model card, README.md of a model repository, with the results in its metadata as well.

    Args:
        metrics: the content of metrics.json.
        figures: names of files in figures/. The name is the caption: "confusion_matrix.png" is a confusion matrix.

    Returns:
        Markdown with front matter that the Hub accepts. `PLACEHOLDER` stands for the repository.
    """
    result = partial(
        EvalResult,
        task_type="image-classification",
        dataset_type=MNIST_REPO,
        dataset_name="MNIST",
        dataset_split="test",
        dataset_revision=metrics["dataset"]["revision"],
    )
    data = ModelCardData(
        license="mit",
        library_name="keras",
        pipeline_tag="image-classification",
        tags=["mnist", "handwriting", "digits", "keras", "jax"],
        datasets=[MNIST_REPO],
        metrics=["accuracy"],
        model_name="MNIST CNN",
        eval_results=[result(metric_type=name, metric_value=metrics["test"][name]) for name in ("accuracy", "loss")],
    )
    captions = {name: Path(name).stem.replace("_", " ").capitalize() for name in figures}
    card = ModelCard.from_template(
        data,
        str(TEMPLATE),
        repo_id=PLACEHOLDER,
        mnist_repo=MNIST_REPO,
        ece_bins=ECE_BINS,
        measured=metrics,
        captions=captions,
        picture_rows=list(_pair_pictures(metrics["pictures"]["kinds"])),
        number_rows=list(_list_numbers(metrics["numbers"])),
        refused_rows=list(_pair_refusals(metrics["nondigits"]["families"], metrics["corrupted"])),
        corrupted=CORRUPTED,
        unseen=UNSEEN,
    )
    return str(card)


def _pair_pictures(kinds: dict[str, dict[str, float]]) -> Iterator[list[str]]:
    """Yield the rows of a table with a column for each content of the made pictures."""
    columns: dict[str, list[str]] = {content: [] for content in ("one", "several", "none")}
    for kind, measured in kinds.items():
        content, _, setting = kind.partition(": ")
        name = setting if content in columns else f"{setting}, {content}"
        columns[content if content in columns else "none"] += [name, f"{measured['right']:.0%} of {measured['images']}"]
    cells = [list(zip(column[::2], column[1::2], strict=True)) for column in columns.values()]
    for row in zip_longest(*cells, fillvalue=("", "")):
        yield list(chain.from_iterable(row))


def _list_numbers(measured: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of a table with a column for what numbers were made of, their lengths, and their gaps."""
    cells = [
        [(name, f"{part['right']:.0%} of {part['images']}") for name, part in measured[group].items()]
        for group in ("sources", "lengths", "gaps")
    ]
    for row in zip_longest(*cells, fillvalue=("", "")):
        yield list(chain.from_iterable(row))


def _pair_refusals(families: dict[str, float], corrupted: dict[str, float]) -> Iterator[list[str]]:
    """Yield the rows of a table with the refusals by family, and the errors by corruption."""
    cells = [[(name, f"{share:.1%}") for name, share in shares.items()] for shares in (families, corrupted)]
    for one, other in zip_longest(*cells, fillvalue=("", "")):
        yield [*one, "", *other]
