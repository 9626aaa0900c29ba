import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn import handwriting, inference
from mnist_cnn.decision import Outcome, decide_number
from mnist_cnn.errors import EmptyPictureError, ModelError, UnreadablePictureError
from mnist_cnn.handwriting import FOR_MEASURING
from mnist_cnn.images import MAX_LAYOUTS, propose_layouts, to_mnist
from mnist_cnn.inference import BATCH_SIZE, Classifier, Prepared, find_folder, prepare
from mnist_cnn.training.synthetic import draw_nondigits
from tests.support.models import vote_for, with_rows, with_vote
from tests.support.numbers import draw_number
from tests.support.pictures import KINDS, Scene, photograph, print_digit, write_digit
from tests.support.probabilities import sure


@pytest.fixture(scope="module")
def drawings() -> list[Image.Image]:
    rng = np.random.default_rng(7)
    return [handwriting.draw(handwriting.sample_strokes(number % 10, rng), rng) for number in range(70)]


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """Photos in which there are many things that may be a digit."""
    rng = np.random.default_rng(7)
    scenes = [Scene(size=(400, 300), lines="squared"), KINDS["thumbnail"], Scene(size=(400, 300), lines="ruled")]
    return [photograph(write_digit(digit, rng), scene, rng) for digit, scene in enumerate(scenes)]


@pytest.mark.parametrize("digit", range(10))
def test_the_bundled_model_reads_a_drawing_of_each_digit(classifier: Classifier, drawings: list, digit: int) -> None:
    probabilities = classifier.predict(drawings[digit])
    assert list(probabilities) == [str(label) for label in range(10)]
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert max(probabilities, key=lambda label: probabilities[label]) == str(digit)


def test_the_bundled_model_reads_printed_digits(classifier: Classifier) -> None:
    pages = [print_digit(digit, ImageFont.load_default(160)) for digit in range(10)]
    assert classifier.predict_batch(pages).argmax(axis=1).tolist() == list(range(10))


def test_a_batch_gives_to_the_bit_what_its_pictures_give_alone(
    classifier: Classifier, drawings: list, photos: list
) -> None:
    pictures = [*drawings[:9], *photos]
    batch = classifier.predict_batch(pictures)
    assert batch.dtype == np.float32
    assert batch.shape == (len(pictures), 10)
    np.testing.assert_array_equal(batch, [list(classifier.predict(picture).values()) for picture in pictures])
    np.testing.assert_allclose(batch.sum(axis=1), 1, atol=1e-5)


def test_probabilities_are_the_same_to_the_bit_in_a_batch_of_any_size(classifier: Classifier, drawings: list) -> None:
    images = np.stack([to_mnist(drawing) for drawing in drawings[: 2 * BATCH_SIZE + 1]])
    whole = classifier.compute_probabilities(images)
    for count in range(2, len(images)):
        np.testing.assert_array_equal(classifier.compute_probabilities(images[:count]), whole[:count])


def test_digits_look_like_one_digit_and_most_other_drawings_do_not(classifier: Classifier, drawings: list) -> None:
    nondigits = draw_nondigits(100, 9, FOR_MEASURING).images
    digits = [classifier.read(drawing).is_digit for drawing in drawings]
    prepared = [Prepared(image[np.newaxis], [(0, 0, 28, 28)], []) for image in nondigits]
    others = [reading.is_digit for reading in classifier.read_prepared(prepared)]
    assert np.mean(digits) > 0.97
    assert np.mean(others) < 0.3


@pytest.mark.parametrize("width", [60, 130])
def test_a_zero_is_read_however_flat_it_is(classifier: Classifier, width: int) -> None:
    picture = Image.new("L", (200, 120), 255)
    ImageDraw.Draw(picture).ellipse((20, 35, 20 + width, 85), outline=0, width=9)
    reading = classifier.read(picture)
    assert (reading.digit, reading.is_digit) == (0, True)


def test_an_empty_batch_gives_no_rows(classifier: Classifier) -> None:
    assert classifier.predict_batch([]).shape == (0, 10)


def test_a_picture_reads_the_same_as_image_array_bytes_and_file(
    classifier: Classifier, drawings: list, tmp_path: Path
) -> None:
    path, content = tmp_path / "digit.png", BytesIO()
    drawings[3].save(path)
    drawings[3].save(content, "png")
    forms = [drawings[3], np.asarray(drawings[3]), content.getvalue(), path, str(path)]
    np.testing.assert_array_equal(np.ptp(classifier.predict_batch(forms), axis=0), 0)


