"""The pages and sheets of trends: one unit and period, and a fleet. The charts are the same in both."""

from mammoqa.report import charts
from mammoqa.report.html import inline, render
from mammoqa.report.pdf import typeset
from mammoqa.report.trend_charts import standings_chart, trend_panels
from mammoqa.report.trend_content import YEAR, TrendReport, fleet_content, panels, unit_content

_PDF_PANELS = 9  # on the sheets: as many as fit a page each


def html_trends(report: TrendReport, unit: str) -> str:
    """The page of one unit: alarms, the period's readings against baseline and limits, and a year of charts."""
    chart = trend_panels(panels(report, unit), report.end - YEAR, report.end, width=820, height=96)
    return render("trend_unit.html", title=f"Trends: {unit}", c=unit_content(report, unit), chart=_svg(chart))


def pdf_trends(report: TrendReport, unit: str) -> bytes:
    """The same on paper: A4, charts on sheets of their own; ReportError when it cannot be set."""
    drawn = panels(report, unit)
    parts = [drawn[k : k + _PDF_PANELS] for k in range(0, len(drawn), _PDF_PANELS)]
    files = {}
    for number, part in enumerate(parts):
        chart = trend_panels(part, report.end - YEAR, report.end, width=620, height=62)
        if chart is not None:
            files[f"trend-{number}.svg"] = charts.svg(chart).encode()
    return typeset("trend_unit.typ", unit_content(report, unit) | {"charts": list(files)}, files)


def html_fleet(report: TrendReport) -> str:
    """The page of a fleet: who is beyond a limit or drifting, every alarm, and each unit against like ones."""
    content = fleet_content(report)
    return render("trend_fleet.html", title=content["title"], c=content, chart=_svg(standings_chart(report.standings)))


def pdf_fleet(report: TrendReport) -> bytes:
    """The same on paper; ReportError when it cannot be set."""
    chart = standings_chart(report.standings)
    files = {} if chart is None else {"standings.svg": charts.svg(chart).encode()}
    return typeset("trend_fleet.typ", fleet_content(report) | {"charts": list(files)}, files)


def _svg(chart: object) -> str:
    return "" if chart is None else inline(charts.svg(chart))
