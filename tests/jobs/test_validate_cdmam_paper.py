import numpy as np
import pytest

from mammoqa.core import ConfigurationError
from mammoqa.jobs.validate_cdmam_paper import PaperReadings, Reading, load_readings, read_draws, save_readings
from toy_ensemble import toy_ensemble


def test_readings_are_kept(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(5, 2, 10, 10)).astype(np.float32)
    found = read_draws(drawn, toy_ensemble())
    assert found.mean.shape == found.half.shape == (5, 3)
    assert (found.half > 0).all()
    save_readings(PaperReadings("a toy", {"ood": found}), tmp_path / "kept.json")
    again = load_readings(tmp_path / "kept.json")
    assert again.described == "a toy"
    np.testing.assert_allclose(again.by_scenario["ood"].mean, found.mean, atol=1e-5)
    assert isinstance(again.by_scenario["ood"], Reading)


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="10 pixels"):
        read_draws(np.zeros((1, 1, 12, 12), np.float32), toy_ensemble())
    (tmp_path / "other.json").write_text('{"described": "x", "ood": 3}')
    with pytest.raises(ConfigurationError, match="no readings"):
        load_readings(tmp_path / "other.json")
