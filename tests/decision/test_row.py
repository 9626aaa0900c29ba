from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mnist_cnn.decision import (
    CANDIDATE_FEATURES,
    PATH_FEATURES,
    REMAINDER_FEATURES,
    Lattice,
    Perceptron,
    RowModel,
    build_lattice,
    decide_number,
    describe_candidates,
    describe_layouts,
    describe_remainders,
    digit_logarithms,
    digit_score,
    measure_layouts,
    score_candidates,
)
from tests.support.probabilities import sure

# One number is known of each candidate, three of each piece, and two of the whole; all comes twice, and for layouts as
# the mean of all as well.
KNOWN = 2 + PATH_FEATURES
CANDIDATE, REMAINDER, LAYOUT = 2 * (3 + CANDIDATE_FEATURES), 2 * (5 + REMAINDER_FEATURES), 3 * KNOWN


def counting(features: int, chosen: int, scores: int, trusted: int = 0) -> Perceptron:
    """Return a perceptron whose scores are nearly one of the features, if that is small, and who trusts networks."""
    hidden = np.zeros((features, 1))
    hidden[chosen] = 0.01
    output, bias = np.repeat([[100.0, 0.0]], [scores, trusted], axis=1), np.repeat([0.0, 30.0], [scores, trusted])
    return Perceptron(np.zeros(features), np.ones(features), hidden, np.zeros(1), output, bias)


def weighing(emptiness: float, doubt: float = -30.0) -> Perceptron:
    """Return a perceptron for layouts: they count by their evidence, and hold nothing, and are wrong, by numbers."""
    loud = counting(LAYOUT, KNOWN + 1, 1)
    return loud._replace(output=np.array([[100.0, 0.0, 0.0]]), output_bias=np.array([0.0, emptiness, doubt]))


