"""A metric over time as an Altair chart: readings against baseline and limits, events, alarms, and what is foreseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from mammoqa.core import Alarm, Forecast, Level, Series, ServiceEvent
from mammoqa.report.charts import AMBER, BLUE, GREY, RED, styled
from mammoqa.report.words import limits as limit_words
from mammoqa.report.words import metric_title
from mammoqa.trends import Chart, Standing
from mammoqa.trends.chart import resolved

_INK = "currentColor"
_LEVEL_COLOUR = {Level.TOLERANCE: AMBER, Level.ACTION: RED}
_UNITS = {"uGy/mAs": "µGy/mAs", "um": "µm", "1": "", "objects": ""}
_SHOWN_SIGMAS = 3.0
_AHEAD = timedelta(days=120)  # of a forecast that is drawn, at most
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One metric to draw: its chart, the unit's events and alarms, and the forecasts of its limits."""

    drawn: Chart
    events: tuple[ServiceEvent, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    forecasts: tuple[Forecast, ...] = ()


def trend_panels(panels: Sequence[Panel], start: datetime, end: datetime, width: int = 600, height: int = 84) -> Any:
    """Metrics of one unit below each other over a common time axis from `start` to `end`; None without any reading."""
    import altair as alt

    shown = [panel for panel in panels if any(start <= r.at <= end for r in panel.drawn.series.readings)]
    if not shown:
        return None
    foreseen = [made for panel in shown for made in panel.forecasts if made.likely is not None]
    far = max((min(made.latest or made.horizon, end + _AHEAD) for made in foreseen), default=end)
    last = max(end, far) + timedelta(days=3)
    rows = [_panel(p, start, last, end, width, height, dates=k == len(shown) - 1) for k, p in enumerate(shown)]
    return styled(alt.vconcat(*rows, spacing=10))


def _panel(
    panel: Panel, start: datetime, last: datetime, end: datetime, width: int, height: int, *, dates: bool
) -> Any:
    import altair as alt

    months = (last - start) / timedelta(days=30.4)
    axis = alt.Axis(
        format="%b %Y" if months > 14 else "%-d %b", title=None, tickCount=7, labels=dates, ticks=dates, grid=False
    )
    x = alt.X("at:T", axis=axis, scale=alt.Scale(domain=[start.isoformat(), last.isoformat()], clamp=True))
    readings, levels, borders = _readings(panel, start, end), _levels(panel, start, last), _borders(panel, start, last)
    domain = _domain(panel, readings, borders)
    borders = [row for row in borders if domain[0] <= row["value"] <= domain[1]]  # the title tells the others
    values = alt.Axis(title=None, tickCount=3, grid=True, format="~r")
    scale = alt.Scale(domain=domain, nice=False, clamp=True, zero=False)
    y, low = (alt.Y(field, axis=values, scale=scale) for field in ("value:Q", "low:Q"))

    def of(rows: list[Row]) -> Any:
        return alt.Chart(alt.InlineData(values=rows), width=width, height=height)

    layers = [
        of(_alarm_rows(panel, start, last)).mark_rect(color=AMBER, opacity=0.14).encode(x=x, x2="until:T"),
        of(levels).mark_rect(color=GREY, opacity=0.16).encode(x=x, x2="until:T", y=low, y2="high:Q"),
        of(levels).mark_rule(color=GREY, strokeWidth=1).encode(x=x, x2="until:T", y=y),
        _limit_lines(of(borders), x, y),
        of(_event_rows(panel, start, end)).mark_rule(color=_INK, opacity=0.45, strokeDash=[1, 2]).encode(x=x),
        *_foreseen(of, panel, last, x, y, low),
        of(readings).mark_line(strokeWidth=1, color=BLUE, opacity=0.5).encode(x=x, y=y),
        _dots(of(readings), x, y),
    ]
    title = alt.TitleParams(panel_title(panel.drawn.series, panel), anchor="start", frame="group")
    return alt.layer(*layers).resolve_scale(color="independent", shape="independent").properties(title=title)


def panel_title(series: Series, panel: Panel) -> str:
    """The metric, its unit, and its absolute limits."""
    of_measure = _UNITS.get(series.unit_of_measure, series.unit_of_measure)
    unit = f" ({of_measure})" if of_measure else ""
    baseline = panel.drawn.baselines[-1] if panel.drawn.baselines else None
    told = []
    for limit in panel.drawn.limits:
        ends = (limit.low, limit.high) if baseline is None else resolved(limit, baseline.mean, baseline.sigma)
        low, high = (None if end is None else float(f"{end:.4g}") for end in ends)
        told.append(f"{limit.level.value} {limit_words(low, high)}")
    return f"{metric_title(series.metric)}{unit}" + (f", {'; '.join(told)}" if told else "")


def _readings(panel: Panel, start: datetime, end: datetime) -> list[Row]:
    signalled = {signal.at for signal in panel.drawn.signals}
    rows = []
    for reading in panel.drawn.series.readings:
        if start <= reading.at <= end:
            state = "signal" if reading.at in signalled else "quiet"
            row = {"at": reading.at.isoformat(), "value": reading.value, "state": state}
            rows.append(row | {"low": reading.low, "high": reading.high, "analysis": reading.analysis_id})
    return rows


def _levels(panel: Panel, start: datetime, last: datetime) -> list[Row]:
    """Each baseline's mean and the band of three standard deviations, over its time."""
    rows = []
    for baseline in panel.drawn.baselines:
        begin, until = max(baseline.start, start), min(baseline.end or last, last)
        if begin < until and baseline.readings:
            band = _SHOWN_SIGMAS * baseline.sigma
            rows.append(
                {
                    "at": begin.isoformat(),
                    "until": until.isoformat(),
                    "value": baseline.mean,
                    "low": baseline.mean - band,
                    "high": baseline.mean + band,
                }
            )
    return rows


def _borders(panel: Panel, start: datetime, last: datetime) -> list[Row]:
    """The ends of every limit over the time of each baseline."""
    rows = []
    for baseline in panel.drawn.baselines:
        begin, until = max(baseline.start, start), min(baseline.end or last, last)
        if begin >= until:
            continue
        for limit in panel.drawn.limits:
            for end in resolved(limit, baseline.mean, baseline.sigma):
                if end is not None:
                    row = {"at": begin.isoformat(), "until": until.isoformat(), "value": end}
                    rows.append(row | {"level": limit.level.value})
    return rows


def _limit_lines(data: Any, x: Any, y: Any) -> Any:
    import altair as alt

    colour = alt.Color(
        "level:N",
        scale=alt.Scale(domain=[v.value for v in _LEVEL_COLOUR], range=list(_LEVEL_COLOUR.values())),
        legend=None,
    )
    return data.mark_rule(strokeDash=[5, 3], strokeWidth=1.2).encode(x=x, x2="until:T", y=y, color=colour)


def _dots(data: Any, x: Any, y: Any) -> Any:
    import altair as alt

    states = ["quiet", "signal"]
    colour = alt.Color("state:N", scale=alt.Scale(domain=states, range=[BLUE, RED]), legend=None)
    shape = alt.Shape("state:N", scale=alt.Scale(domain=states, range=["circle", "diamond"]), legend=None)
    told = [
        alt.Tooltip("at:T", title="Date", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("value:Q", title="Value", format=".4~g"),
        alt.Tooltip("state:N", title="Chart"),
    ]
    size = alt.condition("datum.state === 'signal'", alt.value(30), alt.value(15))
    points = data.mark_point(filled=True, opacity=1)
    return points.encode(x=x, y=y, color=colour, shape=shape, size=size, tooltip=told)


def _alarm_rows(panel: Panel, start: datetime, last: datetime) -> list[Row]:
    own = [a for a in panel.alarms if panel.drawn.series.metric in a.metrics]
    spans = [(max(a.since, start), min(a.last_at, last)) for a in own]
    return [{"at": a.isoformat(), "until": b.isoformat()} for a, b in spans if a < b]


def _event_rows(panel: Panel, start: datetime, end: datetime) -> list[Row]:
    return [{"at": e.at.isoformat(), "note": e.note or e.kind.value} for e in panel.events if start <= e.at <= end]


def _foreseen(of: Any, panel: Panel, last: datetime, x: Any, y: Any, low: Any) -> list[Any]:
    """The band and middle of the nearest breach that is foreseen, and the interval of its date on the limit."""
    foreseen = sorted((f.likely, k) for k, f in enumerate(panel.forecasts) if f.likely is not None)
    if not foreseen:
        return []
    made = panel.forecasts[foreseen[0][1]]
    band = [
        {"at": at.isoformat(), "value": middle, "low": low, "high": high}
        for at, middle, low, high in zip(made.band_at, made.band_middle, made.band_low, made.band_high, strict=True)
        if at <= last
    ]
    colour = _LEVEL_COLOUR[made.level]
    span = [
        {
            "at": (made.earliest or made.made_at).isoformat(),
            "until": min(made.latest or last, last).isoformat(),
            "value": made.limit,
        }
    ]
    return [
        of(band).mark_area(color=BLUE, opacity=0.14).encode(x=x, y=low, y2="high:Q"),
        of(band).mark_line(color=BLUE, strokeDash=[3, 3], strokeWidth=1.1).encode(x=x, y=y),
        of(span).mark_rule(color=colour, strokeWidth=5, opacity=0.55).encode(x=x, x2="until:T", y=y),
    ]


def _domain(panel: Panel, readings: Sequence[Row], borders: Sequence[Row]) -> list[float]:
    """Readings and the limits that are near them; a limit far away does not press the readings flat."""
    values = np.array([row["value"] for row in readings])
    low, high = float(values.min()), float(values.max())
    spread = max(high - low, 2.0 * max((b.sigma for b in panel.drawn.baselines), default=0.0), 1e-9)
    for row in borders:
        if low - 1.5 * spread <= row["value"] <= high + 1.5 * spread:
            low, high = min(low, row["value"]), max(high, row["value"])
    margin = 0.08 * (high - low) or 0.5
    return [low - margin, high + margin]


def standings_chart(standings: Sequence[Standing], width_step: int = 46) -> Any:
    """Every unit against like ones: a row per unit, a column per metric, the colour is the robust z; None without."""
    import altair as alt

    rows = [
        {
            "unit": s.unit,
            "metric": metric_title(s.metric),
            "z": max(-6.0, min(6.0, s.robust_z)),
            "text": f"{s.robust_z:+.0f}".replace("-", "−") if s.outlying else "",
        }
        for s in standings
        if s.robust_z is not None
    ]
    if not rows:
        return None
    metrics = [str(name) for name in dict.fromkeys(row["metric"] for row in rows)]
    x = alt.X(
        "metric:N", sort=metrics, axis=alt.Axis(title=None, orient="top", labelAngle=-40, ticks=False, domain=False)
    )
    y = alt.Y("unit:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False))
    chart = alt.Chart(alt.InlineData(values=rows), width=alt.Step(width_step), height=alt.Step(15))
    scale = alt.Scale(domain=[-6, -3.5, 0, 3.5, 6], range=[BLUE, "#8fb9d6", "#8a919922", "#e3a595", RED])
    colour = alt.Color("z:Q", scale=scale, legend=None)
    cells = chart.mark_rect(stroke="#8a919933", strokeWidth=0.5).encode(x=x, y=y, color=colour)
    words = chart.mark_text(fontSize=10, color="#10151a").encode(x=x, y=y, text="text:N")
    return styled(alt.layer(cells, words))
