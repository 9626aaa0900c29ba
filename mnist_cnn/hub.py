"""To the Hugging Face Hub and back: push a model, deploy the page to a Space, pull a model, pinned and checked.

The Hub's clients wait up to six minutes, and in some calls for ever, on a Hub that accepts connections and never
answers, and they compare the sizes of the files that they download, not their hashes. This module bounds the first
and closes the second; each failure is a `HubError`, a sentence that says what to do.

    python -m mnist_cnn.hub push FOLDER owner/name --tag v1
    python -m mnist_cnn.hub deploy owner/space --model owner/name --revision v1
"""

import argparse
import hashlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import CommitOperationAdd, HfApi, SpaceCard, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name

from mnist_cnn.card import PLACEHOLDER

# What a model repo holds, at its top level; `figures/*.png` come with it.
MODEL_FILES = (
    "README.md",
    "config.json",
    "history.json",
    "metadata.json",
    "metrics.json",
    "model.keras",
    "model.weights.h5",
)
PULLED_FILES = ("model.weights.h5", "metrics.json")  # the architecture is built in code: its configuration never runs
PULL_DEADLINE = 5.0  # seconds, for everything that a pull asks of the Hub
PUSH_TIMEOUT = 30.0  # seconds without a sign of life from the Hub, at each step of an upload
ROOT = Path(__file__).parents[1]  # the files of the project, which a Space is made of

Result = TypeVar("Result")


class HubError(Exception):
    """The Hub, or the way there, refused; the message says what happened and what to do. It never holds a token."""


def push_model(
    folder: str | Path, repo_id: str, *, private: bool = False, tag: str | None = None, revision: str | None = None
) -> str:
    """Upload a model folder in one commit, so that a push that fails leaves the repo as it was.

    A push of what the repo holds already makes no new commit.

    Args:
        folder: in the layout of a model repo (`MODEL_FILES` and figures/*.png).
        repo_id: "owner/name"; created if it doesn't exist.
        private: create it as a private one.
        tag: name for the commit, for instance of a release.
        revision: branch to commit to, by default main; created if it doesn't exist.

    Returns:
        The address of the commit.

    Raises:
        HubError: if the folder is incomplete, nobody is logged in, the repo is public but shouldn't be, or the Hub
            refuses or doesn't answer.
    """
    folder = Path(folder)
    if missing := [name for name in MODEL_FILES if not (folder / name).is_file()]:
        raise HubError(
            f"{folder} is no model folder: {', '.join(missing)} missing. `python train.py --output {folder}` makes one."
        )
    # The card says how to load the model, so it has to name the repo.
    card = (folder / "README.md").read_text(encoding="utf-8").replace(PLACEHOLDER, repo_id).encode()
    figures = (path.relative_to(folder).as_posix() for path in sorted((folder / "figures").glob("*.png")))
    operations = [CommitOperationAdd("README.md", card)]
    operations += [CommitOperationAdd(name, folder / name) for name in (*MODEL_FILES[1:], *figures)]
    api = _logged_in_api(repo_id)
    with _explained(repo_id, PUSH_TIMEOUT):
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
    """Fetch the weights and metrics of a model into the Hub's cache, pinned by commit and checked by hash.

    A commit that is in the cache needs no network.

    Args:
        repo_id: "owner/name".
        revision: a commit, a tag or a branch; by default main.
        deadline: seconds after which a Hub that hasn't delivered is given up.

    Returns:
        A folder that holds `PULLED_FILES`; its name is the commit.

    Raises:
        HubError: if there is no such model, or the Hub doesn't deliver it whole and in time.
    """
    if revision and re.fullmatch("[0-9a-f]{40}", revision) and _is_whole(_snapshots(repo_id) / revision):
        return _snapshots(repo_id) / revision
    with _explained(repo_id, deadline):
        return _within(deadline, partial(_download, repo_id, revision, deadline))


def deploy_space(repo_id: str, model: str, revision: str) -> str:
    """Upload the page to a Gradio Space that serves a model from the Hub; to do it again brings the Space up to date.

    Args:
        repo_id: of the Space, "owner/name"; created if it doesn't exist.
        model: the repo of the model that it serves.
        revision: the model's commit, tag or branch; the Space is pinned to the commit.

    Returns:
        The address of the Space.

    Raises:
        HubError: as in `push_model`, or if there is no such model.
    """
    api = _logged_in_api(repo_id)
    with _explained(model, PUSH_TIMEOUT):
        commit = _find_commit(model, revision, PUSH_TIMEOUT)
    operations = [CommitOperationAdd(name, content) for name, content in space_files(model, commit).items()]
    with _explained(repo_id, PUSH_TIMEOUT):
        api.create_repo(repo_id, repo_type="space", space_sdk="gradio", exist_ok=True)
        present = {name: variable.value for name, variable in api.get_space_variables(repo_id).items()}
        for name, value in {"MODEL_REPO": model, "MODEL_REVISION": commit}.items():
            if present.get(name) != value:  # each change restarts the Space
                api.add_space_variable(repo_id, name, value)
        api.create_commit(repo_id, operations, commit_message=f"Serve {model} at {commit[:7]}", repo_type="space")
    return f"{constants.ENDPOINT}/spaces/{repo_id}"


