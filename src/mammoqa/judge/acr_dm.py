"""The ACR Digital Mammography phantom: objects by the stop rule, weekly numbers by their limits, one verdict.

Counting is that of the 156 phantom: from the largest object to the smallest, up to and with the first that scores less
than 1 (ACR 1999; that the 2018 manual counts the same way is recalled). Pass: 2 fibres, 3 speck groups, 2 masses.
"""

from collections.abc import Iterable

from mammoqa.core import Measurement, ObjectScore, Outcome, Phantom, Verdict
from mammoqa.judge.acr156 import judge_acr156
from mammoqa.judge.measurements import judge_measurements


def judge_acr_dm(
    objects: Iterable[ObjectScore], measurements: Iterable[Measurement], phantom: Phantom
) -> tuple[tuple[ObjectScore, ...], tuple[Measurement, ...], Verdict]:
    """Objects with `counted` set, measurements with their outcomes, and the verdict on both.

    `p_pass` is that of the objects; a measurement outside its limits fails the phantom whatever they say.
    """
    counted, on_objects = judge_acr156(objects, phantom)
    judged, on_numbers = judge_measurements(measurements, phantom)
    failed = Outcome.FAIL in (on_objects.outcome, on_numbers.outcome)
    reasons = [v.reason for v in (on_objects, on_numbers) if v.reason and (v.outcome is Outcome.FAIL or not failed)]
    verdict = Verdict(
        Outcome.FAIL if failed else on_objects.outcome,
        reason="; ".join(reasons) or None,
        totals=on_objects.totals,
        p_pass=on_objects.p_pass,
    )
    return counted, judged, verdict
