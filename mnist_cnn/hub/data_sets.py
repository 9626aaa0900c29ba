"""Data sets on the Hub: a quick check that one can be loaded, and files that are added to one."""

import re
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, DatasetCard, DatasetCardData
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
        card: the README.md for a data set that has none, with the `configs` of `datasets`, one of them for the file;
            "owner/name" in it becomes the repo's name. A README.md that is there stays as it is, until a file of
            another configuration than the default one comes: then it gets the configs, if it has none.

    Raises:
        HubError: if nobody is logged in, or the Hub refuses or doesn't answer.
    """
    disable_progress_bars()  # a server calls this, and nobody watches its log
    wanted = DatasetCard(card.replace(PLACEHOLDER, repo_id))
    # `datasets` tells the format of all files by those of the first configuration: one that has some.
    configs = sorted(wanted.data["configs"], key=lambda config: not fnmatch(path, config["data_files"]))
    wanted.data["configs"] = configs
    with open_for_upload(repo_id) as api:
        api.create_repo(repo_id, repo_type="dataset", private=True, exist_ok=True)
        operations = [CommitOperationAdd(path, content)]
        if not api.file_exists(repo_id, "README.md", repo_type="dataset"):
            operations.append(CommitOperationAdd("README.md", str(wanted).encode()))
        elif configs[0]["config_name"] != "default":
            # Without force, the client takes an older one from its cache when the Hub doesn't answer.
            file = api.hf_hub_download(repo_id, "README.md", repo_type="dataset", force_download=True)
            if completed := _add_configs(Path(file).read_text("utf-8-sig"), configs):
                operations.append(CommitOperationAdd("README.md", completed.encode()))
        api.create_commit(repo_id, operations, commit_message=f"Add {path}", repo_type="dataset")


def _add_configs(card: str, configs: list[dict[str, Any]]) -> str | None:
    """Return a README.md with configs at the top of its front matter, the rest as it is; None if it has some."""
    head = re.match(r"\s*---\n(.*?)^---[ \t]*$", card, re.DOTALL | re.MULTILINE)
    front_matter, text = (head[1], card[head.end() :]) if head else ("", f"\n\n{card}")
    if re.search("^configs:", front_matter, re.MULTILINE):
        return None
    return f"---\n{DatasetCardData(configs=configs).to_yaml()}\n{front_matter}---{text}"
