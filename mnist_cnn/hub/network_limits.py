"""Time limits for the Hub's client, and its errors as sentences that say what to do.

On its own, huggingface_hub waits up to six minutes, and in some calls forever, for a Hub that accepts a connection but
never answers.
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mnist_cnn.errors import HubError

PULL_DEADLINE = 5.0  # seconds, for a whole pull
PUSH_TIMEOUT = 30.0  # seconds without a response from the Hub, for each request of an upload

# In this order: the first class that fits gives the sentence.
_SENTENCES_BY_CLASS: dict[type[Exception], str] = {
    RepositoryNotFoundError: (
        "There is no {repo_id} on {hub}, or it is private. Check the name, or log in with `hf auth login`."
    ),
    RevisionNotFoundError: (
        "{repo_id} has no such revision. Name a commit, a tag or a branch that {hub}/{repo_id} lists."
    ),
    OfflineModeIsEnabled: "{repo_id} was not requested, because HF_HUB_OFFLINE is set. Unset it.",
    TimeoutError: "The Hub at {hub} didn't answer within {patience:g} s. Try again later.",
    httpx2.TimeoutException: "The Hub at {hub} didn't answer within {patience:g} s. Try again later.",
    httpx2.TransportError: "The Hub at {hub} can't be reached. Check the network, then try again.",
}
_SENTENCES_BY_STATUS = {
    401: "The Hub doesn't accept the token for {repo_id}. Log in with `hf auth login`, or set HF_TOKEN anew.",
    402: (
        "The Hub creates {repo_id} only for a paid account (PRO, Team or Enterprise). Subscribe at {hub}/pricing, or "
        "name an owner who has one."
    ),
    403: "The token has no right to {repo_id}. Create one with write access at {hub}/settings/tokens.",
    429: "The Hub gets too many requests from here. Wait a few minutes, then try again.",
}

Result = TypeVar("Result")


@contextmanager
def open_for_upload(repo_id: str) -> Iterator[HfApi]:
    """Open a logged-in client of the Hub, for the length of one upload.

    Each of its requests fails after `PUSH_TIMEOUT`, and what fails inside the `with` block becomes a `HubError`.

    Args:
        repo_id: the repo to upload to, "owner/name".

    Raises:
        HubError: if that is no valid name, if nobody is logged in, or if the Hub refuses or doesn't answer.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id):
        raise HubError(f"{repo_id!r} is no name of a repo on the Hub. Write owner/name.")
    if not huggingface_hub.get_token():
        raise HubError("Not logged in to the Hub. Run `hf auth login`, or set HF_TOKEN to a token with write access.")
    # Most of the client's requests have no timeout of their own.
    huggingface_hub.get_session().timeout = PUSH_TIMEOUT
    with explain_errors(repo_id, PUSH_TIMEOUT):
        yield HfApi()


def call_within(seconds: float, function: Callable[[], Result]) -> Result:
    """Return what a function returns, without waiting for longer than a deadline.

    The function runs in a daemon thread and goes on there after the deadline: it doesn't keep the process alive, and
    a download that is merely slow still ends up in the cache.

    Raises:
        TimeoutError: if the function hasn't returned by the deadline; else whatever the function raises.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - `result` raises it again, in the caller's thread
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(timeout=seconds)


@contextmanager
def explain_errors(repo_id: str, patience: float) -> Iterator[None]:
    """Turn whatever the Hub's client raises into a `HubError`.

    Args:
        repo_id: the repo to name in the message.
        patience: the time limit to name in the message, in seconds.
    """
    try:
        yield
    except (OSError, httpx2.HTTPError, ValueError, RuntimeError) as error:
        raise HubError(_describe(error, repo_id, patience)) from error


def _describe(error: BaseException, repo_id: str, patience: float) -> str:
    """Say in one sentence what went wrong and in another what to do about it."""
    # The client wraps some errors in others that say less.
    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _describe(error.__cause__, repo_id, patience)
    for kind, sentences in _SENTENCES_BY_CLASS.items():
        if isinstance(error, kind):
            return sentences.format(repo_id=repo_id, hub=constants.ENDPOINT, patience=patience)
    if isinstance(error, HfHubHTTPError):
        return _describe_status(error, repo_id)
    if isinstance(error, OSError) and error.strerror:
        return f"Files can't be used here: {error.strerror}. Check the folder, and HF_HOME, where the Hub's cache is."
    if "Consistency check failed" in str(error):
        return f"{repo_id} came incomplete from the Hub. Try again."
    return str(error).strip().partition("\n")[0]


def _describe_status(error: HfHubHTTPError, repo_id: str) -> str:
    status = error.response.status_code
    if status in _SENTENCES_BY_STATUS:
        return _SENTENCES_BY_STATUS[status].format(repo_id=repo_id, hub=constants.ENDPOINT)
    if status < 500:
        return f"The Hub refused {repo_id} (HTTP {status}): {error.server_message or 'it gave no reason'}"
    return f"The Hub failed (HTTP {status}). Try again later."
