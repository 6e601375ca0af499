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
from mammoqa.report.drawings import drawings
from mammoqa.report.overview import Entry, count, overview_row, period
from mammoqa.report.trends import moment, trends_of, unit_label


def pdf(analysis: Analysis, options: Options | None = None) -> bytes:
    """The one-page PDF of one analysis, a refusal too; ReportError when it cannot be set."""
    told = content(analysis, options or Options())
    drawn = drawings(analysis, told.thresholds)
    files = {
        "annotated.jpg": drawn.annotated,
        "saliency.jpg": drawn.saliency,
        "objects_chart.svg": drawn.objects_chart and drawn.objects_chart.encode(),
        "measurements_chart.svg": drawn.measurements_chart and drawn.measurements_chart.encode(),
        "matrix_chart.svg": drawn.matrix_chart and drawn.matrix_chart.encode(),
    }
    present = {name: file for name, file in files.items() if file}
    data = asdict(told) | {
        "files": {name.split(".")[0]: name for name in present},
        "captions": dict(drawn.captions),
        "footer": analysis.provenance.software,
    }
    return typeset("analysis.typ", data, present)


def pdf_month(unit: str, analyses: Sequence[Analysis]) -> bytes:
    """The PDF of one unit over a period: its numbers over time with their limits, and the table of analyses.

    `unit` is the unit's name as `trends.unit_label` gives it; analyses of other units are left out.
    """
    from mammoqa.report import charts

    own = sorted((a for a in analyses if unit_label(a) == unit), key=moment)
    chart = charts.trend_svg(trends_of(own), width=620, height=64)
    totals = list(dict.fromkeys(name for a in own for name, _ in a.verdict.totals))
    files = {"trend.svg": chart.encode()} if chart else {}
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
    return typeset("month.typ", data, files)


def typeset(template: str, data: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
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
