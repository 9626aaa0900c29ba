import numpy as np
import pytest

from mnist_cnn.handwriting import draw, sample_nondigit
from mnist_cnn.handwriting.scribbles import DOODLES, SCRIBBLES


@pytest.mark.parametrize("kind", [kind for kind in SCRIBBLES if kind != "blob"])  # blobs differ in proportions alone
def test_scribble_is_never_the_same(kind: str) -> None:
    rng = np.random.default_rng(3)
    samples = [sample_nondigit(rng, [kind]) for _ in range(20)]
    assert len({draw(strokes, rng).tobytes() for strokes in samples}) == 20
    lengths = [sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes) for strokes in samples]
    assert max(lengths) > 1.6 * min(lengths)  # the hand alone makes less of a difference


@pytest.mark.parametrize("kind", DOODLES)
def test_doodles_have_two_to_six_parts_that_fill_the_unit_square(kind: str) -> None:
    rng = np.random.default_rng(4)
    doodles = [DOODLES[kind](rng) for _ in range(60)]
    counts = {len(parts) for parts in doodles}
    assert counts <= set(range(2, 7))
    assert len(counts) > 2
    for parts in doodles:
        assert np.ptp(np.concatenate(parts), axis=0).max() == pytest.approx(1)


def test_parts_side_by_side_do_not_overlap_and_parts_in_parts_do() -> None:
    rng = np.random.default_rng(5)
    pairs = {kind: [parts for parts in (DOODLES[kind](rng) for _ in range(100)) if len(parts) == 2] for kind in DOODLES}
    for one, other in pairs["parts side by side"]:
        assert max(one[:, 0].min(), other[:, 0].min()) >= min(one[:, 0].max(), other[:, 0].max()) - 1e-9
    for outer, inner in pairs["parts in parts"]:
        assert (np.ptp(inner, axis=0) < np.ptp(outer, axis=0).max()).all()
        middle = (inner.min(axis=0) + inner.max(axis=0)) / 2
        assert (outer.min(axis=0) < middle).all()
        assert (middle < outer.max(axis=0)).all()