MODEL = RowModel(counting(CANDIDATE, CANDIDATE // 2, 10, 2), counting(REMAINDER, REMAINDER // 2, 1, 1), weighing(-30.0))
UNSURE = MODEL._replace(layouts=weighing(-30.0, doubt=-1.5))  # so that it looks at all lattices


def build(
    candidates: list[tuple[int, int, int, float]],
    rows: tuple[int, ...] = (0, 0, 0),
    skips: float = -3.0,
    loudness: float = 0.0,
    confidence: float = 0.91,
) -> Lattice:
    """Return a lattice.

    Args:
        candidates: first piece, piece after the last, likeliest digit, and what speaks for it.
        rows: of the pieces.
        skips: what speaks for leaving out any piece.
        loudness: what speaks for the whole.
        confidence: of the network in the likeliest digits.
    """
    spans = np.array([candidate[:2] for candidate in candidates], int).reshape(-1, 2)
    known = np.array([candidate[3] for candidate in candidates], np.float32).reshape(-1, 1)
    probabilities = np.array([sure(confidence, candidate[2]) for candidate in candidates]).reshape(-1, 10)
    remainders = np.tile(np.array([skips, 0, -np.log(len(rows))], np.float32), (len(rows), 1))
    evidence = np.array([0, loudness], np.float32)
    words = np.zeros((len(spans), 11)), np.zeros((len(rows), 11))
    return Lattice(spans, np.array(rows), known, remainders, evidence, probabilities, *words)


def walk(lattice: Lattice, piece: int = 0) -> Iterator[tuple[str, float]]:
    """Yield the digits and the score of every path from a piece to the last."""
    if piece == len(lattice.rows):
        yield "", 0.0
        return
    skip = float(MODEL.remainders.evaluate(describe_remainders(lattice))[piece, 0] + lattice.remainder_words[piece, -1])
    yield from ((text, skip + score) for text, score in walk(lattice, piece + 1))
    words = digit_logarithms(lattice.probabilities) + lattice.candidate_words[:, :-1]
    gains = MODEL.candidates.evaluate(describe_candidates(lattice))[:, :10] + words
    for candidate in np.flatnonzero(lattice.spans[:, 0] == piece):
        for text, score in list(walk(lattice, int(lattice.spans[candidate, 1]))):
            yield from ((f"{digit}{text}", float(gains[candidate, digit]) + score) for digit in range(10))


def sum_up(lattice: Lattice) -> dict[str, float]:
    """Return the probability of each text, by all paths that there are."""
    sums: dict[str, float] = {}
    for text, score in walk(lattice):
        sums[text] = sums.get(text, 0) + float(np.exp(score))
    total = sum(sums.values())
    return {text: share / total for text, share in sums.items()}


TANGLE = build([(0, 1, 1, 0.5), (1, 2, 7, 0.2), (0, 2, 4, 1.0), (1, 3, 4, 0.4), (2, 3, 7, -0.5)], skips=-0.4)
_RNG = np.random.default_rng(0)
TANGLE = TANGLE._replace(
    candidate_words=np.log(_RNG.uniform(0.9, 1, (5, 11))), remainder_words=np.log(_RNG.uniform(0.9, 1, (3, 11)))
)


@pytest.mark.parametrize(("together", "text"), [(-2.0, "17"), (4.0, "4")], ids=["apart", "together"])
def test_pieces_are_taken_apart_or_together_as_the_evidence_says(together: float, text: str) -> None:
    lattice = build([(0, 1, 1, 1.0), (1, 2, 7, 1.0), (0, 2, 4, together)], rows=(0, 0))
    assert decide_number(MODEL, [lattice]).text == text


def test_digits_are_none_where_the_whole_is_no_number() -> None:
    lattice = build([(0, 1, 1, 1.0), (1, 2, 7, 1.0)], rows=(0, 0))
    number = decide_number(MODEL, [lattice])
    nothing = decide_number(MODEL._replace(layouts=weighing(2.0)), [lattice])
    likely = 1 / (1 + np.exp(-2.0))
    assert (nothing.text, nothing.steps) == ("", [])
    assert nothing.confidence == pytest.approx(likely + (1 - likely) * sum_up(lattice)[""], rel=1e-4)
    doubted = decide_number(MODEL._replace(layouts=weighing(-2.0)), [lattice])
    assert doubted.text == number.text == "17"
    assert doubted.confidence == pytest.approx(likely * number.confidence, rel=1e-4)


def test_a_number_that_may_be_read_in_many_ways_is_read_in_one_of_them() -> None:
    lattices = [build([(0, 1, digit, 2)], (0,), confidence=0.2) for digit in range(4)]
    decision = decide_number(MODEL._replace(layouts=weighing(-0.5)), lattices)
    assert decision.confidence < 1 / (1 + np.exp(0.5)) < 0.5  # that there is none is likelier than this one
    assert decision.text in {"0", "1", "2", "3"}


def test_doubt_makes_a_text_less_sure_and_no_other() -> None:
    sure, doubtful = (decide_number(MODEL._replace(layouts=weighing(-30.0, doubt)), [TANGLE]) for doubt in (-30.0, 0.0))
    assert doubtful.text == sure.text
    assert doubtful.confidence == pytest.approx(sure.confidence / 2)


def test_what_is_no_digit_is_left_out() -> None:
    decision = decide_number(MODEL, [build([(0, 1, 3, 2), (1, 2, 1, -9), (2, 3, 5, 2)])])
    assert decision.text == "35"
    assert decision.steps == [(0, 3), (2, 5)]


def test_confidence_is_the_share_of_all_paths_that_read_the_text() -> None:
    texts = sum_up(TANGLE)
    decision = decide_number(MODEL, [TANGLE])
    assert sum(texts.values()) == pytest.approx(1)
    assert 0.05 < decision.confidence < 0.95
    assert decision.confidence == pytest.approx(texts[decision.text], rel=1e-4)


@pytest.mark.parametrize("emptiness", [-30.0, 0.0])
def test_several_digits_are_as_likely_as_all_texts_of_several(emptiness: float) -> None:
    several = sum(share for text, share in sum_up(TANGLE).items() if len(text) > 1)
    decision = decide_number(MODEL._replace(layouts=weighing(emptiness)), [TANGLE])
    assert 0.1 < several < 0.9
    assert decision.several == pytest.approx(several / (1 + np.exp(emptiness)), rel=1e-4)


@pytest.mark.parametrize("text", ["", "4", "17", "44", "177", "47", "74", "1111"])
def test_likelihood_of_a_text_is_that_of_all_paths_which_read_it(text: str) -> None:
    _, likelihoods = measure_layouts(MODEL.candidates, MODEL.remainders, [TANGLE], text)
    assert likelihoods == pytest.approx([sum_up(TANGLE).get(text, 0)], rel=1e-4)


def test_rows_are_joined_by_a_newline_and_empty_rows_left_out() -> None:
    candidates = [(0, 1, 1, 2.0), (1, 2, 2, 2.0), (3, 4, 3, 2.0)]
    decision = decide_number(MODEL, [build(candidates, rows=(0, 0, 1, 2))])
    assert decision.text == "12\n3"
    assert [digit for _, digit in decision.steps] == [1, 2, 3]
    _, likelihoods = measure_layouts(
        MODEL.candidates, MODEL.remainders, [build(candidates, rows=(0, 0, 1, 2))], "12\n3"
    )
    assert likelihoods == pytest.approx([decision.confidence])


@pytest.mark.parametrize("candidates", [[], [(0, 2, 3, -9.0)]], ids=["no candidates", "bad candidates"])
def test_no_digits_give_an_empty_text(candidates: list[tuple[int, int, int, float]]) -> None:
    decision = decide_number(MODEL, [build(candidates, skips=2)])
    assert (decision.text, decision.steps) == ("", [])
    assert decision.confidence > 0.99


def test_the_loudest_lattice_counts_most() -> None:
    one, other = build([(0, 1, 3, 2)], (0,)), build([(0, 1, 5, 2)], (0,), loudness=4)
    decision = decide_number(UNSURE, [one, other])
    assert (decision.text, decision.lattice, decision.steps) == ("5", 1, [(0, 5)])
    alone = decide_number(UNSURE, [other])
    assert decision.confidence < alone.confidence


def test_lattices_that_agree_outvote_one_that_is_louder() -> None:
    agreeing = [build([(0, 1, 3, 2)], (0,)), build([(0, 2, 3, 2), (2, 3, 1, -9)])]
    decision = decide_number(UNSURE, [build([(0, 1, 5, 2)], (0,), loudness=0.3), *agreeing])
    assert decision.text == "3"
    assert decision.lattice in {1, 2}
    assert decision.confidence > 0.5 * (1 - 1 / (1 + np.exp(1.5)))  # so much is left beside the doubt


def test_confidence_is_what_all_lattices_say_of_the_text_by_how_loud_they_are() -> None:
    lattices = [TANGLE, build([(0, 1, 1, 0.3), (1, 2, 7, 0.3), (2, 3, 7, -0.3)], skips=-0.4, loudness=0.2)]
    decision = decide_number(MODEL, lattices)
    known, _ = measure_layouts(MODEL.candidates, MODEL.remainders, lattices, "")
    shares = np.exp(MODEL.layouts.evaluate(describe_layouts(known))[:, 0])
    likely = [sum_up(lattice).get(decision.text, 0) for lattice in lattices]
    assert decision.confidence == pytest.approx(shares @ likely / shares.sum(), rel=1e-4)
    assert min(likely) > 0.01  # both can be read so
    assert len({max(sums, key=lambda text: sums[text]) for sums in map(sum_up, lattices)}) == 2  # but one is rather not


def test_order_of_lattices_that_are_all_looked_at_changes_nothing() -> None:
    lattices = [TANGLE, build([(0, 1, 5, 2)], (0,), loudness=0.5), build([(0, 2, 4, 2), (2, 3, 1, -9)])]
    first, second = decide_number(UNSURE, lattices), decide_number(UNSURE, lattices[::-1])
    assert (first.text, first.steps, first.lattice) == (second.text, second.steps, 2 - second.lattice)
    assert first.confidence == pytest.approx(second.confidence)


@pytest.mark.parametrize(("model", "looks"), [(MODEL, 1), (UNSURE, 2)])
def test_lattices_are_made_until_the_text_is_sure(model: RowModel, looks: int) -> None:
    made = []

    def look() -> Iterator[Lattice]:
        for digit in (3, 4):
            made.append(digit)
            yield build([(0, 1, digit, 9)], (0,))

    decision = decide_number(model, look())
    assert decision.text == "3"
    assert made == [3, 4][:looks]


def test_other_lattices_are_looked_at_where_the_first_has_no_digit() -> None:
    decision = decide_number(MODEL, [build([(0, 2, 3, -9.0)], skips=2), build([(0, 1, 4, 2)], (0,), loudness=9)])
    assert decision.text == "4"


def test_without_a_lattice_there_is_surely_no_digit() -> None:
    assert decide_number(MODEL, []) == ("", 1.0, 0, 0, [])


def test_candidates_are_described_by_their_evidence_the_whole_s_and_the_network() -> None:
    features = describe_candidates(TANGLE)
    assert features.dtype == np.float32
    assert features.shape == (5, CANDIDATE)
    first, known = np.hsplit(features, 2)
    assert not first.any()  # they are no strokes
    np.testing.assert_array_equal(known[:, :1], TANGLE.candidates)
    np.testing.assert_array_equal(known[:, 1:3], np.tile(TANGLE.evidence, (5, 1)))
    np.testing.assert_allclose(known[:, 3], digit_score(TANGLE.probabilities), rtol=1e-6)
    np.testing.assert_allclose(features[:, -21:-11], digit_logarithms(TANGLE.probabilities), rtol=1e-6)
    np.testing.assert_allclose(features[:, -11:], TANGLE.candidate_words, rtol=1e-6)


@pytest.mark.parametrize("describe", [describe_candidates, describe_remainders])
def test_what_is_known_of_strokes_is_there_twice(describe: Callable[[Lattice], np.ndarray]) -> None:
    first, known = np.hsplit(describe(TANGLE._replace(evidence=np.array([1, 0.5], np.float32))), 2)
    assert known.any()
    np.testing.assert_array_equal(first, known)


def test_a_piece_is_described_by_what_the_networks_say_of_it_alone() -> None:
    words = np.log(_RNG.uniform(0.01, 0.05, (3, 11)))
    lattice = build([(0, 2, 8, 1), (1, 2, 3, 1), (1, 3, 4, 1)])._replace(remainder_words=words)
    features = describe_remainders(lattice)
    np.testing.assert_allclose(features[:, -1], words[:, -1], rtol=1e-6)
    np.testing.assert_allclose(np.exp(features[:, -2]), np.exp(words[:, :-1]).sum(axis=1), rtol=1e-5)
    assert features.dtype == np.float32
    assert features.shape == (3, REMAINDER)
    assert not features[[0, 2], -REMAINDER_FEATURES:-2].any()  # they are no candidates
    assert features[1, -REMAINDER_FEATURES] == pytest.approx(digit_score(lattice.probabilities[1]))


def test_a_layout_is_described_by_its_evidence_and_its_best_path() -> None:
    known, _ = measure_layouts(MODEL.candidates, MODEL.remainders, [TANGLE, build([])], "17")
    assert known.dtype == np.float32
    assert known.shape == (2, KNOWN)
    assert known[:, -5:-2].tolist() == [[0, 0, 0], [1, 0, pytest.approx(1)]]  # the second reads nothing
    assert TANGLE.candidate_words.min() < known[0, -1] < known[0, -2] < TANGLE.candidate_words.max()
    assert known[1, -2:].tolist() == [0, 0]
    assert np.isfinite(known).all()


def test_a_layout_stands_beside_the_mean_of_all_and_that_of_strokes_is_there_twice() -> None:
    known = np.array([[1, 0.5], [0, 4.5]], np.float32)  # the first has strokes
    assert describe_layouts(known).tolist() == [[1, 0.5, 1, 0.5, 0.5, 2.5], [0, 0, 0, 4.5, 0.5, 2.5]]
    assert describe_layouts(known[:1]).tolist() == [[1, 0.5, 1, 0.5, 1, 0.5]]
    assert describe_layouts(known).dtype == np.float32


def test_logarithms_of_digits_are_finite_and_of_probabilities() -> None:
    logarithms = digit_logarithms(np.eye(10)[:2])
    assert np.isfinite(logarithms).all()
    np.testing.assert_allclose(np.exp(logarithms).sum(axis=1), 1)
    assert logarithms[0, 0] == pytest.approx(0, abs=2e-3)


def test_columns_say_how_likely_one_digit_stands_in_them_alone_and_how_likely_none() -> None:
    rng = np.random.default_rng(1)
    words = [np.log(rng.dirichlet(np.ones(11), width)) for width in (9, 6)]
    columns, rows = np.array([[0, 4], [3, 9], [2, 3], [4, 6]]), np.array([0, 0, 1, 1])
    spans, alone = np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), np.zeros((4, 1), np.float32)
    lattice = build_lattice(spans, rows, alone, alone, alone[0], columns, columns, np.full((4, 10), 0.1), words)
    np.testing.assert_array_equal(lattice.candidate_words, lattice.remainder_words)
    for row, (start, stop), heard in zip(rows, columns, lattice.candidate_words, strict=True):
        taken = np.exp(words[row][start:stop])
        nothing = taken[:, -1]
        for digit in range(10):
            ways = [
                nothing[:first].prod() * taken[first:last, digit].prod() * nothing[last:].prod()
                for first in range(len(taken))
                for last in range(first + 1, len(taken) + 1)
            ]
            assert np.exp(heard[digit]) == pytest.approx(sum(ways) + 1e-4)
        assert np.exp(heard[-1]) == pytest.approx(nothing.prod() + 1e-4)


def test_digits_are_those_that_both_networks_find_likely() -> None:
    lattice = build([(0, 1, 3, 1.0)], rows=(0,), confidence=0.6)
    assert decide_number(MODEL, [lattice]).text == "3"
    words = np.log(np.full((1, 11), 0.01))
    words[0, 8] = np.log(0.9)
    assert decide_number(MODEL, [lattice._replace(candidate_words=words)]).text == "8"


def test_either_network_is_believed_as_far_as_the_perceptron_says() -> None:
    features = describe_candidates(TANGLE)
    known = MODEL.candidates.evaluate(features)[:, :10]
    for place, words in enumerate((digit_logarithms(TANGLE.probabilities), TANGLE.candidate_words[:, :-1])):
        bias = np.full(12, -30.0)
        bias[:10], bias[10 + place] = 0, 30
        believing = MODEL.candidates._replace(output_bias=bias)
        np.testing.assert_allclose(score_candidates(believing, features), known + words, rtol=1e-4)
