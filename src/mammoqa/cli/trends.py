"""`mammoqa trends`: control charts, alarms and forecasts of what a database holds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mammoqa.cli.stored import opened

if TYPE_CHECKING:
    from mammoqa.report.trend_content import TrendReport


@click.command("trends")
@click.option("--store", metavar="URL", help="The database: a URL, or the path of an SQLite file.")
@click.option("--unit", metavar="NAME", help="Report one unit and its month; the whole fleet without it.")
@click.option("--month", metavar="YYYY-MM", help="The month to report; the latest with readings by default.")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="The PDF to write.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="The page to write.")
@click.option(
    "--json", "target", metavar="FILE", help="Write one JSON array, an element per unit; - is standard output."
)
def trends(
    store: str | None, unit: str | None, month: str | None, pdf: Path | None, html: Path | None, target: str | None
) -> int:
    """Put every metric of every unit on control charts: alarms, forecasts, and reports of a month.

    Exit status: 0 all steady or only drifting, 1 where a metric of an active alarm stands beyond an action limit.
    """
    from mammoqa.jobs.trend_reports import trend_report
    from mammoqa.report import trend_pages as pages

    with opened(store) as database:
        report = trend_report(database, month)
    _require(report, unit)
    if pdf:
        pdf.write_bytes(pages.pdf_trends(report, unit) if unit else pages.pdf_fleet(report))
    if html:
        html.write_text(pages.html_trends(report, unit) if unit else pages.html_fleet(report), encoding="utf-8")
    if target:
        _json(report, unit, target)
    if target != "-":
        for line in _lines(report, unit):
            click.echo(line)
    failed = any(row["state"] == "fail" for row in _rows(report, unit))
    return int(failed)


def _require(report: "TrendReport", unit: str | None) -> None:
    from mammoqa.core import ConfigurationError
    from mammoqa.jobs.trends import labels_of

    known = labels_of(report.watched)
    if unit is not None and unit not in known:
        raise ConfigurationError(f"there is no unit {unit!r} with readings; known: {', '.join(known)}")


def _json(report: "TrendReport", unit: str | None, target: str) -> None:
    from mammoqa.jobs.trend_reports import as_plain

    text = json.dumps(as_plain(report, unit), indent=1, allow_nan=False) + "\n"
    if target == "-":
        click.echo(text, nl=False)
    else:
        Path(target).write_text(text, encoding="utf-8")


def _rows(report: "TrendReport", unit: str | None) -> list[dict[str, str]]:
    from mammoqa.report.trend_content import fleet_content

    rows: list[dict[str, str]] = fleet_content(report)["rows"]
    return [row for row in rows if unit in (None, row["unit"])]


def _lines(report: "TrendReport", unit: str | None) -> list[str]:
    """A line per unit, and one per active alarm."""
    from mammoqa.report.trend_words import alarm_title

    lines = []
    for row in _rows(report, unit):
        lines.append(f"{row['word'].upper():<15} {row['unit']:<20} {row['metrics'] or '-'}")
        active = [a for a in report.watched.alarms if a.active and a.unit == row["unit"]]
        lines += [f"{'':<15} {alarm_title(a, report.watched.charts)}" for a in active]
        if row["forecast"]:
            lines.append(f"{'':<15} breach foreseen: {row['forecast']}")
    return lines
