import importlib.metadata
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mnist_cnn import handwriting
from mnist_cnn.errors import HubError
from mnist_cnn.hub import deploy_space, push_model, space_files
from mnist_cnn.hub.__main__ import main
from mnist_cnn.inference import PRETRAINED
from tests import ROOT
from tests.support.browsing import App, serve
from tests.support.loopback_hub import LoopbackHub

pytestmark = pytest.mark.usefixtures("hub")

# Hides from the Space's process what requirements.txt doesn't install. Python runs it at startup, as sitecustomize.
ONLY_REQUIREMENTS = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"{{name}} is not in requirements.txt", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def model(hub: LoopbackHub) -> str:
    """The commit of the bundled model, pushed to the Hub."""
    push_model(PRETRAINED, "owner/digits", tag="v1")
    return hub.repo("owner/digits").resolve("v1")


def test_a_space_holds_all_that_app_py_and_its_page_import() -> None:
    code = """
import sys, app, mnist_cnn.web.page
print(*{file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}, sep="\\n")
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(file).relative_to(ROOT) for file in run.stdout.splitlines() if Path(file).is_relative_to(ROOT)]
    imported = {path.as_posix() for path in paths if path.parts[0] in ("app.py", "mnist_cnn")}
    assert {"app.py", "mnist_cnn/__init__.py", "mnist_cnn/hub/models.py", "mnist_cnn/web/page.py"} <= imported
    assert imported <= set(space_files("owner/page", "owner/digits", "v1"))


def test_a_space_holds_what_its_modules_read_and_nothing_else() -> None:
    files = space_files("owner/page", "owner/digits", "v1")
    others = {name for name in files if not name.endswith(".py")}
    static = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mnist_cnn/web/static").rglob("*")}
    assert others == static | {
        "LICENSE",
        "README.md",
        "mnist_cnn/network/rows.weights.h5",
        "mnist_cnn/pretrained/metrics.json",
        "mnist_cnn/pretrained/model.weights.h5",
        "requirements.txt",
    }
    assert files["LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_a_space_holds_nothing_of_training_tests_or_the_command_line() -> None:
    files = space_files("owner/page", "owner/digits", "v1")
    wings = {path.parent for path in (ROOT / "mnist_cnn").glob("*/__init__.py")} - {ROOT / "mnist_cnn/training"}
    assert {f"mnist_cnn/{wing.name}/__init__.py" for wing in wings} <= set(files)
    assert not [
        name for name in files if re.match(r"mnist_cnn/training/|tests/|train\.py|mnist_cnn/hub/__main__", name)
    ]


def test_a_deployed_space_names_its_model_in_variables_and_front_matter(hub: LoopbackHub, model: str) -> None:
    assert deploy_space("owner/page", "owner/digits", "v1").endswith("/spaces/owner/page")
    space = hub.repo("owner/page", "spaces")
    variables = {name: variable["value"] for name, variable in space.state["variables"].items()}
    assert variables == {"MODEL_REPO": "owner/digits", "MODEL_REVISION": model}
    card = SpaceCard.load("owner/page").data
    assert (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    path = card["thumbnail"].partition("/spaces/owner/page/resolve/main/")[2]
    assert path in space_files("owner/page", "owner/digits", "v1")
    assert card["models"] == ["owner/digits"]
    assert card["datasets"] == ["ylecun/mnist"]
    assert card["preload_from_hub"] == [f"owner/digits model.weights.h5,metrics.json {model}"]


@pytest.mark.usefixtures("model")
def test_a_second_deployment_changes_only_what_is_new(hub: LoopbackHub) -> None:
    deploy_space("owner/page", "owner/digits", "v1")
    hub.requests.clear()
    deploy_space("owner/page", "owner/digits", "main")
    space = hub.repo("owner/page", "spaces")
    assert len(space.history()) == 2
    assert "POST /api/spaces/owner/page/variables" not in hub.requests


@pytest.mark.usefixtures("model")
def test_the_dry_run_lists_what_would_be_uploaded_without_any_request(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.requests.clear()
    main(["deploy", "owner/page", "--model", "owner/digits", "--revision", "v1", "--dry-run"])
    listed = re.findall(r"^ *[\d,]+ (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert hub.requests == []
    deploy_space("owner/page", "owner/digits", "v1")
    assert {*listed, ".gitattributes"} == set(hub.repo("owner/page", "spaces").files())
    assert {"app.py", "README.md", "requirements.txt", "mnist_cnn/pretrained/model.weights.h5"} <= {*listed}
    assert not {"train.py", "mnist_cnn/training/data.py", "mnist_cnn/pretrained/model.keras"} & {*listed}


@pytest.mark.usefixtures("model")
def test_a_deployment_that_is_refused_says_what_to_do(hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="There is no owner/nothing on"):
        deploy_space("owner/page", "owner/nothing", "main")
    with pytest.raises(HubError, match="owner/digits has no such revision"):
        deploy_space("owner/page", "owner/digits", "v2")
    huggingface_hub.create_repo("owner/empty")
    with pytest.raises(HubError, match=r"owner/empty is no model of this project: it lacks one of model\.weights\.h5"):
        deploy_space("owner/page", "owner/empty", "main")
    with (
        hub.fault(pattern="repos/create", status=402),
        pytest.raises(HubError, match=r"only for a paid account \(PRO, Team or Enterprise\). Subscribe at"),
    ):
        deploy_space("owner/page", "owner/digits", "v1")
    with pytest.raises(HubError, match="The token has no right to somebody-else/page"):
        deploy_space("somebody-else/page", "owner/digits", "v1")


def absent_modules() -> set[str]:
    """The top-level modules installed here that requirements.txt doesn't install."""
    wanted = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines()]
    brought: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name, extras = canonicalize_name(requirement.name), {"", *requirement.extras}
        if not {(name, extra) for extra in extras} <= brought:
            brought |= {(name, extra) for extra in extras}
            needs = map(Requirement, importlib.metadata.requires(name) or [])
            wanted += [
                need for need in needs if not need.marker or any(need.marker.evaluate({"extra": e}) for e in extras)
            ]
    names = {"mnist-cnn", *(name for name, _ in brought)}  # the Space has the package itself as a folder
    packages = importlib.metadata.packages_distributions().items()
    return {module for module, owners in packages if not {canonicalize_name(owner) for owner in owners} & names}


