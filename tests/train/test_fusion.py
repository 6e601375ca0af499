"""Fitting how filters are joined with the network."""

import numpy as np

from mammoqa.models import fuse
from mammoqa.train.fusion import fit_fusion


def test_a_feature_that_knows_more_than_the_network_gets_the_weight():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    share = 1 / (1 + np.exp(-3 * truth))
    votes = np.column_stack([1 - share, 0.3 * share, 0.7 * share])
    network = np.column_stack([1 / (1 + np.exp(-truth - rng.normal(0, 2, 2000))), np.full(2000, 0.5)])
    fusion = fit_fusion("speck_group", network, truth[:, None], votes)
    joined = fuse(network, truth[:, None], fusion)
    assert np.abs(joined[:, 0] - share).max() < 0.05
    assert np.abs(joined[:, 1] - 0.3).max() < 0.05
    assert fusion.present[3] > 10 * abs(fusion.present[1])


def test_separable_votes_do_not_diverge():
    x = np.linspace(-1, 1, 50)
    votes = np.column_stack([x < 0, np.zeros(50), x >= 0]).astype(float)
    fusion = fit_fusion("speck_group", np.full((50, 2), 0.5), x[:, None], votes)
    assert np.isfinite(fusion.present).all()
    assert fusion.present[3] > 3
