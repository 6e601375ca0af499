"""Charts of `validate trends`: found against false alarms, delays, run lengths, and forecasts against what came."""

from collections.abc import Mapping, Sequence
from typing import Any

from mammoqa.jobs.validate_trends import Scored, by_kind
from mammoqa.jobs.validate_trends_forecasts import Foreseen
from mammoqa.report.charts import AMBER, BLUE, GREY, RED, styled

_COLOURS = (BLUE, AMBER, RED, GREY)


def trade_chart(scored: Sequence[Scored]) -> Any:
    """Share of faults found against false alarms per unit and year, with 95 % intervals."""
    import altair as alt

    rows = [
        {
            "policy": s.name,
            "share": 100 * s.share.estimate,
            "share_low": 100 * s.share.low,
            "share_high": 100 * s.share.high,
            "false": s.false_per_year.estimate,
            "false_low": s.false_per_year.low,
            "false_high": s.false_per_year.high,
        }
        for s in scored
    ]
    chart = alt.Chart(alt.InlineData(values=rows), width=430, height=220)
    x = alt.X("false:Q", title="False alarms per unit and year (simulated)", scale=alt.Scale(zero=True))
    range_ = alt.Scale(domain=[40, 100])
    y = alt.Y("share:Q", title="Faults found, %", scale=range_)
    colour = _by_policy(rows)
    upright = chart.mark_rule().encode(x=x, y=alt.Y("share_low:Q", scale=range_), y2="share_high:Q", color=colour)
    across = chart.mark_rule().encode(x=alt.X("false_low:Q"), x2="false_high:Q", y=y, color=colour)
    dots = chart.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour)
    names = chart.mark_text(align="left", dx=9, dy=11, fontSize=11, color="currentColor").encode(
        x=x, y=y, text="policy:N"
    )
    return styled(alt.layer(upright, across, dots, names))


def _by_policy(rows: Sequence[Mapping[str, Any]]) -> Any:
    import altair as alt

    names = [str(name) for name in dict.fromkeys(row["policy"] for row in rows)]
    return alt.Color("policy:N", scale=alt.Scale(domain=names, range=list(_COLOURS[: len(names)])), legend=None)


def delay_chart(scored: Sequence[Scored]) -> Any:
    """Share of each kind's faults found within so many weeks of their onset, one panel per kind."""
    import altair as alt

    rows = []
    for s in scored:
        for kind in by_kind(s):
            own = [f for f in s.findings if f.fault.kind is kind]
            for week in range(27):
                share = sum(f.found and f.delay_days <= 7 * week for f in own) / max(len(own), 1)
                rows.append({"policy": s.name, "kind": kind.value, "week": week, "share": 100 * share})
    x = alt.X("week:Q", title="Weeks since the onset", axis=alt.Axis(tickCount=5, grid=False))
    y = alt.Y("share:Q", title="Found, %", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=3))
    names = [s.name for s in scored]
    scale = alt.Scale(domain=names, range=list(_COLOURS[: len(names)]))
    colour = alt.Color("policy:N", scale=scale, legend=alt.Legend(title=None, orient="top", labelColor="currentColor"))
    lines = alt.Chart(alt.InlineData(values=rows), width=190, height=110).mark_line(
        strokeWidth=1.6, interpolate="step-after"
    )
    header = alt.Header(title=None, labelColor="currentColor", labelFontSize=11.5)
    return styled(
        lines.encode(x=x, y=y, color=colour).facet(facet=alt.Facet("kind:N", header=header), columns=3, spacing=14)
    )


def forecast_chart(found: Sequence[Foreseen], shown: int = 60) -> Any:
    """Intervals of breach dates about the day of the forecast, with the day of the breach, sorted by it."""
    import altair as alt

    likely = [f for f in found if f.forecast.likely is not None]
    likely = sorted(likely, key=lambda f: f.forecast.likely or f.forecast.horizon)
    step = max(1, len(likely) // shown)
    rows = []
    for place, f in enumerate(likely[::step]):
        made = f.forecast

        def days(at: Any, start: Any = made.made_at) -> float:
            return float((at - start).total_seconds() / 86400.0)

        rows.append(
            {
                "place": place,
                "early": days(made.earliest or made.made_at),
                "late": days(made.latest or made.horizon),
                "came": days(f.breached_at) if f.breached and f.breached_at else None,
                "right": "in the interval" if f.covered else "outside",
            }
        )
    chart = alt.Chart(alt.InlineData(values=rows), width=520, height=alt.Step(6))
    y = alt.Y("place:O", axis=None)
    scale = alt.Scale(domain=["in the interval", "outside"], range=[BLUE, RED])
    colour = alt.Color("right:N", scale=scale, legend=alt.Legend(title=None, orient="top", labelColor="currentColor"))
    x = alt.X("early:Q", title="Days after the forecast", scale=alt.Scale(domain=[0, 190]))
    spans = chart.mark_rule(strokeWidth=2.4, opacity=0.45).encode(x=x, x2="late:Q", y=y, color=colour)
    dots = chart.mark_point(filled=True, size=22, opacity=1).encode(x="came:Q", y=y, color=colour)
    return styled(alt.layer(spans, dots))
