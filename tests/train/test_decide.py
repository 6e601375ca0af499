"""Calibration of the probability of passing and the referral band, on cases with a known answer."""

import numpy as np
import pytest

from mammoqa.judge.many import PHANTOM, pass_probabilities, passes
from mammoqa.judge.referral import calibrated_p_pass, doubt, referred
from mammoqa.models import Platt
from mammoqa.phantoms import PHANTOMS
from mammoqa.stats.poisson_binomial import score_probabilities
from mammoqa.train.decide import Decision, decide, pass_calibration, referral_band, whole_images

ACR156 = PHANTOMS["acr156"]


def _archive(n=900):
    """Honest probabilities that fall with size, most of them near 0 or 1, and a panel drawn from them."""
    rng = np.random.default_rng(0)
    rank = np.concatenate([np.arange(6), np.arange(5), np.arange(5)])
    strength = rng.normal(8.0, 3.0, (n, 1)) - 1.6 * rank + rng.normal(0.0, 1.0, (n, 16))
    present, abnormal = 1 / (1 + np.exp(-strength)), 1 / (1 + np.exp(strength - 1.0))
    drawn = np.where(rng.random((n, 16)) < abnormal, 0.5, 1.0)
    panel = np.where(rng.random((n, 16)) >= present, 0.0, drawn)
    return np.stack([present, abnormal], axis=-1), panel, np.arange(n) // 6


def test_distorted_probabilities_are_put_right_and_honest_ones_left_alone():
    rng = np.random.default_rng(1)
    honest, unit = rng.random(3000), np.arange(3000) // 6
    passed = (rng.random(3000) < honest).astype(float)
    shrunk = calibrated_p_pass(honest, Platt(0.5, 0.4))
    found = pass_calibration(shrunk, passed, unit)
    assert (found.slope, found.offset) == pytest.approx((2.0, -0.8), abs=0.25)
    few = slice(0, 60)
    fitted = pass_calibration(honest[few], passed[few], unit[few])
    assert fitted == Platt() or fitted.slope == pytest.approx(1.0, abs=0.5)


def test_noise_is_not_fitted():
    rng = np.random.default_rng(2)
    adopted = 0
    for _ in range(20):
        p = rng.beta(0.6, 0.5, 200)
        adopted += pass_calibration(p, (rng.random(200) < p).astype(float), np.arange(200) // 6) != Platt()
    assert adopted <= 10


def test_the_band_refers_the_share_and_the_most_doubtful():
    rng = np.random.default_rng(3)
    p_pass = rng.beta(0.4, 0.3, 2000)
    passed = p_pass > 0.45
    band = referral_band(passed, p_pass, 0.10)
    wanted = referred(passed, p_pass, band)
    assert wanted.mean() == pytest.approx(0.10, abs=0.01)
    assert doubt(passed, p_pass)[wanted].min() >= doubt(passed, p_pass)[~wanted].max()
    assert sum(band) == pytest.approx(1.0)


def test_decide_on_an_archive_with_and_without_expected_scores():
    probabilities, panel, unit = _archive()
    scores = np.where(probabilities[..., 0] < 0.5, 0.0, np.where(probabilities[..., 1] >= 0.5, 0.5, 1.0))
    found = decide(probabilities, scores, panel, unit, ACR156)
    chances = score_probabilities(probabilities[..., 0], probabilities[..., 1])
    exact = decide(
        probabilities, scores, panel, unit, ACR156, np.concatenate([chances, np.zeros((900, 16, 1))], axis=-1)
    )
    for decision in (found, exact):
        assert decision.pass_calibration.slope == pytest.approx(1.0, abs=0.2)
        p_pass = calibrated_p_pass(pass_probabilities(chances, ACR156)[PHANTOM], decision.pass_calibration)
        assert referred(passes(scores, ACR156)[PHANTOM], p_pass, decision.referral_band).mean() == pytest.approx(
            0.10, abs=0.02
        )
    assert exact.pass_calibration.slope == pytest.approx(1.0, abs=0.02)


def test_too_few_images_decide_nothing():
    probabilities, panel, unit = _archive(10)
    assert decide(probabilities, panel, panel, unit, ACR156) == Decision()


def test_only_whole_images_are_used_whatever_the_order_of_rows():
    image = np.array([7, 7, 7, 3, 3, 3, 5, 5, 9, 9, 9])
    index = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 2])
    order = np.random.default_rng(4).permutation(len(image))
    rows = whole_images(image[order], index[order], 3)
    assert image[order][rows].tolist() == [[3, 3, 3], [7, 7, 7]]
    assert index[order][rows].tolist() == [[0, 1, 2]] * 2
