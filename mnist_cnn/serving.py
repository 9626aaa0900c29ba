"""Which model serves: the one asked for, or, whatever the Hub does, another that is known to read digits.

In this order: a pinned commit in the cache, the Hub within a deadline, the last good model in the cache, the bundled
model. What came over the network serves only after it has read known digits.
"""

import logging
import threading
from functools import cache
from pathlib import Path

import numpy as np

from mnist_cnn import handwriting, hub
from mnist_cnn.inference import Classifier
from mnist_cnn.preprocessing import NUM_CLASSES, to_mnist

REFRESH_SECONDS = 60.0  # between two looks for a new revision
KNOWN_DIGITS_TO_READ = 8  # of ten; a network with the wrong weights gets there once in three million times

logger = logging.getLogger(__name__)


def load_classifier(source: str | None, revision: str | None = None) -> Classifier:
    """Load the model to serve; its `fallback_reason` says why it isn't the one that was asked for, if it isn't.

    Args:
        source: a folder, or a repository on the Hub; None for the bundled model.
        revision: a commit, branch or tag of the repository.

    Raises:
        ValueError: if `source` is a folder without a model.
    """
    if source is None or Path(source).is_dir():
        return Classifier.from_pretrained(source)
    pulled = None
    try:
        pulled = hub.pull_model(source, revision)
        return _load_checked(pulled, source)
    except (hub.HubError, ValueError) as error:
        reason = f"{source} was asked for. {error}"
    classifier = _last_good(source, except_for=pulled) or Classifier.from_pretrained()
    classifier.fallback_reason = reason
    return classifier


def keep_current(classifier: Classifier, source: str | None, revision: str | None = None) -> threading.Event:
    """Look for the model that was asked for, or its new revision, from time to time, and take it up without a restart.

    It does nothing where nothing can change: a folder, the bundled model, or a commit that serves already.

    Args:
        classifier: what `load_classifier` returned.
        source: as given to `load_classifier`.
        revision: as given to `load_classifier`.

    Returns:
        An event that ends it when set.
    """
    stop = threading.Event()
    if source is not None and not Path(source).is_dir():
        threading.Thread(target=_keep_current, args=(classifier, source, revision, stop), daemon=True).start()
    return stop


def find_problem(classifier: Classifier) -> str | None:
    """Say what is wrong with a classifier, None if nothing is: it has to read digits that are known."""
    right = int((classifier.read(_known_digits()).argmax(axis=1) == np.arange(NUM_CLASSES)).sum())
    return None if right >= KNOWN_DIGITS_TO_READ else f"reads only {right} of {NUM_CLASSES} known digits."


@cache
def _known_digits() -> np.ndarray:
    """A digit of each kind, as the network takes them, shape (10, 28, 28, 1)."""
    strokes = [handwriting.sample_strokes(digit, np.random.default_rng(digit)) for digit in range(NUM_CLASSES)]
    return np.stack([to_mnist(handwriting.render(digit, size=112, pen_width=8)) for digit in strokes])


def _keep_current(classifier: Classifier, source: str, revision: str | None, stop: threading.Event) -> None:
    refused: set[Path] = set()
    failure = ""
    while (classifier.fallback_reason or classifier.revision != revision) and not stop.wait(REFRESH_SECONDS):
        try:
            folder = hub.pull_model(source, revision)
            if folder.name == classifier.revision:
                classifier.fallback_reason = None
            elif folder not in refused:
                classifier.take_up(_load_checked(folder, source))
                logger.info("Took up %s", classifier.description)
            failure = ""
        except ValueError as error:
            refused.add(folder)
            logger.warning("Not taken up: %s", error)
        except hub.HubError as error:
            if str(error) != failure:  # once, not every minute
                failure = str(error)
                logger.warning("No look at new revisions: %s", error)


def _last_good(source: str, except_for: Path | None) -> Classifier | None:
    for folder in hub.cached_models(source):
        if folder != except_for:
            try:
                return _load_checked(folder, source)
            except ValueError as error:
                logger.warning("Passed over: %s", error)
    return None


def _load_checked(folder: Path, source: str) -> Classifier:
    """Load what was pulled from the Hub.

    Raises:
        ValueError: if it is no model that fits, or doesn't read digits.
    """
    name = f"{source} at revision {folder.name[:7]}"
    try:
        classifier = Classifier(folder, source, folder.name)
    except ValueError as error:  # visitors read it: neither the server's folders nor more than a line
        raise ValueError(str(error).replace(str(folder), name).partition("\n")[0]) from error
    problem = find_problem(classifier)
    if problem:
        raise ValueError(f"{name} {problem}")
    return classifier
