"""What README.md, CONTRIBUTING.md and docs/ say, compared with the code."""

import dataclasses
import io
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gradio
import httpx2
import pytest

from mnist_cnn.hub.network_limits import PULL_DEADLINE
from mnist_cnn.inference import NUM_CLASSES, PRETRAINED
from mnist_cnn.network import load_weights
from mnist_cnn.training import DRAWINGS, QUICK, TrainConfig
from mnist_cnn.training.config import option_name
from mnist_cnn.training.distribution import SILENCE_SECONDS, START_SECONDS
from mnist_cnn.training.metrics import ECE_BINS
from mnist_cnn.web.feedback import PUSH_EVERY
from mnist_cnn.web.gate import HEALTH
from mnist_cnn.web.health import KNOWN_DIGITS_TO_READ
from mnist_cnn.web.model_source import REFRESH_SECONDS
from mnist_cnn.web.pictures import MAX_DRAWING_SIDE
from mnist_cnn.web.routes import find_route
from tests import ROOT
from tests.benchmarks.drawings import VARIANTS
from tests.support.browsing import App
from tests.support.cases import WITH_DIGIT, WITHOUT_DIGIT
from tests.support.documents import find_table, flow
from tests.support.files import FILES

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/serving.md", "docs/training.md", "docs/experiments.md"]
METRICS = json.loads((PRETRAINED / "metrics.json").read_text())
PHOTOS_OF_EACH_KIND = 20  # in the README's command

COMMAND = re.compile(r"python (app\.py|train\.py|-m (?:mnist_cnn|tests)[\w.]*(?: push| deploy)?)([^#|]*)")


def load(name: str) -> str:
    return (ROOT / name).read_text()


def find_code(text: str) -> Iterator[str]:
    """Yield each line of each code block, continuation lines joined, and the code within sentences."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4}\S.*(?:\n {8}.*)*", prose, re.MULTILINE)
    for block in blocks + indented:
        yield from block.replace("\\\n", " ").splitlines()
    yield from (flow(code) for code in re.findall(r"`([^`]+)`", prose))


def find_commands(text: str) -> list[tuple[str, list[str]]]:
    """Return the project's programs that a document runs, each with the options that it is given."""
    commands = [command for code in find_code(text) for command in COMMAND.findall(code)]
    return [(program, re.findall(r"--[\w-]+", arguments)) for program, arguments in commands]


def find_file(program: str) -> Path:
    if program.endswith(".py"):
        return ROOT / program
    path = ROOT / program.split()[1].replace(".", "/")
    return path / "__main__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def find_options(program: str) -> set[str]:
    """Return the options that a program's own help lists."""
    if "argparse" not in find_file(program).read_text():
        return set()  # it would run
    arguments = program.split()[2:] if program.startswith("-m") else []
    shown = io.StringIO()
    with (
        patch.object(sys, "argv", [program, *arguments, "--help"]),
        redirect_stdout(shown),
        pytest.raises(SystemExit),
    ):
        runpy.run_path(str(find_file(program)), run_name="__main__")
    listed = re.findall(r"^  (-.*?)(?:  |$)", shown.getvalue(), re.MULTILINE)
    return set(re.findall(r"--[\w-]+", " ".join(listed))) - {"--help"}


def find_targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", load("Makefile"), re.MULTILINE))


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def percent(share: float, places: int = 2) -> str:
    return f"{share:.{places}%}"


@pytest.fixture(scope="module")
def endpoints(app: App) -> set[str]:
    return set(httpx2.get(f"{app.url}/gradio_api/info").json()["named_endpoints"])


# Form


def test_every_document_is_checked() -> None:
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs").iterdir()} <= set(DOCUMENTS)


@pytest.mark.parametrize(("name", "most"), [("README.md", 130), ("CONTRIBUTING.md", 45)])
def test_document_stays_short(name: str, most: int) -> None:
    assert len(load(name).splitlines()) <= most


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", load(name)):
        if not target.startswith("https://"):
            path, _, fragment = target.partition("#")
            linked = (ROOT / name).parent / path if path else ROOT / name
            assert linked.exists(), target
            if fragment:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                assert fragment in map(slug, headings), target