def test_drawing_has_one_image_and_a_photo_one_for_each_thing_that_may_be_its_digit(
    drawings: list, photos: list
) -> None:
    drawing = prepare(drawings[0])
    assert (drawing.images.shape, len(drawing.boxes), drawing.evidence) == ((1, 28, 28, 1), 1, [])
    for photo in map(prepare, photos):
        assert len(photo.images) > BATCH_SIZE
        assert len(photo.images) == len(photo.boxes) == len(photo.evidence)


def test_prepared_images_read_as_their_pictures_do(classifier: Classifier, drawings: list) -> None:
    prepared = np.stack([to_mnist(drawing) for drawing in drawings[:3]])
    np.testing.assert_allclose(
        classifier.compute_probabilities(prepared), classifier.predict_batch(drawings[:3]), atol=1e-6
    )


def test_blank_paper_and_broken_files_are_refused(classifier: Classifier) -> None:
    with pytest.raises(EmptyPictureError, match="no ink"):
        classifier.predict(Image.new("RGB", (100, 100), "white"))
    with pytest.raises(UnreadablePictureError, match="not a picture"):
        classifier.predict(b"not a picture")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no model folder: its metrics\.json can't be read"):
        Classifier.from_pretrained(tmp_path)


def test_reading_says_what_predict_says(classifier: Classifier, drawings: list, photos: list) -> None:
    for picture in [*drawings[:10], *photos]:
        reading = classifier.read(picture)
        assert [*classifier.predict(picture).values()] == reading.probabilities.tolist()
        assert reading.digit == reading.probabilities.argmax()


def test_reading_holds_the_image_that_the_network_saw_and_where_it_was_found(classifier: Classifier) -> None:
    sketch = Image.new("RGBA", (200, 300))
    ImageDraw.Draw(sketch).rectangle((90, 50, 109, 249), fill="black")
    reading = classifier.read(sketch)
    assert reading.box == (90, 50, 110, 250)
    np.testing.assert_array_equal(reading.image, to_mnist(sketch))
    assert (reading.digit, reading.is_digit) == (1, True)


def test_reading_never_changes(classifier: Classifier, drawings: list) -> None:
    reading = classifier.read(drawings[0])
    with pytest.raises(FrozenInstanceError):
        reading.is_digit = False  # type: ignore[misc]
    for array in (reading.probabilities, reading.image):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_pictures_read_together_are_read_as_each_alone(classifier: Classifier, drawings: list, photos: list) -> None:
    pictures = [drawings[0], photos[0], *drawings[1:4], *photos[1:], drawings[4]]
    readings = classifier.read_prepared([prepare(picture) for picture in pictures])
    for together, picture in zip(readings, pictures, strict=True):
        alone = classifier.read(picture)
        assert (together.is_digit, together.is_several, together.box) == (alone.is_digit, alone.is_several, alone.box)
        np.testing.assert_array_equal(together.probabilities, alone.probabilities)
        np.testing.assert_array_equal(together.image, alone.image)


def test_photos_of_a_digit_are_read_and_what_was_read_is_shown(classifier: Classifier, photos: list) -> None:
    for digit, photo in enumerate(photos):
        reading = classifier.read(photo)
        assert (reading.digit, reading.is_digit, reading.is_several) == (digit, True, False)
        prepared = prepare(photo)
        shown = np.flatnonzero((prepared.images == reading.image).all(axis=(1, 2, 3)))  # two looks may see the same
        assert reading.box in [prepared.boxes[number] for number in shown]


@pytest.mark.parametrize("outcome", [Outcome.DIGIT, Outcome.NONE])
def test_model_without_a_vote_takes_that_of_the_bundled_model(
    tmp_path: Path, photos: list, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    monkeypatch.setattr(inference, "PRETRAINED", with_vote(tmp_path / "bundled", vote_for(outcome)))
    reading = Classifier(with_vote(tmp_path / "old", None)).read(photos[0])
    assert (reading.is_digit, reading.is_several) == (outcome == Outcome.DIGIT, outcome == Outcome.SEVERAL)


def test_own_vote_of_a_model_goes_before_that_of_the_bundled_model(
    tmp_path: Path, photos: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "PRETRAINED", with_vote(tmp_path / "bundled", vote_for(Outcome.DIGIT)))
    assert Classifier(with_vote(tmp_path / "new", vote_for(Outcome.SEVERAL))).read(photos[0]).is_several


def test_bundled_model_without_a_vote_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PRETRAINED", with_vote(tmp_path / "bundled", None))
    with pytest.raises(ModelError, match=r"bundled is no model folder: its metrics\.json holds no vote\."):
        Classifier.from_pretrained()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda vote: [*vote.values()],
        lambda vote: {name: values for name, values in vote.items() if name != "scale"},
        lambda vote: vote | {"centre": vote["centre"][1:]},
        lambda vote: vote | {"centre": 0.0},
        lambda vote: vote | {"hidden_bias": 0.0},
        lambda vote: vote | {"hidden_bias": []},
        lambda vote: vote | {"hidden": vote["hidden"][0]},
        lambda vote: vote | {"hidden": [vote["hidden"][0][:1], *vote["hidden"][1:]]},
        lambda vote: vote | {"hidden_bias": [0.0] * 10**6},
        lambda vote: vote | {"output": np.zeros((3, 40)).tolist()},
        lambda vote: vote | {"output_bias": ["1", "2", "3", "4"]},
        lambda vote: vote | {"output_bias": [True] * 4},
        lambda vote: vote | {"output_bias": [None] * 4},
        lambda vote: vote | {"output_bias": [float("nan"), 0, 0, 0]},
        lambda vote: vote | {"output_bias": [float("inf"), 0, 0, 0]},
        lambda vote: vote | {"output_bias": [-1e30, 0, 0, 0]},
        lambda vote: vote | {"output_bias": [10**400, 0, 0, 0]},
        lambda vote: vote | {"output_bias": [-(2**63), 0, 0, 0]},
        lambda vote: vote | {"scale": [0.0] * len(vote["scale"])},
    ],
)
def test_damaged_vote_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    folder = with_vote(tmp_path / "damaged", {"to be": "damaged"})
    path = folder / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"vote": damage(vote_for(Outcome.DIGIT))}))
    with pytest.raises(ModelError, match=r"damaged is no model folder: its metrics\.json holds no vote that fits"):
        Classifier(folder)


