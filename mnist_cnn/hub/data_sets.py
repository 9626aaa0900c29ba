"""Data sets on the Hub: a quick check that one can be loaded, and files that are added to one."""

from contextlib import suppress

import huggingface_hub
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import RemoteEntryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from mnist_cnn.hub.models import PLACEHOLDER
from mnist_cnn.hub.network_limits import PULL_DEADLINE, explain_errors, open_for_upload


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


def push_data_file(repo_id: str, path: str, content: bytes, card: str) -> None:
    """Add a file to a data set, in one commit. The same file again makes no new commit.

    Args:
        repo_id: "owner/name"; created as a private one if it doesn't exist.
        path: where the file goes in the repo.
        content: what is in it.
        card: the README.md for a data set that has none; "owner/name" in it becomes the repo's name.

    Raises:
        HubError: if nobody is logged in, or the Hub refuses or doesn't answer.
    """
    disable_progress_bars()  # a server calls this, and nobody watches its log
    with open_for_upload(repo_id) as api:
        api.create_repo(repo_id, repo_type="dataset", private=True, exist_ok=True)
        operations = [CommitOperationAdd(path, content)]
        if not api.file_exists(repo_id, "README.md", repo_type="dataset"):
            operations.append(CommitOperationAdd("README.md", card.replace(PLACEHOLDER, repo_id).encode()))
        api.create_commit(repo_id, operations, commit_message=f"Add {path}", repo_type="dataset")
