"""Publish a model or the demo page on the Hugging Face Hub.

python -m mnist_cnn.hub push FOLDER owner/name --tag v1
python -m mnist_cnn.hub deploy owner/space --model owner/name --revision v1
"""

import argparse
import sys
from pathlib import Path

from mnist_cnn.errors import MnistCnnError
from mnist_cnn.hub.models import push_model
from mnist_cnn.hub.spaces import deploy_space, space_files


def main(arguments: list[str] | None = None) -> None:
    """Run one command and print the address of what it published.

    Args:
        arguments: the command line, without the program's name; by default that of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mnist_cnn.hub", description="Publish a model or the demo page on the Hugging Face Hub."
    )
    commands = parser.add_subparsers(required=True)
    push = commands.add_parser("push", help="upload a model folder in one commit")
    push.add_argument("folder", type=Path)
    push.add_argument("repo_id", metavar="owner/name")
    push.add_argument("--private", action="store_true", help="if the repo doesn't exist yet, create it as private")
    push.add_argument("--tag", help="tag the commit, for example as v1")
    push.add_argument("--revision", metavar="BRANCH", help="branch to commit to (default: main)")
    push.set_defaults(run=push_model)
    deploy = commands.add_parser("deploy", help="upload the page to a Space that serves a model from the Hub")
    deploy.add_argument("repo_id", metavar="owner/space")
    deploy.add_argument("--model", metavar="owner/name", required=True, help="repo of the model to serve")
    deploy.add_argument("--revision", default="main", help="the model's commit, tag or branch (default: %(default)s)")
    deploy.add_argument("--dry-run", action="store_true", help="only list the files, without contacting the Hub")
    deploy.set_defaults(run=_deploy)
    options = vars(parser.parse_args(arguments))
    try:
        print(options.pop("run")(**options))
    except MnistCnnError as error:
        sys.exit(f"error: {error}")


def _deploy(repo_id: str, model: str, revision: str, dry_run: bool) -> str:
    if not dry_run:
        return deploy_space(repo_id, model, revision)
    files = [f"{len(content):>9,} {name}" for name, content in space_files(repo_id, model, revision).items()]
    return "\n".join([*files, f"MODEL_REPO={model}", f"MODEL_REVISION={revision}"])


if __name__ == "__main__":
    main()
