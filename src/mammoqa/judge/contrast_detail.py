"""Threshold thicknesses against limits of one level (acceptable or achievable)."""

from collections.abc import Iterable
from dataclasses import replace

from mammoqa.core import Measurement, Phantom, Verdict
from mammoqa.judge.measurements import judge_measurements


def judge_thresholds(
    measurements: Iterable[Measurement], phantom: Phantom, level: str, p_pass: float | None
) -> tuple[tuple[Measurement, ...], Verdict]:
    """Each measurement with its outcome against the phantom's criteria of `level`, and the verdict on all.

    `p_pass` is the probability that all limits are met.
    """
    limits = {c.name: c for c in phantom.criteria if c.applies == level}
    limited = [
        replace(m, limit_low=limits[m.name].low, limit_high=limits[m.name].high)
        if m.name in limits and limits[m.name].unit == m.unit
        else m
        for m in measurements
    ]
    judged, verdict = judge_measurements(limited, phantom)
    return judged, replace(verdict, p_pass=p_pass)
