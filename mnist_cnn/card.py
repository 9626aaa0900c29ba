"""The model card, rendered from what the training measured."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

PLACEHOLDER = "owner/name"  # stands in the card for the repo, until a push knows it


def render_card(metrics: dict[str, Any], figures: Iterable[str] = ()) -> str:
    """Write the model card: README.md of a model repo, with the results in its metadata as well.

    Args:
        metrics: the content of metrics.json.
        figures: names of the files in figures/; a name says what it shows, for instance "confusion_matrix.png".

    Returns:
        Markdown with front matter that the Hub accepts; `PLACEHOLDER` stands for the repo.
    """
    dataset, config, test = metrics["dataset"], metrics["config"], metrics["test"]
    result = partial(
        EvalResult,
        task_type="image-classification",
        dataset_type="ylecun/mnist",
        dataset_name="MNIST",
        dataset_split="test",
        dataset_revision=dataset["revision"],
    )
    data = ModelCardData(
        license="mit",
        library_name="keras",
        pipeline_tag="image-classification",
        tags=["mnist", "handwriting", "digits", "keras", "jax"],
        datasets=["ylecun/mnist"],
        metrics=["accuracy"],
        model_name="MNIST CNN",
        eval_results=[
            result(metric_type="accuracy", metric_value=test["accuracy"]),
            result(metric_type="loss", metric_value=test["loss"]),
        ],
    )
    rows = "\n".join(
        f"| {name} | {part['accuracy']:.2%} ({part['errors']} of {part['images']:,} misread) | {part['loss']:.4f} "
        f"| {part['calibration_error']:.2%} | {part['refused']:.2%} |"
        for name, part in (
            ("MNIST, validation", metrics["val"]),
            ("MNIST, test", test),
            ("digits drawn by program", metrics["drawn"]),
        )
    )
    shown = "\n\n".join(f"![{_caption(name)}](figures/{name})" for name in figures)
    revision = f" at revision `{dataset['revision']}`" if dataset["revision"] else ""
    versions = ", ".join(f"{package} {version}" for package, version in sorted(metrics["versions"].items()))
    body = f"""\
# MNIST CNN

A small convolutional network (Keras 3 on JAX, {metrics["parameters"]:,} parameters) that reads one handwritten digit
and gives the probability of each of the ten.

## How to load it

With this project's package (in the files of the Space that serves it), which takes pictures of any size, dark on
light or light on dark:

```python
from mnist_cnn.inference import Classifier

classifier = Classifier.from_pretrained("{PLACEHOLDER}")
probabilities = classifier.predict("digit.png")  # {{"0": ..., "9": ...}}
```

With plain Keras on JAX:

```python
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from huggingface_hub import snapshot_download

model = keras.saving.load_model(snapshot_download("{PLACEHOLDER}"))
images = np.zeros((1, 28, 28, 1), "uint8")  # as in MNIST: 0 is paper, 255 is ink, the digit is centred by its mass
probabilities = model.predict(images)  # shape (1, 10)
```

Over the network, from the Space that serves it or from a page of your own:

```python
from gradio_client import Client, handle_file

client = Client("{PLACEHOLDER}")  # the Space, or an address such as http://localhost:7860
label = client.predict(handle_file("digit.png"), api_name="/predict")
```

## Intended use

Demonstrations and teaching, and a baseline to compare with. Not for reading cheques, forms, mail or exams without
somebody who checks each answer.

## Limits

- One digit in a picture. Of letters, signs, scribbles and several digits, drawn by program and of kinds that it never
  saw, it refuses {metrics["nondigits"]["refused"]:.1%}: it gives their two likeliest digits less than
  {metrics["digit_threshold"]:.1%} together.
- MNIST was written by employees of the US Census Bureau and by US high school students. Forms that are usual
  elsewhere, such as a 1 with a long upstroke or a crossed 7, it knows from drawings made by program.
- A picture has to be prepared as MNIST was (scaled to 20x20 pixels, centred by its mass in 28x28). The package and
  the Space do that; plain Keras doesn't.

## Training data

[MNIST](https://huggingface.co/datasets/ylecun/mnist) (Y. LeCun, C. Cortes, C. Burges): {dataset["train"]:,} images to
train on, {dataset["val"]:,} of the training split held out to choose the epoch, {dataset["test"]:,} to test, scored
once, at the end. Read from `{dataset["source"]}`{revision}. Beside them {config["drawn_digits"]:,} digits and
{config["nondigits"]:,} things that are no digit, drawn by program with strokes in many styles, and the training images
traced with pens of other widths, each twice and {config["traced_digits"]:,} in all at most. An epoch took
{config.get("drawn_share", 1):.0%} of what was drawn and traced.

## Results

| | accuracy | loss | calibration error | refused |
| --- | --- | --- | --- | --- |
{rows}

The calibration error is the expected one, over 15 bins. Refused are pictures that don't look like one digit to it; they
count by their likeliest digit all the same.

Made by `{metrics["command"]}` with seed {metrics["seed"]} in {metrics["train_seconds"]:.0f} s on {metrics["hardware"]};
the weights are those of epoch {metrics["best_epoch"]}. Versions: {versions}. All figures are in metrics.json.

{shown}
"""
    return str(ModelCard(f"---\n{data}\n---\n\n{body.rstrip()}\n"))


def _caption(figure: str) -> str:
    return Path(figure).stem.replace("_", " ").capitalize()
