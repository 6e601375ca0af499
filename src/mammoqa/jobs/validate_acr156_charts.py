"""The charts of `mammoqa validate acr156`: ROC curves, confusion matrices and reliability, drawn with Altair."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mammoqa.jobs.validate_acr156_records import ObjectFigures, OutputFigures, Results

if TYPE_CHECKING:
    import altair

NAMES = {"fibre": "fibres", "speck_group": "speck groups", "mass": "masses", "phantom": "phantom", "all": "all kinds"}
SCORES = ("0", "0.5", "1")
_SIDE_PX = 200
_POINTS = 300  # per curve; more make the file large and look the same


def charts(results: Results) -> "dict[str, altair.FacetChart]":
    """A chart per name of file."""
    outputs = (*results.outputs, results.p_pass)
    return {
        "roc": roc_chart(outputs),
        "confusion": confusion_chart(results.network.objects),
        "reliability": reliability_chart(outputs),
    }


def roc_chart(outputs: Iterable[OutputFigures]) -> "altair.FacetChart":
    """True against false positive rate, a panel per kind, a line per output."""
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
    line = (
        altair.Chart()
        .mark_line(point=altair.OverlayMarkDef(size=20) if points else False)
        .encode(
            x=x,
            y=altair.Y(f"{y}:Q", title=title, scale=altair.Scale(domain=[0, 1])),
            color=altair.Color("output:N", title=None, scale=altair.Scale(domain=outputs, range=colours)),
            order="step:Q",
        )
    )
    return _facet(altair.layer(line, data=_inline(altair, rows)))


def _inline(altair: Any, rows: list[dict[str, Any]]) -> Any:
    return altair.Data(values=rows)


def _facet(layered: Any) -> "altair.FacetChart":
    import altair

    sized = layered.properties(width=_SIDE_PX, height=_SIDE_PX)
    found: altair.FacetChart = sized.facet(
        facet=altair.Facet("kind:N", title=None, sort=list(NAMES.values())), columns=4
    )
    # viewers' fonts are wider than the one that the legend was measured with
    return found.properties(padding={"left": 5, "top": 5, "right": 35, "bottom": 5})
