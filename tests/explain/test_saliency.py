"""Maps on a network whose gradient is known, their normalisation, assembly and deletion test."""

import numpy as np
import pytest

import toy_artefact
from mammoqa.explain import METHODS, assemble, deletion, normalise_per_kind, saliency, weights_for
from mammoqa.models import load_folder

RNG = np.random.default_rng(6)
KINDS, SIZES = np.array([0, 2]), np.array([1.0, 1.0])
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0]])
WHERE = toy_artefact.templates()[[0, 1]] > 0  # what the two outputs look at


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_folder(toy_artefact.write(tmp_path_factory.mktemp("toy")), threads=1)


@pytest.fixture(scope="module")
def patches():
    bright = toy_artefact.templates().sum(axis=0) > 0
    return (4000 + 50 * RNG.normal(size=(2, 160, 160)) + 60 * bright).astype(np.float32)


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_points_at_what_the_network_reads(model, patches, name):
    maps = METHODS[name](model, patches, KINDS, SIZES, WEIGHTS)
    assert maps.shape == patches.shape
    assert (maps >= 0).all()
    for one, where in zip(maps, WHERE, strict=True):
        assert one[where].mean() > 3 * one[~where].mean()


def test_normalisation_is_that_of_the_papers_figure():
    maps = RNG.random((4, 50, 50)).astype(np.float32)
    maps[2:] *= 100
    kinds = np.array([0, 0, 1, 1])
    out = normalise_per_kind(maps, kinds)
    for kind in (0, 1):
        chosen = kinds == kind
        np.testing.assert_allclose(
            out[chosen], np.clip(maps[chosen] / (2 * np.percentile(maps[chosen], 99.5)), 0, 1), rtol=1e-5
        )
    assert not normalise_per_kind(np.zeros((2, 5, 5)), np.array([0, 1])).any()


def test_maps_land_at_their_objects():
    maps = np.zeros((2, 40, 40), dtype=np.float32)
    maps[0, 20:24, 30:34] = 1.0  # 8.5 to 12.5 pixels right of the middle of the patch, of 40
    maps[1] = 0.25
    view = assemble(maps, np.array([[30.0, 40.0], [95.0, 5.0]]), (80, 100), 20.0)
    y, x = np.unravel_index(view.argmax(), view.shape)
    assert abs(x - (30 + 12 / 2)) <= 1
    assert abs(y - (40 + 2 / 2)) <= 1
    assert view[:14, 86:].min() == pytest.approx(0.25)
    assert view.sum() == pytest.approx(4 + 0.25 * 15 * 15, rel=0.15)  # the second is cut off by the view


def test_deletion_prefers_the_true_map(model, patches):
    maps = saliency(model, patches, KINDS, SIZES, WEIGHTS)
    good = deletion(model, patches, KINDS, SIZES, WEIGHTS, maps, np.random.default_rng(0))
    bad = deletion(model, patches, KINDS, SIZES, WEIGHTS, -maps, np.random.default_rng(0))
    assert good.curve.shape == (2, len(good.shares))
    np.testing.assert_allclose(good.curve[:, 0], good.random_curve[:, 0])
    assert (good.gain > bad.gain).all()
    assert (good.gain > 0).all()


def test_the_output_that_decided_is_explained():
    np.testing.assert_array_equal(weights_for(np.array([0.0, 0.5, 1.0])), [[1, 0], [0, 1], [1, 0]])
