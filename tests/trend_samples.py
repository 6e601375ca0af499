"""Series for the tests of trends: weekly readings about a level, with a change from some week on."""

from datetime import datetime, timedelta

import numpy as np

from mammoqa.core import (
    Acquisition,
    Analysis,
    Level,
    Limit,
    LimitKind,
    Measurement,
    Outcome,
    Provenance,
    Reading,
    Series,
    Source,
    Verdict,
)

START = datetime(2025, 1, 6, 8, 0)


def week(number: float) -> datetime:
    return START + timedelta(weeks=number)


def series(values, metric="mas", unit="U1", group="Model", of_measure="mAs", weeks=None) -> Series:
    dates = range(len(values)) if weeks is None else weeks
    readings = tuple(Reading(week(w), float(v)) for w, v in zip(dates, values, strict=True))
    return Series(unit, group, "flat", metric, of_measure, readings)


def steady(n=40, mean=100.0, sigma=1.0, seed=0):
    return mean + sigma * np.random.default_rng(seed).standard_normal(n)


def step(n=40, at=25, size=10.0, seed=0):
    values = steady(n, seed=seed)
    values[at:] += size
    return values


def ramp(n=40, at=20, per_week=0.8, seed=0):
    values = steady(n, seed=seed)
    values[at:] += per_week * np.arange(n - at)
    return values


def absolute(metric="mas", low=None, high=None, level=Level.ACTION) -> Limit:
    return Limit(metric, LimitKind.ABSOLUTE, level, low, high, "the test")


def analysis(station: str, at: datetime, snr: float, fibres: float = 4.5) -> Analysis:
    """A stored week of the digital phantom: its SNR, with a limit, and its fibres."""
    key = f"{station}{at.isoformat()}"
    return Analysis(
        path=key,
        sources=(Source(path=key, sha256=key),),
        acquisition=Acquisition(modality="MG", model="M", station=station, acquired_at=at),
        phantom="acr_dm",
        verdict=Verdict(Outcome.MEASURED, totals=(("fibres", fibres),)),
        provenance=Provenance("mammoqa", "1", None, at, 0.1),
        measurements=(Measurement("snr", snr, "", limit_low=40.0),),
    )
