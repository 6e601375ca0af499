"""The shipped single-image reading: complete, small, and its gradient is that of its curve."""

import json
import math

import numpy as np
import pytest

from mammoqa.core import ModelError
from mammoqa.models.cdmam_cells import CELL_MODELS, FINGERPRINT, GRAPHS, Evidence, load_cells

MEBIBYTE = 1 << 20


def evidence(level=1.0, seed=0, noise=0.021):
    """Answers of discs whose detectability per contrast falls with their size as a usual unit's does, and noise."""
    model = load_cells(CELL_MODELS["cdmam34"])
    radius_mm = np.array(model.card.radius_mm)
    rng, thickness_um = np.random.default_rng(seed), _thicknesses()
    contrast = -np.expm1(-0.19 * thickness_um)
    seen = level * 420.0 * (2 * radius_mm) ** 1.5 * contrast / (0.05 + 2 * radius_mm) ** 0.5
    answers = rng.normal(size=(205, 5)) + seen[:, None] * _discs()
    return Evidence(
        answers,
        rng.normal(size=(205, 20)),
        rng.normal(size=(205, 5)),
        contrast,
        np.full(205, noise),
        radius_mm * 15.0,
        0.79,
    )


def _thicknesses():
    from mammoqa.phantoms import PHANTOMS

    return np.array([cell.thickness_um for cell in PHANTOMS["cdmam34"].cells])


def _discs():
    from mammoqa.phantoms import PHANTOMS

    true = np.array([cell.corner for cell in PHANTOMS["cdmam34"].cells])
    return np.concatenate([np.ones((205, 1)), np.arange(4) == true[:, None]], axis=1)


def test_it_is_complete_and_small():
    folder = CELL_MODELS["cdmam34"]
    for graph in GRAPHS:
        assert 0 < (folder / graph).stat().st_size < 12 * MEBIBYTE
        assert b".py" not in (folder / graph).read_bytes()
    card = load_cells(folder).card
    assert (len(card.radius_mm), len(card.diameters_mm)) == (205, 12)
    assert card.limits_of_use
    assert card.training.data_sha256
    assert {m.name for m in card.metrics} >= {"relative_error", "coverage_95"}
    assert all(math.isfinite(m.value) for m in card.metrics)
    assert len(card.reference[0]) == len(FINGERPRINT)
    assert 0 < card.settled < card.farthest
    assert all(0 <= each < 1 for each in card.strain)


def test_better_images_have_lower_curves():
    model = load_cells(CELL_MODELS["cdmam34"])
    found = model.read([evidence(0.8), evidence(1.0), evidence(1.25)])
    curves = found.means.mean(axis=0)
    assert found.means.shape == (model.card.members, 3, 12)
    assert (found.variances > 0).all()
    assert (np.diff(curves, axis=0) < -0.1).all()
    assert (np.diff(curves[1]) * np.sign(model.diameters_mm[0] - model.diameters_mm[-1]) > 0).all()
    assert (found.seen > 0).all()


def test_the_gradient_is_that_of_the_midpoint():
    from dataclasses import replace

    model = load_cells(CELL_MODELS["cdmam34"])
    one = evidence()
    curve, by_answers, by_rings = model.slopes([one])
    assert curve == pytest.approx(model.read([one]).means.mean(axis=0), abs=1e-4)
    step = np.random.default_rng(1).normal(size=one.answers.shape) + 2.0 * _discs()
    ends = [replace(one, answers=one.answers + sign * 0.05 * step) for sign in (1, -1)]
    up, down = model.read(ends).means.mean(axis=0).mean(axis=1)
    assert (by_answers[0, :, :5] * step).sum() == pytest.approx((up - down) / 0.1, rel=0.03)
    assert (by_answers[0, :, :5][_discs() > 0]).sum() < 0  # stronger discs, lower curve
    assert np.isfinite(by_rings).all()


def test_what_is_far_from_the_training_is_less_certain():
    model = load_cells(CELL_MODELS["cdmam34"])
    near, edge, far = model.strained(np.array([0.5, 1.0, 2.0]) * model.card.farthest)
    settled = model.card.settled / model.card.farthest
    assert near == pytest.approx(max(0.5 - settled, 0.0) * np.array(model.card.strain))
    assert far - edge == pytest.approx(np.array(model.card.strain))
    assert max(model.card.strain) > 0.01


def test_an_image_with_too_little_noise_is_told_apart():
    model = load_cells(CELL_MODELS["cdmam34"])
    usual, strange = model.read([evidence(), evidence(level=3.0, noise=0.007)]).distance
    assert strange > 2 * usual
    assert strange > model.card.farthest


def test_other_folders_and_other_phantoms_are_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no single-image reading"):
        load_cells(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ModelError, match="--model"):
        load_cells(tmp_path)
    model, one = load_cells(CELL_MODELS["cdmam34"]), evidence()
    short = Evidence(
        one.answers[:9], one.empty[:9], one.rings[:9], one.contrast[:9], one.noise[:9], one.radius_px[:9], 0.8
    )
    with pytest.raises(ModelError, match="205 cells"):
        model.read([short])
