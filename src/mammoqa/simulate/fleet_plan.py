"""Draws a fleet: its units and habits, the faults that befall them, repairs and services."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from mammoqa.core import EventKind, ServiceEvent
from mammoqa.simulate.fleet import MODELS, SHAPES, Change, Fault, FaultKind, FleetPlan, FleetUnit, Habit

START = datetime(2024, 1, 1, 7, 30)
FIRST_QUIET_WEEKS, QUIET_WEEKS = 10.0, 8.0  # before the first fault, and between a repair and the next one
SERVICE_WEEKS = 26.0  # preventive maintenance twice a year (a choice)


def plan_fleet(
    rng: np.random.Generator,
    units: int = 50,
    weeks: int = 104,
    faults_per_unit: int = 4,
    kinds: Sequence[FaultKind] = tuple(FaultKind),
    *,
    mended: bool = True,
) -> FleetPlan:
    """Draw a fleet and its fate. With `mended` False one fault per unit is enough: it grows on to the end.

    Raises ValueError where that many faults do not fit in the time.
    """
    streams = rng.spawn(units)
    end = START + timedelta(weeks=weeks)
    fleet, faults, events, changes = [], [], [], []
    for number, own in enumerate(streams):
        unit = _unit(number, own)
        theirs = _faults(unit.name, own, weeks, faults_per_unit, kinds, mended=mended)
        done = _events(unit.name, own, end, theirs)
        fleet.append(unit)
        faults += theirs
        events += done
        changes += [(unit.name, _change(own, event.at)) for event in done]
    return FleetPlan(START, end, tuple(fleet), tuple(faults), tuple(events), tuple(changes))


def _unit(number: int, rng: np.random.Generator) -> FleetUnit:
    model = list(MODELS.values())[number % len(MODELS)]
    care = float(np.exp(rng.normal(0.0, 0.3)))  # one careless department is worse in everything
    habit = Habit(
        jitter=0.008 * care,
        thickness_mm=0.08 * care,
        measure=care,
        season_k=float(rng.uniform(0.5, 3.5)),
        season_day=float(rng.normal(200.0, 15.0)),  # warmest in July
        missed=float(rng.uniform(0.03, 0.15)),
        wrong=float(rng.uniform(0.0, 0.003)),
        reader=float(rng.normal(0.0, 0.2)),
        weekday=int(rng.integers(5)),
    )
    return FleetUnit(
        name=f"SIM-{number + 1:02d}",
        model=model,
        habit=habit,
        gain=float(np.exp(rng.normal(0.0, 0.04))),
        output=float(np.exp(rng.normal(0.0, 0.08))),
        dose=float(np.exp(rng.normal(0.0, 0.06))),
        uniformity_percent=float(rng.uniform(2.0, 5.0)),
        spots=float(rng.choice([0.0, 0.0, 0.1, 0.5])),
    )


def _faults(
    unit: str, rng: np.random.Generator, weeks: int, count: int, kinds: Sequence[FaultKind], *, mended: bool
) -> list[Fault]:
    """Faults one after another, with quiet weeks between them; drawn again until they fit."""
    for _ in range(1000):
        drawn = [_one(rng, kinds[int(k)]) for k in rng.integers(len(kinds), size=count)]
        lengths = [grows + stays for _, _, grows, stays in drawn]
        spare = weeks - FIRST_QUIET_WEEKS - QUIET_WEEKS * count - (sum(lengths) if mended else 0.0)
        if spare >= 0:
            break
    else:
        raise ValueError(f"{count} faults do not fit in {weeks} weeks")
    if not mended:
        spare = min(spare, weeks / 3)  # early enough for there to be a future
    gaps = rng.dirichlet(np.ones(count + 1)) * spare
    at, found = FIRST_QUIET_WEEKS, []
    for (kind, size, grows, stays), gap in zip(drawn, gaps[:-1], strict=True):
        at += float(gap)
        onset = START + timedelta(weeks=at)
        over = onset + timedelta(weeks=grows + stays) if mended else None
        found.append(Fault(unit, kind, size, onset, timedelta(weeks=grows), over))
        at += grows + stays + QUIET_WEEKS
    return found


def _one(rng: np.random.Generator, kind: FaultKind) -> tuple[FaultKind, float, float, float]:
    shape = SHAPES[kind]
    size = float(np.exp(rng.uniform(*np.log(shape.size))))  # small ones are more frequent
    if kind is FaultKind.AEC_CHANGE:
        size *= float(rng.choice([-1.0, 1.0]))
    if kind is FaultKind.DUST:
        size = float(round(size))
    return kind, size, float(rng.uniform(*shape.grows_weeks)), float(rng.uniform(*shape.stays_weeks))


def _events(unit: str, rng: np.random.Generator, end: datetime, faults: Sequence[Fault]) -> list[ServiceEvent]:
    """Repairs, and preventive maintenance twice a year, which skips a unit that is not sound at the time."""
    repairs = [
        ServiceEvent(unit, fault.mended_at, EventKind.REPAIR, f"{fault.kind}: repaired")
        for fault in faults
        if fault.mended_at is not None and fault.mended_at < end
    ]
    services = []
    at = START + timedelta(weeks=float(rng.uniform(8.0, SERVICE_WEEKS)))
    while at < end:
        if all(fault.extent(at) == 0.0 for fault in faults):
            services.append(ServiceEvent(unit, at, EventKind.SERVICE, "preventive maintenance"))
        at += timedelta(weeks=float(rng.normal(SERVICE_WEEKS, 2.0)))
    return sorted([*repairs, *services], key=lambda event: event.at)


def _change(rng: np.random.Generator, at: datetime) -> Change:
    """What a service changes in a sound unit: 1 % of gain, output and dose, and a fresh flat field (choices)."""
    gain, output, dose = np.exp(rng.normal(0.0, 0.01, 3))
    return Change(at, float(gain), float(output), float(dose), float(rng.uniform(2.0, 5.0)))
