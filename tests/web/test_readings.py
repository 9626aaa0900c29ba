import numpy as np
import pytest

from mnist_cnn.inference import Classifier, NumberReading, Reading
from mnist_cnn.web.readings import KeptReading, ReadingStore


def blank() -> Reading:
    return Reading(np.full(10, 0.1, np.float32), True, (0, 0, 9, 9), np.zeros((28, 28, 1), np.uint8))


@pytest.fixture
def kept(classifier: Classifier) -> KeptReading:
    """A reading that takes 1,824 bytes: 1,000 of a drawing, 784 of the image, 40 of the probabilities."""
    reading = blank()
    return KeptReading(NumberReading("0", 0.1, (reading,), reading), classifier, bytes(1000))


def test_reading_is_found_by_its_id_alone(kept: KeptReading) -> None:
    store = ReadingStore(10_000)
    reading_id = store.keep(kept)
    assert store.get(reading_id) is kept
    for wrong in (None, "", reading_id[:-1], 7, ["list"]):
        assert store.get(wrong) is None


def test_each_digit_of_a_number_counts_and_is_shown(classifier: Classifier) -> None:
    one, other, whole = blank(), blank(), blank()
    number = KeptReading(NumberReading("00", 0.1, (one, other), whole), classifier, bytes(1000))
    assert number.size == 1000 + 3 * 824
    assert number.shown == (one, other)
    assert KeptReading(NumberReading("", 1.0, (), whole), classifier, b"").shown == (whole,)


def test_ids_cannot_be_guessed_from_one_another(kept: KeptReading) -> None:
    store = ReadingStore(10_000)
    ids = [store.keep(kept) for _ in range(4)]
    assert len(set(ids)) == 4
    assert all(len(one) >= 22 for one in ids)  # 128 bits


def test_what_was_not_used_for_the_longest_time_is_dropped_beyond_the_limit(kept: KeptReading) -> None:
    assert kept.size == 1824
    store = ReadingStore(3 * kept.size)
    first, second, third = (store.keep(kept) for _ in range(3))
    assert store.get(first) is kept
    fourth = store.keep(kept)
    assert [store.get(one) is kept for one in (first, second, third, fourth)] == [True, False, True, True]


def test_reading_beyond_the_limit_alone_is_not_kept(kept: KeptReading) -> None:
    store = ReadingStore(kept.size - 1)
    assert store.get(store.keep(kept)) is None


def test_reading_belongs_to_the_first_visitor_who_claims_it(kept: KeptReading) -> None:
    store = ReadingStore(10_000)
    reading_id = store.keep(kept)
    assert store.claim(reading_id, "first") is kept
    assert store.claim(reading_id, "second") is None
    assert store.claim(reading_id, "first") is kept
    assert store.get(reading_id) is kept
    for wrong in (None, "", reading_id[:-1], 7, ["list"]):
        assert store.claim(wrong, "first") is None
