from mnist_cnn.handwriting import STYLES

PROMISED = {
    0: {"slash", "backslash", "crossing slash", "dot", "open", "loop"},
    1: {"stem", "short flag", "long upstroke", "foot", "slanted"},
    2: {"loop", "curl", "Z", "wavy base"},
    3: {"flat top", "loop"},
    4: {"open", "closed", "one stroke", "short bar", "long bar"},
    5: {"floating bar", "missing bar", "long bar", "S"},
    6: {"curl", "open"},
    7: {"crossed", "serif", "curved"},
    8: {"two loops", "S and close", "open", "tiny top"},
    9: {"straight", "curled", "hooked", "g", "open"},
}


def count_points(drawing: str) -> list[list[int]]:
    return [[len(piece.split()) for piece in stroke.split("|")] for stroke in drawing.split("/")]


def test_styles_that_mnist_lacks_are_there() -> None:
    assert {digit: set(styles) & PROMISED[digit] for digit, styles in STYLES.items()} == PROMISED


def test_both_drawings_of_a_style_have_the_same_strokes(style: tuple[int, str]) -> None:
    digit, name = style
    _, one, other = STYLES[digit][name]
    assert count_points(one) == count_points(other)


def test_every_style_is_written_now_and_then(style: tuple[int, str]) -> None:
    digit, name = style
    assert STYLES[digit][name][0] > 0
