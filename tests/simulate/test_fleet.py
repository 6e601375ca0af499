from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from mammoqa.simulate.fleet import SHAPES, FaultKind
from mammoqa.simulate.fleet_history import fleet_history, states
from mammoqa.simulate.fleet_physics import exposures
from mammoqa.simulate.fleet_plan import QUIET_WEEKS, plan_fleet


@pytest.fixture(scope="module")
def small():
    plan = plan_fleet(np.random.default_rng(3), units=4)
    return plan, fleet_history(plan, np.random.default_rng(4))


def test_the_same_seed_gives_the_same_fleet(small):
    plan, series = small
    again = plan_fleet(np.random.default_rng(3), units=4)
    assert again == plan
    assert fleet_history(again, np.random.default_rng(4)) == series


def test_faults_do_not_overlap_and_sizes_are_as_told(small):
    plan, _ = small
    assert len(plan.faults) == 16
    for unit in plan.units:
        own = sorted((f for f in plan.faults if f.unit == unit.name), key=lambda f: f.onset)
        for one, other in pairwise(own):
            assert one.mended_at is not None
            assert other.onset - one.mended_at >= timedelta(weeks=QUIET_WEEKS - 1e-6)
        for fault in own:
            low, high = SHAPES[fault.kind].size
            assert low - 0.51 <= abs(fault.size) <= high + 0.51


def test_a_fault_grows_and_is_mended(small):
    fault = small[0].faults[0]
    assert fault.extent(fault.onset - timedelta(days=1)) == 0.0
    assert fault.extent(fault.mended_at) == 0.0
    growing = replace(fault, kind=FaultKind.GAIN_DRIFT, grows=timedelta(weeks=10), mended_at=None)
    assert growing.extent(fault.onset + timedelta(weeks=5)) == pytest.approx(0.5)
    assert growing.extent(fault.onset + timedelta(weeks=500)) == 2.5


def test_tests_are_weekly_and_monthly_with_gaps(small):
    _, series = small
    weekly = [s for s in series if s.metric == "snr"]
    monthly = [s for s in series if s.metric == "mtf50"]
    assert all(70 <= len(s.readings) <= 102 for s in weekly)
    assert all(15 <= len(s.readings) <= 24 for s in monthly)
    assert all(a.at < b.at for s in series for a, b in pairwise(s.readings))


def test_readings_are_like_those_of_units(small):
    _, series = small
    middle = {
        m: np.median([r.value for s in series if s.metric == m for r in s.readings])
        for m in ("glandular_dose", "snr", "sdnr", "fibres", "uniformity", "half_value_layer")
    }
    assert 0.8 < middle["glandular_dose"] < 2.5
    assert 40 < middle["snr"] < 160
    assert 4.0 <= middle["fibres"] <= 6.0
    assert 0.3 < middle["half_value_layer"] < 0.65
    assert all((r.value * 2).is_integer() for s in series if s.metric == "fibres" for r in s.readings)


def test_faults_show_where_physics_says(small):
    plan, _ = small
    unit = next(u for u in plan.units if not u.model.own_sensor)
    dates = [plan.start]
    sound = states(replace(plan, faults=()), unit, dates)
    block, one = np.full(1, 45.0), np.ones(1)

    def read(**changed):
        return {k: float(v[0]) for k, v in exposures(unit.model, replace(sound, **changed), block, one).items()}

    usual = read()
    weak = read(output=0.8 * sound.output)
    assert weak["mas"] == pytest.approx(usual["mas"] / 0.8)
    assert weak["snr"] == pytest.approx(usual["snr"])
    deaf = read(gain=0.9 * sound.gain)  # the exposure control lives on the detector: dose makes up for gain
    assert deaf["glandular_dose"] == pytest.approx(usual["glandular_dose"] / 0.9)
    assert deaf["pixel_value"] == pytest.approx(usual["pixel_value"], rel=1e-6)
    more = read(aec=1.21 * sound.aec)
    assert more["snr"] == pytest.approx(1.1 * usual["snr"], rel=0.02)  # the square root of the dose, but for structure
    smooth = read(smooth_mm=np.full(1, 0.05))
    assert smooth["snr"] > 1.05 * usual["snr"]


def test_too_many_faults_are_told():
    with pytest.raises(ValueError, match="do not fit"):
        plan_fleet(np.random.default_rng(0), units=1, weeks=30, faults_per_unit=9)
