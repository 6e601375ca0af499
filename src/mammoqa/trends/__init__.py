"""Trends: histories to control charts, change points, forecasts and alarms. Pure functions on `core.Series`.

watched = watch(series, limits, events)      # the charts and alarms of any number of units
forecast(chart, limit)                       # when a limit will be breached, with its interval
changes(chart)                               # where the level moved
compare(series)                              # each unit against like ones
"""

from mammoqa.trends.alarms import alarms
from mammoqa.trends.baselines import SigmaPrior
from mammoqa.trends.changes import ChangePoint, changes
from mammoqa.trends.chart import Chart, chart, ends
from mammoqa.trends.fleet import Standing, compare, sigma_priors
from mammoqa.trends.forecast import NoForecast, Outlook, forecast, prospect
from mammoqa.trends.outlook import foresee, prospects
from mammoqa.trends.policy import POLICIES, SHEWHART, WATCH, WESTERN_ELECTRIC, Policy
from mammoqa.trends.watch import Priors, Watched, watch

__all__ = [
    "POLICIES",
    "SHEWHART",
    "WATCH",
    "WESTERN_ELECTRIC",
    "ChangePoint",
    "Chart",
    "NoForecast",
    "Outlook",
    "Policy",
    "Priors",
    "SigmaPrior",
    "Standing",
    "Watched",
    "alarms",
    "changes",
    "chart",
    "compare",
    "ends",
    "forecast",
    "foresee",
    "prospect",
    "prospects",
    "sigma_priors",
    "watch",
]
