"""Object-free squares between the inserts of a phantom with a regular grid."""

from dataclasses import replace

import numpy as np

from mammoqa.phantoms import PHANTOMS
from mammoqa.phantoms.gaps import gaps_mm

ACR156 = PHANTOMS["acr156"]


def test_gaps_lie_in_the_middle_of_four_inserts():
    gaps = gaps_mm(ACR156)
    assert sorted(map(tuple, gaps.tolist())) == [(x, y) for x in (-20.0, 0.0, 20.0) for y in (-20.0, 0.0, 20.0)]


def test_beside_a_single_row_and_a_single_insert_there_is_nothing_either():
    row, one = (gaps_mm(replace(ACR156, inserts=ACR156.inserts[:n])) for n in (4, 1))
    assert row.shape == (6, 2)
    assert one.shape == (4, 2)
    for gaps, inserts in ((row, ACR156.inserts[:4]), (one, ACR156.inserts[:1])):
        away = np.linalg.norm(gaps[:, None] - [insert.centre_mm for insert in inserts], axis=-1)
        assert away.min() > 14.0
