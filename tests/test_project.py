import re
import tomllib

import yaml
from packaging.requirements import Requirement

from tests import ROOT


def front_matter() -> dict:
    return yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])


def requirements() -> dict[str, Requirement]:
    parsed = map(Requirement, (ROOT / "requirements.txt").read_text().split())
    return {requirement.name: requirement for requirement in parsed}


def test_every_dependency_is_pinned_to_one_version() -> None:
    for requirement in requirements().values():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement


def test_the_space_runs_the_gradio_that_is_pinned() -> None:
    assert str(requirements()["gradio"].specifier) == f"=={front_matter()['sdk_version']}"


def test_the_space_runs_a_python_that_the_project_supports() -> None:
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == f">={front_matter()['python_version']}"


def test_the_file_tree_of_the_readme_names_every_module() -> None:
    named = set(re.findall(r"^  (\w+\.py) ", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named == {path.name for path in (ROOT / "mnist_cnn").glob("*.py")}


def test_the_readme_shows_a_picture_that_is_there() -> None:
    for path in re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / path).is_file(), path


def test_the_actions_of_the_workflow_are_pinned_by_commit() -> None:
    used = re.findall(r"uses: (.+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action) for action in used)
