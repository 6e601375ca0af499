"""The network's answers joined with measured features."""

import numpy as np
import pytest

from mammoqa.core import ModelError
from mammoqa.models import Fusion, fuse


def test_weights_that_take_the_network_alone_give_its_answer_back():
    p = np.array([[0.2, 0.9], [0.999, 0.01]])
    alone = Fusion("speck_group", (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
    np.testing.assert_allclose(fuse(p, np.array([[3.0], [-2.0]]), alone), p, rtol=1e-9)


def test_a_feature_moves_the_answer_its_way_and_extremes_stay_finite():
    fusion = Fusion("speck_group", (0.0, 1.0, 0.0, 2.0), (0.0, 0.0, 1.0, -2.0))
    p = np.array([[0.5, 0.5], [0.0, 1.0]])
    joined = fuse(p, np.array([[1.0], [1.0]]), fusion)
    assert joined[0, 0] > 0.5 > joined[0, 1]
    assert np.isfinite(joined).all()


def test_another_number_of_features_is_refused():
    with pytest.raises(ModelError, match="3 weights, 4 are needed"):
        fuse(np.array([[0.5, 0.5]]), np.array([[1.0]]), Fusion("mass", (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
