"""The charts of `mammoqa validate acr156`, drawn with Altair: aims, ROC, confusion, reliability, referral, subsets."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mammoqa.jobs.validate_acr156_aims import PAPER, asked, ceiling_of
from mammoqa.jobs.validate_acr156_records import (
    ObjectFigures,
    OutputFigures,
    Referral,
    Results,
    Subset,
    ThresholdFigures,
)

if TYPE_CHECKING:
    import altair

NAMES = {"fibre": "fibres", "speck_group": "speck groups", "mass": "masses", "phantom": "phantom", "all": "all kinds"}
SCORES = ("0", "0.5", "1")
FIGURES = {
    "accuracy": "accuracy per object",
    "macro_f1": "macro F1 per object",
    "half_recall": "recall of 0.5",
    "half_precision": "precision of 0.5",
    "presence": "ROC area, presence",
    "abnormality": "ROC area, abnormality",
    "pass_fail": "pass/fail accuracy",
    "fail_recall": "recall of failures",
    "fail_precision": "precision of failures",
    "referral": "accuracy, 10 % referred",
}
_SIDE_PX = 200
_INK, _SOFT, _PAPER = "#1b6ca8", "#8a949e", "#d9822b"
_POINTS = 300  # per curve; more make the file large and look the same


def charts(results: Results) -> "dict[str, Any]":
    """A chart per name of file."""
    outputs = (*results.outputs, results.p_pass)
    drawn: dict[str, Any] = {
        "aims": aims_chart(results),
        "roc": roc_chart(outputs, results.thresholds),
        "confusion": confusion_chart(results.network.objects),
        "reliability": reliability_chart(outputs),
    }
    if results.referral is not None:
        drawn["referral"] = referral_chart(results.referral)
    if results.subsets:
        drawn["subsets"] = subsets_chart(results.subsets)
    return drawn


def aims_chart(results: Results) -> Any:
    """Each figure with its interval, beside its aim, the ceiling and the paper's figure; a panel per figure."""
    import altair

    rows: list[dict[str, Any]] = []
    for aim, value in asked(results):
        if aim.figure not in FIGURES:
            continue
        paper = PAPER.get(aim.figure, {}).get(aim.kind)
        marks = {
            "program": value.estimate,
            "aim": aim.target,
            "best possible": ceiling_of(results, aim.figure, aim.kind),
            "Yun 2025 (real images)": paper.value if paper else float("nan"),
        }
        place = {"figure": FIGURES[aim.figure], "kind": NAMES[aim.kind]}
        rows += [
            {**place, "what": what, "value": v, "low": _finite(value.low), "high": _finite(value.high)}
            for what, v in marks.items()
            if np.isfinite(v)
        ]
    y = altair.Y("kind:N", title=None, sort=list(NAMES.values()))
    scale = altair.Scale(zero=False, padding=9)
    x = altair.X("value:Q", title=None, scale=scale, axis=altair.Axis(tickCount=4))
    whats = ["program", "aim", "best possible", "Yun 2025 (real images)"]
    base = altair.Chart().encode(y=y)
    line = (
        base.transform_filter("datum.what === 'program'")
        .mark_rule(strokeWidth=3, color=_INK, opacity=0.45)
        .encode(x=altair.X("low:Q", title=None, scale=scale), x2="high:Q")
    )
    points = base.mark_point(filled=False, strokeWidth=2, size=60).encode(
        x=x,
        shape=altair.Shape(
            "what:N",
            title=None,
            sort=whats,
            scale=altair.Scale(domain=whats, range=["circle", "M0,-3V3", "triangle-left", "diamond"]),
        ),
        color=altair.Color(
            "what:N", title=None, sort=whats, scale=altair.Scale(domain=whats, range=[_INK, "#222222", _SOFT, _PAPER])
        ),
    )
    layered = altair.layer(line, points, data=_inline(altair, rows)).properties(width=190, height=altair.Step(19))
    found = layered.facet(facet=altair.Facet("figure:N", title=None, sort=list(FIGURES.values())), columns=3)
    return _framed(found.resolve_scale(x="independent", y="independent"))


