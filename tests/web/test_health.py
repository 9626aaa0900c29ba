import itertools
import json

import numpy as np
import pytest

from mnist_cnn.inference import Classifier
from mnist_cnn.web.health import KNOWN_DIGITS_TO_READ, Waiting, build_health_response, find_problem


def test_model_that_reads_known_digits_is_well(classifier: Classifier) -> None:
    assert find_problem(classifier) is None


@pytest.mark.parametrize("wrong", [2, 3])
def test_model_may_misread_two_known_digits_and_no_more(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    read, calls = type(classifier).compute_probabilities, itertools.count()

    def misread(self: Classifier, images: np.ndarray) -> np.ndarray:
        return read(self, images)[:, :: -1 if next(calls) < wrong else 1]

    monkeypatch.setattr(type(classifier), "compute_probabilities", misread)
    expected = None if 10 - wrong >= KNOWN_DIGITS_TO_READ else "reads only 7 of 10 known digits."
    assert find_problem(classifier) == expected


def test_answer_says_what_is_wrong() -> None:
    well, failing = build_health_response(None), build_health_response("no digits")
    assert (well.status_code, json.loads(bytes(well.body))) == (200, {"status": "ok"})
    assert (failing.status_code, json.loads(bytes(failing.body))) == (503, {"status": "failing", "error": "no digits"})
    assert well.headers["Cache-Control"] == "no-store"


def test_corrections_that_wait_are_told_and_are_no_problem() -> None:
    response = build_health_response(None, Waiting(3, "The Hub can't be reached."))
    assert response.status_code == 200
    corrections = {"waiting": 3, "error": "The Hub can't be reached."}
    assert json.loads(bytes(response.body)) == {"status": "ok", "corrections": corrections}
    assert json.loads(bytes(build_health_response("no digits", Waiting(0, None)).body))["corrections"]["error"] is None