def clone(code: Path, home: Path) -> None:
    """Download the Space's code, and fill the Hub's cache as its front matter says."""
    huggingface_hub.snapshot_download("owner/page", repo_type="space", local_dir=code)
    for line in SpaceCard.load(code / "README.md").data["preload_from_hub"]:
        repo_id, names, revision = line.split()
        for name in names.split(","):
            huggingface_hub.hf_hub_download(repo_id, name, revision=revision, cache_dir=home / "hub")


def take_away_rights(code: Path) -> list[str]:
    """Make a folder read-only; return the prefix of a command for which this holds even as root."""
    for path in [code, *code.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
        if os.geteuid() == 0:
            os.chown(path, 1000, 1000)
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


@pytest.fixture
def space(hub: LoopbackHub, model: str, tmp_path: Path) -> Iterator[App]:
    """The Space, run as the Hub runs it: only requirements.txt installed, its code read-only, its model preloaded."""
    deploy_space("owner/page", "owner/digits", model)
    code, home = tmp_path / "code", tmp_path / "home"
    clone(code, home)
    (home / "sitecustomize.py").write_text(ONLY_REQUIREMENTS.format(absent=absent_modules()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = hub.repo("owner/page", "spaces").state["variables"].items()
    environment = {name: os.environ[name] for name in ("PATH", "HF_ENDPOINT", "JAX_COMPILATION_CACHE_DIR")}
    environment |= {name: variable["value"] for name, variable in variables}
    environment |= {"HOME": str(home), "HF_HOME": str(home), "GRADIO_TEMP_DIR": str(home), "PYTHONPATH": str(home)}
    environment |= {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port)}
    environment |= {"SYSTEM": "spaces", "SPACE_ID": "owner/page"}
    command = [*take_away_rights(code), sys.executable, "app.py"]
    with hub.down(), serve(command, code, environment, port, tmp_path / "log") as app:
        yield app


def test_a_cloned_space_starts_without_the_hub_and_answers_the_client_shown_in_the_card(
    space: App, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strokes = handwriting.sample_strokes(7, np.random.default_rng(7))
    handwriting.render(strokes, size=112, pen_width=8).save(tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    card = (PRETRAINED / "README.md").read_text()
    (lines,) = re.findall("```python\n(from gradio_client.*?)```", card, re.DOTALL)
    names: dict[str, Any] = {}
    exec(lines.replace("owner/name", space.url), names)
    assert names["label"]["label"] == "7"
    assert f'"Reads with owner/digits at revision {model[:7]}"' in space.log


def test_the_space_is_denied_what_requirements_do_not_install() -> None:
    assert {"pytest", "playwright"} <= absent_modules()
    assert not {"gradio", "keras", "jax", "huggingface_hub", "numpy"} & absent_modules()