def test_most_extreme_vote_that_is_taken_gives_finite_probabilities(tmp_path: Path, photos: list) -> None:
    rng, shapes = np.random.default_rng(0), vote_for(Outcome.DIGIT)
    vote = {name: rng.choice([1e6, -1e6], np.shape(values)).tolist() for name, values in shapes.items()}
    vote["scale"] = np.full(len(vote["scale"]), 1e-6).tolist()
    classifier = Classifier(with_vote(tmp_path / "extreme", vote))
    assert classifier.predict_batch(photos).sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "metrics",
    [
        "[" * 10**5,
        "[]",
        '{"test": {"accuracy": "0.99"}}',
        '{"test": {"accuracy": NaN}}',
        '{"test": {"accuracy": 0.99}, "digit_threshold": "0.9"}',
        '{"test": {"accuracy": 0.99}, "digit_threshold": null}',
    ],
)
def test_metrics_that_would_fail_later_are_refused_at_once(tmp_path: Path, metrics: str) -> None:
    (tmp_path / "metrics.json").write_text(metrics)
    with pytest.raises(ModelError, match=r"its metrics\.json can't be read"):
        Classifier(tmp_path)


def test_picture_of_several_digits_is_not_one_digit(classifier: Classifier) -> None:
    page = Image.new("RGB", (600, 300), "white")
    page.paste(print_digit(4, ImageFont.load_default(160)).crop((100, 50, 300, 350)), (50, 0))
    page.paste(print_digit(2, ImageFont.load_default(160)).crop((100, 50, 300, 350)), (320, 0))
    reading = classifier.read(page)
    assert (reading.is_digit, reading.is_several) == (False, True)


