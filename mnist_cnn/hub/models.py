"""Model repos on the Hub: pushed in one commit, pulled back pinned by commit and checked by hash."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import huggingface_hub
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import RemoteEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name

from mnist_cnn.errors import HubError
from mnist_cnn.hub.network_limits import PULL_DEADLINE, call_within, explain_errors, open_for_upload

PLACEHOLDER = "owner/name"  # what a model card calls its repo until `push_model` knows the name

# The top level of a model folder; figures/*.png come with it.
MODEL_FILES = ("README.md", "config.json", "history.json", "metadata.json", "metrics.json", "model.weights.h5")

# A .keras file is a zip archive of these; see `_save_model_to_fileobj` in keras/src/saving/saving_lib.py.
KERAS_ARCHIVE = "model.keras"
KERAS_ARCHIVE_PARTS = ("metadata.json", "config.json", "model.weights.h5")

# Not config.json: the architecture is built in code, so that no configuration from the network ever runs.
PULLED_FILES = ("model.weights.h5", "metrics.json")


def push_model(
    folder: str | Path, repo_id: str, *, private: bool = False, tag: str | None = None, revision: str | None = None
) -> str:
    """Upload a model folder and return the address of the commit.

    It is a single commit, so a push that fails leaves the repo as it was. Pushing the same files again makes no new
    commit. The repo also gets a `model.keras`, built from the folder's parts; one that lies in the folder is ignored.

    Args:
        folder: holds `MODEL_FILES` and figures/*.png.
        repo_id: "owner/name"; created if it doesn't exist.
        private: whether to create it as a private repo.
        tag: a name for the commit, such as that of a release.
        revision: the branch to commit to, by default main; created if it doesn't exist.

    Returns:
        The URL of the commit; it ends with the commit's hash.

    Raises:
        HubError: if the folder is incomplete, nobody is logged in, `private` is set but the repo is public, the tag
            marks another commit, or the Hub refuses or doesn't answer.
    """
    folder = Path(folder)
    if missing := [name for name in MODEL_FILES if not (folder / name).is_file()]:
        raise HubError(
            f"{folder} is no model folder: {', '.join(missing)} missing. `python train.py --output {folder}` makes one."
        )
    operations = [CommitOperationAdd(name, content) for name, content in _repo_files(folder, repo_id).items()]
    with open_for_upload(repo_id) as api:
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id).private:
            raise HubError(f"{repo_id} exists already and is public. Make it private in its settings, or name another.")
        if revision:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = api.create_commit(repo_id, operations, commit_message=f"Push {folder.name}", revision=revision)
        if tag:
            _tag(api, repo_id, tag, commit.oid)
    return commit.commit_url


def pull_model(repo_id: str, revision: str | None = None, *, deadline: float = PULL_DEADLINE) -> Path:
    """Download the weights and metrics of a model to the Hub's cache and return their folder.

    Every file is checked against its hash: the Hub's client itself compares no more than sizes. A commit that is in
    the cache needs no network.

    Args:
        repo_id: "owner/name".
        revision: a commit, a tag or a branch; by default main.
        deadline: how long to wait for the Hub, in seconds.

    Returns:
        A folder with `PULLED_FILES`, named after the commit.

    Raises:
        HubError: if there is no such model, or the Hub doesn't deliver it whole and in time.
    """
    if revision and re.fullmatch("[0-9a-f]{40}", revision) and _is_complete(_snapshots(repo_id) / revision):
        return _snapshots(repo_id) / revision
    with _explain_model_errors(repo_id, deadline):
        return call_within(deadline, partial(_download, repo_id, revision, deadline))


def cached_models(repo_id: str) -> list[Path]:
    """Return the complete, undamaged snapshots of a model in the Hub's cache, the newest download first."""
    folders = _snapshots(repo_id).glob("*")
    return sorted(filter(_is_complete, folders), key=lambda folder: folder.stat().st_mtime, reverse=True)


def find_commit(repo_id: str, revision: str | None, timeout: float) -> str:
    """Return the commit that a revision of a model names.

    Args:
        repo_id: "owner/name".
        revision: a commit, a tag or a branch; main if it is None.
        timeout: how long to wait for the Hub, in seconds.

    Raises:
        HubError: if there is no such model or revision, or the Hub doesn't answer in time. Unlike a download, which
            retries, this fails at once.
    """
    url = huggingface_hub.hf_hub_url(repo_id, PULLED_FILES[0], revision=revision)
    with _explain_model_errors(repo_id, timeout):
        return huggingface_hub.get_hf_file_metadata(url, timeout=timeout).commit_hash or ""


def _repo_files(folder: Path, repo_id: str) -> dict[str, bytes]:
    """Return the files of a model repo by name."""
    figures = (path.relative_to(folder).as_posix() for path in sorted((folder / "figures").glob("*.png")))
    files = {name: (folder / name).read_bytes() for name in (*MODEL_FILES, *figures)}
    # The card shows how to load the model, so it has to name the repo.
    files["README.md"] = files["README.md"].replace(PLACEHOLDER.encode(), repo_id.encode())
    return files | {KERAS_ARCHIVE: _zip_parts(files)}


def _zip_parts(files: dict[str, bytes]) -> bytes:
    """Build a .keras file; the same parts always give the same bytes, so that a second push finds nothing new."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        for name in KERAS_ARCHIVE_PARTS:
            writer.writestr(zipfile.ZipInfo(name), files[name])  # ZipInfo sets the date to 1980, not to today
    return archive.getvalue()


def _tag(api: HfApi, repo_id: str, tag: str, commit: str) -> None:
    """Tag a commit, unless the tag marks it already."""
    api.create_tag(repo_id, tag=tag, revision=commit, exist_ok=True)
    marked = next(ref.target_commit for ref in api.list_repo_refs(repo_id).tags if ref.name == tag)
    if marked != commit:
        raise HubError(f"Pushed as commit {commit}, but the tag {tag} marks commit {marked} already. Push a new tag.")


@contextmanager
def _explain_model_errors(repo_id: str, patience: float) -> Iterator[None]:
    with explain_errors(repo_id, patience):
        try:
            yield
        except RemoteEntryNotFoundError as error:
            raise HubError(
                f"{repo_id} is no model of this project: it lacks one of {', '.join(PULLED_FILES)}."
            ) from error


def _download(repo_id: str, revision: str | None, timeout: float) -> Path:
    commit = find_commit(repo_id, revision, timeout)
    paths = [Path(huggingface_hub.hf_hub_download(repo_id, name, revision=commit)) for name in PULLED_FILES]
    if damaged := [path for path in paths if not _is_intact(path)]:
        for path in damaged:
            path.resolve().unlink()
        raise HubError(f"{repo_id} was damaged on its way from the Hub. Try again.")
    return paths[0].parent


def _snapshots(repo_id: str) -> Path:
    return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo_id, repo_type="model"), "snapshots")


def _is_complete(snapshot: Path) -> bool:
    return all(_is_intact(snapshot / name) for name in PULLED_FILES)


def _is_intact(path: Path) -> bool:
    """Compare a cached file with its hash, the name of its blob: sha256 for LFS files, git's sha1 for others."""
    if not path.is_file():
        return False
    content, blob = path.read_bytes(), path.resolve().name
    hashes = hashlib.sha256(content), hashlib.sha1(b"blob %d\0" % len(content) + content)
    # Where symbolic links aren't supported, the cache keeps no blobs, and so no hashes.
    return blob == path.name or blob in [digest.hexdigest() for digest in hashes]
