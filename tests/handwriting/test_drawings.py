import pytest

from mnist_cnn.handwriting.drawings import FRAMES, LETTERS, SHAPES, SIGNS, THINGS


def count_points(drawing: str) -> list[list[int]]:
    return [[len(piece.split()) for piece in stroke.split("|")] for stroke in drawing.split("/")]


@pytest.mark.parametrize("kinds", [LETTERS, SIGNS, SHAPES, THINGS, FRAMES], ids=["L", "Si", "Sh", "T", "F"])
def test_both_drawings_of_a_kind_have_the_same_strokes(kinds: dict[str, tuple[str, ...]]) -> None:
    differ = [kind for kind, hands in kinds.items() if count_points(hands[0]) != count_points(hands[-1])]
    assert differ == []
    assert {len(hands) for hands in kinds.values()} <= {1, 2}


def test_letters_come_from_many_alphabets_and_in_two_hands() -> None:
    assert {"A", "pi", "Zhe", "aleph", "sheen", "hiragana a", "devanagari ka", "hangul ga", "Han tree"} <= set(LETTERS)
    assert {len(hands) for hands in LETTERS.values()} == {2}
    assert all(one != other for one, other in LETTERS.values())


def test_letters_that_look_like_digits_are_missing() -> None:
    assert not set(LETTERS) & set("BDGIOQSTYZbgiloqsz")
