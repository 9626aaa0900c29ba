"""Gradio's sessions share the configurations of the page's components, and have their own values."""

import json
import subprocess
import sys

import httpx2
import pytest

from tests import ROOT
from tests.support.browsing import App

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
from mnist_cnn.web.sessions import SessionHolder

page = build_page(ModelHolder.load(), Feedback(Path(sys.argv[1])))
same = all(block.get_config() == type(block).get_config(block) for block in page.blocks.values())
build, built = gr.blocks.Block.get_config, []
gr.blocks.Block.get_config = lambda block, *rest: built.append(block.get_block_name()) or build(block, *rest)
one, other = SessionState(page), SessionState(page)
verdict = next(number for number, block in page.blocks.items() if getattr(block, "elem_id", None) == "verdict")
one._update_value_in_config(verdict, "It is a 3.")
values = [session.config_values[verdict]["props"]["value"] for session in (one, other)]

holder = SessionHolder()
holder.set_blocks(page)
holder["a"]._update_value_in_config(verdict, "It is a 3.")
kept = holder["a"].config_values
try:
    holder["a" * 65]
except Exception as error:
    refused = str(error)
held = list(holder.session_data)
print(json.dumps({"same": same, "built": built, "values": values, "kept": kept, "refused": refused, "held": held}))
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


def test_sessions_keep_nothing_that_was_sent_or_answered(seen: dict) -> None:
    assert seen["kept"] == {}


def test_long_name_of_a_session_is_refused(seen: dict) -> None:
    assert "at most 64 characters" in seen["refused"]
    assert seen["held"] == ["a"]


def test_long_name_is_refused_over_http(app: App) -> None:
    body = {"data": [{}], "session_hash": "a" * 10_000}
    answer = httpx2.post(f"{app.url}/gradio_api/run/predict", json=body)
    assert (answer.status_code, "at most 64 characters" in answer.json()["error"]) == (400, True)
