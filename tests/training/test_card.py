import copy
import json
import re

import pytest
from huggingface_hub import ModelCard

from mnist_cnn.hub import PLACEHOLDER
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.training.card import render_card
from tests.support.loopback_hub import LoopbackHub
from tests.support.metrics import METRICS


def test_the_card_is_read_back_by_the_hubs_own_client(hub: LoopbackHub) -> None:
    card = ModelCard(render_card(METRICS, ["confusion_matrix.png"]))
    card.validate()
    assert "POST /api/validate-yaml" in hub.requests
    results = {result.metric_type: result.metric_value for result in card.data["eval_results"]}
    assert results == {"accuracy": METRICS["test"]["accuracy"], "loss": METRICS["test"]["loss"]}
    assert (card.data["license"], card.data["datasets"]) == ("mit", ["ylecun/mnist"])
    assert "![Confusion matrix](figures/confusion_matrix.png)" in card.text


def test_every_figure_of_the_card_is_from_the_metrics() -> None:
    card = render_card(METRICS)
    for shown in (
        "99.52%",
        "0.0171",
        "99.61%",
        "39 of 10,000",
        "0.0123",
        "0.21%",
        "87.0%",
        "64.0%",
        "55,000",
        "12,345",
        "seed 7",
        "b" * 40,
        "python train.py --dataset ylecun/mnist --seed 7",
        "jax 0.10.2, keras 3.15.1",
        "2 CPU cores",
        "61 s",
        "epoch 2",
        "500 made numbers",
        "81.2%",
        "3.21%",
        "95.0%",
        "| strokes | 88% of 250 | 2 | 80% of 500 | apart | 85% of 400 |",
    ):
        assert shown in card
    changed = copy.deepcopy(METRICS)
    changed["test"] |= {"accuracy": 0.5, "loss": 0.25, "errors": 5000}
    assert "99.61%" not in render_card(changed)


def test_the_results_are_one_table() -> None:
    card = render_card(METRICS)
    table = re.search(r"(\|.*\|\n)+", card[card.index("## Results") :])
    assert table
    assert [row.count("|") for row in table[0].splitlines()] == [6] * 5


def test_every_figure_is_shown_under_its_name() -> None:
    card = render_card(METRICS, ["curves.png", "misread_test.png"])
    assert card.endswith("\n\n![Curves](figures/curves.png)\n\n![Misread test](figures/misread_test.png)\n")


def test_a_model_without_synthetic_images_claims_none() -> None:
    none = dict.fromkeys(("drawn_digits", "traced_digits", "nondigits", "cut_pictures"), 0)
    plain = METRICS | {"config": METRICS["config"] | none}
    assert "synthetic images" in render_card(METRICS)
    assert "synthetic images" not in render_card(plain)


@pytest.mark.parametrize("extra", ["corrections in a folder of the Hub's layout", "owner/corrections"])
def test_corrections_that_were_learnt_from_are_named(extra: str) -> None:
    metrics = METRICS | {"dataset": METRICS["dataset"] | {"extra": extra}}
    assert f"Training also used {extra}." in render_card(metrics)


def test_the_bundled_card_is_rendered_from_the_bundled_metrics() -> None:
    metrics = json.loads((PRETRAINED / "metrics.json").read_text())
    figures = sorted(path.name for path in (PRETRAINED / "figures").glob("*.png"))
    card = (PRETRAINED / "README.md").read_text()
    assert card == render_card(metrics, figures)
    assert PLACEHOLDER in card


@pytest.mark.parametrize("name", ["README.md", "metrics.json"])
def test_no_path_of_one_machine_is_in_the_bundled_model(name: str) -> None:
    assert not re.search(r"\.\./|--output|(?<![\w./:])/\w+/\w", (PRETRAINED / name).read_text())
