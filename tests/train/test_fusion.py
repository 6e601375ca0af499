"""Fitting how filters are joined with the network."""

import numpy as np
import pytest

import toy
from mammoqa.core import ConfigurationError
from mammoqa.models import fuse
from mammoqa.phantoms import PHANTOMS
from mammoqa.train.dataset_file import open_dataset
from mammoqa.train.fusion import fit_fusion, measured


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


def test_not_applicable_weighs_as_some_of_a_0():
    x = np.linspace(-1, 1, 400)
    votes = np.column_stack([x < -0.3, np.zeros(400), x > 0.3]).astype(float)  # between them: N/A
    network = np.full((400, 2), 0.5)
    joined = fuse(network, x[:, None], fit_fusion("mass", network, x[:, None], votes))[:, 0]
    assert joined[np.abs(x) < 0.2].mean() < 0.45
    assert joined[x > 0.6].min() > 0.7


def test_what_filters_see_is_known_of_all_objects_or_of_none(tmp_path):
    data = open_dataset(toy.write_dataset(tmp_path, 4, size_px=64))
    index = np.arange(9)[None]
    assert measured(data, index, PHANTOMS["acr156"]) == {}
    data.table.filters[0] = 1.0
    with pytest.raises(ConfigurationError, match="make the set again"):
        measured(data, index, PHANTOMS["acr156"])
