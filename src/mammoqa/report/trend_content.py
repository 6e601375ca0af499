"""What the reports of trends say, once for the web page and for the PDF: one unit and month, and a fleet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mammoqa.core import Alarm, Forecast, Level, ServiceEvent
from mammoqa.report.trend_charts import Panel
from mammoqa.report.trend_words import alarm_rules, alarm_state, alarm_title, day, days, event_words, forecast_words
from mammoqa.report.words import in_unit, limits, metric_title, number
from mammoqa.trends import Chart, Standing, Watched
from mammoqa.trends.chart import resolved

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, eq=False)
class TrendReport:
    """What a report is made of. `forecasts` are by (unit, test, metric); `start` to `end` is the period reported."""

    watched: Watched
    start: datetime
    end: datetime
    events: tuple[ServiceEvent, ...] = ()
    forecasts: Mapping[tuple[str, str, str], tuple[Forecast, ...]] | None = None
    standings: tuple[Standing, ...] = ()
    software: str = ""
    simulated: bool = False


def panels(report: TrendReport, unit: str) -> list[Panel]:
    """What to draw of one unit: metrics with an active alarm first, then as they come."""
    alarms = tuple(a for a in report.watched.alarms if a.unit == unit)
    own = [c for c in report.watched.charts if c.series.unit == unit]
    troubled = {metric for alarm in alarms if alarm.active for metric in alarm.metrics}
    ordered = sorted(own, key=lambda c: c.series.metric not in troubled)
    return [
        Panel(c, tuple(e for e in report.events if e.concerns(c.series)), alarms, forecasts_of(report, c))
        for c in ordered
    ]


def forecasts_of(report: TrendReport, drawn: Chart) -> tuple[Forecast, ...]:
    """The forecasts of one chart."""
    s = drawn.series
    return (report.forecasts or {}).get((s.unit, s.test, s.metric), ())


def metric_row(report: TrendReport, drawn: Chart) -> dict[str, str] | None:
    """One metric of a unit in the period, as a line of a table; None without readings in it."""
    readings = [r for r in drawn.series.readings if report.start <= r.at <= report.end]
    if not readings or not drawn.baselines:
        return None
    unit, last = drawn.series.unit_of_measure, readings[-1]
    baseline = next((b for b in reversed(drawn.baselines) if b.start <= last.at), drawn.baselines[0])
    foreseen = [f for f in forecasts_of(report, drawn) if f.likely is not None]
    values = sorted(r.value for r in readings)
    change = last.value - baseline.mean
    percent = unit not in ("objects", "%") and baseline.mean
    decimals = places(baseline.sigma)
    moved = f"{100 * change / abs(baseline.mean):+.1f} %" if percent else f"{change:+.{decimals}f}"
    return {
        "title": metric_title(drawn.series.metric),
        "test": drawn.series.test,
        "count": str(len(readings)),
        "last": in_unit(number(last.value), unit),
        "range": f"{number(values[0])} to {number(values[-1])}" if len(values) > 1 else "–",
        "baseline": f"{baseline.mean:.{decimals}f} ± {baseline.sigma:.{decimals}f}" if baseline.readings > 1 else "–",
        "change": moved.replace("-", "−").replace(" %", "\u00a0%") if baseline.readings > 1 else "–",
        "limit": limit_text(drawn, baseline.mean, baseline.sigma),
        "state": state_of(report, drawn),
        "forecast": forecast_words(min(foreseen, key=lambda f: f.likely or f.horizon)) if foreseen else "",
    }


def places(sigma: float) -> int:
    """Decimals that show two digits of a standard deviation."""
    return min(6, max(0, 1 - math.floor(math.log10(sigma)))) if sigma > 0 else 2


def limit_text(drawn: Chart, mean: float, sigma: float) -> str:
    """The limits of a metric, action before tolerance."""
    told = []
    for level in (Level.ACTION, Level.TOLERANCE):
        for limit in drawn.limits:
            if limit.level is level:
                low, high = (None if e is None else float(f"{e:.3g}") for e in resolved(limit, mean, sigma))
                told.append(limits(low, high) + (" (tolerance)" if level is Level.TOLERANCE else ""))
    return "; ".join(told) or "–"


def state_of(report: TrendReport, drawn: Chart) -> str:
    """fail: an action limit stands breached; refused: an alarm is active; pass: neither. Names are those of styles."""
    return state_in(report.watched, drawn)


def state_in(watched: Watched, drawn: Chart) -> str:
    """The same of a watch."""
    active = [a for a in watched.alarms if a.active and a.unit == drawn.series.unit]
    own = [a for a in active if drawn.series.metric in a.metrics]
    if any(s.metric == drawn.series.metric and s.level is Level.ACTION for a in own for s in a.signals):
        return "fail"
    return "refused" if own else "pass"


STATES = {"fail": "beyond a limit", "refused": "drifting", "pass": "steady"}


def alarm_rows(report: TrendReport, unit: str | None = None) -> list[dict[str, str]]:
    """Alarms that stood during the period, active ones first, the latest first."""
    stood = [
        a
        for a in report.watched.alarms
        if (unit is None or a.unit == unit) and a.raised_at <= report.end and (a.active or a.last_at >= report.start)
    ]
    ordered = sorted(stood, key=lambda a: (not a.active, -a.raised_at.timestamp()))
    return [_alarm_row(report, alarm) for alarm in ordered]


def _alarm_row(report: TrendReport, alarm: Alarm) -> dict[str, str]:
    style = "pass" if not alarm.active else ("fail" if alarm.level is Level.ACTION else "refused")
    return {
        "unit": alarm.unit,
        "title": alarm_title(alarm, report.watched.charts),
        "raised": day(alarm.raised_at),
        "rules": alarm_rules(alarm),
        "state": alarm_state(alarm),
        "style": style,
    }


def unit_content(report: TrendReport, unit: str) -> dict[str, Any]:
    """The words of the report of one unit and period."""
    own = [c for c in report.watched.charts if c.series.unit == unit]
    rows = [row for row in (metric_row(report, c) for c in own) if row]
    alarms = alarm_rows(report, unit)
    active = [a for a in alarms if a["style"] != "pass"]
    worst = "fail" if any(a["style"] == "fail" for a in active) else "refused" if active else "pass"
    group = next((c.series.group for c in own), "")
    events = [e for e in report.events if e.unit == unit and report.end - YEAR <= e.at <= report.end]
    return {
        "title": "Trends" + (", simulated unit" if report.simulated else ""),
        "unit": unit,
        "group": group,
        "period": days(report.start, report.end),
        "verdict": {"fail": "Action needed", "refused": "Drifting", "pass": "Steady"}[worst],
        "outcome": worst,
        "summary": _summary(rows, active),
        "alarms": alarms,
        "rows": [row | {"word": STATES[row["state"]]} for row in rows],
        "events": [event_words(e) for e in reversed(events)],
        "footer": report.software,
    }


def _summary(rows: Sequence[Mapping[str, str]], active: Sequence[Mapping[str, str]]) -> str:
    count = sum(int(row["count"]) for row in rows)
    foreseen = sum(bool(row["forecast"]) for row in rows)
    told = [f"{len(rows)} metrics, {count} readings", f"{_many(len(active), 'alarm')} active"]
    if foreseen:
        told.append(f"{_many(foreseen, 'breach', 'breaches')} foreseen")
    return ", ".join(told)


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count or 'no'} {one if count == 1 else more or one + 's'}"


def fleet_content(report: TrendReport) -> dict[str, Any]:
    """The words of the report of a fleet."""
    units = list(dict.fromkeys(c.series.unit for c in report.watched.charts))
    rows = [_unit_row(report, unit) for unit in units]
    order = {"fail": 0, "refused": 1, "pass": 2}
    counts = {style: sum(row["state"] == style for row in rows) for style in order}
    outlying = [s for s in report.standings if s.outlying]
    return {
        "title": "Fleet trends" + (", simulated" if report.simulated else ""),
        "period": days(report.start, report.end),
        "summary": f"{_many(len(units), 'unit')}: {counts['fail']} beyond a limit, {counts['refused']} drifting, "
        f"{counts['pass']} steady",
        "rows": sorted(rows, key=lambda row: order[row["state"]]),
        "alarms": alarm_rows(report),
        "outliers": [
            f"{s.unit}: {metric_title(s.metric)} {number(s.recent)}; "
            f"{s.group_units} units of {s.group} have {number(s.group_median)}"
            for s in sorted(outlying, key=lambda s: -abs(s.robust_z or 0.0))[:12]
        ],
        "footer": report.software,
    }


def _unit_row(report: TrendReport, unit: str) -> dict[str, Any]:
    own = [c for c in report.watched.charts if c.series.unit == unit]
    states = [state_of(report, c) for c in own]
    state = "fail" if "fail" in states else "refused" if "refused" in states else "pass"
    foreseen = [(f.likely, c.series.metric, f) for c in own for f in forecasts_of(report, c) if f.likely]
    nearest = min(foreseen, key=lambda item: item[0], default=None)
    last = max((c.series.readings[-1].at for c in own if c.series.readings), default=None)
    troubled = [metric_title(c.series.metric) for c, s in zip(own, states, strict=True) if s != "pass"]
    shown = ", ".join(troubled[:3]) + (f" and {len(troubled) - 3} more" if len(troubled) > 3 else "")
    return {
        "unit": unit,
        "group": own[0].series.group,
        "state": state,
        "word": STATES[state],
        "metrics": shown,
        "last": day(last) if last else "–",
        "forecast": f"{metric_title(nearest[1])}: {forecast_words(nearest[2])}" if nearest else "",
    }
