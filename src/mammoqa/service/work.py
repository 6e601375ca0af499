"""The durable work: a study's items, each analysed and saved in a step of its own.

DBOS writes down which steps of a job are done. A worker that is killed goes on after the last of them; a step that was
killed between saving and writing down is done again, and its key in the store keeps it from saving twice.
"""

import logging
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

from dbos import DBOS
from sqlalchemy.exc import DBAPIError

from mammoqa.core import Analysis, MammoqaError, StoreError
from mammoqa.jobs.analyse import Options
from mammoqa.jobs.batch import analyse_paths
from mammoqa.jobs.series import pooled
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.service.watching import watch_results
from mammoqa.store import intake
from mammoqa.store.intake import Instance

LOG = logging.getLogger("mammoqa.work")

QUEUE = "analyse"
WORKFLOW = "analyse_study"
ATTEMPTS = 8  # of a step, 1, 2, 4 ... 64 s apart: a full disk or a database that restarts is waited for (a choice)
_TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"


@dataclass(slots=True)
class _Bench:
    """The open service of this worker process."""

    service: Service | None = None
    name: str = ""


_BENCH = _Bench()


def may_pass(error: BaseException) -> bool:
    """Whether waiting may help: the disk or the database, and no fault of an image or of the program."""
    return isinstance(error, OSError | StoreError | DBAPIError)


def set_up(service: Service, name: str) -> None:
    """Tell the steps of this process which service they work for."""
    _BENCH.service, _BENCH.name = service, name


def current_service() -> Service:
    """The service that this process works for."""
    if _BENCH.service is None:
        raise MammoqaError("a step ran before its worker was set up")
    return _BENCH.service


@DBOS.workflow(name=WORKFLOW)
def analyse_study(job_id: int) -> str:
    """Analyse the objects of one job; says "done", or why it failed."""
    try:
        items = plan(job_id)
        waiting: list[bytes] = []
        for position, hashes in enumerate(items):
            waiting += item(job_id, position, hashes)
        pool(job_id, len(items), waiting)
    except Exception as error:  # whatever stops a job is shown to people, who decide; DBOS has retried
        LOG.exception("job %d failed", job_id)
        give_up(job_id, f"{type(error).__name__}: {error}")
        return "failed"
    close(job_id)
    watch(job_id)
    return "done"


@DBOS.step(name="plan", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def plan(job_id: int) -> list[list[str]]:
    """The items of a job as hashes of their objects: a series of slices is one, every projection image is one."""
    service = current_service()
    items = items_of(intake.instances_of(service.store, job_id))
    intake.start(service.store, job_id, _BENCH.name, len(items))
    return items


def items_of(instances: tuple[Instance, ...]) -> list[list[str]]:
    """Hashes by item; slices of one series together."""
    series: dict[str, list[str]] = {}
    for one in instances:
        sliced = one.modality in ("CT", "MR") or one.sop_class_uid == _TOMOSYNTHESIS
        series.setdefault(one.series_instance_uid if sliced else f"one {one.sha256}", []).append(one.sha256)
    return list(series.values())


@DBOS.step(name="item", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def item(job_id: int, position: int, hashes: list[str]) -> list[bytes]:
    """Analyse and save one item. Images of a contrast-detail phantom wait to be pooled, and are handed back instead."""
    service, key = current_service(), f"{job_id}/{position}"
    if intake.is_saved(service.store, key):
        return []
    found = list(analyse_paths([path_of(service.objects, sha256) for sha256 in hashes], Options(threads=1)))
    alone = [named(a) for a in found if a.contrast_detail is None]
    intake.save_results(service.store, job_id, key, alone)
    return [pickle.dumps(named(a)) for a in found if a.contrast_detail is not None]


@DBOS.step(name="pool", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def pool(job_id: int, items: int, waiting: list[bytes]) -> None:
    """Save the images that waited, one result per exposure series."""
    if waiting:
        analyses = list(pooled(pickle.loads(one) for one in waiting))
        intake.save_results(current_service().store, job_id, f"{job_id}/{items}", analyses)


@DBOS.step(name="close", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def close(job_id: int) -> None:
    """The job is done."""
    intake.finish(current_service().store, job_id)


@DBOS.step(name="watch", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def watch(job_id: int) -> None:
    """Look at the trends that the new results are part of."""
    service = current_service()
    watch_results(service, intake.results_of(service.store, [job_id]).get(job_id, ()))


@DBOS.step(name="give_up", retries_allowed=True, max_attempts=ATTEMPTS, should_retry=may_pass)
def give_up(job_id: int, reason: str) -> None:
    """The job failed."""
    intake.fail(current_service().store, job_id, reason)


def named(analysis: Analysis) -> Analysis:
    """The analysis under the object's own name: where the service keeps its files is of no interest later."""
    sources = tuple(replace(s, path=_name(s.path, s.sop_instance_uid)) for s in analysis.sources)
    first = analysis.sources[0] if analysis.sources else None
    return replace(analysis, sources=sources, path=_name(analysis.path, first.sop_instance_uid if first else None))


def _name(path: str, uid: str | None) -> str:
    return f"{uid}.dcm" if uid else Path(path).name
