"""A result with scores of a person in the place of the program's, judged again by the phantom's rules."""

from collections.abc import Mapping
from dataclasses import replace

from mammoqa.core import Analysis, Outcome
from mammoqa.judge import judge_acr156, judge_acr_dm
from mammoqa.judge.acr156 import with_deductions
from mammoqa.phantoms import PHANTOMS

_COUNTED = ("acr156", "acr_dm")  # phantoms whose verdict follows from scores


def amend(analysis: Analysis, scores: Mapping[str, float], notes: tuple[str, ...] = ()) -> Analysis:
    """The analysis with these scores by object name, and the verdict that follows.

    Deductions for artefacts stay where the object they were taken from still counts. The probability of passing is
    left out: it was that of the program's reading. Without scores, the analysis as it is.
    """
    if not scores or analysis.phantom not in _COUNTED or analysis.verdict.outcome is Outcome.REFUSED:
        return analysis
    phantom = PHANTOMS[analysis.phantom]
    given = tuple(replace(o, score=scores.get(o.name, o.score)) for o in analysis.objects)
    taken = {o.name: o.deduction for o in analysis.objects if o.deduction and o.name not in scores}
    if analysis.phantom == "acr_dm":
        objects, measurements, verdict = judge_acr_dm(given, analysis.measurements, phantom)
    else:
        measurements = analysis.measurements
        objects, verdict = with_deductions(*judge_acr156(given, phantom), taken, phantom)
    return replace(
        analysis,
        objects=objects,
        measurements=measurements,
        verdict=replace(verdict, p_pass=None),
        notes=(*analysis.notes, *notes),
    )
