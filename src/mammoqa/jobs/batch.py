"""Many items: each read, analysed and answered in the order of reading, one after the other or side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from mammoqa.core import Analysis, Refused
from mammoqa.jobs.analyse import Item, Options, analyse
from mammoqa.jobs.series import pooled
from mammoqa.jobs.side_by_side import cluster, in_order, processes


def analyse_paths(
    paths: Iterable[Path], options: Options | None = None, jobs: int = 1, dask: str | None = None
) -> Iterator[Analysis]:
    """An Analysis for every image, stack and unreadable file below `paths`, as each is done.

    Side by side, each process reads its files itself, so that no pixels travel; a cluster, whose machines may not see
    the files, is sent the images. Only a few results per worker are ever waiting, however large the archive. Images
    of a contrast-detail phantom are held back and pooled: one Analysis per exposure series, at the end.

    Args:
        paths: files and folders.
        options: how to analyse.
        jobs: items at a time on this machine; 0 takes all cores.
        dask: address of a Dask scheduler that takes the work instead.

    Raises:
        MissingExtraError: `dask` is given and not installed.
        ConfigurationError: no scheduler answers there.
    """
    from mammoqa.dicom import gather

    if jobs == 1 or dask is not None:
        return analyse_all(gather(paths), options, jobs, dask)
    return pooled(_by_file(paths, replace(options or Options(), threads=1), jobs))


def analyse_all(
    items: Iterable[Item], options: Options | None = None, jobs: int = 1, dask: str | None = None
) -> Iterator[Analysis]:
    """An Analysis for every item, in their order; see `analyse_paths`."""
    timed = _timed(iter(items))
    if jobs == 1 and dask is None:
        return pooled(analyse(item, options, seconds) for seconds, item in timed)
    return pooled(_by_item(timed, replace(options or Options(), threads=1), jobs, dask))


def _by_item(timed: Iterator[tuple[float, Item]], options: Options, jobs: int, dask: str | None) -> Iterator[Analysis]:
    with cluster(dask) if dask is not None else processes(jobs) as crew:
        yield from in_order(crew, ((analyse, item, options, seconds) for seconds, item in timed))


def _by_file(paths: Iterable[Path], options: Options, jobs: int) -> Iterator[Analysis]:
    """Files whose images stand alone first; slices wait until all files are read, since their series may be spread."""
    from mammoqa.dicom import files, gather

    sliced: list[Path] = []
    seen: dict[str, str] = {}
    with processes(jobs) as crew:
        for path, answers in in_order(crew, ((analyse_file, path, options) for path in files(paths))):
            if not answers:
                sliced.append(path)
            for answer in answers:
                yield _flagged(answer, seen)
        yield from in_order(crew, ((analyse, item, options, seconds) for seconds, item in _timed(gather(sliced))))


def analyse_file(path: Path | Refused, options: Options) -> tuple[Path | Refused, tuple[Analysis, ...]]:
    """The analysis of each image in a file; none, and nothing decoded, where it holds slices of a series."""
    from mammoqa.dicom import read_projections

    start = perf_counter()
    found = path if isinstance(path, Refused) else read_projections(path)
    seconds = perf_counter() - start
    if isinstance(found, Refused):
        return path, (analyse(found, options, seconds),)
    return path, tuple(analyse(image, options, seconds / len(found)) for image in found)


def _flagged(analysis: Analysis, seen: dict[str, str]) -> Analysis:
    """The analysis, with a note if the same SOP Instance UID and frame came before it in another file."""
    from mammoqa.dicom import duplicate_note

    note = duplicate_note(analysis.sources[0], seen) if analysis.sources[0].sha256 else None
    return analysis if note is None else replace(analysis, notes=(*analysis.notes, note))


def _timed(items: Iterator[Item]) -> Iterator[tuple[float, Item]]:
    """Each item with the seconds that reading it took."""
    while True:
        start = perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        yield perf_counter() - start, item
