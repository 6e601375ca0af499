"""The ideal observer's figures, against noise that was drawn and choices that were played."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa import physics
from mammoqa.phantoms.cdmam34 import CDMAM34, DIAMETERS_MM
from mammoqa.simulate.cdmam import STANDARD, expose_cdmam
from mammoqa.simulate.cdmam_detectability import (
    detectability,
    filtered_detectability,
    share_correct,
    thresholds_um,
)
from mammoqa.simulate.cdmam_scene import Arrangement, disc_coverage

CROPPED = Arrangement(margin_mm=-40.0, writing=False)  # the truth holds all cells whatever is shown


@pytest.fixture(scope="module")
def truth():
    return expose_cdmam(CDMAM34, replace(STANDARD, detector="csi-100"), CROPPED).truth


def test_d_prime_is_what_the_best_filter_reaches_in_drawn_noise(truth):
    detector = physics.detector("csi-100")
    index = next(k for k, c in enumerate(truth.cells) if (c.row, c.column) == (8, 8))  # 0.31 mm, 0.2 um
    cell, size = truth.cells[index], 24
    window, cover = disc_coverage(size / 2, size / 2, cell.diameter_mm / 2 * truth.magnification / 0.1, (size, size))
    flat = np.full((size, size), cell.background_kev / detector.pitch_mm**2, dtype=np.float32)
    disc = flat.copy()
    disc[window[0] : window[1], window[2] : window[3]] *= 1 - cell.contrast * cover.astype(np.float32)
    focal_mm = physics.focal_sigma_mm(35.5, 650.0, truth.exposure.focal_spot_mm)
    signal = (
        physics.absorbed(flat, 1.0, detector, None) - physics.blur(disc * np.float32(0.01), detector, focal_mm)
    ).astype(float)
    rng = np.random.default_rng(4)
    draws = [physics.absorbed(flat, truth.quantum_kev, detector, rng, unit_seed=k).astype(float) for k in range(600)]
    noise = np.array(draws) - cell.background_kev
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0)
    # smooth the measured power a little: it is even in frequency
    power = (power + np.roll(power[::-1, ::-1], (1, 1), (0, 1))) / 2
    best = np.fft.fft2(signal) / power
    gain = (np.abs(np.fft.fft2(signal)) ** 2 / power).sum()
    spread = np.std([np.real((np.conj(best) * np.fft.fft2(n)).sum()) for n in noise[300:]])
    assert detectability(truth)[index] == pytest.approx(gain / spread, rel=0.06)


def test_d_prime_grows_with_thickness_and_diameter_and_falls_with_noise(truth):
    d = {(c.row, c.column): v for c, v in zip(truth.cells, detectability(truth), strict=True)}
    assert d[(8, 4)] < d[(8, 8)] < d[(8, 12)]
    assert d[(12, 10)] < d[(10, 10)] < d[(6, 10)]
    assert d[(8, 8)] / d[(8, 4)] == pytest.approx(0.2 / 0.08, rel=0.05)  # contrast is nearly linear in thin gold


def test_a_quarter_of_the_choices_is_right_by_chance_and_all_in_the_end():
    assert float(share_correct(np.array(0.0))) == pytest.approx(0.25)
    assert float(share_correct(np.array(6.0))) == pytest.approx(1.0, abs=1e-3)
    drawn = np.random.default_rng(2).standard_normal((100_000, 4))
    drawn[:, 0] += 1.2
    assert float(share_correct(np.array(1.2))) == pytest.approx((drawn.argmax(axis=1) == 0).mean(), abs=0.005)


def test_thresholds_fall_with_diameter_and_lie_where_a_good_unit_may_lie(truth):
    found = thresholds_um(truth, detectability(truth))
    assert (np.diff(found) > 0).all()
    achievable_automatic = {1.0: 0.056 / 2.11, 0.5: 0.103 / 1.98, 0.25: 0.244 / 1.82, 0.1: 1.10 / 1.50}
    for diameter_mm, limit_um in achievable_automatic.items():  # the ideal observer beats every reader, but not by far
        assert limit_um / 5 < found[DIAMETERS_MM.index(diameter_mm)] < limit_um


def test_a_filter_that_knows_no_noise_does_worse_most_of_all_for_small_discs(truth):
    best, found = detectability(truth), filtered_detectability(truth, 0.8)
    share = found / best
    sizes = np.array([cell.diameter_mm for cell in truth.cells])
    assert (share < 1.001).all()
    assert share[sizes >= 1.0].min() > 0.97
    assert share[sizes <= 0.1].max() < 0.8  # the noise of this detector is correlated
