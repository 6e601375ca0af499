"""Web pages: one analysis, and an overview of many. Each is one file with everything inside; no other host is asked."""

import base64
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from mammoqa.core import Analysis
from mammoqa.report import words
from mammoqa.report.content import Options, content
from mammoqa.report.drawings import drawings
from mammoqa.report.overview import Entry, count, overview_row, period
from mammoqa.report.trends import Trend, moment, unit_label

if TYPE_CHECKING:
    from jinja2 import Environment


def html(analysis: Analysis, options: Options | None = None) -> str:
    """The page of one analysis, a refusal too."""
    options = options or Options()
    told = content(analysis, options)
    drawn = drawings(analysis, told.thresholds)
    return render(
        "analysis.html",
        title=f"{told.verdict}: {told.title}, {told.unit}, {told.when}",
        c=told,
        overview=options.overview,
        annotated=_address(drawn.annotated),
        annotated_alt="Phantom image with the scored objects" if analysis.objects else "Measured slices",
        saliency=_address(drawn.saliency),
        objects_chart=inline(drawn.objects_chart),
        measurements_chart=inline(drawn.measurements_chart),
        matrix_chart=inline(drawn.matrix_chart),
        captions=dict(drawn.captions),
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
            "chart": inline(charts.trend_svg([t for t in trends if t.unit == unit])),
        }
        for unit in units
    ]
    newest_first = sorted(analyses, key=lambda entry: moment(entry.analysis), reverse=True)
    return render(
        "overview.html",
        title=title,
        period=period([e.analysis for e in analyses]),
        units=by_unit,
        columns=[*(words.metric_title(name) for name in totals), "p pass"],
        rows=[overview_row(entry, totals) for entry in newest_first],
    )


def inline(svg: str | None) -> str:
    """An SVG that a template sets as it is; empty for none."""
    from markupsafe import Markup

    return Markup(svg) if svg else ""


def _address(jpeg: bytes | None) -> str:
    return "" if jpeg is None else "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


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


def render(template: str, **values: Any) -> str:
    """A page from its template, with the style that all pages share."""
    from markupsafe import Markup

    style = resources.files("mammoqa.report").joinpath("templates/style.css").read_text("utf-8")
    return _environment().get_template(template).render(style=Markup(style), **values)
