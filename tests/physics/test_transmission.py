"""The fast response is the full sum; absorption behaves as physics says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import ConfigurationError
from mammoqa.physics import DETECTORS, PADDLE, exact_signal, mas_for_signal, response, spectrum, transmission

BEAM = ("W", "Rh", 28.0, None, PADDLE)
SELENIUM = DETECTORS["a-se-70"]


@settings(max_examples=40, deadline=None)
@given(
    acrylic=st.floats(0.0, 80.0), wax=st.floats(0.0, 10.0), alumina=st.floats(0.0, 1.0), lead=st.floats(0.0, 0.1),
    name=st.sampled_from(sorted(DETECTORS)),
)  # fmt: skip
def test_maps_agree_with_the_full_sum(acrylic: float, wax: float, alumina: float, lead: float, name: str) -> None:
    beam = spectrum(*BEAM)
    alone = {"acrylic": acrylic, "wax": wax, "alumina": alumina, "lead": lead}
    mean, second = exact_signal(beam, DETECTORS[name], alone)
    mapped = {key: np.full((2, 3), value, dtype=np.float32) for key, value in alone.items()}
    signal, quantum = response(beam, DETECTORS[name]).signal_and_quantum(mapped)
    assert signal == pytest.approx(np.full((2, 3), mean), rel=2e-4)
    assert quantum == pytest.approx(np.full((2, 3), second / mean), rel=2e-4)


def test_arrays_broadcast_and_scalars_are_slabs() -> None:
    fast = response(spectrum(*BEAM), SELENIUM)
    rows = np.array([[30.0], [40.0]])
    columns = np.array([[0.0, 0.2, 0.4]])
    both = fast.signal({"acrylic": rows, "alumina": columns, "wax": 7.0})
    assert both.shape == (2, 3)
    assert both[1, 2] == pytest.approx(float(fast.signal({"acrylic": 40.0, "alumina": 0.4, "wax": 7.0})), rel=1e-5)


def test_a_large_map_is_done_in_blocks() -> None:
    fast = response(spectrum(*BEAM), SELENIUM)
    path = np.linspace(20.0, 50.0, 300 * 500, dtype=np.float32).reshape(300, 500)
    signal = fast.signal({"acrylic": path})
    assert np.all(np.diff(signal.reshape(-1)) < 0)
    assert signal[-1, -1] == pytest.approx(float(fast.signal({"acrylic": 50.0})), rel=1e-5)


def test_the_grid_takes_primary_away_and_is_known() -> None:
    beam = spectrum(*BEAM)
    bare = float(response(beam, SELENIUM, grid="none").signal({"acrylic": 40.0}))
    linear = float(response(beam, SELENIUM, grid="linear").signal({"acrylic": 40.0}))
    assert linear == pytest.approx(0.73 * bare)
    with pytest.raises(ConfigurationError, match="grid"):
        response(beam, SELENIUM, grid="crossed-twice")


def test_the_beam_hardens() -> None:
    fast = response(spectrum(*BEAM), DETECTORS["csi-100"])
    assert float(fast.quantum_kev({"acrylic": 60.0})) > float(fast.quantum_kev({"acrylic": 10.0}))
    thin, thick = transmission(spectrum(*BEAM), {"acrylic": np.array([20.0, 40.0])})
    assert thin**2 < thick < thin


def test_exposure_control_reaches_its_target() -> None:
    fast = response(spectrum(*BEAM), SELENIUM)
    path = {"acrylic": 37.0, "wax": 7.0}
    mas = mas_for_signal(fast, path, 1e7, ratio=0.1)
    assert mas * float(fast.signal(path)) * 1.1 == pytest.approx(1e7)
    assert 30.0 < mas < 200.0
