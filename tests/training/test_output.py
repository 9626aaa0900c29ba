import json
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.errors import WriteError
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import load_model, load_weights
from mnist_cnn.training.config import QUICK, TrainConfig
from mnist_cnn.training.data import Mnist
from mnist_cnn.training.evaluation import Measurement
from mnist_cnn.training.loop import Epoch
from mnist_cnn.training.output import (
    checkpoint_file,
    describe_run,
    find_problem,
    partial_folder,
    write_model,
)
from mnist_cnn.training.synthetic import draw_digits
from tests.support.metrics import METRICS

MNIST = Mnist(draw_digits(30, seed=1), draw_digits(20, seed=2), draw_digits(10, seed=3))
HISTORY = [Epoch(1, 1.0, 0.5, 0.3, 0.9, 2.26), Epoch(2, 0.9, 0.6, 0.2, 0.8, 2.26), Epoch(3, 0.8, 0.7, 0.4, 0.9, 2.26)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("existing", "options", "problem"),
    [
        ([], {}, None),
        (["model"], {}, "a trained model is never overwritten: name a new folder, or replace it with --force."),
        (["model"], {"force": True}, None),
        (["model.partial"], {}, "killed: continue it with --resume, or start anew with --force."),
        (["model.partial"], {"resume": True}, None),
        (["model.partial"], {"force": True}, None),
        ([], {"resume": True}, "model.partial doesn't exist, so there is no run to resume: leave out --resume."),
        (["model", "model.partial"], {"resume": True}, "a trained model is never overwritten"),
        (["model", "model.partial"], {"resume": True, "force": True}, None),
    ],
)
def test_nothing_that_an_earlier_run_wrote_is_lost_unasked(
    folder: Path, existing: list[str], options: dict[str, bool], problem: str | None
) -> None:
    for name in existing:
        folder.with_name(name).mkdir()
    found = find_problem(folder, **{"resume": False, "force": False, **options})
    assert (problem in found) if problem and found else found == problem


def test_the_checkpoint_is_in_the_folder_where_the_model_is_assembled(folder: Path) -> None:
    assert checkpoint_file(folder).parent == partial_folder(folder) == folder.with_name("model.partial")


def write(folder: Path) -> None:
    checkpoint_file(folder).parent.mkdir(exist_ok=True)
    checkpoint_file(folder).touch()
    probabilities = np.eye(10)[MNIST.test.labels]
    run = describe_run(TrainConfig(), HISTORY, MNIST, "ylecun/mnist")
    measured = {name: value for name, value in METRICS.items() if name not in run}
    measurement = Measurement(measured, {"test": (MNIST.test, probabilities)})
    write_model(folder, load_model(PRETRAINED), HISTORY, MNIST, measurement, run)


def test_the_folder_is_whole_and_alone(folder: Path) -> None:
    write(folder)
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "README.md",
        "config.json",
        "history.json",
        "metadata.json",
        "metrics.json",
        "model.weights.h5",
    }
    for weights, again in zip(load_weights(folder), load_weights(PRETRAINED), strict=True):
        np.testing.assert_array_equal(weights, again)
    assert json.loads((folder / "metrics.json").read_text())["vote"] == METRICS["vote"]
    assert json.loads((folder / "history.json").read_text()) == [row._asdict() for row in HISTORY]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_an_earlier_folder_is_replaced_as_a_whole(folder: Path) -> None:
    folder.mkdir()
    (folder / "earlier").touch()
    write(folder)
    assert not (folder / "earlier").exists()
    assert (folder / "metrics.json").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_an_earlier_folder_stays_until_the_new_one_is_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "earlier").touch()

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("mnist_cnn.training.output.write_measurement", fail)
    with pytest.raises(WriteError, match=r"model.partial can't be written \(no space left\)"):
        write(folder)
    assert [path.name for path in folder.iterdir()] == ["earlier"]


@pytest.mark.parametrize(
    ("config", "options"),
    [(TrainConfig(), ""), (TrainConfig(seed=1), " --seed 1"), (QUICK, " --quick")],
)
def test_the_command_names_what_decides_the_outcome(config: TrainConfig, options: str) -> None:
    run = describe_run(config, HISTORY, MNIST, "ylecun/mnist", "c0ffee", "owner/corrections")
    assert run["command"] == (
        f"python train.py --dataset ylecun/mnist --revision c0ffee --extra-data owner/corrections{options}"
    )
    assert run["dataset"]["source"] == "ylecun/mnist"
    assert run["dataset"]["extra"] == "owner/corrections"
    assert run["dataset"]["revision"] == "c0ffee"


def test_no_path_of_this_machine_is_recorded(tmp_path: Path) -> None:
    run = describe_run(TrainConfig(seed=1), HISTORY, MNIST, str(tmp_path), None, str(tmp_path))
    assert str(tmp_path) not in json.dumps(run)
    assert run["command"] == "python train.py --dataset FOLDER --extra-data FOLDER --seed 1"
    assert run["dataset"]["source"] == "MNIST in a folder of the Hub's layout"
    assert run["dataset"]["extra"] == "corrections in a folder of the Hub's layout"


def test_the_facts_of_a_run_are_recorded() -> None:
    run = describe_run(TrainConfig(seed=4), HISTORY, MNIST, "ylecun/mnist")
    assert run["seed"] == run["config"]["seed"] == 4
    assert run["train_seconds"] == 6.8
    assert run["best_epoch"] == 2
    assert (run["dataset"]["train"], run["dataset"]["val"], run["dataset"]["test"]) == (30, 20, 10)
    assert set(run["versions"]) == {"keras", "jax", "numpy", "datasets"}
    assert "CPU cores" in run["hardware"]
