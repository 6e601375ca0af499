import numpy as np

from mammoqa.stats.deep_ensemble import combine


def test_total_is_the_spread_of_the_mixture():
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(4, 2, 3)), rng.uniform(0.1, 2.0, size=(4, 2, 3))
    found = combine(means, variances)
    drawn = means[:, None] + np.sqrt(variances)[:, None] * rng.normal(size=(4, 50_000, 2, 3))
    np.testing.assert_allclose(found.mean, drawn.mean(axis=(0, 1)), atol=0.02)
    np.testing.assert_allclose(found.total, drawn.std(axis=(0, 1)), rtol=0.02)
    np.testing.assert_allclose(found.total**2, found.epistemic**2 + found.aleatoric**2)


def test_equal_members_leave_only_noise():
    found = combine(np.ones((10, 1, 2)), np.full((10, 1, 2), 4.0))
    assert found.epistemic.max() == 0.0
    np.testing.assert_allclose(found.interval()[1], 1 + 1.96 * 2)
    assert found.covers(np.array([[4.9, 5.0]])).tolist() == [[True, False]]
