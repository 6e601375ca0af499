"""`mammoqa report`: the page and the sheet of analyses that were saved before."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mammoqa.cli.stored import opened

if TYPE_CHECKING:
    from mammoqa.core import Analysis
    from mammoqa.report import Options


@click.command("report")
@click.argument("analyses", metavar="ANALYSIS...", nargs=-1, required=True)
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="The PDF to write; for one analysis.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="The page to write; for one analysis.")
@click.option("--store", metavar="URL", help="The database of the numbers: a URL, or the path of an SQLite file.")
def report(analyses: tuple[str, ...], pdf: Path | None, html: Path | None, store: str | None) -> None:
    """Write the report of saved analyses again.

    ANALYSIS is a JSON file that `mammoqa analyse --out` wrote, or the number of an analysis in the database, whose
    signatures the report then shows. Without --pdf and --html, both are written: beside the JSON file, or as
    analysis-NUMBER in this folder.
    """
    from mammoqa import report as reports

    if len(analyses) > 1 and (pdf or html):
        raise click.UsageError("--pdf and --html name one file; give one ANALYSIS, or leave them out")
    for name in analyses:
        if name.isdecimal() and len(name) < 19:  # databases take no longer numbers
            analysis, options = _of_store(int(name), store)
            stem = Path(f"analysis-{int(name)}.json")
        else:
            analysis, options, stem = _of_file(Path(name)), None, Path(name)
        beside = not (pdf or html)
        sheet = stem.with_suffix(".pdf") if beside else pdf
        page = stem.with_suffix(".html") if beside else html
        if sheet:
            sheet.write_bytes(reports.pdf(analysis, options))
            click.echo(str(sheet))
        if page:
            page.write_text(reports.html(analysis, options), encoding="utf-8")
            click.echo(str(page))


def _of_store(analysis_id: int, store: str | None) -> "tuple[Analysis, Options]":
    """A stored analysis, and its signatures for the report."""
    from mammoqa.report import Options, Signature

    with opened(store) as database:
        analysis, signed = database.load(analysis_id), database.sign_offs(analysis_id)
    return analysis, Options(signatures=tuple(Signature(s.person, s.at, s.comment) for s in signed))


def _of_file(path: Path) -> "Analysis":
    import json

    from mammoqa.core import ConfigurationError
    from mammoqa.report.as_json import from_saved

    try:
        return from_saved(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        advice = "give a file that `mammoqa analyse --out` wrote, or the number of a stored analysis"
        raise ConfigurationError(f"{path}: {error.strerror}; {advice}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no JSON; give a file that `mammoqa analyse --out` wrote") from error
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