@pytest.mark.parametrize("text", ["147", "20", "3\n51"])
def test_spaced_digits_are_read_in_reading_order(classifier: Classifier, text: str) -> None:
    picture, strokes = draw_number(text)
    for reading in (classifier.read_number(picture), classifier.read_number(picture, strokes)):
        assert reading.text == text
        assert reading.confidence > 0.5
        assert not reading.whole.is_digit
        assert "".join(str(digit.digit) for digit in reading.digits) == text.replace("\n", "")
        places = [(box[1] // 100, box[0] // 100) for box in (digit.box for digit in reading.digits)]
        assert places == [(row, column) for row, line in enumerate(text.split("\n")) for column in range(len(line))]


def test_number_of_one_digit_is_what_is_read_as_one(classifier: Classifier, drawings: list, photos: list) -> None:
    for picture in (drawings[7], photos[0]):
        number, reading = classifier.read_number(picture), classifier.read(picture)
        assert number.text == str(reading.digit)
        assert number.confidence == pytest.approx(reading.probabilities.max())
        assert number.digits == (number.whole,)
        np.testing.assert_array_equal(number.whole.probabilities, reading.probabilities)


@pytest.mark.parametrize(("several", "text"), [(0.05, "8"), (0.4, "42")])
def test_what_seems_to_be_one_digit_is_a_number_where_that_is_likelier(
    classifier: Classifier, several: float, text: str
) -> None:
    picture, _ = draw_number("42")
    one = replace(classifier.read(picture), is_digit=True, several=several, probabilities=sure(0.999, 8))
    number = classifier.read_layouts(islice(propose_layouts(picture), one.count_layouts()), one)
    assert (number.text, number.whole) == (text, one)
    assert one.count_layouts() == (MAX_LAYOUTS if text == "42" else 0)


def test_rows_are_looked_for_once_in_what_was_drawn_with_several_strokes(
    classifier: Classifier, drawings: list
) -> None:
    one = replace(classifier.read(drawings[7]), is_digit=True, several=0.01)
    stroke = [(10.0, 10.0), (20.0, 60.0)]
    assert [one.count_layouts(strokes) for strokes in (None, [], [stroke], [stroke, stroke])] == [0, 0, 0, 1]


@pytest.mark.parametrize(("several", "text"), [(0.55, "8"), (0.65, "42")])
def test_one_digit_and_several_are_weighed_by_both_who_looked(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch, several: float, text: str
) -> None:
    picture, _ = draw_number("42")
    one = replace(classifier.read(picture), is_digit=True, several=0.4, probabilities=sure(0.999, 8))
    monkeypatch.setattr(inference, "decide_number", lambda *given: decide_number(*given)._replace(several=several))
    assert classifier.read_layouts(propose_layouts(picture), one).text == text


def test_where_rows_show_one_digit_it_is_the_one_that_was_read_first(classifier: Classifier) -> None:
    picture, _ = draw_number("7")
    one = replace(classifier.read(picture), several=0.4, probabilities=sure(0.999, 8))
    assert classifier.read_layouts(propose_layouts(picture), one).digits == (one,)


def test_where_nothing_may_be_a_digit_the_number_is_empty(classifier: Classifier) -> None:
    page = Image.new("RGBA", (200, 200))
    ImageDraw.Draw(page).line([(20, 100), (180, 100)], "black", 8)
    whole = classifier.read(page)
    number = classifier.read_layouts([], whole)
    assert (number.text, number.confidence, number.digits, number.whole) == ("", 1, (), whole)
    with pytest.raises(EmptyPictureError):
        classifier.read_number(Image.new("RGBA", (50, 50)))


def test_model_without_rows_takes_those_of_the_bundled_model(
    tmp_path: Path, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = draw_number("147")[0]
    old = Classifier(with_rows(tmp_path / "old", None)).read_number(picture)
    bundled = classifier.read_number(picture)
    assert (old.text, old.confidence) == (bundled.text, bundled.confidence)
    monkeypatch.setattr(inference, "PRETRAINED", tmp_path / "old")
    with pytest.raises(ModelError, match=r"old is no model folder: its metrics\.json holds no rows\."):
        Classifier.from_pretrained()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda rows: [*rows.values()],
        lambda rows: {part: weights for part, weights in rows.items() if part != "layouts"},
        lambda rows: rows | {"candidates": rows["remainders"]},
        lambda rows: rows | {"layouts": rows["layouts"] | {"output_bias": [0.0]}},
        lambda rows: rows | {"remainders": rows["remainders"] | {"output_bias": [float("nan")]}},
    ],
)
def test_damaged_rows_are_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(ModelError, match=r"damaged is no model folder: its metrics\.json holds no rows that fit"):
        Classifier(with_rows(tmp_path / "damaged", damage))


def test_most_extreme_rows_that_are_taken_give_a_finite_confidence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def exaggerate(rows: dict[str, Any]) -> dict[str, Any]:
        for weights in rows.values():
            for name, values in weights.items():
                weights[name] = rng.choice([1e6, -1e6], np.shape(values)).tolist()
            weights["scale"] = np.full(len(weights["scale"]), 1e-6).tolist()
        return rows

    picture, strokes = draw_number("147")
    reading = Classifier(with_rows(tmp_path / "extreme", exaggerate)).read_number(picture, strokes[::-1])
    assert 0 <= reading.confidence <= 1


def test_folder_is_told_from_a_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert find_folder(tmp_path) == find_folder(str(tmp_path)) == tmp_path
    assert find_folder("owner/name") == Path("owner/name")  # a folder goes before the Hub
    assert find_folder("owner/other") is None
    assert find_folder("other") is None


@pytest.mark.parametrize("source", ["/nowhere", "./nowhere", "../nowhere", "~/nowhere", "a/b/c", Path("nowhere")])
def test_path_that_is_no_folder_is_refused(source: str | Path) -> None:
    with pytest.raises(ModelError, match=f"There is no folder {source}: check the path, or name a repo"):
        Classifier.from_pretrained(source)


def test_ink_speaks_for_the_digit_that_was_read(classifier: Classifier, drawings: list) -> None:
    reading = classifier.read(drawings[7])
    assert classifier.explain(reading.image, 7, 1).sum() > 0
    np.testing.assert_allclose(
        classifier.explain(reading.image, 7, 1), -classifier.explain(reading.image, 1, 7), atol=1e-4
    )
