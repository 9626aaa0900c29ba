"""A quick check that a data set on the Hub can be loaded."""

from contextlib import suppress

import huggingface_hub
from huggingface_hub.errors import RemoteEntryNotFoundError

from mnist_cnn.hub.network_limits import PULL_DEADLINE, explain_errors


def check_dataset(repo_id: str, revision: str | None = None) -> None:
    """Fail within `PULL_DEADLINE` if a data set is out of reach; `datasets` itself would retry for minutes.

    Args:
        repo_id: "owner/name".
        revision: a commit, a tag or a branch; by default main.

    Raises:
        HubError: if there is no such data set, or the Hub refuses or doesn't answer.
    """
    url = huggingface_hub.hf_hub_url(repo_id, "README.md", repo_type="dataset", revision=revision)
    # A data set without a README.md is none the worse for it: the Hub has answered.
    with explain_errors(repo_id, PULL_DEADLINE), suppress(RemoteEntryNotFoundError):
        huggingface_hub.get_hf_file_metadata(url, timeout=PULL_DEADLINE)
