"""What a sample of readers would say by what filters see, beside many panels of the simulated readers."""

import numpy as np
import pytest

from mammoqa.score.acr156_chances import answers_of, reader_odds
from mammoqa.score.acr156_visible import RULES
from mammoqa.score.acr_dm_filters import Indices
from mammoqa.simulate.detectability import SECTORS, SEGMENTS, Visibility
from mammoqa.simulate.readers import expected


def indices(coarse: np.ndarray, fine: np.ndarray, whole: float) -> Indices:
    return Indices(coarse, fine, whole, (0.0, 0.0))


@pytest.mark.parametrize(("kind", "parts"), [("fibre", SEGMENTS), ("mass", SECTORS)])
def test_the_sample_answers_as_many_panels_do(kind: str, parts: int) -> None:
    rng = np.random.default_rng(3)
    for strength in (2.0, 4.0, 6.0, 9.0):
        coarse = rng.normal(strength, 0.8, parts)
        fine = np.where(np.arange(parts) == 4, 0.0, rng.normal(strength * 1.5, 0.8, parts))
        whole = 3.0 * strength
        seen = (Visibility(kind, coarse, fine, whole),)
        none, half, full, doubtful = expected(seen, rng, 600)[0]
        shares = [none, doubtful, half, full]
        assert answers_of(kind, indices(coarse, fine, whole), RULES) == pytest.approx(shares, abs=0.15)


def test_an_answer_repeats_and_stays_finite() -> None:
    nothing = indices(np.zeros(SEGMENTS), np.zeros(SEGMENTS), 0.0)
    plain = indices(np.full(SEGMENTS, 30.0), np.full(SEGMENTS, 30.0), 90.0)
    none, all_of_it = (reader_odds("fibre", found, RULES) for found in (nothing, plain))
    assert np.isfinite([none, all_of_it]).all()
    assert none[0] < -6 < 6 < all_of_it[0]
    assert all_of_it[2] < -3  # not partly: as a whole
    assert reader_odds("fibre", nothing, RULES).tolist() == none.tolist()
