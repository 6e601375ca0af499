"""The reports of `mammoqa trends` for the pages: a fleet, or a unit, and a month."""

import threading
from collections import OrderedDict
from typing import Any

from mammoqa.core import StoreError
from mammoqa.jobs.trend_reports import month_of, trend_report
from mammoqa.jobs.trends import fleet_events, fleet_labels, programme_limits
from mammoqa.report.trend_content import TrendReport
from mammoqa.store import pages
from mammoqa.store.store import Store

_KEPT = 3
_WAIT_S = 120.0  # for a report that another person asked for
_found: OrderedDict[tuple[str, str], tuple[Any, TrendReport]] = OrderedDict()
_one_at_a_time = threading.Lock()


def fleet_report(store: Store, month: str) -> TrendReport:
    """What the reports of a month say, of the whole fleet; the units' reports are parts of it.

    StoreError for a month without readings, or where others wait already. Kept until something changes, because units
    are compared with each other and a large fleet takes a while.
    """
    month_of(month)
    place = (str(store.engine.url), month)
    state = (pages.latest_page(store, limit=1), programme_limits(store, fleet_labels(store)), fleet_events(store))
    if not _one_at_a_time.acquire(timeout=_WAIT_S):
        raise StoreError("there are reports under way already: try again in a moment")
    try:
        kept = _found.get(place)
        if kept is None or kept[0] != state:
            kept = (state, trend_report(store, month))
            _found[place] = kept
        _found.move_to_end(place)
        while len(_found) > _KEPT:
            _found.popitem(last=False)
    finally:
        _one_at_a_time.release()
    _require_readings(kept[1], "")
    return kept[1]


def unit_report(store: Store, unit_id: int, month: str) -> tuple[TrendReport, str]:
    """The report that a unit is part of, and its name there; StoreError where it has no readings in the month."""
    label = fleet_labels(store).get(unit_id)
    if label is None:
        raise StoreError("a unit that is out of use has no report")
    report = fleet_report(store, month)
    _require_readings(report, label)
    return report, label


def _require_readings(report: TrendReport, label: str) -> None:
    own = (c.series.readings for c in report.watched.charts if label in ("", c.series.unit))
    if not any(report.start <= reading.at <= report.end for readings in own for reading in readings):
        raise StoreError("there are no readings in that month")
