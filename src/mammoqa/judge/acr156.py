"""The scoring rules of phantoms with fibres, speck groups and masses: from object scores to pass or fail.

Reading order: within a kind from the largest object to the smallest; counting stops at the first object that scores
0 or 0.5, and that score still counts (ACR Mammography Quality Control Manual 1999; Yun 2025, "Data acquisition").

Artefacts: one that looks like a fibre or a mass and is at least as visible as the last real object counted is
deducted from that object only. Speck-like ones are subtracted one by one from the specks of the last group counted,
whose score follows from what remains: 4 or more specks 1, 2 or 3 specks 0.5 (ACR 1999).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa.core import Criterion, ObjectScore, Outcome, Phantom, ReasonCode, ScoreError, Verdict
from mammoqa.stats.poisson_binomial import score_probabilities, stop_rule_distribution

TOTALS: Mapping[str, str] = {"fibre": "fibres", "speck_group": "speck_groups", "mass": "masses"}
_WORDS: Mapping[str, str] = {"fibres": "fibres", "speck_groups": "speck groups", "masses": "masses"}
# ACR 1999: a group of 6 specks scores 1 with 4 or more visible, 0.5 with 2 or 3. Where only the score is known, the
# strict reading takes the fewest specks that earn it.
_FEWEST_SPECKS: Mapping[float, int] = {1.0: 4, 0.5: 2}
_SLACK = 1e-9  # totals are multiples of 0.5; guards the comparison with a limit


@dataclass(frozen=True, slots=True)
class Artefact:
    """Something in the insert that looks like an object of `kind` but is none (one speck, for "speck_group").

    `visibility` is on the scale of the scores, 0..1: what a real object as visible as this would score.
    """

    kind: str
    visibility: float = 1.0


def judge_acr156(
    objects: Iterable[ObjectScore], phantom: Phantom, artefacts: Iterable[Artefact] = ()
) -> tuple[tuple[ObjectScore, ...], Verdict]:
    """Which scores count, the totals, pass or fail, and the probability of passing.

    Objects come back in the order given, with `counted` and `deduction` set. `p_pass` treats the objects as
    independent given their probabilities, and the artefacts as certain. Raises ScoreError when an object that the
    phantom has was not scored, ValueError for scores other than 0, 0.5 and 1.
    """
    given = tuple(objects)
    present = tuple(artefacts)
    _check(given, phantom)
    judged: dict[str, ObjectScore] = {}
    totals: list[tuple[str, float]] = []
    p_pass = 1.0
    for kind, name in TOTALS.items():
        ordered = reading_order(o for o in given if o.kind == kind)
        if not ordered:
            continue
        counted = count_kind(ordered, present)
        judged |= {o.name: o for o in counted}
        totals.append((name, float(sum(o.score - o.deduction for o in counted if o.counted))))
        for criterion in phantom.criteria:
            if criterion.name == name:
                p_pass *= probability_of_passing(ordered, criterion, present)
    verdict = _verdict(tuple(totals), phantom, p_pass)
    return tuple(judged[o.name] for o in given), verdict


def _check(objects: tuple[ObjectScore, ...], phantom: Phantom) -> None:
    for o in objects:
        if o.kind not in TOTALS or o.score not in (0.0, 0.5, 1.0):
            raise ValueError(f"{o.name}: kind {o.kind!r}, score {o.score!r}: not a scored phantom object")
    if len({o.name for o in objects}) != len(objects):
        raise ValueError("two objects have the same name")
    missing = [i.name for i in phantom.inserts if i.kind in TOTALS and i.name not in {o.name for o in objects}]
    if missing:
        raise ScoreError(
            ReasonCode.PARTLY_OUTSIDE,
            f"{', '.join(missing)} could not be scored; repeat the exposure with the whole insert in the image",
        )


def reading_order(objects: Iterable[ObjectScore]) -> tuple[ObjectScore, ...]:
    """Objects of one kind from the largest to the smallest."""
    return tuple(sorted(objects, key=lambda o: -o.size_mm))


def count_kind(ordered: tuple[ObjectScore, ...], artefacts: tuple[Artefact, ...] = ()) -> tuple[ObjectScore, ...]:
    """The stop rule and the artefact deduction for objects of one kind in reading order."""
    stop = next((i for i, o in enumerate(ordered) if o.score < 1.0), len(ordered) - 1)
    last = next((i for i in range(stop, -1, -1) if ordered[i].score > 0.0), None)
    counted = [replace(o, counted=i <= stop, deduction=0.0) for i, o in enumerate(ordered)]
    if last is not None:
        o = counted[last]
        counted[last] = replace(o, deduction=deduction(o.kind, o.score, artefacts))
    return tuple(counted)


def counted_totals(scores: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch"]:
    """Totals of many phantoms under the stop rule, without artefacts; scores in reading order, nan (N/A) as 0."""
    full = np.cumprod(scores == 1.0, axis=-1)
    reached = np.concatenate([np.ones_like(full[..., :1]), full[..., :-1]], axis=-1)
    return np.asarray((np.nan_to_num(scores) * reached).sum(-1))


def deduction(kind: str, score: float, artefacts: tuple[Artefact, ...]) -> float:
    """What artefacts take from the last real object counted, which scored `score` (0.5 or 1)."""
    rivals = sum(1 for a in artefacts if a.kind == kind and a.visibility >= score - _SLACK)
    if rivals == 0:
        return 0.0
    if kind != "speck_group":
        return score
    left = _FEWEST_SPECKS[score] - rivals
    return score - (1.0 if left >= 4 else 0.5 if left >= 2 else 0.0)


def probability_of_passing(
    ordered: tuple[ObjectScore, ...], criterion: Criterion, artefacts: tuple[Artefact, ...] = ()
) -> float:
    """P(total of one kind meets the criterion), exact under the stop rule for independent objects.

    Under the stop rule a sum tells the whole sequence (3.5: three full scores, then a half), so the deduction is a
    function of the sum.
    """
    p = score_probabilities(np.array([o.p_present for o in ordered]), np.array([o.p_abnormal for o in ordered]))
    chances = stop_rule_distribution(p)
    sums = np.arange(len(chances)) / 2.0
    last_score = np.where(sums % 1.0 == 0.5, 0.5, np.where(sums > 0.0, 1.0, 0.0))
    kind = ordered[0].kind
    lost = np.array([deduction(kind, float(s), artefacts) if s > 0.0 else 0.0 for s in last_score])
    passes = np.array([_meets(total, criterion) for total in (sums - lost).tolist()])
    return float(np.clip(chances[passes].sum(), 0.0, 1.0))


def _meets(total: float, criterion: Criterion) -> bool:
    above = criterion.low is None or total >= criterion.low - _SLACK
    return above and (criterion.high is None or total <= criterion.high + _SLACK)


def _verdict(totals: tuple[tuple[str, float], ...], phantom: Phantom, p_pass: float) -> Verdict:
    by_name = dict(totals)
    criteria = [c for c in phantom.criteria if c.name in by_name]
    if not criteria:
        return Verdict(Outcome.MEASURED, totals=totals)
    failed = [_failure(c, by_name[c.name]) for c in criteria if not _meets(by_name[c.name], c)]
    if failed:
        return Verdict(Outcome.FAIL, reason="; ".join(failed), totals=totals, p_pass=p_pass)
    return Verdict(Outcome.PASS, totals=totals, p_pass=p_pass)


def with_deductions(
    objects: tuple[ObjectScore, ...], verdict: Verdict, taken: Mapping[str, float], phantom: Phantom
) -> tuple[tuple[ObjectScore, ...], Verdict]:
    """A judgement with these deductions by object name, where the object counts and has that much to lose."""
    if not taken:
        return objects, verdict
    lowered = tuple(replace(o, deduction=min(taken.get(o.name, 0.0), o.score)) if o.counted else o for o in objects)
    totals = tuple(
        (name, float(sum(o.score - o.deduction for o in lowered if o.counted and TOTALS[o.kind] == name)))
        for name, _ in verdict.totals
    )
    return lowered, _verdict(totals, phantom, verdict.p_pass or 0.0)


def _failure(criterion: Criterion, total: float) -> str:
    words = _WORDS.get(criterion.name, criterion.name)
    if criterion.low is not None and total < criterion.low:
        return f"{words} {total:.1f}, at least {criterion.low:.1f} needed"
    return f"{words} {total:.1f}, at most {criterion.high:.1f} allowed"