@pytest.mark.parametrize("name", [*DOCUMENTS, "mnist_cnn/pretrained/README.md", "mnist_cnn/pretrained/metrics.json"])
def test_no_path_of_one_machine_is_in_a_document(name: str) -> None:
    text = re.sub(r"\]\([^)]+\)", "", load(name))  # a link may lead to the folder above
    assert not re.findall(r"\.\./|~/|models/[A-Z]|(?<![\w./:>])/(?!gradio_api/)\w+/\w", text)


# Commands


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    used = {target for code in find_code(load(name)) for target in re.findall(r"\bmake ([\w-]+)", code)}
    assert used <= find_targets()
    if name == "CONTRIBUTING.md":
        assert used == find_targets() - {"chromium", "javascript"}  # which `make test` runs


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_and_their_options_exist(name: str) -> None:
    commands = find_commands(load(name))
    assert commands
    for program, options in commands:
        assert find_file(program).is_file(), program
        assert set(options) <= find_options(program), program


@pytest.mark.parametrize("name", DOCUMENTS)
def test_options_within_sentences_exist(name: str) -> None:
    text = load(name)
    known = set().union(*(find_options(program) for program, _ in find_commands(text)))
    named = {code.split()[0] for code in find_code(text) if code.startswith("--")}
    assert named <= known


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("docs/serving.md", "app.py"),
        ("docs/serving.md", "-m mnist_cnn.hub push"),
        ("docs/serving.md", "-m mnist_cnn.hub deploy"),
        ("docs/training.md", "train.py"),
        ("docs/training.md", "-m mnist_cnn.evaluation"),
    ],
)
def test_every_option_is_documented(name: str, program: str) -> None:
    assert find_options(program) <= set(re.findall(r"--[\w-]+", load(name)))


def test_options_of_the_page_are_listed_with_their_variables() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in find_table(load("docs/serving.md"), "option")}
    assert set(listed) == find_options("app.py")
    assert set(listed.values()) == set(re.findall(r"\$([A-Z_]+)", load("app.py")))


def test_settings_of_training_are_listed_with_their_defaults() -> None:
    quick = dataclasses.asdict(QUICK)
    rows = [row[:3] for row in find_table(load("docs/training.md"), "option")]
    assert rows == [
        [f"`{option_name(name)}`", str(value), "" if quick[name] == value else str(quick[name])]
        for name, value in dataclasses.asdict(TrainConfig()).items()
    ]


# Endpoints and snippets


def test_endpoints_in_the_readme_are_those_of_the_server(endpoints: set[str]) -> None:
    text = load("README.md")
    assert {code for code in find_code(text) if re.fullmatch(r"/\w+", code)} == endpoints
    assert set(re.findall(r'api_name="(.+?)"', text)) <= endpoints


@pytest.mark.parametrize("name", ["README.md", "docs/serving.md"])
def test_addresses_are_those_of_the_server(name: str) -> None:
    for path in re.findall(r"http://localhost:7860([\w/]*)", load(name)):
        assert find_route(path or "/"), path
    assert f"GET `{HEALTH}`" in load("docs/serving.md")


def test_script_for_embedding_has_the_version_of_gradio() -> None:
    assert f"/{gradio.__version__}/gradio.js" in load("README.md")


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures that the snippets read, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.png", "two.png", "number.png"):
        Path(name).write_bytes(FILES["seven.png"])


