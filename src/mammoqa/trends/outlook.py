"""Forecasts of everything that drifts: one per limit of each metric that is part of an active alarm."""

from collections.abc import Mapping

from mammoqa.core import Forecast
from mammoqa.trends.forecast import DEFAULT, Outlook, forecast
from mammoqa.trends.watch import Watched

Key = tuple[str, str, str]  # unit, test, metric


def foresee(watched: Watched, outlook: Outlook = DEFAULT) -> Mapping[Key, tuple[Forecast, ...]]:
    """The forecasts by unit, test and metric; MissingExtraError without statsmodels, where there is any to make."""
    drifting = {(alarm.unit, metric) for alarm in watched.alarms if alarm.active for metric in alarm.metrics}
    found: dict[Key, tuple[Forecast, ...]] = {}
    for drawn in watched.charts:
        s = drawn.series
        if (s.unit, s.metric) in drifting:
            made = (forecast(drawn, limit, outlook=outlook) for limit in drawn.limits)
            found[(s.unit, s.test, s.metric)] = tuple(f for f in made if f is not None)
    return {key: forecasts for key, forecasts in found.items() if forecasts}
