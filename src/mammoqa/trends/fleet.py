"""A unit against like ones: where it stands within its group, and what the group knows of a metric's spread.

The robust z is (median of a unit's recent readings - median over the group) / (1.4826 x median absolute deviation),
with the unit itself in the group; beyond 3.5 it is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle
Outliers).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mammoqa.core import Series
from mammoqa.stats.control_charts import successive_variance
from mammoqa.trends.baselines import SigmaPrior
from mammoqa.trends.metrics import material, to_scale, trait

LEAST_UNITS = 4  # fewer have no spread worth the name
OUTLIER = 3.5
_RECENT_DAYS = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a unit stands among like ones in one metric; `robust_z` is None where the group is too small."""

    unit: str
    group: str
    test: str
    metric: str
    recent: float
    group_median: float
    group_units: int
    robust_z: float | None

    @property
    def outlying(self) -> bool:
        """Whether the unit differs from its group by more than its members differ among each other."""
        return self.robust_z is not None and abs(self.robust_z) > OUTLIER


def compare(series: Sequence[Series], now: datetime | None = None, days: float = _RECENT_DAYS) -> tuple[Standing, ...]:
    """Every unit that has readings in the last `days`, against its group, metric by metric, in the order given.

    The spread of a group is taken as at least half of the smallest change of note, so that close groups raise no fuss.
    """
    latest = max((s.readings[-1].at for s in series if s.readings), default=None)
    if latest is None:
        return ()
    until = now or latest
    recent: dict[tuple[str, str, str], list[tuple[Series, float]]] = {}
    for one in series:
        values = [r.value for r in one.readings if until - timedelta(days=days) < r.at <= until]
        if values:
            recent.setdefault((one.group, one.test, one.metric), []).append((one, float(np.median(values))))
    found = {}
    for members in recent.values():
        levels = np.array([level for _, level in members])
        middle = float(np.median(levels))
        of = trait(members[0][0].metric, members[0][0].unit_of_measure)
        least = material(of, middle) / 2.0 if of.scale == "linear" else 0.5
        spread = max(1.4826 * float(np.median(np.abs(levels - middle))), least)
        for one, level in members:
            z = (level - middle) / spread if len(members) >= LEAST_UNITS and spread > 0 else None
            standing = Standing(one.unit, one.group, one.test, one.metric, level, middle, len(members), z)
            found[(one.unit, one.test, one.metric)] = standing
    keys = [(s.unit, s.test, s.metric) for s in series]
    return tuple(found[key] for key in keys if key in found)


def sigma_priors(series: Iterable[Series]) -> Mapping[tuple[str, str, str], SigmaPrior]:
    """What each group says of a metric's sigma: the median over its units, for `watch`; groups of four and more."""
    sigmas: dict[tuple[str, str, str], list[float]] = {}
    for one in series:
        values = to_scale(np.array([r.value for r in one.readings]), trait(one.metric, one.unit_of_measure))
        variance, freedom = successive_variance(values)
        if freedom >= 5.0:
            sigmas.setdefault((one.group, one.test, one.metric), []).append(variance**0.5)
    return {key: SigmaPrior(float(np.median(s))) for key, s in sigmas.items() if len(s) >= LEAST_UNITS and max(s) > 0}
