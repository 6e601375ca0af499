"""Numbers for Prometheus, read from the database when they are asked for; no names of units or people among them."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy import func, select

from mammoqa.service.access import ServiceDep
from mammoqa.store import alerts, intake, processes
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow
from mammoqa.store.tables_intake import InstanceRow, JobRow

ROUTER = APIRouter()


@ROUTER.get("/healthz")
def health(service: ServiceDep) -> Response:
    """Whether the database answers."""
    intake.resting(service.store)
    return PlainTextResponse("ok")


@ROUTER.get("/metrics")
def metrics(service: ServiceDep) -> Response:
    """Counts in the text format of Prometheus."""
    if not service.options.metrics:
        raise HTTPException(404, "there is no such page")
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    _fill(registry, service.store)
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})


def _fill(registry: Any, store: Store) -> None:
    from prometheus_client import Gauge

    def gauge(name: str, text: str, values: Mapping[str, float], label: str = "") -> None:
        made = Gauge(f"mammoqa_{name}", text, [label] if label else [], registry=registry)
        for key, value in values.items():
            (made.labels(key) if label else made).set(value)

    with store.session() as session:
        received = session.scalar(select(func.count()).select_from(InstanceRow)) or 0
        unreadable = session.scalar(select(func.count()).where(InstanceRow.reason.is_not(None))) or 0
        by_state = select(JobRow.state, func.count()).group_by(JobRow.state)
        jobs = {state: count for state, count in session.execute(by_state) if count}
        by_outcome = select(AnalysisRow.outcome, func.count()).group_by(AnalysisRow.outcome)
        outcomes = {outcome: count for outcome, count in session.execute(by_outcome) if count}
    gauge("objects_received", "Objects received", {"": received})
    gauge("objects_unreadable", "Objects kept that cannot be read", {"": unreadable})
    gauge("objects_resting", "Objects that wait for their study", {"": intake.resting(store)})
    gauge("jobs", "Jobs by state", {k: jobs.get(k, 0) for k in ("waiting", "running", "done", "failed")}, "state")
    gauge("analyses", "Analyses by outcome", outcomes, "outcome")
    gauge("alerts_open", "Alerts that are not resolved", {"": sum(alerts.open_counts(store).values())})
    now = intake.now()
    ages = {p.name: (now - p.seen_at).total_seconds() for p in processes.all_processes(store)}
    gauge("process_silence_seconds", "Time since a process was heard of", ages, "process")
