import errno
import subprocess
import sys
import threading
import time

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mnist_cnn.errors import HubError
from mnist_cnn.hub.network_limits import PUSH_TIMEOUT, call_within, explain_errors, open_for_upload
from tests import ROOT
from tests.support.loopback_hub import LoopbackHub


def http_error(status: int, kind: type[HfHubHTTPError] = HfHubHTTPError, message: str | None = None) -> HfHubHTTPError:
    response = httpx2.Response(status, request=httpx2.Request("GET", "http://hub"))
    return kind("It failed.", response=response, server_message=message)


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (http_error(404, RepositoryNotFoundError), "There is no owner/name on http.*, or it is private. Check the"),
        (http_error(404, RevisionNotFoundError), "owner/name has no such revision. Name a commit, a tag or a branch"),
        (OfflineModeIsEnabled("offline"), "owner/name was not requested, because HF_HUB_OFFLINE is set. Unset it"),
        (TimeoutError(), "The Hub at http.* didn't answer within 3 s. Try again later"),
        (httpx2.ReadTimeout("slow"), "The Hub at http.* didn't answer within 3 s. Try again later"),
        (httpx2.ConnectError("refused"), "The Hub at http.* can't be reached. Check the network"),
        (http_error(401), "The Hub doesn't accept the token for owner/name. Log in"),
        (http_error(402), r"only for a paid account \(PRO, Team or Enterprise\). Subscribe at http.*/pricing"),
        (http_error(403), "The token has no right to owner/name. Create one with write access at http"),
        (http_error(429), "The Hub gets too many requests from here. Wait a few minutes"),
        (http_error(409, message="It exists."), r"The Hub refused owner/name \(HTTP 409\): It exists\."),
        (http_error(409), r"The Hub refused owner/name \(HTTP 409\): it gave no reason"),
        (http_error(503), r"The Hub failed \(HTTP 503\). Try again later"),
        (OSError(errno.ENOSPC, "No space left on device"), "Files can't be used here: No space left on device. Check"),
        (OSError("Consistency check failed: 1 byte"), "owner/name came incomplete from the Hub. Try again"),
        (ValueError("One line.\nAnother."), r"^One line\.$"),
        (caused_by(LocalEntryNotFoundError("no file"), httpx2.ConnectError("refused")), "can't be reached"),
        (caused_by(RuntimeError("upload failed"), http_error(403)), "The token has no right to owner/name"),
    ],
)
def test_each_error_of_the_client_becomes_a_sentence_that_says_what_to_do(error: Exception, sentence: str) -> None:
    with pytest.raises(HubError, match=sentence) as caught, explain_errors("owner/name", 3.0):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [TypeError("a fault in the program"), HubError("It is a sentence already.")])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, explain_errors("owner/name", 3.0):
        raise error
    assert caught.value is error


def test_a_call_in_time_returns_what_its_function_returns() -> None:
    assert call_within(5.0, lambda: "done") == "done"


def test_a_call_raises_what_its_function_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        call_within(5.0, lambda: 1 // 0)


def test_a_call_that_does_not_return_is_given_up_at_its_deadline() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        call_within(0.1, release.wait)
    assert 0.1 <= time.monotonic() - started < 1.0
    release.set()


def test_a_call_that_was_given_up_does_not_keep_the_process_alive() -> None:
    code = """
import contextlib, time
from mnist_cnn.hub.network_limits import call_within
with contextlib.suppress(TimeoutError):
    call_within(0.1, lambda: time.sleep(3600))
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_a_client_for_uploads_is_logged_in_and_times_out(hub: LoopbackHub) -> None:
    with open_for_upload("owner/digits") as api:
        assert api.whoami()["name"] == "owner"
    assert huggingface_hub.get_session().timeout == httpx2.Timeout(PUSH_TIMEOUT)
    assert hub.requests == ["GET /api/whoami-v2"]


@pytest.mark.usefixtures("hub")
def test_a_failed_upload_raises_a_hub_error() -> None:
    with pytest.raises(HubError, match="There is no owner/digits"), open_for_upload("owner/digits") as api:
        api.model_info("owner/digits")
