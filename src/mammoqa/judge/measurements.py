"""Measurements against their limits.

A value is judged as it stands (simple acceptance); where its 95 % interval reaches across a limit, the outcome says
so, because a repeat could end the other way (JCGM 106:2012, section 8).
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from mammoqa.core import Measurement, Outcome, Phantom, Verdict


def judge_measurements(
    measurements: Iterable[Measurement], phantom: Phantom
) -> tuple[tuple[Measurement, ...], Verdict]:
    """Each measurement with its outcome, and the verdict on all.

    A measurement without limits takes those of the phantom's criterion with the same name and unit that always
    applies; without such it is MEASURED. The verdict is FAIL when one fails, PASS when some have limits and none
    fails, MEASURED otherwise. A value that is not a number fails where there is a limit.
    """
    judged = tuple(_judge(_with_limits(m, phantom)) for m in measurements)
    failed = [m for m in judged if m.outcome is Outcome.FAIL]
    passed = [m for m in judged if m.outcome is Outcome.PASS]
    unsure = [s for s in (_straddle(m) for m in judged) if s is not None]
    if failed:
        reason = "; ".join([_failure(m) for m in failed] + unsure)
        return judged, Verdict(Outcome.FAIL, reason=reason)
    if passed:
        return judged, Verdict(Outcome.PASS, reason="; ".join(unsure) or None)
    return judged, Verdict(Outcome.MEASURED)


def _with_limits(m: Measurement, phantom: Phantom) -> Measurement:
    if m.limit_low is not None or m.limit_high is not None:
        return m
    for c in phantom.criteria:
        if (c.name, c.unit, c.applies) == (m.name, m.unit, "always"):
            return replace(m, limit_low=c.low, limit_high=c.high)
    return m


def _judge(m: Measurement) -> Measurement:
    if m.limit_low is None and m.limit_high is None:
        return replace(m, outcome=Outcome.MEASURED)
    within = not math.isnan(m.value)
    within = within and (m.limit_low is None or m.value >= m.limit_low)
    within = within and (m.limit_high is None or m.value <= m.limit_high)
    limit = _straddled(m)
    words = None if limit is None else f"the 95 % interval includes the limit {limit:g} {m.unit}".rstrip()
    note = "; ".join(n for n in (m.note, words) if n) or None
    return replace(m, outcome=Outcome.PASS if within else Outcome.FAIL, note=note)


def _straddled(m: Measurement) -> float | None:
    if m.low is None or m.high is None:
        return None
    return next((x for x in (m.limit_low, m.limit_high) if x is not None and m.low < x < m.high), None)


def _straddle(m: Measurement) -> str | None:
    limit = _straddled(m)
    if limit is None:
        return None
    return f"{m.name}: the 95 % interval {m.low:.4g} to {m.high:.4g}{_unit(m)} includes the limit {limit:g}"


def _failure(m: Measurement) -> str:
    if math.isnan(m.value):
        return f"{m.name} could not be measured"
    if m.limit_low is not None and m.value < m.limit_low:
        return f"{m.name} {m.value:.4g}{_unit(m)}, at least {m.limit_low:g} needed"
    return f"{m.name} {m.value:.4g}{_unit(m)}, at most {m.limit_high:g} allowed"


def _unit(m: Measurement) -> str:
    return f" {m.unit}" if m.unit else ""
