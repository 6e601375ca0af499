"""From a fleet's plan to its readings: who tested when, in which state the unit was, and what the tests read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from jaxtyping import Float

from mammoqa.core import Reading, Series
from mammoqa.simulate.fleet import FOCAL_MM, GRID_RATIO, PMMA_MM, Fault, FaultKind, FleetPlan, FleetUnit
from mammoqa.simulate.fleet_physics import State, beam_readings, blur_factor, exposures, mtf50_per_mm
from mammoqa.simulate.fleet_scores import totals

# Relative spread of each reading from its own instrument or region, at an average department (choices).
SPREADS = {
    "snr": 0.006,
    "sdnr": 0.012,
    "pixel_value": 0.002,
    "mtf50": 0.010,
    "half_value_layer": 0.010,
    "tube_output": 0.012,
}
UNITS = {
    "mas": "mAs",
    "pixel_value": "DN",
    "glandular_dose": "mGy",
    "uniformity": "%",
    "mtf50": "1/mm",
    "half_value_layer": "mm Al",
    "tube_output": "uGy/mAs",
    "artefact_spots": "objects",
    "fibres": "objects",
    "speck_groups": "objects",
    "masses": "objects",
}
_GAIN_PER_K = -0.0015  # of a detector's gain per kelvin (a choice; makers ask for a few kelvin of constancy)
_OUTPUT_PER_K = -0.0005
_MEMORY = 0.3  # of the exposure control's jitter from one week to the next (a choice)
_WRONG_MM = -5.0  # a block left out
FLAT, ACR, BEAM = "flat field", "acr156", "beam"


def fleet_history(plan: FleetPlan, rng: np.random.Generator) -> tuple[Series, ...]:
    """All readings of a fleet, a series per unit and metric; the plan's faults and services are in them."""
    found: list[Series] = []
    for unit, own in zip(plan.units, rng.spawn(len(plan.units)), strict=True):
        found += _unit_history(plan, unit, own)
    return tuple(found)


def _unit_history(plan: FleetPlan, unit: FleetUnit, rng: np.random.Generator) -> list[Series]:
    weekly = _dates(plan, unit, rng)
    monthly = _monthly(weekly, rng)
    readings = _weekly(plan, unit, weekly, rng) | _monthly_readings(plan, unit, monthly, rng)
    found = []
    for metric, (test, values) in readings.items():
        dates = monthly if test == BEAM else weekly
        points = tuple(Reading(at, float(v)) for at, v in zip(dates, values, strict=True))
        found.append(Series(unit.name, unit.model.name, test, metric, UNITS.get(metric, ""), points))
    return found


def _dates(plan: FleetPlan, unit: FleetUnit, rng: np.random.Generator) -> list[datetime]:
    """Weekly, on the unit's day give or take one, with weeks left out and a holiday of two to four weeks a year."""
    weeks = round((plan.end - plan.start) / timedelta(weeks=1))
    kept = rng.random(weeks) >= unit.habit.missed
    for year in range(0, weeks, 52):
        first = year + int(rng.integers(26, 36))
        kept[first : first + int(rng.integers(0, 5))] = False
    days = unit.habit.weekday + rng.choice([-1, 0, 0, 0, 1], size=weeks)
    minutes = rng.integers(0, 90, size=weeks)
    dates = [
        plan.start + timedelta(weeks=int(w), days=int(max(days[w], 0)), minutes=int(minutes[w]))
        for w in np.flatnonzero(kept)
    ]
    return [at for at in dates if at < plan.end]


def _monthly(weekly: Sequence[datetime], rng: np.random.Generator) -> list[datetime]:
    """The first test of each month, one in ten left out."""
    first = {(at.year, at.month): at for at in reversed(weekly)}
    return [at for at in sorted(first.values()) if rng.random() > 0.1]


def _weekly(
    plan: FleetPlan, unit: FleetUnit, dates: Sequence[datetime], rng: np.random.Generator
) -> dict[str, tuple[str, np.ndarray]]:
    state, habit, n = states(plan, unit, dates), unit.habit, len(dates)
    block = PMMA_MM + rng.normal(0.0, habit.thickness_mm, n)
    block[rng.random(n) < habit.wrong] += _WRONG_MM
    read = exposures(unit.model, state, block, np.exp(habit.jitter * _remembered(rng, n)))
    sound = exposures(unit.model, _sound(plan, unit, dates), np.full(n, PMMA_MM), np.ones(n))
    noisy = {name: _spread(name, values, habit.measure, rng) for name, values in read.items()}
    noisy["mas"] = np.round(noisy["mas"], 1)
    noisy["pixel_value"] = np.round(noisy["pixel_value"], 1)
    noisy["glandular_dose"] = np.round(noisy["glandular_dose"], 2)  # as headers give it
    noisy["uniformity"] = np.abs(state.uneven_percent + rng.normal(0.0, 0.35 * habit.measure, n))
    noisy["artefact_spots"] = rng.poisson(state.spots).astype(float)
    visible = read["sdnr"] / sound["sdnr"] * float(unit.dose**0.5)
    scored = totals(unit.model.detector, visible, blur_factor(state), habit.reader, rng)
    return {name: (FLAT, values) for name, values in noisy.items()} | {
        name: (ACR, values) for name, values in scored.items()
    }


