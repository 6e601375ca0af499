"""The trends of one unit as the pages show them: charts, alarms, forecasts. Kept until something changes."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mammoqa.core import Forecast, Limit, ServiceEvent
from mammoqa.jobs.trend_reports import forecast_as_plain
from mammoqa.jobs.trends import programme_limits, unit_events, unit_series
from mammoqa.store import fleet, pages
from mammoqa.store.store import Store
from mammoqa.trends import Chart, NoForecast, Watched, prospects, watch

LOOK_BACK = timedelta(days=5 * 366)
_KEPT = 32  # units
_PLACES = 64  # of locks: two units seldom share one
Key = tuple[str, str]  # phantom, metric


@dataclass(frozen=True, slots=True, eq=False)
class UnitTrends:
    """What the charts say of a unit: every series by phantom and metric, its alarms, and each metric's prospect."""

    watched: Watched
    charts: Mapping[Key, Chart]
    prospects: Mapping[Key, Forecast | NoForecast]


_found: OrderedDict[tuple[str, int], tuple[Any, UnitTrends]] = OrderedDict()
_guard = threading.Lock()
_locks = tuple(threading.Lock() for _ in range(_PLACES))


def trends_of(store: Store, unit_id: int) -> UnitTrends:
    """The trends of a unit now; NotStoredError where there is none of that number."""
    unit = fleet.unit(store, unit_id)
    limits, events = _circumstances(store, unit_id)
    state = (pages.latest_page(store, unit_id=unit_id, limit=1), limits, events)
    place = (str(store.engine.url), unit_id)
    with _locks[unit_id % _PLACES]:
        with _guard:
            kept = _found.get(place)
        if kept is not None and kept[0] == state:
            return kept[1]
        made = _trends(store, unit, limits, events)
        with _guard:
            _found[place] = (state, made)
            _found.move_to_end(place)
            while len(_found) > _KEPT:
                _found.popitem(last=False)
        return made


def watched_unit(store: Store, unit: fleet.FleetUnit) -> Watched:
    """The charts and alarms of a unit under the name of its number, which stays when people rename it."""
    return _watched(store, unit, *_circumstances(store, unit.id))


def _circumstances(store: Store, unit_id: int) -> tuple[tuple[Limit, ...], tuple[ServiceEvent, ...]]:
    """The limits that hold for a unit, and what was done to it."""
    return programme_limits(store, {unit_id: str(unit_id)}), unit_events(store, unit_id, str(unit_id))


def _watched(
    store: Store, unit: fleet.FleetUnit, limits: tuple[Limit, ...], events: tuple[ServiceEvent, ...]
) -> Watched:
    return watch(unit_series(store, unit, str(unit.id), datetime.now() - LOOK_BACK), limits, events)


def _trends(
    store: Store, unit: fleet.FleetUnit, limits: tuple[Limit, ...], events: tuple[ServiceEvent, ...]
) -> UnitTrends:
    watched = _watched(store, unit, limits, events)
    charts = {(c.series.test, c.series.metric): c for c in watched.charts}
    made = {(test, metric): prospect for (_, test, metric), prospect in prospects(watched).items()}
    return UnitTrends(watched, charts, made)


def prospects_of(store: Store, unit_id: int) -> list[dict[str, Any]]:
    """The prospects of a unit as plain data; `reason` says why there is no date."""
    found = []
    for (phantom, metric), made in trends_of(store, unit_id).prospects.items():
        plain: dict[str, Any] = {"phantom": phantom, "metric": metric}
        if isinstance(made, NoForecast):
            found.append(plain | {"reason": made.value})
        else:
            found.append(
                plain | forecast_as_plain(made) | {"reason": NoForecast.FAR.value if made.likely is None else None}
            )
    return found
