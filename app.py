"""Serve the page that reads handwritten digits: python app.py, or as a Space on Hugging Face."""

import argparse
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from mnist_cnn.limits import STOP_SECONDS
from mnist_cnn.logs import configure_logging
from mnist_cnn.preprocessing import IMAGE_SHAPE
from mnist_cnn.serving import find_problem, keep_current, load_classifier

logger = logging.getLogger("mnist_cnn.app")


def parse_arguments() -> argparse.Namespace:
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
        help="folder that keeps the visitors' corrections (default: $FEEDBACK_FOLDER, else feedback, here or at home)",
    )
    parser.add_argument(
        "--feedback-repo",
        default=os.environ.get("FEEDBACK_REPO") or None,
        help="data set on the Hub that they are pushed to (default: $FEEDBACK_REPO, else none)",
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    configure_logging()
    with ThreadPoolExecutor(1) as other_core:
        loading = other_core.submit(load_classifier, arguments.model, arguments.revision)
        # Gradio takes two seconds, in which the model is compiled.
        from mnist_cnn.feedback import Feedback
        from mnist_cnn.gate import GateState
        from mnist_cnn.ui import build_demo, launch

        classifier = loading.result()
    logger.log(logging.WARNING if classifier.fallback_reason else logging.INFO, "Reads with %s", classifier.description)
    keep_current(classifier, arguments.model, arguments.revision)
    # Compiled while the first visitor draws; answers don't wait for it.
    threading.Thread(target=classifier.explain, args=(np.zeros(IMAGE_SHAPE, np.uint8), 0, 1), daemon=True).start()
    feedback = Feedback(arguments.feedback, arguments.feedback_repo)
    gate = GateState()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as a Space is stopped
    try:
        demo = build_demo(classifier, feedback)
        launch(demo, gate, check=partial(find_problem, classifier), host=arguments.host, port=arguments.port)
    finally:
        gate.stop(STOP_SECONDS)
        feedback.close()


if __name__ == "__main__":
    main()
