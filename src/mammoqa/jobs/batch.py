"""Many items: read one after the other, analysed side by side, answered in the order of reading."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from mammoqa.core import Analysis, MissingExtraError
from mammoqa.jobs.analyse import Item, Options, analyse


def analyse_paths(
    paths: Iterable[Path], options: Options | None = None, jobs: int = 1, dask: str | None = None
) -> Iterator[Analysis]:
    """An Analysis for every image, stack and unreadable file below `paths`, as each is done.

    Args:
        paths: files and folders.
        options: how to analyse.
        jobs: items at a time on this machine; 0 takes all cores.
        dask: address of a Dask scheduler that takes the work instead.

    Raises:
        MissingExtraError: `dask` is given and not installed.
    """
    from mammoqa.dicom import gather

    return analyse_all(gather(paths), options, jobs, dask)


def analyse_all(
    items: Iterable[Item], options: Options | None = None, jobs: int = 1, dask: str | None = None
) -> Iterator[Analysis]:
    """An Analysis for every item, in their order; see `analyse_paths`."""
    timed = _timed(iter(items))
    if jobs == 1 and dask is None:
        return (analyse(item, options, seconds) for seconds, item in timed)
    return _side_by_side(timed, options, jobs, dask)


def _side_by_side(
    timed: Iterator[tuple[float, Item]], options: Options | None, jobs: int, dask: str | None
) -> Iterator[Analysis]:
    """Each process keeps to one thread: together they would otherwise ask for more cores than there are."""
    from joblib import Parallel, delayed

    options = replace(options or Options(), threads=1)
    with _backend(dask):
        parallel = Parallel(n_jobs=jobs or -1, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        yield from parallel(delayed(analyse)(item, options, seconds) for seconds, item in timed)


def _backend(dask: str | None) -> AbstractContextManager[Any]:
    """Where joblib sends the work: to processes of this machine, or to a Dask cluster."""
    from joblib import parallel_config

    context: AbstractContextManager[Any]
    if dask is None:
        context = parallel_config(backend="loky", inner_max_num_threads=1)
        return context
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("--dask needs the cluster extra: pip install 'mammoqa[cluster]'") from error
    Client(dask)  # joblib uses the current client
    context = parallel_config(backend="dask")
    return context


def _timed(items: Iterator[Item]) -> Iterator[tuple[float, Item]]:
    """Each item with the seconds that reading it took."""
    while True:
        start = perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        yield perf_counter() - start, item
