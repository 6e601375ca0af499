"""What people decide about a result: scores in the place of the program's, reviews. Added, never changed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mammoqa.core import NotStoredError, StoreError
from mammoqa.store import audit
from mammoqa.store.intake import now
from mammoqa.store.records import AnalysisId
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, ObjectScoreRow
from mammoqa.store.tables_people import ReviewRow, ScoreOverrideRow

SCORES = (0.0, 0.5, 1.0)
DECISIONS = ("accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Override:
    """A person's score of an object, with the reason."""

    object_name: str
    score: float
    reason: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A person has looked at a result: it stands ("accepted") or not ("rejected")."""

    decision: str
    comment: str
    person: str
    at: datetime


def add_override(
    store: Store, analysis_id: AnalysisId, object_name: str, score: float, reason: str, person: str
) -> Override:
    """A person's score of an object counts from now on; the program's stays in the stored result.

    StoreError for an unknown analysis or object, a score other than 0, 0.5 and 1, or without a reason.
    """
    if score not in SCORES:
        raise StoreError("a score is 0, 0.5 or 1")
    if not reason.strip():
        raise StoreError("a score of your own needs the reason")
    with store.session(writes=True) as session:
        _exists(session, analysis_id)
        wanted = (ObjectScoreRow.analysis_id == analysis_id) & (ObjectScoreRow.name == object_name)
        before = session.scalars(select(ObjectScoreRow.score).where(wanted)).first()
        if before is None:
            raise StoreError(f"analysis {analysis_id} scored no object {object_name}")
        row = ScoreOverrideRow(
            analysis_id=analysis_id,
            object_name=object_name,
            score=score,
            reason=_plain(reason),
            person=person,
            at=now(),
        )
        session.add(row)
        details = {"object": object_name, "from": before, "to": score, "reason": row.reason}
        audit.add_to(session, person, "override", f"analysis {analysis_id}", **details)
        return Override(row.object_name, row.score, row.reason, row.person, row.at)


def overrides(store: Store, analysis_id: AnalysisId) -> tuple[Override, ...]:
    """All of them, oldest first; of an object, the last one counts."""
    query = select(ScoreOverrideRow).where(ScoreOverrideRow.analysis_id == analysis_id).order_by(ScoreOverrideRow.id)
    with store.session() as session:
        return tuple(Override(r.object_name, r.score, r.reason, r.person, r.at) for r in session.scalars(query))


def add_review(store: Store, analysis_id: AnalysisId, decision: str, comment: str, person: str) -> Review:
    """A person has looked at a result. StoreError for another decision, or a rejection without a comment."""
    if decision not in DECISIONS:
        raise StoreError(f"a review says {' or '.join(DECISIONS)}")
    if decision == "rejected" and not comment.strip():
        raise StoreError("a rejection needs a comment that says why")
    with store.session(writes=True) as session:
        _exists(session, analysis_id)
        row = ReviewRow(analysis_id=analysis_id, decision=decision, comment=_plain(comment), person=person, at=now())
        session.add(row)
        audit.add_to(session, person, "review", f"analysis {analysis_id}", decision=decision, comment=row.comment)
        return Review(row.decision, row.comment, row.person, row.at)


def reviews(store: Store, analysis_id: AnalysisId) -> tuple[Review, ...]:
    """The reviews of a result, oldest first."""
    query = select(ReviewRow).where(ReviewRow.analysis_id == analysis_id).order_by(ReviewRow.id)
    with store.session() as session:
        return tuple(Review(r.decision, r.comment, r.person, r.at) for r in session.scalars(query))


def _exists(session: Session, analysis_id: AnalysisId) -> None:
    if session.get(AnalysisRow, analysis_id) is None:
        raise NotStoredError(f"there is no analysis {analysis_id} in this store")


def _plain(words: str) -> str:
    return words.replace("\0", "").strip()
