"""The demo page as a Space on the Hub."""

from modulefinder import ModuleFinder
from pathlib import Path

from huggingface_hub import CommitOperationAdd, SpaceCard, constants

from mnist_cnn.hub.models import PULLED_FILES, find_commit
from mnist_cnn.hub.network_limits import PUSH_TIMEOUT, open_for_upload

ROOT = Path(__file__).parents[2]  # of the checkout, whose files make up the Space
PAGE_PICTURE = "mnist_cnn/web/static/page.png"  # what links to the Space show


def deploy_space(repo_id: str, model: str, revision: str) -> str:
    """Upload the page to a Gradio Space that serves a model from the Hub, and return the Space's address.

    Deploying again brings the Space up to date.

    Args:
        repo_id: the Space, "owner/name"; created if it doesn't exist.
        model: the repo of the model to serve, "owner/name".
        revision: the model's commit, tag or branch; the Space is pinned to the commit that it names now.

    Returns:
        The URL of the Space.

    Raises:
        HubError: if there is no such model, nobody is logged in, or the Hub refuses or doesn't answer.
    """
    with open_for_upload(repo_id) as api:
        commit = find_commit(model, revision, PUSH_TIMEOUT)
        operations = [
            CommitOperationAdd(name, content) for name, content in space_files(repo_id, model, commit).items()
        ]
        api.create_repo(repo_id, repo_type="space", space_sdk="gradio", exist_ok=True)
        present = {name: variable.value for name, variable in api.get_space_variables(repo_id).items()}
        for name, value in {"MODEL_REPO": model, "MODEL_REVISION": commit}.items():
            if present.get(name) != value:  # setting a variable restarts the Space
                api.add_space_variable(repo_id, name, value)
        api.create_commit(repo_id, operations, commit_message=f"Serve {model} at {commit[:7]}", repo_type="space")
    return f"{constants.ENDPOINT}/spaces/{repo_id}"


def space_files(repo_id: str, model: str, commit: str) -> dict[str, bytes]:
    """Return the files of a Space: app.py, the modules it imports from this project, and the data that they read.

    The front matter of README.md lists the model under `preload_from_hub`, so that the Hub builds it into the Space's
    image: https://huggingface.co/docs/hub/spaces-config-reference.

    Args:
        repo_id: the Space, "owner/name", whose thumbnail is the picture of the page among its files.
        model: the repo of the model to serve, "owner/name".
        commit: the model's commit.

    Returns:
        The content of each file by its path in the Space.
    """
    finder = ModuleFinder([str(ROOT)])  # sees the project's own modules and no others
    finder.run_script(str(ROOT / "app.py"))
    paths = {Path(file) for module in finder.modules.values() if (file := getattr(module, "__file__", None))}
    paths |= {ROOT / "requirements.txt", ROOT / "LICENSE"}
    paths |= {ROOT / "mnist_cnn" / "pretrained" / name for name in PULLED_FILES}
    paths.add(ROOT / "mnist_cnn" / "network" / "rows.weights.h5")
    paths |= set((ROOT / "mnist_cnn" / "web" / "static").iterdir())
    card = SpaceCard.load(ROOT / "README.md")
    card.data["thumbnail"] = f"{constants.ENDPOINT}/spaces/{repo_id}/resolve/main/{PAGE_PICTURE}"
    card.data["models"] = [model]
    card.data["preload_from_hub"] = [f"{model} {','.join(PULLED_FILES)} {commit}"]
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(paths)}
    return files | {"README.md": str(card).encode()}
