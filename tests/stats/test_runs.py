"""Runs of parts in a row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.stats.runs import longest_run


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_longest_run_agrees_with_splitting_a_string(parts):
    text = "".join("1" if p else " " for p in parts)
    assert longest_run(np.array([parts])).tolist() == [max((len(w) for w in text.split()), default=0)]


def test_longest_run_of_one_object_is_a_number():
    assert longest_run(np.array([1, 1, 0, 1, 1, 1, 0], dtype=bool)) == 3