def space_files(model: str, commit: str) -> dict[str, bytes]:
    """The files of a Space and their content: app.py, what it imports of this project, and what those modules read.

    The front matter of README.md gains the model, so that it is in the Space's image before the app starts.
    """
    finder = ModuleFinder([str(ROOT)])  # finds nothing but the project's own modules
    finder.run_script(str(ROOT / "app.py"))
    modules = filter(None, (getattr(module, "__file__", None) for module in finder.modules.values()))
    names = {Path(module).relative_to(ROOT) for module in modules}
    names |= {Path("requirements.txt"), Path("LICENSE")}
    names |= {Path("mnist_cnn", "pretrained", name) for name in PULLED_FILES}
    names |= {path.relative_to(ROOT) for path in (ROOT / "mnist_cnn" / "static").glob("*")}
    card = SpaceCard.load(ROOT / "README.md")
    card.data["models"] = [model]
    card.data["preload_from_hub"] = [f"{model} {','.join(PULLED_FILES)} {commit}"]
    files = {name.as_posix(): (ROOT / name).read_bytes() for name in sorted(names)}
    return files | {"README.md": str(card).encode()}


def cached_models(repo_id: str) -> list[Path]:
    """The intact snapshots of a model in the Hub's cache, the newest download first."""
    folders = _snapshots(repo_id).glob("*")
    return sorted(filter(_is_whole, folders), key=lambda folder: folder.stat().st_mtime, reverse=True)


def check_dataset(repo_id: str, revision: str | None = None) -> None:
    """Fail within `PULL_DEADLINE` if the Hub doesn't let a data set be had; `datasets` itself tries for minutes.

    Raises:
        HubError: if there is no such data set, or the Hub refuses or doesn't answer.
    """
    url = huggingface_hub.hf_hub_url(repo_id, "README.md", repo_type="dataset", revision=revision)
    with _explained(repo_id, PULL_DEADLINE), suppress(EntryNotFoundError):
        huggingface_hub.get_hf_file_metadata(url, timeout=PULL_DEADLINE)


def _logged_in_api(repo_id: str) -> HfApi:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id):
        raise HubError(f"{repo_id!r} is no name of a repo on the Hub. Write owner/name.")
    if not huggingface_hub.get_token():
        raise HubError("Not logged in to the Hub. Run `hf auth login`, or set HF_TOKEN to a token that may write.")
    # The client sets no limit of its own to most of its requests.
    huggingface_hub.get_session().timeout = PUSH_TIMEOUT
    return HfApi()


def _tag(api: HfApi, repo_id: str, tag: str, commit: str) -> None:
    """Tag a commit; a tag that marks it already is as good."""
    api.create_tag(repo_id, tag=tag, revision=commit, exist_ok=True)
    marked = next(ref.target_commit for ref in api.list_repo_refs(repo_id).tags if ref.name == tag)
    if marked != commit:
        raise HubError(f"Pushed as commit {commit}, but the tag {tag} marks commit {marked} already. Push a new tag.")


def _find_commit(repo_id: str, revision: str | None, timeout: float) -> str:
    """Ask the Hub which commit of a model a revision is; unlike a download, this fails at once."""
    url = huggingface_hub.hf_hub_url(repo_id, PULLED_FILES[0], revision=revision)
    return huggingface_hub.get_hf_file_metadata(url, timeout=timeout).commit_hash or ""


def _download(repo_id: str, revision: str | None, timeout: float) -> Path:
    commit = _find_commit(repo_id, revision, timeout)
    paths = [Path(huggingface_hub.hf_hub_download(repo_id, name, revision=commit)) for name in PULLED_FILES]
    if damaged := [path for path in paths if not _is_intact(path)]:
        for path in damaged:
            path.resolve().unlink()
        raise HubError(f"{repo_id} was damaged on its way from the Hub. Try again.")
    return paths[0].parent


def _snapshots(repo_id: str) -> Path:
    return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo_id, repo_type="model"), "snapshots")


def _is_whole(snapshot: Path) -> bool:
    return all(_is_intact(snapshot / name) for name in PULLED_FILES)