def referral_chart(referral: Referral) -> Any:
    """Accuracy of the verdict on what is not referred, with its interval, and the best possible course."""
    import altair

    rows = [
        {"share": s, "accuracy": a.estimate, "low": a.low, "high": a.high, "what": "program"}
        for s, a in zip(referral.shares, referral.accuracy, strict=True)
    ] + [
        {"share": s, "accuracy": c, "what": "best possible"}
        for s, c in zip(referral.shares, referral.ceiling, strict=True)
        if np.isfinite(c)
    ]
    drawn = [float(str(row[name])) for row in rows for name in ("accuracy", "low") if name in row]
    lowest = min(v for v in drawn if np.isfinite(v))
    scale = altair.Scale(domain=[max(0.0, np.floor(lowest * 20) / 20), 1.0])
    x = altair.X("share:Q", title="share of phantoms that a person reads", axis=altair.Axis(format="%"))
    base = altair.Chart(_inline(altair, rows)).encode(x=x)
    band = (
        base.transform_filter("datum.what === 'program'")
        .mark_area(opacity=0.18, color=_INK)
        .encode(y=altair.Y("low:Q", scale=scale, title="accuracy on the rest"), y2="high:Q")
    )
    colour = altair.Color(
        "what:N", title=None, scale=altair.Scale(domain=["program", "best possible"], range=[_INK, _SOFT])
    )
    line = base.mark_line(strokeWidth=2).encode(y=altair.Y("accuracy:Q", scale=scale), color=colour)
    aim = altair.Chart(_inline(altair, [{"share": 0.10, "accuracy": 0.97}])).encode(x="share:Q", y="accuracy:Q")
    cross = aim.mark_point(shape="cross", size=90, filled=True, color=_PAPER)
    word = aim.mark_text(text="aim: 0.97 at 10 %", dx=9, dy=-9, align="left", color=_PAPER)
    return _framed(altair.layer(band, line, cross, word).properties(width=440, height=260))


def subsets_chart(subsets: Iterable[Subset]) -> Any:
    """Accuracy of the phantom's verdict, and of all objects per kind, by subset; a panel per kind."""
    import altair

    rows = [
        {
            "about": s.about,
            "value": f"{s.value} ({s.images})",
            "kind": NAMES[name],
            "accuracy": _finite(i.estimate),
            "low": _finite(i.low),
            "high": _finite(i.high),
        }
        for s in subsets
        for name, i in s.accuracy
    ]
    abouts = list(dict.fromkeys(row["about"] for row in rows))
    scale = altair.Scale(domain=[0.6, 1.0], clamp=True)
    strips = []
    for about in abouts:
        of_it = [row for row in rows if row["about"] == about]
        last = about == abouts[-1]
        axis = altair.Axis(labels=last, ticks=last, tickCount=4, title="accuracy" if last else None)
        y = altair.Y(
            "value:N", title=str(about), sort=None, axis=altair.Axis(labelLimit=170, titlePadding=8, minExtent=150)
        )
        base = altair.Chart(_inline(altair, of_it)).encode(y=y)
        line = base.mark_rule(strokeWidth=3, opacity=0.4, color=_INK).encode(
            x=altair.X("low:Q", scale=scale, axis=axis), x2="high:Q"
        )
        dot = base.mark_point(filled=True, size=55, color=_INK, opacity=1).encode(
            x=altair.X("accuracy:Q", scale=scale, axis=axis)
        )
        header = altair.Header(labels=about == abouts[0], labelFontSize=11)
        strips.append(
            altair.layer(line, dot)
            .properties(width=130, height=altair.Step(18))
            .facet(column=altair.Column("kind:N", title=None, sort=list(NAMES.values()), header=header), spacing=14)
        )
    return _framed(altair.vconcat(*strips, spacing=10))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def roc_chart(outputs: Iterable[OutputFigures], thresholds: Iterable[ThresholdFigures] = ()) -> "altair.FacetChart":
    """True against false positive rate, a panel per kind, a line per output, a dot at the card's threshold."""
    import altair

    rows: list[dict[str, Any]] = []
    for o in outputs:
        if o.roc is None:
            continue
        keep = np.unique(np.linspace(0, len(o.roc.thresholds) - 1, _POINTS).round().astype(np.int64))
        rows += [
            {"kind": NAMES[o.kind], "output": _words(o), "fpr": float(x), "tpr": float(y), "step": i}
            for i, (x, y) in enumerate(
                zip(o.roc.false_positive_rate[keep], o.roc.true_positive_rate[keep], strict=True)
            )
        ]
    rows += [
        {"kind": NAMES[t.kind], "output": t.output, "fpr": t.rates[0], "tpr": t.rates[1], "dot": True}
        for t in thresholds
        if np.isfinite(t.rates).all()
    ]
    rows += _diagonals(rows, "fpr", "tpr")
    return _faceted(altair, rows, altair.X("fpr:Q", title="false positive rate"), "tpr", "true positive rate", False)


