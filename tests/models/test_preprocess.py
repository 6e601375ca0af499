"""Normalisation of patches: what it takes away, what it keeps, and how it measures noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import toy
from mammoqa.models import Preprocessing, noise_sigma, normalise

RNG = np.random.default_rng(1)
NOISE = RNG.normal(0, 20, (2, 160, 160)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(
    gain=st.floats(0.05, 50),
    level=st.floats(0, 20000),
    slope_x=st.floats(-5, 5),
    slope_y=st.floats(-5, 5),
)
def test_gain_level_and_tilt_do_not_matter(gain, level, slope_x, slope_y):
    y, x = np.mgrid[:160, :160]
    changed = (gain * (NOISE + slope_x * x + slope_y * y) + level).astype(np.float32)
    # single precision of the raw pixels themselves is what is left
    tolerance = 1e-3 + 20 * np.spacing(np.float32(np.abs(changed).max())) / (gain * 20)
    np.testing.assert_allclose(normalise(changed), normalise(NOISE), atol=tolerance)


def test_noise_comes_out_at_one_third():
    z = normalise(NOISE)
    assert z.dtype == np.float32
    assert np.sinh(z).std() * Preprocessing().knee == pytest.approx(1.0, rel=0.03)
    assert abs(z.mean()) < 0.02


def test_signal_to_noise_is_kept():
    patch = toy.draw(2, 2.0, 1.0, np.random.default_rng(2))[None]
    z = 3.0 * np.sinh(normalise(patch))[0]
    assert z[70:90, 70:90].mean() == pytest.approx(1.2, abs=0.15)  # toy mass: 1.2 noise standard deviations
    assert abs(z[:15].mean()) < 0.1


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_noise_estimate_ignores_the_object(kind):
    patch = toy.draw(kind, toy.SIZES_MM[kind][0], 1.0, np.random.default_rng(3))[None].astype(np.float32)
    assert noise_sigma(patch)[0] == pytest.approx(50.0, rel=0.05)


@pytest.mark.parametrize("blur_px", [0.0, 0.7, 1.2])
def test_noise_estimate_counts_correlated_noise_in_full(blur_px):
    rng = np.random.default_rng(4)
    noise = gaussian_filter(rng.normal(0, 1, (8, 160, 160)), (0, blur_px, blur_px)).astype(np.float32)
    assert noise_sigma(noise).mean() == pytest.approx(noise.std(), rel=0.06)


def test_letters_in_the_border_do_not_tilt_the_plane():
    marked = NOISE.copy()
    marked[:, :12, 20:50] += 3000
    difference = normalise(marked)[:, 60:100, 60:100] - normalise(NOISE)[:, 60:100, 60:100]
    assert np.abs(difference).max() < 0.05


def test_constant_patch_is_zero_and_quantised_patch_is_finite():
    assert not normalise(np.full((1, 160, 160), 4095, dtype=np.uint16)).any()
    steps = np.round(RNG.normal(100, 0.15, (1, 160, 160)))
    z = normalise(steps)
    assert np.isfinite(z).all()
    assert np.abs(z).max() < 5


def test_patches_do_not_influence_each_other():
    patches = np.stack([toy.draw(k, 0.5, 1.0, RNG) for k in (0, 1, 2)])
    one_by_one = np.concatenate([normalise(p[None]) for p in patches])
    np.testing.assert_allclose(normalise(patches), one_by_one, atol=1e-6)
