"""Gradio's sessions share the configurations of the page's components, and have their own values."""

import json
import subprocess
import sys

import pytest

from tests import ROOT

pytestmark = pytest.mark.integration

# In a process of its own, since Gradio leaves event loops behind.
LOOK = """
import json, sys
from pathlib import Path
import gradio as gr
from gradio.state_holder import SessionState
from mnist_cnn.web.feedback import Feedback
from mnist_cnn.web.model_source import ModelHolder
from mnist_cnn.web.page import build_page

page = build_page(ModelHolder.load(), Feedback(Path(sys.argv[1])))
same = all(block.get_config() == type(block).get_config(block) for block in page.blocks.values())
build, built = gr.blocks.Block.get_config, []
gr.blocks.Block.get_config = lambda block, *rest: built.append(block.get_block_name()) or build(block, *rest)
one, other = SessionState(page), SessionState(page)
verdict = next(number for number, block in page.blocks.items() if getattr(block, "elem_id", None) == "verdict")
one._update_value_in_config(verdict, "It is a 3.")
values = [session.config_values[verdict]["props"]["value"] for session in (one, other)]
print(json.dumps({"same": same, "built": built, "values": values}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Whether the configurations are Gradio's, which ones two sessions built, and the values of both."""
    command = [sys.executable, "-c", LOOK, str(tmp_path_factory.mktemp("feedback"))]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


def test_sessions_build_no_configuration(seen: dict) -> None:
    assert seen["built"] == []


def test_configurations_are_those_that_gradio_builds(seen: dict) -> None:
    assert seen["same"]


def test_sessions_have_their_own_values(seen: dict) -> None:
    one, other = seen["values"]
    assert one == "It is a 3."
    assert other != one
