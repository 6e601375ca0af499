"""The single-image reading is trained on drawn answers whose detectability is known: no image, no export."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoqa.core import ConfigurationError
from mammoqa.phantoms import PHANTOMS
from mammoqa.physics import DETECTORS
from mammoqa.score.cdmam34_evidence import seen_corner
from mammoqa.stats.psychometric import GOLD_PER_UM, THRESHOLD_DETECTABILITY
from mammoqa.train.cdmam_cells import LeftOut, _strain, gradient_of
from mammoqa.train.cdmam_cells_data import UNITS, convention_limits, read_cells_data
from mammoqa.train.cdmam_cells_fit import fit_cells, inputs_of, layout_of
from mammoqa.train.cdmam_recipes import CELLS_RECIPES, CellsRecipe

PHANTOM = PHANTOMS["cdmam34"]
TINY = CellsRecipe("tiny", members=2, directions=2, epochs=6, batch=16, learning_rate=1e-3)
SETTINGS, EACH = 24, 3
_CURVE_MM = np.array([1.0, 0.8, 0.63, 0.5, 0.4, 0.31, 0.25, 0.2, 0.16, 0.13, 0.1, 0.08])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each setting has a level of detectability; a label is where d' is 1.235, at the twelve diameters of the curve."""
    out, rng = tmp_path_factory.mktemp("cells"), np.random.default_rng(0)
    cells = PHANTOM.cells
    contrast = -np.expm1(-GOLD_PER_UM * np.array([c.thickness_um for c in cells]))
    sizes = np.array(sorted({c.diameter_mm for c in cells}, reverse=True))
    rows, true = np.array([c.row for c in cells]), seen_corner(PHANTOM)
    log_k = 5.3 + 1.3 * np.log(sizes) + rng.uniform(-0.5, 0.5, (SETTINGS, 1))
    log_k = np.repeat(log_k, EACH, axis=0)
    answers = rng.normal(size=(SETTINGS * EACH, 205, 5)) + (np.exp(log_k)[:, rows] * contrast)[:, :, None] * true
    room = layout_of(PHANTOM).room
    empty = np.where(room > 0, rng.normal(size=(SETTINGS * EACH, 205, 20)), np.nan)
    label = -np.log1p(-THRESHOLD_DETECTABILITY * np.exp(-log_k[:, 3:15])) / GOLD_PER_UM
    count = SETTINGS * EACH
    np.savez(
        out / "evidence.npz",
        answers=answers.astype(np.float32),
        empty=empty.astype(np.float32),
        rings=rng.normal(size=(count, 205, 5)).astype(np.float32),
        contrast=np.tile(contrast, (count, 1)).astype(np.float32),
        noise=np.full((count, 205), 0.02, np.float32),
        radius_px=np.tile(np.array([c.diameter_mm / 2 * 15 for c in cells]), (count, 1)).astype(np.float32),
        blur_px=np.full(count, 0.8, np.float32),
        setting=np.repeat(np.arange(SETTINGS), EACH),
        automatic_um=np.exp(-log_k),
        curve_um=label[:, ::-1],
        diameters_mm=sizes[3:15][::-1],
        family=np.repeat(["a", "b"] * (SETTINGS // 2), EACH),
        log_k=log_k,
        limit_um=label[:, ::-1],
    )
    (out / "data.json").write_text(json.dumps({"description": "simulated: drawn answers"}))
    return out


def test_it_starts_near_the_truth_and_says_how_sure_it_is(folder):
    torch.manual_seed(0)
    data = read_cells_data(folder)
    assert 0.15 < data.held_out.mean() < 0.35
    network, epochs = fit_cells(data, TINY, seed=1)
    assert epochs == TINY.epochs
    kept = np.flatnonzero(data.held_out)
    with torch.no_grad():
        curve, variance, seen, prints = network(*inputs_of(data, kept))
    apart = curve.mean(dim=0).numpy() - np.log(data.curve_um[kept])
    assert np.abs(apart).mean() < 0.06
    spread = np.sqrt((apart**2 / variance.mean(dim=0).numpy()).mean())
    assert 0.3 < spread < 3.0
    assert seen.shape == (2, len(kept), 205)
    assert prints.shape == (2, len(kept), 7)


def test_families_can_be_left_out(folder):
    data = read_cells_data(folder)
    one, _ = fit_cells(data, CellsRecipe("tiny", members=1, directions=2, epochs=1), seed=1, without=("b",))
    both, _ = fit_cells(data, CellsRecipe("tiny", members=1, directions=2, epochs=1), seed=1)
    assert not torch.equal(one.prior_mean, both.prior_mean)
    with pytest.raises(ConfigurationError, match="settings to train on"):
        fit_cells(data, TINY, seed=1, without=("a", "b"))


def test_computed_curves_are_those_of_the_convention():
    log_k, limit_um = convention_limits(PHANTOM, 30, np.random.default_rng(0))
    assert log_k.shape == (30, 16)
    assert limit_um.shape == (30, 12)
    at = np.log(THRESHOLD_DETECTABILITY / -np.expm1(-GOLD_PER_UM * 0.1 / 1.8))  # d' of 1.235 at 0.1 um for people
    low = log_k[:, 9] > at  # 0.25 mm, where people need 1.82 times as much
    k = int(np.argmin(np.abs(_CURVE_MM - 0.25)))
    assert limit_um[low, k].max() < 0.13
    assert limit_um[~low, k].min() > 0.07


def test_intervals_widen_as_much_as_families_that_were_left_out_need():
    rng = np.random.default_rng(0)
    distance = rng.uniform(0.0, 2.0, 4000)
    grown = 0.1 * np.maximum(distance - 0.5, 0.0)
    error = np.hypot(0.03, grown)[:, None] * rng.normal(size=(4000, 12))
    left = LeftOut(np.full(4000, "a"), error, np.full((4000, 12), 0.03), distance, 0.5)
    assert _strain(left) == pytest.approx(np.full(12, 0.1), abs=0.02)
    assert _strain(replace(left, error=0.5 * error / np.hypot(0.03, grown)[:, None] * 0.03)) == pytest.approx(0.0)


def test_the_gradient_of_the_curve_is_exact(folder):
    data = read_cells_data(folder)
    network, _ = fit_cells(data, CellsRecipe("tiny", members=1, directions=2, epochs=1), seed=1)
    network = network.double().requires_grad_(False)
    torch.set_default_dtype(torch.float64)
    try:
        inputs = [part.double() for part in inputs_of(data, np.arange(3))]
        weights = torch.full((3, 12), 1.0 / 12)
        by_answers, _, curve = gradient_of(network)(*inputs, weights)
        step = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        ends = [(network.curve(inputs[0] + s * 1e-4 * step, *inputs[1:]) * weights).sum() for s in (1, -1)]
    finally:
        torch.set_default_dtype(torch.float32)
    assert curve.shape == (3, 12)
    assert float((by_answers * step).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-4, rel=1e-3)


def test_units_are_of_known_detectors():
    assert {detector for detector, *_ in UNITS} <= set(DETECTORS)


def test_too_few_settings_and_missing_data_are_told(folder, tmp_path):
    with pytest.raises(ConfigurationError, match="--units"):
        read_cells_data(tmp_path)
    with pytest.raises(ConfigurationError, match="settings to train on"):
        fit_cells(read_cells_data(folder), CellsRecipe("wide", directions=30), seed=0)
    assert CELLS_RECIPES["cdmam34_cells"].members == 5
