"""A worker process: makes jobs of studies that came to rest, queues them, and does them.

Every worker does all of it; jobs are made and queued under numbers that tell the same one twice.
"""

import logging
import threading
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import mammoqa
from mammoqa.core import StoreError
from mammoqa.service.options import Service, queue_url
from mammoqa.service.watch import Watcher
from mammoqa.service.watching import watch_dates
from mammoqa.store import intake, processes

LOG = logging.getLogger("mammoqa.worker")
_ROUND_S = 0.5
_HEARTBEAT_S = 5.0
_DEAD_AFTER_S = 45.0  # without a heartbeat
_CLEAN_S = 3600.0


def run_worker(service: Service, name: str, stop: threading.Event) -> None:
    """Work until `stop` is set. A database that cannot be reached is waited for."""
    from dbos import DBOS

    from mammoqa.service import telling, work

    work.set_up(service, name)
    DBOS(
        config={
            "name": "mammoqa",
            "system_database_url": queue_url(service.options.store_url),
            "application_version": f"mammoqa-{mammoqa.__version__}",
            "executor_id": name,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    DBOS.register_queue(work.QUEUE, worker_concurrency=2, polling_interval_sec=0.25)
    DBOS.register_queue(telling.QUEUE, worker_concurrency=telling.CONCURRENCY, polling_interval_sec=1.0)
    try:
        _rounds(service, name, stop)
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=5)


def _rounds(service: Service, name: str, stop: threading.Event) -> None:
    from mammoqa.service import telling

    queued: set[tuple[int, int]] = set()
    told: set[str] = set()
    watcher = Watcher(service) if service.options.watch else None
    heard = cleaned = 0.0
    while not stop.wait(_ROUND_S):
        try:
            if time.monotonic() - heard > _HEARTBEAT_S:
                processes.seen(service.store, name, "worker")
                _take_over(service, name)
                heard = time.monotonic()
            if watcher is not None:
                watcher.look()
            intake.settle(service.store, service.options.quiet_s)
            _enqueue(service, queued)
            telling.enqueue(service, told)
            if time.monotonic() - cleaned > _CLEAN_S:
                clean(service)
                watch_dates(service, date.today())
                cleaned = time.monotonic()
        except (StoreError, OSError) as error:
            LOG.warning("waiting for the database: %s", error)
            stop.wait(2.0)


def _enqueue(service: Service, queued: set[tuple[int, int]]) -> None:
    """Queue the waiting jobs; one that is queued already stays so."""
    from dbos import DBOS, SetWorkflowID

    from mammoqa.service import work

    for job in intake.jobs_in(service.store, "waiting", limit=1000):
        key = (job.id, job.attempt)
        if key not in queued:
            with SetWorkflowID(f"job-{job.id}-{job.attempt}"):
                DBOS.enqueue_workflow(work.QUEUE, work.analyse_study, job.id)
            queued.add(key)


def _take_over(service: Service, name: str) -> None:
    """Queue again what workers had begun that have not been heard of for long."""
    from dbos import DBOS

    long_ago = intake.now() - timedelta(seconds=_DEAD_AFTER_S)
    gone = [w.name for w in processes.all_processes(service.store) if w.part == "worker" and w.seen_at < long_ago]
    gone = [other for other in gone if other != name]
    if not gone:
        return
    for status in DBOS.list_workflows(status="PENDING", executor_id=gone):
        LOG.warning("job %s of a lost worker is taken over", status.workflow_id)
        DBOS.resume_workflow(status.workflow_id)
    for other in gone:
        processes.forget(service.store, other)


def clean(service: Service) -> None:
    """Remove what interrupted receptions left behind."""
    day_ago = time.time() - 86400
    for part in service.incoming.glob("*.part"):
        _remove_older(part, day_ago)


def _remove_older(part: Path, moment: float) -> None:
    with suppress(FileNotFoundError):  # another worker cleans too
        if part.stat().st_mtime < moment:
            part.unlink()
