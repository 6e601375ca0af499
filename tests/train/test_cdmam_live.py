"""An ensemble where it was fitted answers as the exported one does, and goes OMIG's path as algorithm 1 has it."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.explain.omig import Descent, omig
from mammoqa.train.cdmam_fit import FittedMember
from mammoqa.train.cdmam_live import LiveEnsemble
from mammoqa.train.cdmam_network import CurveNetwork
from mammoqa.train.cdmam_recipes import CDMAM_RECIPES

SIDE = 29
TINY = replace(CDMAM_RECIPES["cdmam34_small"], pool=2, hidden=16)


@pytest.fixture(scope="module")
def live():
    import torch

    torch.manual_seed(0)
    curves = np.random.default_rng(0).normal(size=(20, 12))
    networks = [CurveNetwork(TINY, curves, SIDE) for _ in range(3)]
    for network in networks:
        network(torch.randn(8, 1, SIDE, SIDE))  # norms learn something to be folded
    members = [FittedMember(network.eval(), 1, 1, [0.0], 1.0) for network in networks]
    return LiveEnsemble(members, np.geomspace(0.08, 1, 12), 100.0, 20.0, SIDE), networks


def some(n):
    return np.random.default_rng(n).normal(size=(n, SIDE, SIDE)).astype(np.float32)


def test_it_answers_as_its_networks_do(live):
    import torch

    ensemble, networks = live
    x = some(4)
    with torch.no_grad():
        expected = [network(torch.from_numpy(x[:, None])).numpy() for network in networks]
    np.testing.assert_allclose(ensemble.means(x), expected, atol=1e-4)
    np.testing.assert_allclose(ensemble.curve(x), np.mean(expected, axis=0), atol=1e-4)
    assert ensemble.variances(4).shape == (3, 4, 12)
    assert ensemble.of(2).means(x).shape == (2, 4, 12)
    np.testing.assert_array_equal(ensemble.normalise(np.array([[120.0]])), [[1.0]])


@pytest.mark.parametrize("path", [Descent(c=2.0, steps=7), Descent(c=1.0, steps=3, threshold=None)])
def test_its_path_is_algorithm_1(live, path):
    ensemble, _ = live
    x = some(3)
    np.testing.assert_allclose(ensemble.omig(x, path), omig(ensemble.slopes, x, path), rtol=2e-3, atol=1e-7)


def test_images_come_in_parts(live, monkeypatch):
    ensemble, _ = live
    whole = ensemble.slopes(some(5))
    monkeypatch.setattr("mammoqa.train.cdmam_live._BATCH", 2)
    for part, other in zip(whole, ensemble.slopes(some(5)), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)
