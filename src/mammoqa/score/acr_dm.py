"""Scores of the ACR Digital Mammography phantom by measured rules: no network.

A part of an object (3 mm of a fibre, one speck, a sector of a mass) counts as seen when its detectability passes a
criterion; the manual's rules turn what is seen into 0, 0.5 or 1 (ACR 2018): a fibre by its longest visible length (8
and 5 mm) and its direction (within 5 degrees), a speck group by its count (4 and 2), a mass by the share of its contour
(three quarters). Criteria were fitted to simulated readers on simulated exposures (seed 7), none used for validation.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from mammoqa.core import Insert, Measurement, ObjectScore, Phantom, Pose
from mammoqa.score.acr_dm_filters import REACH_MM, SEGMENTS, Bench, Indices, measure, noise_of, whole_index
from mammoqa.stats.runs import longest_run, plainly_missing

PATCH_MM, PITCH_MM = 20.0, 0.08  # the cells of the insert, sampled about as finely as the finest detector
SIDE_PX = round(PATCH_MM / PITCH_MM)
DIRECTION_DEG = 5.0  # ACR 2018: a fibre may point so far from its direction
CIRCULAR = 0.75  # ACR 1999 and 2018: of a mass's contour
_LENIENCE = np.linspace(-2.5, 2.5, 101)  # how far readers' criteria differ, in standard deviations
_MIDDLE = np.zeros(1)


@dataclass(frozen=True, slots=True)
class Rules:
    """Criteria in units of detectability; `spread` is how much they differ between readers."""

    segment: float = 4.0
    speck: float = 7.5
    sector: float = 4.0
    whole: float = 12.5
    # a missing part is less than half as visible as the better ones, by so much
    gap_of_fibre: float = 4.5
    gap_of_mass: float = 3.5
    reach_mm: float = REACH_MM  # how far an object may lie from its place
    spread: tuple[tuple[str, float], ...] = (("fibre", 0.5), ("speck_group", 1.0), ("mass", 1.1))


RULES = Rules()


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is visible of one object: `amount` is mm of a fibre, a count of specks or a share of a contour."""

    insert: Insert
    score: float
    amount: float
    p_present: float
    p_abnormal: float
    indices: Indices


def score_acr_dm(
    patches: Float32[np.ndarray, "n side side"], phantom: Phantom, pose: Pose, rules: Rules = RULES
) -> tuple[tuple[ObjectScore, ...], tuple[Measurement, ...]]:
    """One score per insert, in the phantom's order, and what is visible of each.

    Args:
        patches: one per insert, as `locate.patches` cuts them with `SIDE_PX` and `PITCH_MM`.
        phantom: whose inserts they are.
        pose: gives each object's place in the image.
        rules: the criteria.
    """
    seen = [s for s in see(patches, phantom, rules) if s is not None]
    centres_px = pose.to_px(np.array([s.insert.centre_mm for s in seen]) + [s.indices.offset_mm for s in seen])
    objects = tuple(
        ObjectScore(
            name=s.insert.name,
            kind=s.insert.kind,
            size_mm=s.insert.size_mm,
            score=s.score,
            p_present=s.p_present,
            p_abnormal=s.p_abnormal,
            centre_px=(float(x), float(y)),
        )
        for s, (x, y) in zip(seen, centres_px, strict=True)
    )
    return objects, tuple(measurement(s) for s in seen)


def see(
    patches: Float32[np.ndarray, "n side side"],
    phantom: Phantom,
    rules: Rules = RULES,
    pitch_mm: float = PITCH_MM,
    kinds: tuple[str, ...] | None = None,
    *,
    chances: bool = True,
) -> tuple[Seen | None, ...]:
    """What is visible of every insert; None for inserts of other kinds than `kinds`.

    Without `chances` only the middle reader judges, which is faster; the probabilities are then 0 or 1.
    """
    bench = Bench(patches.shape[-1], pitch_mm, noise_of(patches, pitch_mm))
    return tuple(
        judge_indices(insert, measure(bench, patch, insert, rules.reach_mm), rules, _LENIENCE if chances else _MIDDLE)
        if kinds is None or insert.kind in kinds
        else None
        for insert, patch in zip(phantom.inserts, patches, strict=True)
    )


def judge_middle(insert: Insert, found: Indices, rules: Rules) -> Seen:
    """The manual's rules for the middle reader alone; the probabilities are 0 or 1."""
    return judge_indices(insert, found, rules, _MIDDLE)


def judge_indices(
    insert: Insert, found: Indices, rules: Rules = RULES, lenience: Float[np.ndarray, " readers"] = _LENIENCE
) -> Seen:
    """The manual's rules, for the middle reader and, for the probabilities, for stricter and more lenient ones."""
    spread = dict(rules.spread)[insert.kind]
    each = np.array([_score(insert.kind, found, replace_shift(rules, float(k) * spread))[0] for k in lenience])
    weight = np.exp(-(lenience**2) / 2)
    weight /= weight.sum()
    present, half = float(weight[each > 0].sum()), float(weight[each == 0.5].sum())
    score, amount = _score(insert.kind, found, rules)
    return Seen(insert, score, amount, present, half / present if present > 0 else 0.5, found)


def replace_shift(rules: Rules, shift: float) -> Rules:
    """The criteria of a reader who wants so much more."""
    return replace(
        rules,
        segment=rules.segment + shift,
        speck=rules.speck + shift,
        sector=rules.sector + shift,
        whole=rules.whole + shift,
    )


def _score(kind: str, found: Indices, rules: Rules) -> tuple[float, float]:
    """Score, and the visible length, count or share of the contour."""
    if kind == "speck_group":
        count = int((found.coarse > rules.speck).sum())
        return (1.0 if count >= 4 else 0.5 if count >= 2 else 0.0), float(count)
    if kind == "fibre":
        seen = (found.coarse > rules.segment) & ~plainly_missing(found.fine, rules.gap_of_fibre)
        length_mm = float(longest_run(seen)) * 10.0 / SEGMENTS
        if abs(found.angle_deg) > DIRECTION_DEG:
            return 0.0, length_mm
        return (1.0 if length_mm >= 8.0 else 0.5 if length_mm >= 5.0 else 0.0), length_mm
    share = float(((found.coarse > rules.sector) & ~plainly_missing(found.fine, rules.gap_of_mass)).mean())
    if found.whole <= rules.whole:
        return 0.0, share
    return (1.0 if share > CIRCULAR else 0.5), share


def measurement(seen: Seen) -> Measurement:
    """The visible length, count or share of the contour, named after the object."""
    name = seen.insert.name.replace("-", "_")
    if seen.insert.kind == "fibre":
        return Measurement(f"{name}_visible_length", seen.amount, "mm")
    if seen.insert.kind == "speck_group":
        return Measurement(f"{name}_visible_specks", seen.amount, "objects")
    return Measurement(f"{name}_visible_contour", 100 * seen.amount, "%")


def sharpness(patches: Float32[np.ndarray, "n side side"], phantom: Phantom, pitch_mm: float = PITCH_MM) -> float:
    """How well one slice shows the objects: the sum of logarithms of the indices of the three largest of each kind."""
    bench = Bench(patches.shape[-1], pitch_mm, noise_of(patches, pitch_mm))
    total = 0.0
    for kind in ("fibre", "speck_group", "mass"):
        largest = [k for k, insert in enumerate(phantom.inserts) if insert.kind == kind][:3]
        total += sum(float(np.log1p(max(whole_index(bench, patches[k], phantom.inserts[k]), 0.0))) for k in largest)
    return total
