import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.ndimage import distance_transform_edt, label

from mnist_cnn.handwriting import trace, trace_strokes, tracing
from mnist_cnn.handwriting.tracing import CANVAS, THICKEST, THINNEST, follow, thin
from mnist_cnn.images import to_mnist
from mnist_cnn.inference import Classifier

EVERY_NEIGHBOUR = np.ones((3, 3))


@pytest.fixture(scope="module")
def tracings(digits: np.ndarray) -> list[Image.Image | None]:
    return list(trace(digits, np.random.default_rng(0)))


def test_strokes_of_a_tracing_span_a_digit_s_height_and_lie_on_its_ink(digits: np.ndarray) -> None:
    for image, strokes in zip(digits[:20], trace_strokes(digits[:20], np.random.default_rng(0)), strict=True):
        points = np.concatenate(strokes)
        assert 0.6 < np.ptp(points, axis=0).max() < 1.2
        columns, rows = np.clip(np.round(points.T * 20 - 0.5).astype(int), 0, 27)
        assert (ndimage.maximum_filter(image[..., 0], 3)[rows, columns] > 60).mean() > 0.95


def to_line(drawing: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in drawing.split("/")])


def test_thinned_ink_is_a_line_with_the_same_parts_and_the_same_holes(digits: np.ndarray) -> None:
    ink = digits[:40, ..., 0].repeat(3, 1).repeat(3, 2) > 110
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    for before, after in zip(ink, thin(ink), strict=True):
        assert not (after & ~before).any()
        assert distance_transform_edt(after).max() < 2  # no pixel is surrounded
        assert label(after, EVERY_NEIGHBOUR)[1] == label(before, EVERY_NEIGHBOUR)[1]
        assert label(~after)[1] == label(~before)[1]


def test_thinned_bar_lies_in_its_middle() -> None:
    ink = np.zeros((1, 30, 30), bool)
    ink[0, 10:17, 2:28] = True
    rows, columns = np.nonzero(thin(ink)[0])
    assert set(rows) == {13}
    assert len(columns) == len(set(columns)) > 18


def test_ink_at_the_edge_of_the_image_is_thinned_as_elsewhere() -> None:
    ink = np.ones((1, 5, 20), bool)
    np.testing.assert_array_equal(thin(ink)[0], thin(np.pad(ink, ((0, 0), (3, 3), (3, 3))))[0, 3:-3, 3:-3])


def test_spot_of_four_pixels_disappears() -> None:
    ink = np.zeros((1, 6, 6), bool)
    ink[0, 2:4, 2:4] = True
    assert not thin(ink).any()


def test_strokes_hold_the_pixels_of_a_line_and_go_from_each_to_one_beside_it(digits: np.ndarray) -> None:
    for line in thin(digits[:40, ..., 0].repeat(3, 1).repeat(3, 2) > 110):
        strokes = follow(line)
        seen = np.zeros_like(line)
        for stroke in strokes:
            assert len(stroke) == 1 or set(np.abs(np.diff(stroke, axis=0)).max(axis=1)) == {1}
            seen[tuple(stroke[:, ::-1].T)] = True
        assert not (seen & ~line).any()
        assert np.count_nonzero(line & ~seen) < 0.1 * np.count_nonzero(line)  # twigs are left out


@pytest.mark.parametrize(
    ("drawing", "lengths"),
    [
        pytest.param("...../.###./.....", [3], id="a line"),
        pytest.param("...../..#../.....", [1], id="a dot"),
        pytest.param(".###./.#.#./.###.", [9], id="a closed loop"),
        pytest.param("#.../.#../..##", [4], id="a line that turns"),
        pytest.param("....../#.####/......", [1, 4], id="a dot and a line"),
    ],
)
def test_line_is_followed_from_end_to_end(drawing: str, lengths: list[int]) -> None:
    assert sorted(len(stroke) for stroke in follow(to_line(drawing))) == lengths


def test_stroke_is_given_with_x_before_y() -> None:
    [stroke] = follow(to_line("...../.###./....."))
    np.testing.assert_array_equal(sorted(stroke.tolist()), [[1, 1], [2, 1], [3, 1]])


def test_twig_at_a_fork_is_left_out_and_a_long_branch_is_not() -> None:
    line = np.zeros((30, 30), bool)
    line[15, 2:28] = True
    line[12:15, 9] = line[5:15, 20] = True
    assert sorted(stroke[:, 1].min() for stroke in follow(line)) == [5, 15, 15, 15]


def test_tracings_are_black_on_transparent_with_pens_from_thin_to_thick(tracings: list[Image.Image | None]) -> None:
    pictures = np.stack([np.asarray(picture) for picture in tracings if picture])
    inks = pictures[..., 3]
    assert inks.shape == (len(tracings), CANVAS, CANVAS)
    assert not pictures[..., :3].any()
    assert not inks[:, 0].any()
    widths = [2 * distance_transform_edt(ink > 127).max() / CANVAS for ink in inks]
    assert min(widths) < 2 * THINNEST
    assert 0.75 * THICKEST < max(widths) < 2 * THICKEST  # thicker where strokes meet


def test_traced_digit_is_still_that_digit(tracings: list[Image.Image | None], classifier: Classifier) -> None:
    images = np.stack([to_mnist(picture) for picture in tracings if picture])
    answers = classifier.compute_probabilities(images).argmax(axis=1)
    assert np.mean(answers == np.arange(len(tracings)) % 10) > 0.95


def test_equal_generators_trace_equally(digits: np.ndarray) -> None:
    first, second, other = (list(trace(digits[:5], np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_digit_too_faint_to_trace_gives_none_and_the_others_are_traced(digits: np.ndarray) -> None:
    images = np.stack([digits[0], digits[1] // 4, digits[2]])
    assert [picture is None for picture in trace(images, np.random.default_rng(0))] == [False, True, False]


def test_more_images_than_are_thinned_together_are_all_traced(
    digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = list(trace(digits[:5], np.random.default_rng(0)))
    monkeypatch.setattr(tracing, "_CHUNK", 2)
    assert list(trace(digits[:5], np.random.default_rng(0))) == together
