from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import ModelError
from mammoqa.models.cdmam_downsample import draws, draws_a_pass, passes, take


@given(st.integers(10, 45), st.integers(10, 45), st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_a_pass_covers_every_pixel(rows, columns, seed):
    visits = np.zeros((rows, columns), int)
    number = draws_a_pass((rows, columns), 10)
    for draw in islice(passes((rows, columns), np.random.default_rng(seed), 10), number):
        visits[np.ix_(draw.rows, draw.columns)] += 1
    assert visits.min() == 1
    assert visits.max() <= 4  # only those that fill up the last groups come again
    assert visits.sum() == 100 * number
    if rows % 10 == 0 and columns % 10 == 0:
        assert visits.max() == 1


@pytest.mark.parametrize("kind", [draws, passes])
def test_order_is_kept_and_all_rows_are_as_likely(kind):
    picked = list(islice(kind((20, 30), np.random.default_rng(1), 10), 600))
    assert all((np.diff(draw.rows) > 0).all() and (np.diff(draw.columns) > 0).all() for draw in picked)
    assert {len(draw.rows) for draw in picked} == {len(draw.columns) for draw in picked} == {10}
    seen = np.bincount(np.concatenate([draw.columns for draw in picked]), minlength=30) / 600
    np.testing.assert_allclose(seen, 1 / 3, atol=0.1)


def test_taking_is_what_the_draw_says():
    image = np.arange(600).reshape(20, 30)
    draw = next(draws(image.shape, np.random.default_rng(2), 5))
    (small,) = take(image, [draw])
    assert small.dtype == np.float32
    assert all(small[i, j] == image[draw.rows[i], draw.columns[j]] for i in range(5) for j in range(5))


def test_too_small_an_image_is_told():
    with pytest.raises(ModelError, match="no 250 rows"):
        next(draws((100, 400), np.random.default_rng(0)))