def _monthly_readings(
    plan: FleetPlan, unit: FleetUnit, dates: Sequence[datetime], rng: np.random.Generator
) -> dict[str, tuple[str, np.ndarray]]:
    state = states(plan, unit, dates)
    read = {"mtf50": mtf50_per_mm(unit.model, state), **beam_readings(unit.model, state)}
    return {name: (BEAM, _spread(name, values, unit.habit.measure, rng)) for name, values in read.items()}


def _spread(name: str, values: np.ndarray, measure: float, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(values * np.exp(SPREADS.get(name, 0.0) * measure * rng.standard_normal(len(values))))


def _remembered(rng: np.random.Generator, n: int) -> Float[np.ndarray, " n"]:
    """Standard normal values, each alike the one before."""
    from mammoqa.stats.control_charts import remembered

    fresh = rng.standard_normal(n) * np.sqrt(1.0 - _MEMORY**2)
    fresh[:1] /= np.sqrt(1.0 - _MEMORY**2)
    return remembered(fresh, 1.0 - _MEMORY) / (1.0 - _MEMORY)


def _sound(plan: FleetPlan, unit: FleetUnit, dates: Sequence[datetime]) -> State:
    return states(replace(plan, faults=()), unit, dates)


def states(plan: FleetPlan, unit: FleetUnit, dates: Sequence[datetime]) -> State:
    """The unit's state at each date: what it was built like, the season, what services left, and its faults."""
    n = len(dates)
    days = np.array([(at - datetime(at.year, 1, 1)).days for at in dates], dtype=float)
    kelvin = unit.habit.season_k * np.cos(2.0 * np.pi * (days - unit.habit.season_day) / 365.25)
    gain, output, aec = (np.full(n, factor) for factor in (unit.gain, unit.output, unit.dose))
    uneven = np.full(n, unit.uniformity_percent)
    for name, change in plan.changes:
        if name == unit.name:
            after = np.array([at >= change.at for at in dates], dtype=bool)
            gain[after] *= change.gain
            output[after] *= change.output
            aec[after] *= change.dose
            uneven[after] = change.uniformity_percent
    built = State(
        output=output * (1.0 + _OUTPUT_PER_K * kelvin),
        gain=gain * (1.0 + _GAIN_PER_K * kelvin),
        aec=aec,
        electronic=np.ones(n),
        structure=np.ones(n),
        hardening_mm=np.zeros(n),
        grid_loss=np.zeros(n),
        blur_mm=np.zeros(n),
        smooth_mm=np.zeros(n),
        uneven_percent=uneven,
        spots=np.full(n, unit.spots),
    )
    for fault in plan.faults:
        if fault.unit == unit.name:
            built = spoiled(built, fault, np.array([fault.extent(at) for at in dates]))
    return built


def spoiled(state: State, fault: Fault, extent: Float[np.ndarray, " n"]) -> State:
    """The state with a fault of this extent (0 to 1, and beyond for one that grows on).

    Tube ageing: a pitted anode gives less and filters itself, 0.1 mm Al where all output is lost, and its focal spot
    blooms to 0.03 mm at 30 % (assumed). Gain drift: the fixed pattern drifts with the gain, its residue doubles and
    the field bends by half of the loss (assumed). Grid: a focused grid decentred by d loses d times its ratio over
    its focal distance, uniformly (derived; Christensen's Physics of Diagnostic Radiology, recalled), and unevenly
    by half as much (assumed). An update smooths by a Gaussian; what that does to noise and MTF is derived.
    """
    amount = fault.size * extent
    match fault.kind:
        case FaultKind.TUBE_AGEING:
            lost = np.minimum(amount, 0.8)
            return replace(
                state,
                output=state.output * (1.0 - lost),
                hardening_mm=state.hardening_mm + 0.1 * lost,
                blur_mm=np.hypot(state.blur_mm, 0.1 * lost),
            )
        case FaultKind.GAIN_DRIFT:
            lost = np.minimum(amount, 0.7)
            return replace(
                state,
                gain=state.gain * (1.0 - lost),
                structure=state.structure * (1.0 + extent),
                uneven_percent=state.uneven_percent + 50.0 * lost,
            )
        case FaultKind.GRID:
            loss = GRID_RATIO * amount / FOCAL_MM
            return replace(
                state,
                grid_loss=1.0 - (1.0 - state.grid_loss) * (1.0 - loss),
                uneven_percent=state.uneven_percent + 50.0 * loss,
            )
        case FaultKind.DUST:
            return replace(state, spots=state.spots + amount)
        case FaultKind.AEC_CHANGE:
            return replace(state, aec=state.aec * (1.0 + amount))
        case FaultKind.SOFTWARE:
            return replace(state, smooth_mm=np.hypot(state.smooth_mm, amount))