@pytest.mark.usefixtures("pictures")
def test_snippet_for_the_package_runs() -> None:
    (snippet,) = re.findall(r"```python\n(from mnist_cnn.+?)```", load("README.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["reading"].digit == 7


@pytest.mark.usefixtures("pictures")
def test_snippet_for_gradios_client_runs(app: App, capsys: pytest.CaptureFixture) -> None:
    (snippet,) = re.findall(r"```python\n(from gradio_client.+?)```", load("README.md"), re.DOTALL)
    exec(snippet.replace("http://localhost:7860", app.url), {})
    assert capsys.readouterr().out.count("'label': '7', 'confidences'") == 3


@pytest.mark.usefixtures("pictures")
def test_snippet_for_the_shell_runs(app: App) -> None:
    (snippet,) = re.findall(r"```sh\n(.+?)```", load("README.md"), re.DOTALL)
    command = ["bash", "-c", snippet.replace("http://localhost:7860", app.url)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["data"][0]["label"] == "7"


# Figures


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("README.md", f"`{METRICS['command']}`, where FOLDER holds MNIST"),
        ("README.md", f"({METRICS['parameters']:,} parameters, seed {METRICS['seed']})"),
        ("README.md", f"in {METRICS['train_seconds']:.0f} s on {METRICS['hardware']}"),
        ("README.md", f"is {percent(METRICS['test']['calibration_error'])} in {ECE_BINS} bins"),
        (
            "README.md",
            f"{percent(METRICS['pictures']['calibration_error'])} on computer-made pictures and "
            f"{percent(METRICS['numbers']['calibration_error'])} on numbers",
        ),
        ("README.md", f"--count {PHOTOS_OF_EACH_KIND}`"),
        ("docs/serving.md", f"delivers it within {PULL_DEADLINE:.0f} seconds"),
        ("docs/serving.md", f"asks the Hub every {REFRESH_SECONDS:.0f} seconds"),
        (
            "docs/serving.md",
            f"answers 200 while the model reads at least {KNOWN_DIGITS_TO_READ} of {NUM_CLASSES} known",
        ),
        ("docs/serving.md", f"and it reads at least {KNOWN_DIGITS_TO_READ} of {NUM_CLASSES} known digits"),
        ("docs/serving.md", f"pushed every {PUSH_EVERY:.0f} minutes"),
        ("docs/serving.md", f"at most {MAX_DRAWING_SIDE} pixels a side"),
        ("docs/training.md", f"on {METRICS['dataset']['val']:,} images of the training split"),
        ("docs/training.md", f"within {START_SECONDS} seconds or falls silent for {SILENCE_SECONDS},"),
        ("docs/training.md", f"({DRAWINGS:,} by default"),
        ("docs/training.md", f"took {METRICS['train_seconds']:.0f} s on {METRICS['hardware']}"),
    ],
)
def test_figure_is_that_of_the_code(name: str, fact: str) -> None:
    assert fact in flow(load(name))


def test_results_are_those_of_the_bundled_model() -> None:
    rows = find_table(load("README.md"), "measured on")
    assert [row[1:4] for row in rows[:3]] == [
        [f"{METRICS['test']['images']:,}", percent(METRICS["test"]["accuracy"]), percent(METRICS["test"]["refused"])],
        [
            f"{METRICS['drawn']['images']:,}",
            percent(METRICS["drawn"]["accuracy"]),
            percent(METRICS["drawn"]["refused"]),
        ],
        [f"{METRICS['nondigits']['images']:,}", "", percent(METRICS["nondigits"]["refused"], 1)],
    ]
    assert rows[5][1:3] == [f"{METRICS['numbers']['images']:,}", percent(METRICS["numbers"]["right"], 1)]
    for row, kinds in zip(rows[3:5], (WITH_DIGIT, WITHOUT_DIGIT), strict=True):
        assert f"{len(kinds)} kinds" in row[0]
        assert row[1] == f"{len(kinds) * PHOTOS_OF_EACH_KIND:,}"


def test_bundled_model_has_the_parameters_and_the_settings_of_the_code() -> None:
    assert sum(array.size for array in load_weights(PRETRAINED)) == METRICS["parameters"]
    assert METRICS["config"] == dataclasses.asdict(TrainConfig())


def test_recipe_that_was_chosen_is_that_of_the_bundled_model() -> None:
    corrupted = METRICS["corrupted"]
    assert find_table(load("docs/experiments.md"), "recipe")[0] == [
        "as it is",
        f"{METRICS['val']['loss']:.4f}",
        *(str(METRICS[split]["errors"]) for split in ("val", "test")),
        percent(sum(corrupted.values()) / len(corrupted), 1),
        percent(corrupted["canny edges"], 1),
    ]


def test_drawings_that_were_compared_are_those_of_the_benchmark() -> None:
    assert [row[0] for row in find_table(load("docs/experiments.md"), "drawn digits")] == list(VARIANTS)
