"""`mammoqa report`: the page and the sheet of analyses that were saved before."""

from pathlib import Path

import click


@click.command("report")
@click.argument(
    "analyses", metavar="ANALYSIS...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="The PDF to write; for one analysis.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="The page to write; for one analysis.")
def report(analyses: tuple[Path, ...], pdf: Path | None, html: Path | None) -> None:
    """Write the report of saved analyses again.

    ANALYSIS is a JSON file that `mammoqa analyse --out` wrote. Without --pdf and --html, both are written beside it.
    """
    import json

    from mammoqa import report as reports
    from mammoqa.core import ConfigurationError
    from mammoqa.report.as_json import from_saved

    if len(analyses) > 1 and (pdf or html):
        raise click.UsageError("--pdf and --html name one file; give one ANALYSIS, or leave them out")
    for path in analyses:
        try:
            analysis = from_saved(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, AttributeError) as error:
            raise ConfigurationError(f"{path}: {error}") from error
        beside = not (pdf or html)
        sheet = path.with_suffix(".pdf") if beside else pdf
        page = path.with_suffix(".html") if beside else html
        if sheet:
            sheet.write_bytes(reports.pdf(analysis))
            click.echo(str(sheet))
        if page:
            page.write_text(reports.html(analysis), encoding="utf-8")
            click.echo(str(page))
