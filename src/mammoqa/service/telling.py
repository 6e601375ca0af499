"""The sending of alerts as work of its own, so that a mail server that is away holds up no analysis.

Every attempt is a job with a name of its own: done once, however many workers there are, and again by another where a
worker was killed in it. How often it was tried, and when it is next, stands in the alert.
"""

from dbos import DBOS, SetWorkflowID

from mammoqa.service import notify, work
from mammoqa.service.options import Service
from mammoqa.store.intake import now

QUEUE = "tell"
CONCURRENCY = 4  # so that a server that lets everyone wait does not hold up the other way


@DBOS.workflow(name="tell_alert")
def tell_alert(alert_id: int, way: str, attempt: int) -> str:
    """One attempt to send one alert one way."""
    return "sent" if attempted(alert_id, way, attempt) else "not sent"


@DBOS.step(name="attempted", retries_allowed=True, max_attempts=work.ATTEMPTS, should_retry=work.may_pass)
def attempted(alert_id: int, way: str, attempt: int) -> bool:
    """The attempt; tried again by itself only where the database was away."""
    return notify.tell(work.current_service(), alert_id, way, attempt)


def enqueue(service: Service, queued: set[str]) -> None:
    """Queue the attempts that are due; one that is queued already stays so."""
    for alert_id, way, attempt in notify.due(service, now()):
        name = f"tell-{alert_id}-{way}-{attempt}"
        if name not in queued:
            with SetWorkflowID(name):
                DBOS.enqueue_workflow(QUEUE, tell_alert, alert_id, way, attempt)
            queued.add(name)
