"""Web pages: one analysis, and an overview of many. Each is one file with everything inside; no other host is asked."""

import base64
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from mammoqa.core import Analysis
from mammoqa.report import words
from mammoqa.report.content import Options, content
from mammoqa.report.overview import Entry, count, overview_row, period
from mammoqa.report.trends import Trend, moment, unit_label

if TYPE_CHECKING:
    from jinja2 import Environment

OBJECTS_CAPTION = (
    "The upright phantom. Solid box, full disc: score 1; dashed, half disc: 0.5; dotted, ring: 0."
)
SLICES_CAPTION = "The measured slices with the regions that the numbers come from."
SALIENCY_CAPTION = "Saliency: bright where a change of the image would move the network's answer most."


def html(analysis: Analysis, options: Options | None = None) -> str:
    """The page of one analysis, a refusal too."""
    from mammoqa.report import charts
    from mammoqa.report.picture import annotated, saliency_overlay

    options = options or Options()
    told = content(analysis, options)
    return _render(
        "analysis.html",
        title=f"{told.verdict}: {told.title}, {told.unit}, {told.when}",
        c=told,
        overview=options.overview,
        annotated=_picture_address(annotated(analysis)),
        annotated_alt="Phantom image with the scored objects" if analysis.objects else "Measured slices",
        annotated_caption=OBJECTS_CAPTION if analysis.objects else SLICES_CAPTION,
        saliency=_picture_address(saliency_overlay(analysis, width_px=850)),
        saliency_caption=SALIENCY_CAPTION,
        objects_chart=_inline(charts.objects_chart(analysis, told.thresholds)),
        measurements_chart=_inline(charts.measurements_chart(analysis)),
    )


def html_index(analyses: Sequence[Entry], trends: Sequence[Trend], title: str = "Phantom quality control") -> str:
    """An overview page: a chart per unit, and a table of the analyses that links to their pages, newest first."""
    from mammoqa.report import charts

    units = list(dict.fromkeys([trend.unit for trend in trends] + [unit_label(e.analysis) for e in analyses]))
    totals = list(dict.fromkeys(name for e in analyses for name, _ in e.analysis.verdict.totals))
    by_unit = [
        {
            "name": unit,
            "count": count([e.analysis for e in analyses if unit_label(e.analysis) == unit]),
            "charts": [_inline(charts.trend_chart([t for t in trends if t.unit == unit]))],
        }
        for unit in units
    ]
    newest_first = sorted(analyses, key=lambda entry: moment(entry.analysis), reverse=True)
    return _render(
        "overview.html",
        title=title,
        period=period([e.analysis for e in analyses]),
        units=by_unit,
        columns=[*(words.metric_title(name) for name in totals), "p pass"],
        rows=[overview_row(entry, totals) for entry in newest_first],
    )


def _inline(chart: Any) -> str:
    from markupsafe import Markup

    from mammoqa.report import charts

    return Markup(charts.svg(chart)) if chart is not None else ""


def _picture_address(picture: Any) -> str:
    from mammoqa.report.picture import as_jpeg

    if picture is None:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(as_jpeg(picture)).decode("ascii")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mammoqa.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **values: Any) -> str:
    from markupsafe import Markup

    style = resources.files("mammoqa.report").joinpath("templates/style.css").read_text("utf-8")
    return _environment().get_template(template).render(style=Markup(style), **values)