def _is_intact(path: Path) -> bool:
    """Compare a cached file with its hash, the name of its blob: sha256 from LFS, git's sha1 otherwise."""
    if not path.is_file():
        return False
    content, blob = path.read_bytes(), path.resolve().name
    hashes = hashlib.sha256(content), hashlib.sha1(b"blob %d\0" % len(content) + content)
    # A cache without symbolic links keeps no hashes.
    return blob == path.name or blob in [digest.hexdigest() for digest in hashes]


def _within(seconds: float, function: Callable[[], Result]) -> Result:
    """Call a function that may never return, and give it up after a time.

    It goes on in a daemon thread, which doesn't keep the process from ending; a download that is merely slow arrives
    in the cache in the end.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # all of them cross over to the caller's thread
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(timeout=seconds)


@contextmanager
def _explained(repo_id: str, patience: float) -> Iterator[None]:
    """Turn what the Hub's client raises into a `HubError`."""
    try:
        yield
    except (OSError, httpx2.HTTPError, ValueError, RuntimeError) as error:
        raise HubError(_explanation(error, repo_id, patience)) from error


def _explanation(error: BaseException, repo_id: str, patience: float) -> str:
    """One sentence on what went wrong and one on what to do, from the class and the status of an error."""
    hub = constants.ENDPOINT
    # The client wraps some errors in others that say less.
    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__:
        return _explanation(error.__cause__, repo_id, patience)
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no {repo_id} on {hub}, or it is private. Check the name, or log in with `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} has no such revision. Name a commit, a tag or a branch that {hub}/{repo_id} lists."
    if isinstance(error, EntryNotFoundError):
        return f"{repo_id} is no model of this project: it lacks one of {', '.join(PULLED_FILES)}."
    if isinstance(error, OfflineModeIsEnabled):
        return f"{repo_id} was not asked for, since HF_HUB_OFFLINE is set. Unset it."
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return f"The Hub at {hub} didn't answer within {patience:g} s. Try again later."
    if isinstance(error, httpx2.TransportError):
        return f"The Hub at {hub} can't be reached. Check the network, then try again."
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == 401:
        return f"The Hub doesn't accept the token for {repo_id}. Log in with `hf auth login`, or set HF_TOKEN anew."
    if status == 402:
        return (
            f"The Hub makes {repo_id} only for a paid account (PRO, Team or Enterprise). Subscribe at {hub}/pricing, "
            "or name an owner who has."
        )
    if status == 403:
        return f"The token has no right to {repo_id}. Make one that may write at {hub}/settings/tokens."
    if status == 429:
        return "The Hub gets too many requests from here. Wait a few minutes, then try again."
    if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
        return f"The Hub refused {repo_id} (HTTP {status}): {error.server_message or 'it gave no reason'}"
    if status:
        return f"The Hub failed (HTTP {status}). Try again later."
    if isinstance(error, OSError) and error.strerror:
        return f"Files can't be used here: {error.strerror}. Check the folder, and HF_HOME, where the Hub's cache is."
    if "Consistency check failed" in str(error):
        return f"{repo_id} came incomplete from the Hub. Try again."
    return str(error).strip().partition("\n")[0]


def main(arguments: list[str] | None = None) -> None:
    """Push a model folder or deploy a Space, from the command line."""
    parser = argparse.ArgumentParser(prog="python -m mnist_cnn.hub", description="Publish on the Hugging Face Hub.")
    commands = parser.add_subparsers(required=True)
    push = commands.add_parser("push", help="upload a model folder in one commit")
    push.add_argument("folder", type=Path)
    push.add_argument("repo_id", metavar="owner/name")
    push.add_argument("--private", action="store_true", help="create the repo as a private one")
    push.add_argument("--tag", help="tag the commit, for instance v1")
    push.add_argument("--revision", metavar="BRANCH", help="commit to this branch")
    push.set_defaults(run=push_model)
    deploy = commands.add_parser("deploy", help="upload the page to a Space that serves a model from the Hub")
    deploy.add_argument("repo_id", metavar="owner/space")
    deploy.add_argument("--model", metavar="owner/name", required=True)
    deploy.add_argument("--revision", default="main", help="the model's commit, tag or branch (default: %(default)s)")
    deploy.add_argument("--dry-run", action="store_true", help="list the files, and ask nothing of the Hub")
    deploy.set_defaults(run=_deploy)
    options = vars(parser.parse_args(arguments))
    try:
        print(options.pop("run")(**options))
    except HubError as error:
        sys.exit(f"error: {error}")


def _deploy(repo_id: str, model: str, revision: str, dry_run: bool) -> str:
    if not dry_run:
        return deploy_space(repo_id, model, revision)
    files = [f"{len(content):>9,} {name}" for name, content in space_files(model, revision).items()]
    return "\n".join([*files, f"MODEL_REPO={model}", f"MODEL_REVISION={revision}"])


if __name__ == "__main__":
    main()
