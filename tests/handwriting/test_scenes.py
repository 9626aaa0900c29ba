import numpy as np
import pytest
from PIL import Image, ImageFilter

from mnist_cnn.handwriting import SCENES, Scene, sample_scene

SMALL = [kind for kind in SCENES if "far away" not in kind]


def sample(kind: str, seed: int) -> Scene:
    return sample_scene(np.random.default_rng(seed), kind)


def contrast(scene: Scene, ink: Image.Image) -> float:
    """Return how far the ink's pixels differ from those just around it."""
    image = scene.image.getchannel("A") if "A" in scene.image.getbands() else scene.image.convert("RGB")
    pixels = np.asarray(image, float).reshape(*image.size[::-1], -1)
    covered, near = np.asarray(ink), np.asarray(ink.filter(ImageFilter.MaxFilter(7)))
    written, around = covered > 0.7 * covered.max(), (near > 0) & (covered == 0)
    return float(np.abs(pixels[written].mean(axis=0) - pixels[around].mean(axis=0)).max())


@pytest.mark.parametrize("kind", SMALL)
def test_the_same_seed_gives_the_same_scene_which_tells_how_many_digits_it_holds(kind: str) -> None:
    scene, again = sample(kind, 1), sample(kind, 1)
    assert (scene.image, scene.text, scene.ink, scene.kind) == (again.image, again.text, again.ink, kind)
    counts = {"one": {1}, "several": set(range(2, 16)), "number": set(range(1, 33))}
    assert len(scene.digits) in counts.get(kind.split(":")[0], {0})
    assert (scene.ink is not None) == (len(scene.digits) == 1)
    assert scene.image.mode in {"L", "LA", "RGB", "RGBA"}


def test_no_two_scenes_of_a_kind_are_alike() -> None:
    assert len({sample("one: icon", seed).image.tobytes() for seed in range(50)}) == 50


@pytest.mark.parametrize("kind", ["one: drawing", "one: form", "one: figure", "one: table"])
def test_ink_lies_where_the_digit_is_seen(kind: str) -> None:
    seen, shifted = [], []
    for seed in range(9):
        scene = sample(kind, seed)
        assert scene.ink is not None
        assert scene.ink.size == scene.image.size
        aside = Image.fromarray(np.roll(np.asarray(scene.ink), (7, 11), axis=(0, 1)))
        seen.append(contrast(scene, scene.ink))
        shifted.append(contrast(scene, aside))
    assert np.median(seen) > 2 * np.median(shifted)


def test_picture_from_far_away_is_large_and_its_digit_is_small() -> None:
    scene = sample("one: far away", 0)
    assert scene.ink is not None
    box = scene.ink.getbbox()
    assert box is not None
    assert max(scene.image.size) >= 750
    assert box[3] - box[1] < 0.2 * max(scene.image.size)


def test_text_is_written_in_rows_and_digits_follow_each_other() -> None:
    scene = Scene(Image.new("L", (9, 9)), "12\n034", None, "")
    assert scene.digits == (1, 2, 0, 3, 4)
    texts = [sample("number: icon", seed).text for seed in range(30)]
    assert any("\n" in text for text in texts)
    assert all(row.isdecimal() for text in texts for row in text.split("\n"))


def test_close_up_is_cropped_near_the_ink() -> None:
    margins = []
    for seed in range(12):
        scene = sample("one: close-up", seed)
        assert scene.ink is not None
        assert scene.ink.size == scene.image.size
        left, top, right, bottom = scene.ink.getbbox() or (0, 0, 0, 0)
        gaps = left, top, scene.image.width - right, scene.image.height - bottom
        margins.append(np.array(gaps) / (bottom - top))
    assert np.max(margins) < 0.5
    assert np.median(margins) < 0.15
    assert len(np.unique(margins)) > 12  # each side is cropped by itself


def test_box_of_a_scanned_digit_is_small_and_has_no_room_for_a_number() -> None:
    assert all(max(sample("one: box", seed).image.size) <= 90 for seed in range(12))
    assert {kind.split(":")[0] for kind in SCENES if kind.endswith(": box")} == {
        "one",
        "several",
        "non-digit",
        "nothing",
    }


def test_kind_may_be_a_content_and_is_then_seen_anywhere() -> None:
    kinds = {sample("nothing", seed).kind for seed in range(12)}
    assert len(kinds) > 3
    assert {kind.split(":")[0] for kind in kinds} == {"nothing"}


def test_every_kind_is_sampled_by_its_frequency() -> None:
    counts = [len(sample_scene(np.random.default_rng(seed)).digits) for seed in range(40)]
    assert 0.35 < np.mean(np.array(counts) == 1) < 0.85
    assert max(counts) > 1
    assert min(counts) == 0
