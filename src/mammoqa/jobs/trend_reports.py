"""Reports of the trends that a store holds: a unit and month, a fleet, and the same as plain data."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mammoqa import __version__
from mammoqa.core import ConfigurationError, Forecast, MissingExtraError
from mammoqa.jobs.trends import detail, fleet_events, labels_of, watch_fleet
from mammoqa.report.trend_content import TrendReport, forecasts_of, metric_row, state_of
from mammoqa.report.trend_words import alarm_title
from mammoqa.trends import Chart, Watched, compare, foresee

if TYPE_CHECKING:
    from mammoqa.store import Store


def month_of(text: str) -> tuple[datetime, datetime]:
    """The first and last moment of a month written 2026-03; ConfigurationError for anything else."""
    try:
        first = datetime.strptime(text, "%Y-%m")
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no month; write it as 2026-03") from error
    return first, first.replace(day=monthrange(first.year, first.month)[1], hour=23, minute=59, second=59)


def last_month(watched: Watched) -> str:
    """The month of the latest reading; ConfigurationError where there is none."""
    latest = max((c.series.readings[-1].at for c in watched.charts if c.series.readings), default=None)
    if latest is None:
        raise ConfigurationError("the database holds no measurements yet; analyse some images with --store first")
    return f"{latest:%Y-%m}"


def trend_report(store: "Store", month: str | None = None) -> TrendReport:
    """Everything that reports of a fleet's trends say, with forecasts where statsmodels is installed.

    `month` (the latest with readings by default) is the period; later readings are left out. The footer tells where
    forecasts could not be made.
    """
    watched = watch_fleet(store, until=None if month is None else month_of(month)[1])
    start, end = month_of(month or last_month(watched))
    forecasts, note = _forecasts(watched)
    return TrendReport(
        watched=watched,
        start=start,
        end=end,
        events=fleet_events(store),
        forecasts=forecasts,
        standings=compare([c.series for c in watched.charts], end),
        software=f"mammoqa {__version__}{note}",
    )


def _forecasts(watched: Watched) -> tuple[Mapping[tuple[str, str, str], tuple[Forecast, ...]], str]:
    try:
        return foresee(watched), ""
    except MissingExtraError as error:
        return {}, f"; {error}"


def as_plain(report: TrendReport, unit: str | None = None) -> list[dict[str, Any]]:
    """One element per unit: its metrics with baseline, state and forecasts, and its alarms."""
    units = [unit] if unit else labels_of(report.watched)
    return [_unit(report, name) for name in units]


def _unit(report: TrendReport, name: str) -> dict[str, Any]:
    charts = [c for c in report.watched.charts if c.series.unit == name]
    alarms = [a for a in report.watched.alarms if a.unit == name]
    return {
        "unit": name,
        "model": next((c.series.group for c in charts), ""),
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "metrics": [_metric(report, drawn) for drawn in charts],
        "alarms": [
            {"key": a.key, "title": alarm_title(a, report.watched.charts), "active": a.active, "level": a.level.value}
            | detail(a)
            for a in alarms
        ],
        "standings": [
            {"metric": s.metric, "test": s.test, "robust_z": s.robust_z, "outlying": s.outlying}
            for s in report.standings
            if s.unit == name
        ],
    }


def _metric(report: TrendReport, drawn: Chart) -> dict[str, Any]:
    series, baseline = drawn.series, drawn.baselines[-1] if drawn.baselines else None
    row = metric_row(report, drawn)
    return {
        "test": series.test,
        "metric": series.metric,
        "unit": series.unit_of_measure,
        "readings": len(series.readings),
        "in_period": int(row["count"]) if row else 0,
        "last": series.readings[-1].value if series.readings else None,
        "last_at": series.readings[-1].at.isoformat() if series.readings else None,
        "state": {"fail": "beyond a limit", "refused": "drifting"}.get(state_of(report, drawn), "steady"),
        "baseline": None
        if baseline is None
        else {
            "mean": baseline.mean,
            "sigma": baseline.sigma,
            "readings": baseline.readings,
            "since": baseline.start.isoformat(),
            "settled": baseline.settled,
            "why": baseline.why,
        },
        "forecasts": [forecast_as_plain(made) for made in forecasts_of(report, drawn)],
    }


def forecast_as_plain(made: Forecast) -> dict[str, Any]:
    """A forecast as plain data; times as ISO 8601."""
    dates = {name: getattr(made, name) for name in ("earliest", "likely", "latest", "horizon")}
    return {
        "limit": made.limit,
        "level": made.level.value,
        "chance": made.chance,
        "confidence": made.confidence,
        **{name: None if at is None else at.isoformat() for name, at in dates.items()},
    }
