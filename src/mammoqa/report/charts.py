"""Charts as Altair specifications, and their SVG or PNG: one specification serves the web page and the PDF.

Text and axes are drawn in `currentColor`, so that an SVG inside a page follows its light or dark colours. The functions
that make charts give Altair's chart objects; `svg` and `png` turn them into pictures.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mammoqa.core import Analysis, Measurement, Outcome
from mammoqa.report.trends import Trend, TrendPoint
from mammoqa.report.words import limits, measured, metric_title, object_title

# Okabe and Ito's set, a little darker where it must be read on white as well as on black.
BLUE, AMBER, RED, GREY = "#3a8fc7", "#d48f00", "#d1543a", "#8a9199"
FONT = "Libertinus Serif, Charter, Georgia, serif"
_INK = "currentColor"
_GRID = "#8a919955"
_LEVELS = ["full", "half", "none", "not counted"]
_COLOURS = [BLUE, AMBER, RED, GREY]
_SHAPES = ["circle", "diamond", "cross", "triangle-down"]


def objects_chart(analysis: Analysis, thresholds: Mapping[str, tuple[float, float]] | None = None) -> Any:
    """The probabilities of every object: present, and abnormal if present; None without objects.

    `thresholds` gives per kind where p_present and p_abnormal turn the score, drawn as short lines.
    """
    import altair as alt

    if not analysis.objects:
        return None
    rows = [
        {
            "object": object_title(o.name),
            "level": _LEVELS[0 if o.score >= 1 else 1 if o.score > 0 else 2] if o.counted else _LEVELS[3],
            "present": o.p_present,
            "abnormal": o.p_abnormal,
            "present_at": (thresholds or {}).get(o.kind, (None, None))[0],
            "abnormal_at": (thresholds or {}).get(o.kind, (None, None))[1],
        }
        for o in analysis.objects
    ]
    order = [row["object"] for row in rows]
    panels = [
        _probabilities(alt.InlineData(values=rows), order, "present", "Present", labels=True),
        _probabilities(alt.InlineData(values=rows), order, "abnormal", "Abnormal, if present", labels=False),
    ]
    return styled(alt.hconcat(*panels, spacing=14))


def _probabilities(data: Any, order: Sequence[Any], field: str, title: str, *, labels: bool) -> Any:
    import altair as alt

    ticks = alt.Axis(values=[0, 0.5, 1], grid=True, title=title, titleAnchor="start", format=".1~f")
    x = alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, 1]), axis=ticks)
    names = alt.Axis(title=None, labelLimit=200, domain=False, ticks=False) if labels else None
    y = alt.Y("object:N", sort=list(order), axis=names)
    colour = alt.Color("level:N", scale=alt.Scale(domain=_LEVELS, range=_COLOURS), legend=None)
    shape = alt.Shape("level:N", scale=alt.Scale(domain=_LEVELS, range=_SHAPES), legend=None)
    chart = alt.Chart(data, width=118, height=alt.Step(16))
    stems = chart.mark_rule(strokeWidth=1.2, opacity=0.6).encode(x=x, x2=alt.datum(0), y=y, color=colour)
    turns = chart.mark_tick(thickness=1.2, size=11, color=_INK, opacity=0.75).encode(x=f"{field}_at:Q", y=y)
    dots = chart.mark_point(filled=True, size=42, opacity=1).encode(x=x, y=y, color=colour, shape=shape)
    return alt.layer(stems, turns, dots)


def measurements_chart(analysis: Analysis) -> Any:
    """Every measurement that has a limit, each on a scale of its own with the allowed range shaded; else None."""
    import altair as alt

    rows = [_against_limits(m) for m in analysis.measurements if not (m.limit_low is None and m.limit_high is None)]
    if not rows:
        return None
    order = [row["name"] for row in rows]
    names = alt.Axis(title=None, labelLimit=260, domain=False, ticks=False)
    y = alt.Y("name:N", sort=order, axis=names)
    scale = alt.Scale(domain=[0, 1], clamp=True)
    chart = alt.Chart(alt.InlineData(values=rows), width=190, height=alt.Step(18))
    colour = alt.Color("state:N", scale=alt.Scale(domain=["inside", "outside"], range=[BLUE, RED]), legend=None)
    shape = alt.Shape("state:N", scale=alt.Scale(domain=["inside", "outside"], range=["circle", "cross"]), legend=None)
    track = chart.mark_bar(height=8, color=GREY, opacity=0.16).encode(
        x=alt.X("start:Q", scale=scale, axis=None), x2="end:Q", y=y
    )
    allowed = chart.mark_bar(height=8, color=BLUE, opacity=0.3).encode(x=alt.X("from:Q", scale=scale), x2="to:Q", y=y)
    spread = chart.mark_rule(strokeWidth=1.6).encode(x="low:Q", x2="high:Q", y=y, color=colour)
    dots = chart.mark_point(filled=True, size=48, opacity=1).encode(x="at:Q", y=y, color=colour, shape=shape)
    words = chart.mark_text(align="left", dx=8, fontSize=10, color=_INK).encode(x=alt.value(190), y=y, text="limits:N")
    return styled(alt.layer(track, allowed, spread, dots, words))


def _against_limits(m: Measurement) -> dict[str, Any]:
    """Places between 0 and 1: limits at a quarter and three quarters, a single limit at a quarter from its bad end."""
    low, high = m.limit_low, m.limit_high
    if low is not None and high is not None:
        origin, span, start, end = low, 2 * (high - low), 0.25, 0.75
    elif low is not None:
        span = max(abs(m.value - low) / 0.5, abs(low) / 3, 1e-9)
        origin, start, end = low, 0.25, 1.0
    else:
        assert high is not None
        span = max(abs(m.value - high) / 0.5, abs(high) / 0.75, 1e-9)
        origin, start, end = high - 0.75 * span, 0.0, 0.75

    def place(value: float) -> float:
        return min(1.0, max(0.0, (0.0 if low is None else 0.25) + (value - origin) / span))

    return {
        "name": metric_title(m.name),
        "start": 0.0,
        "end": 1.0,
        "from": start,
        "to": end,
        "at": place(m.value),
        "low": place(m.value if m.low is None else m.low),
        "high": place(m.value if m.high is None else m.high),
        "state": "outside" if m.outcome is Outcome.FAIL else "inside",
        "value": measured(m, m.value),
        "limits": limits(low, high),
    }


def trend_chart(trends: Sequence[Trend], width: int = 430, height: int = 62) -> Any:
    """The numbers of one unit over time, one panel each over a common time axis, limits dashed; None without any."""
    import altair as alt

    shown = [trend for trend in trends if trend.points]
    if not shown:
        return None
    moments = [point.at for trend in shown for point in trend.points]
    margin = max(timedelta(hours=6), (max(moments) - min(moments)) / 60)
    span = [(min(moments) - margin).isoformat(), (max(moments) + margin).isoformat()]
    last = len(shown) - 1
    panels = [_trend_panel(t, span, width, height, dates=place == last) for place, t in enumerate(shown)]
    return styled(alt.vconcat(*panels, spacing=12))


def _trend_panel(trend: Trend, span: Sequence[str], width: int, height: int, *, dates: bool) -> Any:
    import altair as alt

    rows = [
        {
            "at": point.at.isoformat(),
            "value": point.value,
            "low": point.value if point.low is None else point.low,
            "high": point.value if point.high is None else point.high,
            "state": "outside" if _outside(trend, point) else "inside",
        }
        for point in trend.points
    ]
    axis = alt.Axis(format="%-d %b", title=None, tickCount=6, labels=dates, ticks=dates, grid=False)
    x = alt.X("at:T", axis=axis, scale=alt.Scale(domain=list(span)))
    values = alt.Axis(title=None, tickCount=3, grid=True, format=".0%" if trend.metric == "p_pass" else "~r")
    y = alt.Y("value:Q", axis=values, scale=alt.Scale(domain=_domain(trend), nice=False, clamp=True))
    colour = alt.Color("state:N", scale=alt.Scale(domain=["inside", "outside"], range=[BLUE, RED]), legend=None)
    shape = alt.Shape("state:N", scale=alt.Scale(domain=["inside", "outside"], range=["circle", "cross"]), legend=None)
    chart = alt.Chart(
        alt.InlineData(values=rows),
        width=width,
        height=height,
        title=alt.TitleParams(_trend_title(trend), anchor="start", frame="group"),
    )
    ends = [{"limit": limit} for limit in (trend.limit_low, trend.limit_high) if limit is not None]
    rules = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_rule(strokeDash=[4, 3], strokeWidth=1.1, color=_INK, opacity=0.75)
        .encode(y="limit:Q")
    )
    line = chart.mark_line(strokeWidth=1.1, color=BLUE, opacity=0.55).encode(x=x, y=y)
    spread = chart.mark_rule(strokeWidth=1, opacity=0.7).encode(x=x, y="low:Q", y2="high:Q", color=colour)
    dots = chart.mark_point(filled=True, size=30, opacity=1).encode(x=x, y=y, color=colour, shape=shape)
    return alt.layer(line, spread, dots, rules)


def _trend_title(trend: Trend) -> str:
    unit = "" if trend.unit_of_measure in ("", "1", "objects") else f" ({trend.unit_of_measure})"
    limit = limits(trend.limit_low, trend.limit_high)
    return f"{trend.title}{unit}" + ("" if limit == "none" else f", limit {limit}")


def _outside(trend: Trend, point: TrendPoint) -> bool:
    """Beyond a limit; without limits, whether the analysis failed."""
    if trend.limit_low is None and trend.limit_high is None:
        return point.outcome is Outcome.FAIL
    too_low = trend.limit_low is not None and point.value < trend.limit_low
    return too_low or (trend.limit_high is not None and point.value > trend.limit_high)


def _domain(trend: Trend) -> list[float]:
    """The values, their intervals and limits with a margin; 0 to 1 for a probability."""
    if trend.metric == "p_pass":
        return [0.0, 1.0]
    found = [v for p in trend.points for v in (p.value, p.low, p.high) if v is not None]
    found += [v for v in (trend.limit_low, trend.limit_high) if v is not None]
    margin = 0.5 if trend.unit_of_measure == "objects" else 0.12 * (max(found) - min(found)) or 1.0
    return [min(found) - margin, max(found) + margin]


def styled(chart: Any) -> Any:
    """The common look: no frame, thin grid, small type, a transparent ground."""
    return (
        chart.configure(background="transparent", font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK,
            titleColor=_INK,
            titleFontWeight="normal",
            titleFontSize=11,
            labelFontSize=11,
            gridColor=_GRID,
            gridWidth=0.7,
            domainColor=_GRID,
            tickColor=_GRID,
        )
        .configure_title(color=_INK, fontSize=11.5, fontWeight="normal", offset=5)
    )


def trend_svg(trends: Sequence[Trend], width: int = 430, height: int = 62) -> str | None:
    """`trend_chart` as SVG text."""
    chart = trend_chart(trends, width, height)
    return None if chart is None else svg(chart)


def svg(chart: Any) -> str:
    """The chart as SVG text."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_json(validate=False)))


def png(chart: Any, scale: float = 2.0) -> bytes:
    """The chart as a PNG file on white; `scale` pixels per CSS pixel."""
    import vl_convert

    specification = chart.to_dict(validate=False)
    specification["config"]["background"] = "white"
    return bytes(vl_convert.vegalite_to_png(json.dumps(specification), scale=scale))
