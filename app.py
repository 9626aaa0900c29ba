"""Serve the page that reads handwritten digits: python app.py, or as a Space on Hugging Face."""

import argparse
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mnist_cnn.errors import MnistCnnError
from mnist_cnn.images import IMAGE_SHAPE
from mnist_cnn.web.limits import STOP_SECONDS
from mnist_cnn.web.logs import configure_logging
from mnist_cnn.web.memory import avoid_fragments
from mnist_cnn.web.model_source import ModelHolder

logger = logging.getLogger("mnist_cnn.app")


def parse_arguments() -> argparse.Namespace:
    """Read the command line; the environment gives the defaults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        default=os.environ.get("MODEL_REPO") or None,
        help="a model folder or a repo on the Hub (default: $MODEL_REPO, else the model that comes with this program)",
    )
    parser.add_argument(
        "--revision",
        default=os.environ.get("MODEL_REVISION") or None,
        help="the repo's commit, tag or branch (default: $MODEL_REVISION, else its main branch)",
    )
    parser.add_argument("--host", help="address to listen on (default: $GRADIO_SERVER_NAME, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: $GRADIO_SERVER_PORT, else 7860)")
    parser.add_argument(
        "--feedback",
        type=Path,
        default=os.environ.get("FEEDBACK_FOLDER") or Path("." if os.access(".", os.W_OK) else Path.home(), "feedback"),
        help="folder for the visitors' corrections (default: $FEEDBACK_FOLDER, else feedback, here or at home)",
    )
    parser.add_argument(
        "--feedback-repo",
        default=os.environ.get("FEEDBACK_REPO") or None,
        help="data set on the Hub to push them to (default: $FEEDBACK_REPO, else none)",
    )
    return parser.parse_args()


def main() -> None:
    """Load the model, build the page and serve it until the process is stopped."""
    arguments = parse_arguments()
    avoid_fragments()
    configure_logging()
    with ThreadPoolExecutor(1) as other_core:
        loading = other_core.submit(ModelHolder.load, arguments.model, arguments.revision)
        # Importing Gradio takes two seconds; the model is compiled meanwhile.
        from mnist_cnn.web.feedback import Feedback
        from mnist_cnn.web.gate import GateState
        from mnist_cnn.web.page import build_page, launch

        try:
            models = loading.result()
        except MnistCnnError as error:
            print(error, file=sys.__stderr__)  # sys.stderr is the log
            sys.exit(2)
    served = models.served
    logger.log(logging.WARNING if served.fallback_reason else logging.INFO, "Reads with %s", served.description)
    models.keep_current()
    # Compiled while the first visitor draws; answers don't wait for it.
    blank = np.zeros(IMAGE_SHAPE, np.uint8)
    threading.Thread(target=served.classifier.explain, args=(blank, 0, 1)).start()
    feedback = Feedback(arguments.feedback, arguments.feedback_repo)
    gate = GateState()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # how a Space is stopped
    try:
        page = build_page(models, feedback)
        launch(page, gate, lambda: (models.find_problem(), feedback.waiting), host=arguments.host, port=arguments.port)
    except OSError as error:  # the port is taken
        print(f"The server can't start: {error}", file=sys.__stderr__)
        sys.exit(2)
    finally:
        gate.stop(STOP_SECONDS)
        feedback.close()


if __name__ == "__main__":
    main()
