"""Which model serves: the one asked for or, whatever the Hub does, another one that is known to read digits.

In this order: a pinned commit in the cache, the Hub within a deadline, the last good model in the cache, the bundled
model. A model that came over the network serves only after it has read known digits.
"""

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_cnn import hub
from mnist_cnn.errors import HubError, ModelError
from mnist_cnn.inference import Classifier, find_folder
from mnist_cnn.web.health import find_problem

REFRESH_SECONDS = 60.0  # between two checks for a new revision

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedModel:
    """A model that serves.

    Attributes:
        classifier: the model.
        fallback_reason: why it serves in place of the one that was asked for; None if it is that one.
    """

    classifier: Classifier
    fallback_reason: str | None = None

    @property
    def description(self) -> str:
        """Which model it is, and why, in a few words for people."""
        reason = f". {self.fallback_reason}" if self.fallback_reason else ""
        return f"{self.classifier.description}{reason}"


class ModelHolder:
    """Holds the model that serves. Another one is taken up by swapping one reference.

    Attributes:
        served: the model that serves now. Whoever needs it twice for one answer keeps a reference of their own.
    """

    def __init__(self, served: ServedModel, source: str | None = None, revision: str | None = None) -> None:
        """Serve a model; `load` tells the other arguments."""
        self.served = served
        self._source = source
        self._revision = revision

    @classmethod
    def load(cls, source: str | None = None, revision: str | None = None) -> "ModelHolder":
        """Load the model that was asked for, or another one in its place.

        Args:
            source: a folder, or a repo on the Hub; None for the bundled model.
            revision: a commit, branch or tag of the repo.

        Raises:
            ModelError: if `source` is a path at which there is no model.
        """
        return cls(_load_model(source, revision), source, revision)

    def find_problem(self) -> str | None:
        """Return what is wrong with the model that serves, None if nothing is."""
        return find_problem(self.served.classifier)

    def keep_current(self) -> threading.Event:
        """Check from time to time for the model that was asked for, or its new revision, and take it up.

        It does nothing where nothing can change: with a folder, the bundled model, or a commit that serves already.

        Returns:
            An event that ends the checks when set.
        """
        stop = threading.Event()
        if self._source is not None and find_folder(self._source) is None:
            threading.Thread(target=self._keep_current, args=(self._source, stop), daemon=True).start()
        return stop

    def _keep_current(self, source: str, stop: threading.Event) -> None:
        refused: set[Path] = set()
        failure = ""
        while self._may_change and not stop.wait(REFRESH_SECONDS):
            try:
                folder = hub.pull_model(source, self._revision)
                if folder not in refused:
                    self._take_up(folder, source)
                failure = ""
            except ModelError as error:
                refused.add(folder)
                logger.warning("Not taken up: %s", error)
            except HubError as error:
                if str(error) != failure:  # once, not every minute
                    failure = str(error)
                    logger.warning("Can't check for new revisions: %s", error)

    @property
    def _may_change(self) -> bool:
        served = self.served
        return served.fallback_reason is not None or served.classifier.revision != self._revision

    def _take_up(self, folder: Path, source: str) -> None:
        """Serve the model in a folder of the Hub's cache, unless it serves already."""
        if folder.name == self.served.classifier.revision:
            self.served = replace(self.served, fallback_reason=None)
        else:
            self.served = ServedModel(_load_checked(folder, source))
            logger.info("Took up %s", self.served.description)


def _load_model(source: str | None, revision: str | None) -> ServedModel:
    if source is None or find_folder(source):
        return ServedModel(Classifier.from_pretrained(source))
    pulled = None
    try:
        pulled = hub.pull_model(source, revision)
        return ServedModel(_load_checked(pulled, source))
    except (HubError, ModelError) as error:
        reason = f"{source} was asked for. {error}"
    return ServedModel(_load_last_good(source, except_for=pulled) or Classifier.from_pretrained(), reason)


def _load_last_good(source: str, except_for: Path | None) -> Classifier | None:
    for folder in hub.cached_models(source):
        if folder != except_for:
            try:
                return _load_checked(folder, source)
            except ModelError as error:
                logger.warning("Passed over: %s", error)
    return None


def _load_checked(folder: Path, source: str) -> Classifier:
    """Load a model that was pulled from the Hub.

    Raises:
        ModelError: if it is no model that fits, or doesn't read digits.
    """
    name = f"{source} at revision {folder.name[:7]}"
    try:
        classifier = Classifier(folder, source, folder.name)
    except ModelError as error:  # visitors read it: it shows neither the server's folders nor more than a line
        raise ModelError(str(error).replace(str(folder), name).partition("\n")[0]) from error
    problem = find_problem(classifier)
    if problem:
        raise ModelError(f"{name} {problem}")
    return classifier
