import subprocess
import sys
from pathlib import Path

import pytest

from mnist_cnn.hub.__main__ import main
from tests import HOME, ROOT
from tests.support.loopback_hub import WRITER, LoopbackHub, commit_of

pytestmark = pytest.mark.usefixtures("hub")


def run_hub(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mnist_cnn.hub", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_pushes_and_prints_the_commit(hub: LoopbackHub, model_folder: Path) -> None:
    run = run_hub("push", str(model_folder), "owner/digits", "--private", "--tag", "v1", "--revision", "next")
    assert run.returncode == 0, run.stderr
    assert commit_of(run.stdout.strip()) == hub.repo("owner/digits").resolve("v1")
    assert WRITER not in run.stdout + run.stderr
    assert not [path for path in HOME.rglob("*") if path.is_file() and WRITER.encode() in path.read_bytes()]


def test_the_command_fails_with_a_sentence_and_without_a_trace(hub: LoopbackHub, model_folder: Path) -> None:
    with hub.fault(status=403):
        run = run_hub("push", str(model_folder), "owner/digits")
    assert run.returncode == 1
    assert run.stderr.startswith("error: The token has no right to owner/digits")
    assert len(run.stderr.splitlines()) == 1


def test_publishing_needs_no_keras(hub: LoopbackHub, model_folder: Path) -> None:
    code = f"""
import sys
from mnist_cnn.hub.__main__ import main
main(["push", {str(model_folder)!r}, "owner/digits"])
print([name for name in ("keras", "jax", "gradio") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[1:] == ["[]"]
    assert "model.keras" in hub.repo("owner/digits").files()


def test_the_command_deploys_and_prints_the_address(
    hub: LoopbackHub, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push", str(model_folder), "owner/digits"])
    main(["deploy", "owner/page", "--model", "owner/digits"])
    assert capsys.readouterr().out.splitlines()[-1].endswith("/spaces/owner/page")
    assert "app.py" in hub.repo("owner/page", "spaces").files()


def test_a_command_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "the following arguments are required" in capsys.readouterr().err
