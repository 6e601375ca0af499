"""The date on which a limit will be breached, with its interval, from the readings since the last baseline began."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from jaxtyping import Float

from mammoqa.core import Forecast, Limit
from mammoqa.stats.breach import first_passage, fit_trend, paths
from mammoqa.trends.chart import Chart, ends
from mammoqa.trends.metrics import trait

LEAST_READINGS = 6  # since the last service
LEAST_SINCE_ONSET = 5  # since the change began: before that a step looks like a slope


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a forecast is made.

    `bend` is how much the slope may change in four weeks, in sigmas of the baseline; a forecast is made where the
    readings move towards the limit with at least the probability `certain`.
    """

    horizon_days: float = 182.0
    confidence: float = 0.90
    bend: float = 3.0
    certain: float = 0.8
    paths: int = 4000
    seed: int = 20260301  # the same readings give the same dates


DEFAULT = Outlook()


class NoForecast(StrEnum):
    """Why no date can be given, what speaks most plainly first."""

    BEYOND = "beyond"  # the last reading is beyond the limit already
    FAR = "far"  # it moves towards the limit, and will probably not reach it within the horizon
    RECENT = "recent"  # the change began too few readings ago
    FEW = "few"  # too few readings since the last service, or none that differ
    AWAY = "away"  # readings do not move towards the limit
    STEADY = "steady"  # no chart speaks, so there is nothing to foresee
    NO_LIMIT = "no limit"


def forecast(drawn: Chart, limit: Limit, now: datetime | None = None, outlook: Outlook = DEFAULT) -> Forecast | None:
    """When the metric will be read beyond the limit if nothing is done; None where `prospect` has a reason for none."""
    made = prospect(drawn, limit, now, outlook)
    return None if isinstance(made, NoForecast) else made


def prospect(
    drawn: Chart, limit: Limit, now: datetime | None = None, outlook: Outlook = DEFAULT
) -> Forecast | NoForecast:
    """When the metric will be read beyond the limit if nothing is done, or why that cannot be said.

    The sooner side of a limit that has two. `now` leaves later readings out. Raises MissingExtraError without
    statsmodels.
    """
    from scipy import special

    dates = [r.at for r in drawn.series.readings if now is None or r.at <= now]
    if not dates:
        return NoForecast.FEW
    last = len(dates) - 1
    own = np.flatnonzero(drawn.against.phase[: last + 1] == drawn.against.phase[last])
    values = np.array([drawn.series.readings[i].value for i in own])
    sides = [
        (end, upper) for end, upper in zip(ends(limit, drawn, last), (False, True), strict=True) if end is not None
    ]
    hindered = _hindrance(limit, sides, values)
    if hindered is not None:
        return hindered
    sides = [(end, upper) for end, upper in sides if _since_onset(drawn, last, upper) >= LEAST_SINCE_ONSET]
    if not sides:
        return NoForecast.RECENT
    logarithmic = _grows_by_shares(drawn, values)
    step, grid = _grid([dates[i] for i in own], np.log(values) if logarithmic else values)
    if np.isfinite(grid).sum() < LEAST_SINCE_ONSET or np.ptp(grid[np.isfinite(grid)]) == 0:
        return NoForecast.FEW
    weeks = step / timedelta(weeks=1)
    sigma = float(drawn.against.sigma[last]) / (float(np.mean(values)) if logarithmic else 1.0)
    bend = outlook.bend * sigma * (weeks / 4.0) ** 1.5
    steps = max(4, int(outlook.horizon_days / (step / timedelta(days=1))))
    trend = fit_trend(grid, bend)
    rising = float(special.ndtr(trend.mean[1] / max(trend.covariance[1, 1], 1e-300) ** 0.5))
    sides = [(end, upper) for end, upper in sides if (rising if upper else 1.0 - rising) >= outlook.certain]
    if not sides:
        return NoForecast.AWAY
    _, readings = paths(trend, steps, np.random.default_rng(outlook.seed), outlook.paths)
    readings = np.exp(readings) if logarithmic else readings
    made = [_of_side(drawn, limit, end, upper, dates[-1], step, readings, outlook) for end, upper in sides]
    return max(made, key=lambda f: f.chance)


def _hindrance(limit: Limit, sides: list[tuple[float, bool]], values: Float[np.ndarray, " n"]) -> NoForecast | None:
    """What stands against a forecast before any model is fitted."""
    if (limit.low, limit.high) == (None, None):
        return NoForecast.NO_LIMIT
    if any((values[-1] > end) == upper and values[-1] != end for end, upper in sides):
        return NoForecast.BEYOND
    return NoForecast.FEW if not sides or len(values) < LEAST_READINGS or np.ptp(values) == 0 else None


def _since_onset(drawn: Chart, last: int, upper: bool) -> int:
    """Readings since the change that CUSUM sees began; all since the last service where it sees none."""
    sums = drawn.cusum
    total, start = (sums.upper, sums.upper_start) if upper else (sums.lower, sums.lower_start)
    first = int(np.searchsorted(drawn.against.phase, drawn.against.phase[last]))
    return last + 1 - (int(start[last]) if total[last] > 0 else first)


def _grows_by_shares(drawn: Chart, values: Float[np.ndarray, " n"]) -> bool:
    """Whether the metric is thought of in per cent: a tube that gives half as much needs twice the mAs."""
    return trait(drawn.series.metric, drawn.series.unit_of_measure).relative and bool(np.all(values > 0))


def _grid(dates: list[datetime], values: Float[np.ndarray, " n"]) -> tuple[timedelta, Float[np.ndarray, " steps"]]:
    """Readings on a regular grid of their usual spacing that ends with the last one; nan where none was taken."""
    gaps = np.diff(np.array([at.timestamp() for at in dates]))
    seconds = max(float(np.median(gaps)), 86400.0)  # several readings of one day are one
    place = np.array([round((dates[-1] - at).total_seconds() / seconds) for at in dates])
    sums, counts = (
        np.bincount(place, weights=w, minlength=int(place.max()) + 1) for w in (values, np.ones(len(values)))
    )
    with np.errstate(invalid="ignore"):
        return timedelta(seconds=seconds), np.where(counts > 0, sums / counts, np.nan)[::-1]


def _of_side(
    drawn: Chart,
    limit: Limit,
    end: float,
    upper: bool,
    made_at: datetime,
    step: timedelta,
    readings: Float[np.ndarray, "count steps"],
    outlook: Outlook,
) -> Forecast:
    passage = np.sort(first_passage(readings, end, upper=upper))
    tail = (1.0 - outlook.confidence) / 2.0

    def date(share: float) -> datetime | None:
        found = float(passage[min(int(share * len(passage)), len(passage) - 1)])
        return None if np.isinf(found) else made_at + step * found

    low, middle, high = np.quantile(readings, [tail, 0.5, 1.0 - tail], axis=0)
    return Forecast(
        metric=drawn.series.metric,
        made_at=made_at,
        limit=end,
        upper=upper,
        level=limit.level,
        horizon=made_at + step * readings.shape[1],
        chance=float(np.isfinite(passage).mean()),
        earliest=date(tail),
        likely=date(0.5),
        latest=date(1.0 - tail),
        confidence=outlook.confidence,
        band_at=tuple(made_at + step * (k + 1) for k in range(readings.shape[1])),
        band_low=tuple(low.tolist()),
        band_middle=tuple(middle.tolist()),
        band_high=tuple(high.tolist()),
    )
