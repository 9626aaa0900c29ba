"""Whether the server is well: its model has to read digits that are known."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from starlette.responses import JSONResponse, Response

from mnist_cnn.handwriting import render, sample_strokes
from mnist_cnn.inference import NUM_CLASSES, Classifier, Prepared, prepare

KNOWN_DIGITS_TO_READ = 8  # of ten; a network with the wrong weights gets there once in three million tries


class Waiting(NamedTuple):
    """The corrections that are on disk here and not on the Hub.

    Attributes:
        waiting: how many they are.
        error: why the last attempt to push them failed, None if it didn't.
    """

    waiting: int
    error: str | None


Health = tuple[str | None, Waiting]  # what is wrong, None if nothing is; the corrections that wait


def find_problem(classifier: Classifier) -> str | None:
    """Return what is wrong with a model as the end of a sentence, None if nothing is."""
    readings = classifier.read_prepared(_known_digits())
    right = sum(reading.digit == digit for digit, reading in enumerate(readings))
    return None if right >= KNOWN_DIGITS_TO_READ else f"reads only {right} of {NUM_CLASSES} known digits."


def build_health_response(problem: str | None, corrections: Waiting | None = None) -> Response:
    """Build the answer to GET /health: 200 if there is no problem, else 503 and the problem.

    Args:
        problem: what is wrong with the server, None if nothing is.
        corrections: those that wait, which is no problem of the server's; None if nobody asked for them.
    """
    content: dict[str, Any] = {"status": "failing", "error": problem} if problem else {"status": "ok"}
    if corrections is not None:
        content["corrections"] = corrections._asdict()
    return JSONResponse(content, status_code=503 if problem else 200, headers={"Cache-Control": "no-store"})


@cache
def _known_digits() -> list[Prepared]:
    """One digit of each class, prepared for the network."""
    strokes = [sample_strokes(digit, np.random.default_rng(digit)) for digit in range(NUM_CLASSES)]
    return [prepare(render(digit, size=112, pen_width=8)) for digit in strokes]
