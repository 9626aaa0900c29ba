"""Train the digit reader, measure it, write it as a model repository on the Hub is laid out, and push it there.

python train.py --output models/mine --push-to-hub owner/name
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from mnist_cnn import hub
from mnist_cnn.checkpoint import CHECKPOINT_FILE
from mnist_cnn.data import Mnist, concatenate, load_corrections, load_mnist
from mnist_cnn.distribution import abandon, is_first_process, join_hosts
from mnist_cnn.evaluation import DRAWINGS, measure
from mnist_cnn.model import save_model
from mnist_cnn.training import Epoch, TrainConfig, best_epoch, train

# 99.0 % on the validation part, in little more than a minute on two cores: small steps, and augmentation that ends.
QUICK = TrainConfig(
    epochs=2,
    batch_size=64,
    self_distillation=0.0,
    average_decay=0.995,
    last_strength=0.0,
    drawn_digits=0,
    traced_digits=0,
    nondigits=0,
)

if TYPE_CHECKING:
    import keras  # at run time the package comes first, which chooses Keras's backend


def parse_arguments() -> argparse.Namespace:
    """Read the command line; every field of `TrainConfig` is an option."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--dataset", default="ylecun/mnist", help="on the Hub, or a local folder (default: %(default)s)"
    )
    parser.add_argument("--revision", help="commit, branch or tag of the data set on the Hub")
    parser.add_argument(
        "--extra-data", help="corrections by visitors, a folder or a data set on the Hub, to learn from too"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("models/mnist-cnn"), help="new folder (default: %(default)s)"
    )
    parser.add_argument(
        "--push-to-hub", metavar="OWNER/NAME", help="upload the model to this repository when it is done"
    )
    parser.add_argument("--private", action="store_true", help="make the repository a private one")
    parser.add_argument("--tag", help="name of the release, such as v1")
    parser.add_argument(
        "--drawings", type=int, default=DRAWINGS, help="digits drawn to measure on (default: %(default)s)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a run that was killed")
    parser.add_argument("--force", action="store_true", help="replace the folder, once the new model is whole")
    parser.add_argument("--quick", action="store_true", help="a first model in a minute or two: other defaults")
    hosts = parser.add_argument_group(
        "several hosts", "The same command on each; a cluster's environment may tell these."
    )
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 listens")
    hosts.add_argument("--num-processes", type=int, help="how many there are")
    hosts.add_argument("--process-id", type=int, help="which one this is, from 0")
    for field in dataclasses.fields(TrainConfig):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(field.default), default=field.default, help="(default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.quick:  # an option that is given counts all the same
        parser.set_defaults(**dataclasses.asdict(QUICK))
        arguments = parser.parse_args()
    if not arguments.push_to_hub and (arguments.private or arguments.tag):
        parser.error("--private and --tag go with --push-to-hub.")
    if arguments.process_id in (None, 0) and (problem := find_problem(arguments)):  # the other processes write nothing
        parser.error(problem)
    return arguments


def find_problem(arguments: argparse.Namespace) -> str | None:
    """Return why the run can't begin without losing what an earlier one has written, or can't go on with it."""
    partial = partial_folder(arguments.output)
    if arguments.output.exists() and not arguments.force:
        return (
            f"{arguments.output} exists already, and a trained model is never overwritten: name a new folder, or "
            "replace it with --force."
        )
    if partial.exists() and not (arguments.resume or arguments.force):
        return f"{partial} is left from a run that was killed: go on with it with --resume, or start anew with --force."
    if arguments.resume and not partial.exists():
        return f"{partial} isn't there, so there is no run to go on with: leave --resume out."
    return None


def main() -> None:
    # XLA's new library of CPU kernels makes a step a quarter slower, three times so when the cores have other work.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    arguments = parse_arguments()
    config = TrainConfig(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(TrainConfig)})
    partial = partial_folder(arguments.output)
    try:
        if arguments.coordinator or arguments.num_processes:
            join_hosts(arguments.coordinator, arguments.num_processes, arguments.process_id)
        if is_first_process() and not arguments.resume:  # with --force, or find_problem would have stopped it
            shutil.rmtree(partial, ignore_errors=True)
        mnist = load_mnist(arguments.dataset, arguments.revision)
        if arguments.extra_data:
            mnist = mnist._replace(train=concatenate(mnist.train, load_corrections(arguments.extra_data)))
        model, history = train(config, mnist.train, mnist.val, partial / CHECKPOINT_FILE)
    except ValueError as error:
        if jax.process_count() > 1:
            abandon(f"{error}")
        sys.exit(f"{error}")
    except (jax.errors.JaxRuntimeError, KeyboardInterrupt) as error:
        if jax.process_count() == 1:
            raise
        reason = "This host was interrupted" if isinstance(error, KeyboardInterrupt) else "Another host was lost"
        abandon(f"{reason}: start all of them again, with --resume. {error}")
    if not is_first_process():
        return
    if len(history) < config.epochs:
        print(f"Stopped in epoch {len(history)} of {config.epochs}; the best epoch so far is kept.")

    run = {
        "command": shlex.join(["python", *sys.argv]),
        "seed": config.seed,
        "hardware": f"{count_cores()} CPU cores, {platform.machine()}",
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "jax", "numpy", "datasets")},
        "config": dataclasses.asdict(config),
        "dataset": {
            "source": arguments.dataset,
            "revision": arguments.revision,
            "extra": arguments.extra_data,
            **{name: len(split.labels) for name, split in mnist._asdict().items()},
        },
        "train_seconds": round(sum(row.seconds for row in history), 1),
        "best_epoch": best_epoch(history).epoch,
    }
    metrics = save(arguments.output, model, history, mnist, run, arguments.drawings)
    print(f"{metrics['test']['accuracy']:.2%} of the test images read right. The model is in {arguments.output}.")
    if arguments.push_to_hub:
        push(arguments)


def count_cores() -> int | None:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def partial_folder(folder: Path) -> Path:
    """Where a run keeps its checkpoint, and puts the model together."""
    return folder.with_name(folder.name + ".partial")


def save(
    folder: Path, model: "keras.Model", history: list[Epoch], mnist: Mnist, run: dict[str, Any], drawings: int
) -> dict[str, Any]:
    """Write the model folder; under another name first, so that a folder of this name is always a whole one."""
    partial = partial_folder(folder)
    save_model(model, partial)
    (partial / "history.json").write_text(json.dumps([row._asdict() for row in history], indent=1) + "\n")
    metrics = measure(partial, model, mnist, run, drawings)
    replaced = folder.with_name(folder.name + ".replaced")
    if folder.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        folder.rename(replaced)
    partial.rename(folder)
    (folder / CHECKPOINT_FILE).unlink()
    shutil.rmtree(replaced, ignore_errors=True)
    return metrics


def push(arguments: argparse.Namespace) -> None:
    """Upload the model folder, which stays as it is whatever the Hub says."""
    try:
        url = hub.push_model(arguments.output, arguments.push_to_hub, private=arguments.private, tag=arguments.tag)
    except hub.HubError as error:
        sys.exit(f"{error}")
    print(f"Pushed: {url}")


if __name__ == "__main__":
    main()
