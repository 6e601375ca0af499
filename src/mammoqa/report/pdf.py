"""PDF sheets by Typst: one A4 page for one analysis, and one unit over a period."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from mammoqa.core import Analysis, ReportError
from mammoqa.report import words
from mammoqa.report.content import Options, content
from mammoqa.report.html import OBJECTS_CAPTION, SALIENCY_CAPTION, SLICES_CAPTION
from mammoqa.report.overview import Entry, count, overview_row, period
from mammoqa.report.trends import moment, trends_of, unit_label


def pdf(analysis: Analysis, options: Options | None = None) -> bytes:
    """The one-page PDF of one analysis, a refusal too; ReportError when it cannot be set."""
    from mammoqa.report import charts
    from mammoqa.report.picture import annotated, as_jpeg, saliency_overlay

    told = content(analysis, options or Options())
    view, salient = annotated(analysis, width_px=1150), saliency_overlay(analysis, width_px=850)
    drawings = {
        "objects_chart": charts.objects_chart(analysis, told.thresholds),
        "measurements_chart": charts.measurements_chart(analysis),
    }
    files: dict[str, bytes] = {f"{name}.svg": _svg(chart) for name, chart in drawings.items() if chart is not None}
    files |= {f"{n}.jpg": as_jpeg(p) for n, p in (("annotated", view), ("saliency", salient)) if p is not None}
    data = asdict(told) | {
        "files": {name.split(".")[0]: name for name in files},
        "annotated_caption": OBJECTS_CAPTION if analysis.objects else SLICES_CAPTION,
        "saliency_caption": SALIENCY_CAPTION,
        "footer": analysis.provenance.software,
    }
    return _set("analysis.typ", data, files)


def pdf_month(unit: str, analyses: Sequence[Analysis]) -> bytes:
    """The PDF of one unit over a period: its numbers over time with their limits, and the table of analyses.

    `unit` is the unit's name as `trends.unit_label` gives it; analyses of other units are left out.
    """
    from mammoqa.report import charts

    own = sorted((a for a in analyses if unit_label(a) == unit), key=moment)
    chart = charts.trend_chart(trends_of(own), width=620, height=64)
    totals = list(dict.fromkeys(name for a in own for name, _ in a.verdict.totals))
    files = {} if chart is None else {"trend.svg": _svg(chart)}
    data = {
        "title": "Phantom quality control",
        "unit": unit,
        "period": period(own),
        "count": count(own),
        "charts": list(files),
        "columns": [*(words.metric_title(name) for name in totals), "p pass"],
        "rows": [overview_row(Entry(analysis), totals) for analysis in own],
        "footer": own[-1].provenance.software if own else "",
    }
    return _set("month.typ", data, files)


def _svg(chart: Any) -> bytes:
    from mammoqa.report import charts

    return charts.svg(chart).encode()


def _set(template: str, data: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Typeset a template with its data and pictures in a folder of its own, with the fonts that Typst brings."""
    import typst

    templates = resources.files("mammoqa.report").joinpath("templates")
    with tempfile.TemporaryDirectory(prefix="mammoqa-") as name:
        folder = Path(name)
        for source in ("common.typ", template):
            (folder / source).write_text(templates.joinpath(source).read_text("utf-8"), "utf-8")
        (folder / "content.json").write_text(json.dumps(data), "utf-8")
        for file, content_bytes in files.items():
            (folder / file).write_bytes(content_bytes)
        try:
            return bytes(typst.compile(str(folder / template), root=name, ignore_system_fonts=True))
        except typst.TypstError as error:
            raise ReportError(f"the PDF could not be set: {error.message}") from error
