"""Work spread over processes or a Dask cluster: in order, and never more than a few tasks ahead of whoever takes them.

joblib's own generator runs on while its results wait, so that a slow taker (reports, a database) would have the whole
archive pile up in memory. Here a task starts only when an earlier result has been taken.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mammoqa.core import ConfigurationError, MissingExtraError

Task = tuple[Any, ...]  # a function and its arguments

_AHEAD = 3  # tasks under way or waiting per worker: enough that a slow image holds up no other worker
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """Who does the work: `submit` takes a function and its arguments and gives a future; `size` work at a time."""

    submit: Callable[..., Any]
    size: int


@contextmanager
def processes(jobs: int) -> Iterator[Crew]:
    """Processes of this machine, one thread each: together they would otherwise ask for more cores than there are.

    `jobs` 0 takes all cores. The processes stay for the next batch and end by themselves when idle.
    """
    from joblib import cpu_count
    from joblib.externals.loky import get_reusable_executor

    size = jobs or int(cpu_count())
    yield Crew(get_reusable_executor(max_workers=size, env=_ONE_THREAD).submit, size)


@contextmanager
def cluster(address: str) -> Iterator[Crew]:
    """The workers of a Dask scheduler.

    Raises:
        MissingExtraError: dask is not installed.
        ConfigurationError: no scheduler answers at `address`, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("--dask needs the cluster extra: pip install 'mammoqa[cluster]'") from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no Dask scheduler answers at {address}; check the address of --dask") from error
    with client:
        size = sum(client.nthreads().values())
        if size == 0:
            raise ConfigurationError(f"the Dask scheduler at {address} has no workers; start some and try again")

        def submit(function: Callable[..., Any], *arguments: Any) -> Any:
            # pixels go to a worker straight away, not through the scheduler as part of the task
            sent = [client.scatter(a, hash=False) if _is_large(a) else a for a in arguments]
            return client.submit(function, *sent, pure=False)

        yield Crew(submit, size)


def in_order(crew: Crew, tasks: Iterable[Task]) -> Iterator[Any]:
    """The result of each task, in the order of the tasks; the first error of a task is raised and ends the work."""
    waiting: deque[Any] = deque()
    try:
        for task in tasks:
            waiting.append(crew.submit(*task))
            if len(waiting) >= _AHEAD * crew.size:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _is_large(argument: Any) -> bool:
    """Whether an argument holds pixels."""
    from mammoqa.core import Image, Stack

    return isinstance(argument, Image | Stack)
