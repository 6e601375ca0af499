"""From marks in the insert to the deduction that the protocol asks for, and to what the report shows of them."""

from collections import Counter

import numpy as np

from mammoqa.core import ObjectScore, Phantom, Pose, Region, Verdict
from mammoqa.score.artefacts import Answers, Mark, artefact_marks

_NAMES = {"fibre": "fibre-like", "mass": "mass-like", "speck_group": "speck-like"}
_RING_MM = 1.6  # drawn around a mark beyond its size
_LISTED = 6  # marks of a kind that are described one by one


def deduct_artefacts(
    answers: Answers | None,
    phantom: Phantom,
    pose: Pose,
    objects: tuple[ObjectScore, ...],
    verdict: Verdict,
) -> tuple[tuple[ObjectScore, ...], Verdict, tuple[Region, ...], tuple[str, ...]]:
    """Objects and verdict after deduction, where the artefacts lie in the image, and a line about each.

    `answers` are those of `score.artefacts.filter_answers`; `objects` and `verdict` are the judge's without any
    artefact. Nothing changes where nothing is found.
    """
    from mammoqa import judge

    marks = artefact_marks(answers, phantom, objects)
    if not marks:
        return objects, verdict, (), ()
    objects, verdict = judge.judge_acr156(objects, phantom, [judge.Artefact(m.kind, m.visibility) for m in marks])
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=1)

    def region(mark: Mark) -> Region:
        around = np.array(mark.centre_mm) + ring * (mark.size_mm / 2 + _RING_MM)
        return Region(_NAMES[mark.kind], pose.to_px(around))

    def line(mark: Mark) -> str:
        x, y = mark.centre_mm
        return (
            f"{_NAMES[mark.kind]} artefact {abs(x):.0f} mm {'right' if x > 0 else 'left'} of and {abs(y):.0f} mm "
            f"{'below' if y > 0 else 'above'} the middle of the insert, as visible as {mark.rival} "
            f"({mark.snr:.1f} against {mark.rival_snr:.1f} standard deviations of the noise): deducted"
        )

    kinds = Counter(mark.kind for mark in marks)
    notes = [line(m) for kind in kinds for m in [m for m in marks if m.kind == kind][:_LISTED]]
    notes += [f"{n - _LISTED} more {_NAMES[kind]} artefacts" for kind, n in kinds.items() if n > _LISTED]
    return objects, verdict, tuple(region(mark) for mark in marks), tuple(notes)
