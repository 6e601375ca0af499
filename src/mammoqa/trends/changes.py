"""Change points of a chart: where its level moved, found afterwards from all readings of a phase."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from mammoqa.stats.change_points import change_points
from mammoqa.trends.chart import Chart
from mammoqa.trends.metrics import from_scale, trait


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The level before and after `at`, in the metric's unit."""

    at: datetime
    before: float
    after: float


def changes(drawn: Chart) -> tuple[ChangePoint, ...]:
    """Changes of level within each phase, oldest first; those below the smallest change of note are passed over.

    Raises MissingExtraError without ruptures.
    """
    of = trait(drawn.series.metric, drawn.series.unit_of_measure)
    against, found = drawn.against, []
    for phase in range(int(against.phase.max(initial=-1)) + 1):
        part = np.flatnonzero(against.phase == phase)
        if part.size == 0:
            continue
        sigma = float(against.sigma[part[-1]])
        edges = [0, *change_points(against.values[part], sigma), part.size]
        levels = [float(np.mean(against.values[part[a:b]])) for a, b in pairwise(edges)]
        for edge, before, after in zip(edges[1:-1], levels[:-1], levels[1:], strict=True):
            if abs(after - before) >= float(against.material[part[edge]] * against.width[part[edge]]):
                at = drawn.series.readings[part[edge]].at
                found.append(ChangePoint(at, from_scale(before, of), from_scale(after, of)))
    return tuple(found)
