from functools import partial

import numpy as np
import pytest

from mnist_cnn.training.chunks import map_chunks
from mnist_cnn.training.synthetic import draw_digits


def test_the_number_of_cores_changes_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.synthetic.map_chunks", partial(map_chunks, size=4))
    drawn = []
    for cores in (1, 2):
        monkeypatch.setattr("mnist_cnn.training.chunks.count_cores", lambda cores=cores: cores)
        drawn.append(draw_digits(10, seed=3).images)
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_chunks_come_in_order_and_each_has_randomness_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.chunks.count_cores", lambda: 1)
    rows = map_chunks(lambda items, rng: [(item, rng.random()) for item in items.tolist()], np.arange(10), 0, size=4)
    assert [[item for item, _ in chunk] for chunk in rows] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len({number for chunk in rows for _, number in chunk}) == 10


def test_one_chunk_needs_no_other_process() -> None:
    assert map_chunks(lambda items, _: len(items), np.arange(4), seed=0) == [4]  # a lambda can't leave the process