def reliability_chart(outputs: Iterable[OutputFigures]) -> "altair.FacetChart":
    """Observed frequency against predicted probability in ten bins, a panel per kind, a line per output."""
    import altair

    rows: list[dict[str, Any]] = [
        {"kind": NAMES[o.kind], "output": _words(o), "predicted": float(x), "observed": float(y), "step": i}
        for o in outputs
        for i, (x, y) in enumerate(zip(o.reliability.predicted, o.reliability.observed, strict=True))
    ]
    rows += _diagonals(rows, "predicted", "observed")
    x = altair.X("predicted:Q", title="predicted probability", scale=altair.Scale(domain=[0, 1]))
    return _faceted(altair, rows, x, "observed", "observed frequency", True)


def confusion_chart(objects: Iterable[ObjectFigures]) -> "altair.FacetChart":
    """Counts by the panel's score and the network's, shaded by the share of the panel's score."""
    import altair

    rows = [
        {"kind": NAMES[o.kind], "panel": SCORES[i], "network": SCORES[j], "n": n, "share": n / max(sum(counts), 1)}
        for o in objects
        if o.kind != "all"
        for i, counts in enumerate(o.confusion)
        for j, n in enumerate(counts)
    ]
    place = altair.Chart().encode(
        x=altair.X("network:N", title="network", sort=list(SCORES), axis=altair.Axis(labelAngle=0)),
        y=altair.Y("panel:N", title="panel", sort=list(SCORES)[::-1]),
    )
    shade = place.mark_rect().encode(
        color=altair.Color("share:Q", title="share of row", scale=altair.Scale(scheme="blues", domain=[0, 1]))
    )
    words = place.mark_text().encode(
        text="n:Q", color=altair.condition("datum.share > 0.5", altair.value("white"), altair.value("black"))
    )
    return _facet(altair.layer(shade, words, data=_inline(altair, rows)))


def _words(o: OutputFigures) -> str:
    return "passes" if o.output == "p_pass" else o.output


def _diagonals(rows: list[dict[str, Any]], x: str, y: str) -> list[dict[str, Any]]:
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return [{"kind": kind, "output": "diagonal", x: end, y: end, "step": end} for kind in kinds for end in (0, 1)]


def _faceted(altair: Any, rows: list[dict[str, Any]], x: Any, y: str, title: str, points: bool) -> "altair.FacetChart":
    outputs = ["presence", "abnormality", "passes", "diagonal"]
    colours = ["#1b6ca8", "#d9822b", "#3a7d44", "#b0b0b0"]
    colour = altair.Color("output:N", title=None, scale=altair.Scale(domain=outputs, range=colours))
    vertical = altair.Y(f"{y}:Q", title=title, scale=altair.Scale(domain=[0, 1]))
    line = (
        altair.Chart()
        .transform_filter("!datum.dot")
        .mark_line(point=altair.OverlayMarkDef(size=20) if points else False)
        .encode(x=x, y=vertical, color=colour, order="step:Q")
    )
    dots = altair.Chart().transform_filter("datum.dot").mark_point(filled=True, size=60, opacity=1)
    return _facet(altair.layer(line, dots.encode(x=x, y=vertical, color=colour), data=_inline(altair, rows)))


def _inline(altair: Any, rows: list[dict[str, Any]]) -> Any:
    return altair.Data(values=rows)


def _facet(layered: Any) -> "altair.FacetChart":
    import altair

    sized = layered.properties(width=_SIDE_PX, height=_SIDE_PX)
    found: altair.FacetChart = sized.facet(
        facet=altair.Facet("kind:N", title=None, sort=list(NAMES.values())), columns=4
    )
    framed: altair.FacetChart = _framed(found)
    return framed


def _framed(chart: Any) -> Any:
    # viewers' fonts are wider than the one that the legend was measured with
    return chart.properties(padding={"left": 5, "top": 5, "right": 35, "bottom": 5}).configure_view(stroke="#d5dade")
