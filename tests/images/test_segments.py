import numpy as np
from PIL import Image

from mnist_cnn.images import Evidence, propose
from tests.support.pictures import draw_seven


def test_evidence_begins_with_what_the_vote_takes_from_it_by_place() -> None:
    assert Evidence._fields[:2] == ("share", "pen")


def test_segments_on_a_busy_page_have_finite_evidence_and_full_ink() -> None:
    page = Image.effect_noise((300, 300), 30).convert("RGB")
    page.paste((20, 40, 90), (0, 0), draw_seven(300))
    page.paste((20, 40, 90), (0, 290, 300, 300))  # touches three edges
    segments = propose(page)
    assert len(segments) > 1
    for segment in segments:
        assert segment.evidence is not None
        assert np.isfinite(segment.evidence).all()
        assert segment.ink.dtype == np.uint8
        assert segment.ink.max() == 255
        left, top, right, bottom = segment.box
        assert 0 <= left < right <= 300
        assert 0 <= top < bottom <= 300
