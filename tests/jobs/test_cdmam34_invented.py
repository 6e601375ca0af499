"""Answers that are drawn are those of images: beside the forward model where both can say, and beside theory."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa import physics
from mammoqa.jobs import cdmam34_invented as invented
from mammoqa.jobs.cdmam34_truth import spread_of_fit
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34_evidence import evidence_of, seen_corner
from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
from mammoqa.simulate.cdmam_detectability import _blur_mm, _white, filtered_detectability
from mammoqa.simulate.cdmam_invented import InventedUnit, invented_unit
from mammoqa.simulate.cdmam_scene import Arrangement
from mammoqa.simulate.exposure import Faults
from mammoqa.train.cdmam_cells_data import _pose

PHANTOM = PHANTOMS["cdmam34"]
ROWS = np.array([cell.row for cell in PHANTOM.cells])


def test_detectability_is_that_of_the_forward_model():
    """Where both can say the same: white noise, Gaussian blur. Small discs depend on where they fall on the pixels."""
    rng = np.random.default_rng(0)
    exposure = replace(STANDARD, faults=Faults(extra_blur_mm=0.04))
    made = expose_cdmam(PHANTOM, exposure, Arrangement(margin_mm=4.0, writing=False), rng)
    truth, detector = made.truth, physics.detector(exposure.detector)
    read, filters = evidence_of(made.image.pixels, PHANTOM, _pose(truth, 0.06, rng), logarithmic=False)
    known = filtered_detectability(truth, read.blur_px) / spread_of_fit(filters)
    mean = np.array([cell.background_kev for cell in truth.cells])
    variance = (mean * truth.quantum_kev + _white(detector, float(mean.mean()))) / mean**2
    unit = InventedUnit(
        family="like a-se-70",
        pitch_mm=detector.pitch_mm,
        magnification=truth.magnification,
        line_mm=0.06,
        gold_per_um=0.15,
        share=1.0,
        bend=(0.0, 0.0),
        rows=(1.0,) * 16,
        blur=tuple((weight, float(np.hypot(sigma, _blur_mm(truth)))) for weight, sigma in detector.blur),
        noise=float(np.sqrt(variance.mean())),
    )
    pose, size = invented._patch(unit, rng)
    cells = invented._one_of_each(PHANTOM, unit, rng)
    _, patch = evidence_of(invented._noise(unit, size, rng), replace(PHANTOM, cells=cells), pose, logarithmic=False)
    rows = [invented._row(unit, cells, k, patch, pose, size, rng) for k in range(16)]
    contrast = np.array([cell.contrast for cell in truth.cells]) * np.sqrt(variance.mean() / variance)
    ratio = invented._corner_detectability(rows, PHANTOM) * contrast / known
    assert [ratio[k == ROWS].mean() for k in range(11)] == pytest.approx([1.0] * 11, abs=0.03)
    assert [ratio[k == ROWS].mean() for k in range(11, 15)] == pytest.approx([1.0] * 4, abs=0.2)


def test_drawn_answers_scatter_and_rise_as_the_label_says():
    rng = np.random.default_rng(4)
    unit = replace(invented_unit("noise", 16, rng), noise=0.05)
    images, automatic_um, curve_um, diameters_mm = invented.draw_evidence(unit, PHANTOM, 12, rng)
    assert (len(automatic_um), len(curve_um), len(diameters_mm)) == (16, 12, 12)
    seen = seen_corner(PHANTOM)
    answers, empty = np.stack([one.answers for one in images]), np.stack([one.empty for one in images])
    row = ROWS == 7
    nothing = np.concatenate([np.where(seen, np.nan, answers), empty], axis=2)[:, row]
    within = np.sqrt(np.nanvar(nothing, axis=2, ddof=1).mean())
    gold_um = np.array([cell.thickness_um for cell in PHANTOM.cells])[row]
    signal = (answers * seen)[:, row].sum(axis=2).mean(axis=0) / 2 / within
    at = np.interp(1.235, signal[np.argsort(gold_um)], np.sort(gold_um))  # where four alternatives give 62.5 %
    assert at == pytest.approx(automatic_um[7], rel=0.25)  # the logistic curve lies about a tenth below
    assert at > 0.9 * automatic_um[7]
