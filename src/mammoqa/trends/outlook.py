"""Forecasts of everything that drifts: one per limit of each metric that is part of an active alarm."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from mammoqa.core import Forecast
from mammoqa.trends.chart import Chart
from mammoqa.trends.forecast import DEFAULT, NoForecast, Outlook, prospect
from mammoqa.trends.watch import Watched

Key = tuple[str, str, str]  # unit, test, metric
_PLAINEST = tuple(NoForecast)


def foresee(watched: Watched, outlook: Outlook = DEFAULT) -> Mapping[Key, tuple[Forecast, ...]]:
    """The forecasts by unit, test and metric; MissingExtraError without statsmodels, where there is any to make."""
    made = {key: _made(drawn, outlook) for key, drawn in _drifting(watched)}
    found = {key: tuple(one for one in own if isinstance(one, Forecast)) for key, own in made.items()}
    return {key: forecasts for key, forecasts in found.items() if forecasts}


def prospects(watched: Watched, outlook: Outlook = DEFAULT) -> Mapping[Key, Forecast | NoForecast]:
    """For every series its nearest breach, or why no date can be given; MissingExtraError without statsmodels."""
    drifting = dict(_drifting(watched))
    found: dict[Key, Forecast | NoForecast] = {}
    for drawn in watched.charts:
        key = _key(drawn)
        if not drawn.limits:
            found[key] = NoForecast.NO_LIMIT
        else:
            found[key] = _nearest(_made(drawn, outlook)) if key in drifting else NoForecast.STEADY
    return found


def _drifting(watched: Watched) -> Iterator[tuple[Key, Chart]]:
    """The charts that are part of an active alarm."""
    named = {(alarm.unit, metric) for alarm in watched.alarms if alarm.active for metric in alarm.metrics}
    return ((_key(c), c) for c in watched.charts if (c.series.unit, c.series.metric) in named)


def _key(drawn: Chart) -> Key:
    return drawn.series.unit, drawn.series.test, drawn.series.metric


def _made(drawn: Chart, outlook: Outlook) -> tuple[Forecast | NoForecast, ...]:
    return tuple(prospect(drawn, limit, outlook=outlook) for limit in drawn.limits)


def _nearest(made: tuple[Forecast | NoForecast, ...]) -> Forecast | NoForecast:
    dated = [one for one in made if isinstance(one, Forecast) and one.likely is not None]
    if dated:
        return min(dated, key=_likely)
    reasons = {one if isinstance(one, NoForecast) else NoForecast.FAR for one in made}
    return min(reasons, key=_PLAINEST.index)


def _likely(made: Forecast) -> datetime:
    return made.likely or made.horizon
