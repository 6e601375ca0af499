"""What goes in and comes out: JSON shapes of the REST interface."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

MOST = 2**62  # of a number in a path: what databases take
Number = Annotated[int, Path(ge=1, le=MOST)]
Before = Annotated[int | None, Query(ge=1, le=MOST, description="the cursor that the page before gave as `next`")]
PageSize = Annotated[int, Query(ge=1, le=200)]

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]


class Page(BaseModel):
    """A page of a list."""

    items: list[Any]
    next: int | None = None


class Problem(BaseModel):
    """Why a request was not done."""

    detail: str


ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem},
    401: {"model": Problem},
    403: {"model": Problem},
    404: {"model": Problem},
    413: {"model": Problem},
    422: {"model": Problem},
    429: {"description": "too many requests"},
    503: {"model": Problem},
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UnitIn(_Strict):
    """What people say about a unit."""

    name: Text = ""
    site: Text = ""
    ae_title: Annotated[str, Field(max_length=16, pattern=r"^[^\x00]*$")] = ""
    note: Text = ""
    retired: bool = False


class EventIn(_Strict):
    """A service event; the time is local to the unit."""

    at: datetime
    kind: Name
    note: Text = ""
    new_baseline: bool = False


class BaselineIn(_Strict):
    """The mean of the last values of a metric as its baseline, or of the first since a date; with the reason."""

    phantom: Name
    metric: Name
    last: Annotated[int, Field(ge=1, le=200)] = 5
    since: datetime | None = None
    note: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class OverrideIn(_Strict):
    """A person's score of an object, with the reason."""

    object_name: Name
    score: Finite
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class ReviewIn(_Strict):
    """Whether a result stands: accepted or rejected."""

    decision: Name
    comment: Text = ""


class SignOffIn(_Strict):
    """A signature."""

    comment: Text = ""


class SendIn(_Strict):
    """Where a structured report or parametric map goes."""

    ae_title: Annotated[str, Field(min_length=1, max_length=16)]
    kind: Annotated[str, Field(pattern="^(sr|map)$")] = "sr"


class TestIn(_Strict):
    """A test that units have to do."""

    __test__ = False

    name: Name
    phantom: Name
    every_days: Annotated[int, Field(ge=1, le=3660)]
    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    performer: Name = "technologist"
    source: Text = ""
    note: Text = ""
    active: bool = True


class LimitIn(_Strict):
    """Levels of a metric, and their source."""

    metric: Name
    kind: Name = "absolute"
    tolerance_low: Finite | None = None
    tolerance_high: Finite | None = None
    action_low: Finite | None = None
    action_high: Finite | None = None
    source: Name


class UnitsIn(_Strict):
    """The units that have to do a test."""

    units: Annotated[list[Annotated[int, Field(ge=1, le=MOST)]], Field(max_length=1000)]
    starts_on: date | None = None


class AlertActIn(_Strict):
    """What a person does about an alert."""

    kind: Name
    text: Text = ""


class AccountIn(_Strict):
    """A new account."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    full_name: Text = ""
    role: Name
    password: Annotated[str, Field(min_length=12, max_length=256)]


class AccountChangeIn(_Strict):
    """Changes of an account; what is left out stays."""

    full_name: Text | None = None
    role: Name | None = None
    active: bool | None = None
    password: Annotated[str, Field(min_length=12, max_length=256)] | None = None


class TokenIn(_Strict):
    """A new token of one's own."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    role: Name
    days: Annotated[int, Field(ge=1, le=366)] = 90


class PeerIn(_Strict):
    """An application entity."""

    host: Text = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    may_send: bool = True
    per_minute: Annotated[int, Field(ge=0, le=100_000)] = 0
    max_bytes: Annotated[int, Field(ge=0, le=2**40)] = 0
    tls: bool = False
    note: Text = ""


def paged(found: tuple[Any, ...], size: int, cursor: str = "id") -> Page:
    """A page of `size`, where one more was asked for to see whether there is another."""
    items = found[:size]
    more = len(found) > size
    return Page(items=list(items), next=getattr(items[-1], cursor) if more and items else None)
