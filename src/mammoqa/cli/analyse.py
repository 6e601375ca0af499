"""`mammoqa analyse`: DICOM files to scores, reports and the database."""

from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path

import click


@click.command("analyse")
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--phantom", metavar="NAME", help="Take this phantom for granted instead of finding out.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write JSON, HTML and PDF here.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write one JSON array to this file, or to standard output.")
@click.option("--jobs", metavar="N", type=click.IntRange(min=0), help="Images at a time; 0 takes all cores.")
@click.option("--dask", metavar="ADDRESS", help="Send the work to this Dask scheduler.")
@click.option("--store", metavar="URL", help="Save to this database: a URL, or the path of an SQLite file.")
@click.option("--model", metavar="DIR", type=click.Path(path_type=Path), help="Read with the network in this folder.")
@click.option("--saliency/--no-saliency", default=None, help="Show what the network's scores rest on, or not.")
@click.option(
    "--deduct/--no-deduct", default=True, show_default=True, help="Deduct artefacts that look like objects, or not."
)
@click.option(
    "--search",
    "search_mm",
    metavar="MM",
    type=click.FloatRange(0.0, 0.5),
    default=0.0,
    help="CDMAM: look for each disc within this distance of its place, as cdcom does.",
)
@click.option(
    "--cdcom",
    "matrices",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="CDMAM: a series of cdcom's matrices in this folder; may be repeated.",
)
@click.option(
    "--write-cdcom",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="CDMAM: write the decisions as cdcom's matrices here.",
)
def analyse(
    paths: tuple[Path, ...],
    phantom: str | None,
    out: Path | None,
    json_file: str | None,
    jobs: int | None,
    dask: str | None,
    store: str | None,
    model: Path | None,
    saliency: bool | None,
    deduct: bool,
    search_mm: float,
    matrices: tuple[Path, ...],
    write_cdcom: Path | None,
) -> int:
    """Analyse phantom images: DICOM files, or folders of them.

    Each image, or each stack of slices, gets one answer: pass, fail, measured, or refused with a reason.
    """
    from mammoqa.cli import sinks
    from mammoqa.cli.outcome import exit_status
    from mammoqa.cli.progress import watched
    from mammoqa.jobs.analyse import READINGS, Options
    from mammoqa.jobs.batch import analyse_paths
    from mammoqa.jobs.cdcom_series import analyse_matrices, write_matrices
    from mammoqa.settings import read_settings

    if phantom is not None and phantom not in READINGS:
        raise click.UsageError(f"there is no phantom {phantom!r}; choose one of {', '.join(READINGS)}")
    if not paths and not matrices:
        raise click.UsageError("give images (PATH...) or a folder of cdcom's matrices (--cdcom DIR)")
    settings = read_settings()
    explained = settings.saliency if saliency is None else saliency
    database = store or settings.store
    pictures = out is not None or bool(database)  # nobody sees them otherwise
    options = Options(
        phantom=phantom,
        explain="saliency" if explained else None,
        model=model,
        pictures=pictures,
        deduct=deduct,
        search_mm=search_mm,
    )
    results = chain(
        analyse_paths(paths, options, settings.jobs if jobs is None else jobs, dask or settings.dask),
        (analyse_matrices(folder) for folder in matrices),
    )
    outcomes = []
    with ExitStack() as edges:
        takers: list[sinks.Sink] = [edges.enter_context(sinks.json_array(json_file)) if json_file else sinks.printed]
        if out is not None:
            takers.append(sinks.report_folder(out))
        if write_cdcom is not None:
            takers.append(partial(write_matrices, folder=write_cdcom))
        if database:
            takers.append(sinks.database(database))
        for analysis in watched(results, "analysing"):
            for take in takers:
                take(analysis)
            outcomes.append(analysis.verdict.outcome)
    return exit_status(outcomes)
