"""Train the digit reader, measure it, write it to a folder in the layout of the Hub, and push it there.

python train.py --output models/mine --push-to-hub owner/name
"""

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

import jax

from mnist_cnn.errors import HubError, MnistCnnError
from mnist_cnn.hub import push_model
from mnist_cnn.training import (
    DRAWINGS,
    MNIST_REPO,
    QUICK,
    TrainConfig,
    abandon,
    checkpoint_file,
    concatenate,
    describe_run,
    find_problem,
    is_first_process,
    join_hosts,
    load_corrections,
    load_mnist,
    measure,
    option_name,
    partial_folder,
    train,
    write_model,
)


def parse_arguments() -> argparse.Namespace:
    """Return the command-line arguments; every field of `TrainConfig` is an option."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--dataset", default=MNIST_REPO, help="data set on the Hub, or a local folder (default: %(default)s)"
    )
    parser.add_argument("--revision", help="commit, branch or tag of the data set on the Hub")
    parser.add_argument(
        "--extra-data", help="visitors' corrections to learn from as well: a folder, or a data set on the Hub"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("models/mnist-cnn"), help="new folder (default: %(default)s)"
    )
    parser.add_argument("--push-to-hub", metavar="OWNER/NAME", help="upload the finished model to this repository")
    parser.add_argument("--private", action="store_true", help="create the repository as a private one")
    parser.add_argument("--tag", help="name of the release, such as v1")
    parser.add_argument(
        "--drawings", type=int, default=DRAWINGS, help="number of digits to draw and measure on (default: %(default)s)"
    )
    parser.add_argument("--resume", action="store_true", help="continue a run that was killed")
    parser.add_argument("--force", action="store_true", help="replace the folder once the new model is complete")
    parser.add_argument(
        "--quick", action="store_true", help="train a first model in a minute or two: other defaults for what follows"
    )
    hosts = parser.add_argument_group(
        "several hosts", "Run the same command on each. A cluster's environment may provide these options."
    )
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="address that process 0 listens on")
    hosts.add_argument("--num-processes", type=int, help="number of processes")
    hosts.add_argument("--process-id", type=int, help="number of this process, from 0")
    for field in dataclasses.fields(TrainConfig):
        parser.add_argument(
            option_name(field.name), type=type(field.default), default=field.default, help="(default: %(default)s)"
        )
    arguments = parser.parse_args()
    if arguments.quick:  # options that are given still count
        parser.set_defaults(**dataclasses.asdict(QUICK))
        arguments = parser.parse_args()
    if not arguments.push_to_hub and (arguments.private or arguments.tag):
        parser.error("--private and --tag need --push-to-hub.")
    if arguments.process_id in (None, 0):  # the other processes write nothing
        problem = find_problem(arguments.output, resume=arguments.resume, force=arguments.force)
        if problem:
            parser.error(problem)
    return arguments


def main() -> None:
    """Run the command line."""
    arguments = parse_arguments()
    try:
        train_model(arguments)
    except MnistCnnError as error:
        if jax.process_count() > 1:
            abandon(f"{error}")
        sys.exit(f"{error}")
    except (jax.errors.JaxRuntimeError, KeyboardInterrupt) as error:
        if jax.process_count() == 1:
            raise
        reason = "This host was interrupted" if isinstance(error, KeyboardInterrupt) else "Another host was lost"
        abandon(f"{reason}: start all of them again, with --resume. {error}")
    if arguments.push_to_hub and is_first_process():
        push(arguments)


def train_model(arguments: argparse.Namespace) -> None:
    """Train, measure and write the model; processes other than the first only train."""
    config = TrainConfig(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(TrainConfig)})
    if arguments.coordinator or arguments.num_processes:
        join_hosts(arguments.coordinator, arguments.num_processes, arguments.process_id)
    if is_first_process() and not arguments.resume:  # find_problem has ruled out a loss
        shutil.rmtree(partial_folder(arguments.output), ignore_errors=True)
    mnist = load_mnist(arguments.dataset, arguments.revision)
    if arguments.extra_data:
        mnist = mnist._replace(train=concatenate(mnist.train, load_corrections(arguments.extra_data)))
    model, history = train(config, mnist.train, mnist.val, checkpoint_file(arguments.output))
    if not is_first_process():
        return
    if len(history) < config.epochs:
        print(f"Stopped in epoch {len(history)} of {config.epochs}; the best epoch so far is kept.")
    run = describe_run(config, history, mnist, arguments.dataset, arguments.revision, arguments.extra_data)
    measurement = measure(model, mnist, arguments.drawings)
    write_model(arguments.output, model, history, mnist, measurement, run)
    accuracy = measurement.metrics["test"]["accuracy"]
    print(f"{accuracy:.2%} of the test images were read correctly. The model is in {arguments.output}.")


def push(arguments: argparse.Namespace) -> None:
    """Upload the model folder, which stays as it is even if the Hub refuses."""
    try:
        url = push_model(arguments.output, arguments.push_to_hub, private=arguments.private, tag=arguments.tag)
    except HubError as error:
        sys.exit(f"{error}")
    print(f"Pushed: {url}")


if __name__ == "__main__":
    main()
