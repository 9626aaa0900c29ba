import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_cnn.decision import Outcome
from mnist_cnn.handwriting import SCENES, Scene
from mnist_cnn.images import Evidence, to_mnist
from mnist_cnn.inference import PRETRAINED
from mnist_cnn.network import load_model
from mnist_cnn.training.data import NO_DIGIT, Split
from mnist_cnn.training.metrics import predict
from mnist_cnn.training.pictures import Picture, cut_pictures, make_pictures, propose_in
from tests.support.pictures import draw_seven, on_paper

SEVEN = draw_seven()


@pytest.fixture(autouse=True, scope="module")
def one_core() -> object:
    """Another process takes longer to start than a few pictures to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_cnn.training.chunks.count_cores", lambda: 1)
        yield


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return make_pictures(40, seed=0)


@pytest.fixture(scope="module")
def cuts() -> Split:
    return cut_pictures(40, seed=0)


def test_pictures_hold_what_was_proposed_and_what_is_right(pictures: list[Picture]) -> None:
    assert 30 < len(pictures) <= 40
    for picture in pictures:
        count = len(picture.images)
        assert picture.images.shape == (count, 28, 28, 1)
        assert picture.images.dtype == np.uint8
        assert picture.boxes.shape == (count, 4)
        assert picture.evidence.shape in {(count, len(Evidence._fields)), (0, len(Evidence._fields))}
        assert (picture.label in range(10)) == (picture.outcome == Outcome.DIGIT)
        assert picture.kind in SCENES
    assert {picture.outcome for picture in pictures} == set(Outcome)


def test_pictures_agree_for_the_same_seed_only(pictures: list[Picture]) -> None:
    for first, second in zip(make_pictures(10, seed=3), make_pictures(10, seed=3), strict=True):
        assert (first.label, first.outcome, first.kind) == (second.label, second.outcome, second.kind)
        np.testing.assert_array_equal(first.images, second.images)
        np.testing.assert_array_equal(first.evidence, second.evidence)
    assert [picture.kind for picture in make_pictures(10, seed=3)] != [picture.kind for picture in pictures[:10]]


def test_picture_in_which_nothing_is_found_is_none() -> None:
    assert propose_in(Image.new("L", (50, 50), 255), 3, Outcome.DIGIT) is None


def test_drawing_has_no_evidence_and_a_photo_has_some() -> None:
    drawing = propose_in(SEVEN, 7, Outcome.DIGIT, "mine")
    assert drawing is not None
    assert (drawing.label, drawing.outcome, drawing.kind) == (7, Outcome.DIGIT, "mine")
    np.testing.assert_array_equal(drawing.images, [to_mnist(SEVEN)])
    assert len(drawing.evidence) == 0
    pixels = np.asarray(on_paper(SEVEN)) * np.linspace(0.6, 1, 400)[:, None]
    photo = propose_in(Image.fromarray(pixels.astype(np.uint8)), 7, Outcome.DIGIT)
    assert photo is not None
    assert len(photo.evidence) == len(photo.images) == len(photo.boxes)


def test_cuts_are_digits_that_can_be_read_and_other_things(cuts: Split) -> None:
    is_digit = cuts.labels != NO_DIGIT
    assert cuts.images.shape == (len(cuts.labels), 28, 28, 1)
    assert cuts.images.dtype == np.uint8
    assert 20 < is_digit.sum() <= 2 * 40
    assert 20 < (~is_digit).sum() <= 3 * 40
    read = predict(load_model(PRETRAINED), cuts.images[is_digit]).argmax(axis=1)
    assert np.mean(read == cuts.labels[is_digit]) > 0.8


def test_cuts_agree_for_the_same_seed_only() -> None:
    first, second, other = (cut_pictures(5, seed) for seed in (2, 2, 1))
    np.testing.assert_array_equal(first.images, second.images)
    assert first.images.tobytes() != other.images.tobytes()


def test_nothing_is_cut_if_nothing_is_asked_for() -> None:
    assert cut_pictures(0, seed=0).images.shape == (0, 28, 28, 1)
    assert make_pictures(0, seed=0) == []


def draw_line(*ends: int) -> Image.Image:
    page = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(page).line(ends, 0, 16)
    return page


@pytest.mark.parametrize(
    ("scene", "labels"),
    [
        (Scene(SEVEN, "7", SEVEN.getchannel("A"), ""), [7]),
        (Scene(SEVEN, "7", SEVEN.getchannel("A").rotate(90), ""), [NO_DIGIT]),  # the digit was missed
        (Scene(SEVEN, "", None, ""), [NO_DIGIT]),
        (Scene(SEVEN, "17", None, ""), []),
        (Scene(draw_line(100, 30, 110, 170), "", None, ""), []),
        (Scene(draw_line(60, 30, 140, 170), "", None, ""), []),
        (Scene(draw_line(30, 100, 170, 110), "", None, ""), [NO_DIGIT]),
        (Scene(Image.new("L", (90, 90)), "", None, ""), []),
    ],
    ids=["digit", "missed digit", "no digit", "several", "upright bar", "slanted bar", "lying bar", "blank"],
)
def test_cut_is_labelled_where_nobody_could_mistake_it(
    scene: Scene, labels: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_cnn.training.pictures.sample_scene", lambda _: scene)
    assert cut_pictures(1, seed=0).labels.tolist() == labels
