import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from mnist_cnn.decision import (
    CANDIDATE_OUTPUTS,
    REMAINDER_OUTPUTS,
    Perceptron,
    RowModel,
    build_lattice,
    describe_candidates,
    describe_layouts,
    describe_remainders,
    measure_layouts,
    score_candidates,
    score_remainders,
)
from mnist_cnn.errors import EmptyPictureError
from mnist_cnn.handwriting import Glyph, Samples, Scene, write_number
from mnist_cnn.images import LAYOUT_EVIDENCE, Layout, propose_layouts
from mnist_cnn.training.data import Split
from mnist_cnn.training.numbers import (
    SOURCES,
    MadeNumber,
    _log_likelihood,
    _spread,
    fit_rows,
    make_numbers,
    measure_numbers,
    read_numbers,
)
from tests.support.numbers import draw_number
from tests.support.pictures import on_paper
from tests.support.probabilities import sure


@pytest.fixture(autouse=True, scope="module")
def few_steps() -> object:
    """One core, and steps and sizes that these few small numbers need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_cnn.training.chunks.count_cores", lambda: 1)
        for name, value in (("_BATCH_SIZE", 32), ("_EPOCHS", 200), ("_MAX_PIECES", (8, 20)), ("_MAX_TEXT", 4)):
            patch.setattr(f"mnist_cnn.training.numbers.{name}", value)
        yield


NO_DIGITS = np.empty((0, 28, 28, 1), np.uint8)
NO_SPLIT = Split(NO_DIGITS, np.empty(0, np.int32))


def find_in(text: str, step: float = 1.0) -> MadeNumber:
    """Return what is proposed in the strokes of a number."""
    return MadeNumber(text, "strokes", step - 0.5, list(propose_layouts(*draw_number(text, step))), NO_DIGITS)


TEMPLATES = np.stack([find_in(str(digit)).layouts[0].images[-1 if digit != 4 else 1] for digit in range(10)])


def predict(images: np.ndarray) -> np.ndarray:
    """Know whole digits, and nothing of all else."""
    distances = np.abs(images[:, None].astype(float) - TEMPLATES).mean(axis=(2, 3, 4))
    return np.array(
        [sure(0.95, int(row.argmin())) if row.min() < 20 else np.full(10, 0.1) for row in distances]
    ).reshape(-1, 10)


def hear(layout: Layout) -> list[np.ndarray]:
    """Return what a network of rows may say of a layout."""
    rng = np.random.default_rng(0)
    return [np.log(rng.dirichlet(np.ones(11), -(-strip.shape[1] // 2))) for strip in layout.strips]


NO_MODEL = RowModel(*[Perceptron(*[np.empty(0)] * 6)] * 3)


def make_rows(count: int, seed: int) -> list[MadeNumber]:
    rng = np.random.default_rng(seed)
    texts = ["".join(map(str, rng.integers(10, size=rng.integers(1, 4)))) for _ in range(count)]
    return [find_in(text, rng.uniform(0.5, 0.9)) for text in texts]


@pytest.fixture(scope="module")
def rows() -> RowModel:
    return fit_rows(predict, make_rows(40, seed=0), seed=0)


def random_perceptron(features: int, outputs: int, rng: np.random.Generator) -> Perceptron:
    shapes = (features,), (features,), (features, 3), (3,), (3, outputs), (outputs,)
    arrays = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return Perceptron(*arrays)._replace(scale=np.full(features, 3, np.float32))


def test_sources_take_turns_and_texts_hold_digits_or_nothing() -> None:
    numbers = make_numbers(9, 1, NO_SPLIT)
    assert [number.source for number in numbers] == [*SOURCES] * 3
    assert all(row.isdecimal() for number in numbers if number.text for row in number.text.split("\n"))
    assert sum(bool(number.text) for number in numbers) >= 5
    assert all(number.layouts for number in numbers if number.source != "photo")


def test_sources_can_be_chosen_and_are_taken_in_turn() -> None:
    numbers = make_numbers(3, 1, NO_SPLIT, ["strokes", "drawing"])
    assert [number.source for number in numbers] == ["strokes", "drawing", "strokes"]


def test_numbers_are_as_dense_as_they_are_asked_to_be() -> None:
    gaps = [number.gap for number in make_numbers(12, 1, NO_SPLIT, ["drawing"], (-0.1, -0.1))]
    apart = [gap for gap in gaps if gap != float("inf")]
    assert len(apart) > 4
    assert np.median(apart) == pytest.approx(-0.1)


def test_the_same_seed_gives_the_same_numbers_and_another_others() -> None:
    first, again, other = (make_numbers(3, seed, NO_SPLIT) for seed in (2, 2, 3))
    assert [number.text for number in first] == [number.text for number in again] != [number.text for number in other]
    for one, two in zip(first, again, strict=True):
        for layout, same in zip(one.layouts, two.layouts, strict=True):
            np.testing.assert_array_equal(layout.images, same.images)
            np.testing.assert_array_equal(layout.candidates, same.candidates)


def test_drawings_and_photos_have_digits_of_mnist_and_strokes_are_a_pen_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = []

    def write(rng: np.random.Generator, samples: Samples | None, gaps: tuple[float, float] | None) -> list[Glyph]:
        given.append(samples)
        return write_number(rng, samples, gaps)

    monkeypatch.setattr("mnist_cnn.training.numbers.write_number", write)
    digits = Split(TEMPLATES, np.arange(10, dtype=np.int32))
    make_numbers(8, 5, digits, ["strokes"])
    assert given
    assert not any(given)
    given.clear()
    make_numbers(16, 5, digits, ["drawing", "photo"])
    assert 4 <= sum(map(bool, given)) <= 12
    samples = next(filter(None, given))
    assert [len(written) for written in samples] == [1] * 10
    assert all(stroke.shape[1] == 2 for written in samples for strokes in written for stroke in strokes)


def test_text_of_a_photo_is_that_of_its_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = on_paper(draw_number("47")[0])
    monkeypatch.setattr("mnist_cnn.training.numbers.sample_scene", lambda _, kind, __: Scene(photo, "47", None, kind))
    number = make_numbers(3, 0, NO_SPLIT)[SOURCES.index("photo")]
    assert number.text == "47"
    assert number.layouts


def test_in_a_picture_without_ink_nothing_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = Image.new("RGBA", (90, 90))
    with pytest.raises(EmptyPictureError):
        next(propose_layouts(blank))
    monkeypatch.setattr("mnist_cnn.training.numbers.sample_scene", lambda _, kind, __: Scene(blank, "", None, kind))
    assert make_numbers(3, 0, NO_SPLIT)[SOURCES.index("photo")].layouts == []


def test_rows_are_read_by_what_was_learned_of_others(rows: RowModel) -> None:
    numbers = make_rows(30, seed=1)
    readings = read_numbers(predict, rows, numbers)
    right = np.array([text == number.text for (text, _), number in zip(readings, numbers, strict=True)])
    assert right.mean() > 0.85
    assert np.mean([confidence for _, confidence in readings]) > 0.65


def test_parts_of_the_model_take_the_features_that_serving_describes(rows: RowModel) -> None:
    layout = find_in("12").layouts[0]
    lattice = build_lattice(*layout[3:], predict(layout.images), hear(layout))
    assert len(rows.candidates.centre) == describe_candidates(lattice).shape[1]
    assert len(rows.remainders.centre) == describe_remainders(lattice).shape[1]
    known, _ = measure_layouts(rows.candidates, rows.remainders, [lattice], "12")
    assert len(rows.layouts.centre) == describe_layouts(known).shape[1] > LAYOUT_EVIDENCE.whole


@pytest.mark.parametrize("text", ["", "1", "84", "844", "4484"])
def test_texts_are_as_likely_in_training_as_in_serving(text: str) -> None:
    rng = np.random.default_rng(3)
    layout = find_in("484", 0.4).layouts[0]
    lattice = build_lattice(*layout[3:], rng.dirichlet(np.ones(10), len(layout.images)), hear(layout))
    candidates = random_perceptron(describe_candidates(lattice).shape[1], CANDIDATE_OUTPUTS, rng)
    remainders = random_perceptron(describe_remainders(lattice).shape[1], REMAINDER_OUTPUTS, rng)
    table, missing, left, label, length, pieces, _ = map(jnp.asarray, _spread(text, lattice, 1, 20))
    steps, skips = score_candidates(candidates, table) + missing, score_remainders(remainders, left)
    likelihood = np.exp(_log_likelihood(steps, skips, label, length, pieces))
    _, expected = measure_layouts(candidates, remainders, [lattice], text)
    assert expected[0] > 1e-12
    assert likelihood == pytest.approx(expected[0], rel=1e-3)


def test_numbers_are_right_as_a_whole_and_counted_by_source_length_and_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [
        MadeNumber("12", "strokes", -0.1, [], TEMPLATES[[1, 2]]),
        MadeNumber("1\n2", "photo", float("inf"), [], NO_DIGITS),
        MadeNumber("12345678", "photo", 0.5, [], NO_DIGITS),
        MadeNumber("7", "photo", float("inf"), [], NO_DIGITS),
        MadeNumber("", "drawing", float("inf"), [], NO_DIGITS),
    ]
    readings = [("12", 1.0), ("12", 0.5), ("1234567", 0.5), ("7", 1.0), ("", 1.0)]
    monkeypatch.setattr("mnist_cnn.training.numbers.read_numbers", lambda *_: readings)
    measured = measure_numbers(predict, NO_MODEL, numbers)
    assert (measured["images"], measured["right"]) == (5, 0.6)
    assert measured["calibration_error"] == pytest.approx(0.2)
    counts = {
        group: {name: (part["right"], part["images"]) for name, part in measured[group].items()}
        for group in ("sources", "lengths", "gaps")
    }
    assert counts["sources"] == {"strokes": (1, 1), "photo": (pytest.approx(1 / 3), 3), "drawing": (1, 1)}
    assert counts["lengths"] == {"0": (1, 1), "1": (1, 1), "2": (0.5, 2), "7 or more": (0, 1)}
    assert counts["gaps"] == {"overlapping": (1, 1), "one below the other": (0, 1), "apart": (0, 1)}


def test_spaced_numbers_are_compared_with_what_their_digits_would_give(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [
        MadeNumber(text, source, gap, [], TEMPLATES[digits])
        for text, source, gap, digits in (
            ("12", "strokes", 0.1, [1, 2]),
            ("1\n34", "strokes", 0.1, [1, 3, 4]),
            ("56", "strokes", 0.3, [5, 8]),
            ("78", "strokes", -0.1, [7, 8]),
            ("78", "drawing", 0.1, [7, 8]),
        )
    ]
    readings = [("12", 1.0), ("1\n3", 1.0), ("5", 1.0), ("7", 1.0), ("7", 1.0)]
    monkeypatch.setattr("mnist_cnn.training.numbers.read_numbers", lambda *_: readings)
    spaced = measure_numbers(predict, NO_MODEL, numbers)["spaced"]
    assert spaced == pytest.approx({"right": 1 / 3, "right_if_cut_out": 2 / 3, "images": 3})


def test_digits_of_a_number_on_a_pad_are_kept_by_themselves() -> None:
    for number in make_numbers(6, 4, NO_SPLIT):
        count = len(number.text.replace("\n", "")) if number.source != "photo" else 0
        assert number.digits.shape == (count, 28, 28, 1)
        assert number.digits.dtype == np.uint8
        assert all(digit.max() > 100 for digit in number.digits)
