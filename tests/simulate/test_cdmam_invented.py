"""Invented units: what their numbers mean, and that each family differs in what it is named for."""

import numpy as np
import pytest

from mammoqa.simulate.cdmam_invented import FAMILIES, MIXTURE, RESERVED, TRAINED, invented_unit

PER_MM = np.array([0.0, 0.5, 2.0, 5.0])


@pytest.mark.parametrize("family", [*TRAINED, *RESERVED])
def test_every_family_gives_units_that_can_be_imaged(family):
    for seed in range(20):
        unit = invented_unit(family, 16, np.random.default_rng(seed))
        assert unit.family == family
        assert unit.transfer(PER_MM)[0] == pytest.approx(1.0)
        assert (unit.transfer(PER_MM) > 0).all()
        assert (unit.noise_power(PER_MM) > 0).all()
        assert 0.04 < unit.pitch_mm < 0.11
        taken = unit.contrast(np.array([0.1, 1.0]), np.array([1.0, 1.0]))
        assert ((taken > 0) & (taken < 1)).all()


def test_nothing_that_is_trained_on_is_reserved():
    assert not set(TRAINED) & set(RESERVED)
    assert set(TRAINED) == {*FAMILIES, MIXTURE}
    for seed in range(20):
        unit = invented_unit(MIXTURE, 16, np.random.default_rng(seed))
        assert (unit.tail[0], unit.sharpened[0], unit.lumps[0], unit.beside_mm) == (0.0, 0.0, 0.0, ())


def test_noise_is_given_for_one_size_of_pixel():
    unit = invented_unit("sampling", 16, np.random.default_rng(0))
    white = unit.noise_power(np.array([40.0]))[0] / (1.0 - unit.correlated[0])
    assert white == pytest.approx((unit.noise * 0.07 / unit.pitch_mm) ** 2, rel=0.02)
