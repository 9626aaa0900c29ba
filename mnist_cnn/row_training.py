"""Train the network that reads rows of digits as a whole, and write its weights.

python -m mnist_cnn.row_training --output FILE [--dataset FOLDER] [--resume]
"""

import argparse
import sys
from pathlib import Path

from mnist_cnn.errors import MnistCnnError, WriteError
from mnist_cnn.network import save_row_weights
from mnist_cnn.training import MNIST_REPO, STEPS, load_mnist, make_strips, read_strips, train_row_network

STRIPS = 160_000
UNSEEN = 2_000  # strips of the validation split's digits, to measure on


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--dataset", default=MNIST_REPO, help="data set on the Hub, or a local folder (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, required=True, help="new file for the weights")
    parser.add_argument("--strips", type=int, default=STRIPS, help="to learn from (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="continue a run that was killed")
    arguments = parser.parse_args()
    checkpoint = arguments.output.with_name(arguments.output.name + ".checkpoint.npz")
    if problem := _find_problem(arguments.output, checkpoint, resume=arguments.resume):
        parser.error(problem)
    if min(arguments.strips, arguments.steps) < 1 or arguments.seed < 0:
        parser.error("--strips and --steps must be at least 1, and --seed at least 0.")
    try:
        _train(arguments, checkpoint)
    except MnistCnnError as error:
        sys.exit(f"{error}")


def _find_problem(output: Path, checkpoint: Path, *, resume: bool) -> str | None:
    """Return why a run can't start without losing earlier work, or can't be resumed; None if it can."""
    if output.exists():
        return f"{output} exists already, and trained weights are never overwritten: name a new file."
    if checkpoint.exists() and not resume:
        return f"{checkpoint} is left from a run that was killed: continue it with --resume, or delete it."
    if resume and not checkpoint.exists():
        return f"{checkpoint} doesn't exist, so there is no run to resume: leave out --resume."
    return None


def _train(arguments: argparse.Namespace, checkpoint: Path) -> None:
    mnist = load_mnist(arguments.dataset)
    print(f"Drawing {arguments.strips} strips; 100,000 of them take a few minutes.")
    strips = make_strips(arguments.strips, arguments.seed, mnist.train)
    weights = train_row_network(strips, arguments.seed, checkpoint, arguments.steps)
    try:
        save_row_weights(weights, arguments.output)
    except OSError as error:
        raise WriteError(f"{arguments.output} can't be written ({error.strerror}): see to it, and --resume.") from error
    checkpoint.unlink(missing_ok=True)
    right = read_strips(weights, make_strips(UNSEEN, arguments.seed + 1, mnist.val))
    print(f"{right:.2%} of {UNSEEN} other strips were read right as a whole. The weights are in {arguments.output}.")


if __name__ == "__main__":
    main()
