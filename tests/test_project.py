import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests import ROOT

PACKAGE = ROOT / "mnist_cnn"
WINGS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = sorted(path for path in PACKAGE.glob("*/*.py") if not path.name.startswith("__"))
LONGEST_FUNCTION = 60  # lines


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


def test_the_file_tree_of_the_readme_names_every_module_in_its_wing() -> None:
    named: dict[str, set[str]] = {}
    wing = ""
    for line in (ROOT / "README.md").read_text().splitlines():
        if entry := re.match(r"  (\w+)/ ", line):
            wing = entry[1]
        elif re.match(r"    +\w+\.py", line) and wing:
            named.setdefault(wing, set()).update(re.findall(r"\b\w+\.py\b", line))
        else:
            wing = ""
    modules: dict[str, set[str]] = {}
    for path in MODULES:
        modules.setdefault(path.parent.name, set()).add(path.name)
    assert {wing: named.get(wing) for wing in modules} == modules


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_module_has_a_test_file_in_the_wing_of_the_same_name(module: Path) -> None:
    assert (ROOT / "tests" / module.parent.name / f"test_{module.name}").is_file()


@pytest.mark.parametrize("wing", WINGS)
def test_every_wing_says_what_it_is_for(wing: str) -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGE / wing / "__init__.py").read_text()))
    assert docstring is not None
    assert len(re.findall(r"\.(?:\s|$)", docstring)) == 2  # sentences


def sources() -> list[Path]:
    return [ROOT / "app.py", ROOT / "train.py", *PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]


def test_functions_fit_on_a_screen() -> None:
    lengths = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths[f"{path.relative_to(ROOT)}:{node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_no_two_scripts_of_the_page_define_the_same() -> None:
    scripts = [path.read_text() for path in (PACKAGE / "web" / "static").glob("*.js")]
    definitions = Counter(
        line for script in scripts for line in re.findall(r"^const \w+ = \(.+=>.+;$", script, re.MULTILINE)
    )
    assert [line for line, count in definitions.items() if count > 1] == []


def test_no_test_imports_another() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        imported = re.findall(r"^\s*from (tests[\w.]*) import|^\s*import (tests[\w.]*)", path.read_text(), re.MULTILINE)
        assert not [name for names in imported for name in names if re.search(r"\b(test_\w+|conftest)$", name)], path


def test_the_actions_of_the_workflow_are_pinned_by_commit() -> None:
    used = re.findall(r"uses: (.+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action) for action in used)
