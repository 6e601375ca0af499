"""Curves over realisations, and the behaviours that Yun et al. 2025 found, each as a number with a bar.

Fig 13a: "Breaks placed near the center of the fiber resulted in the highest abnormality probabilities, while peripheral
breaks had a weaker effect."
Fig 13b: "the probability for existence began to increase before any observed decrease in the abnormality probability".
Fig 14: 0.0 without specks; "increased beyond 2 ... score of 0.5"; "exceeded 3-4 ... 1.0"; the abstract: "score
transitions at two and four visible points", which are the rules of the reading protocol.
Fig 15b: "As deformation increased, the abnormality score also increased".

The paper gives no numbers for them; the bars are ours. Deformation is judged where the panel of readers sees it in the
same pixels: of fainter masses readers do not tell a square from a circle.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mammoqa.jobs.validate_acr156_explain_records import ABNORMAL, PRESENT, Answers, Behaviour, Curve
from mammoqa.jobs.validate_acr156_explain_size import panel_answer
from mammoqa.models import KINDS, Card

CENTRAL = 0.15  # breaks within this of the middle are central
OUTER = 0.10  # breaks within this of an end are peripheral
BREAK_BAR = 0.10  # a central break is more abnormal by this, in probability
GROWTH_BAR = 0.10  # the fibre grows by this share of its length between presence and normality
RANK_BAR = 0.90  # Spearman's rank correlation of abnormality with deformation
RISE_BAR = 0.30  # rise of the abnormality from circle to square, in probability
_SEEN = 0.25  # share of panels that must see an object for their abnormality to be shown


def curves(answers: Answers, network: int) -> tuple[Curve, ...]:
    """Mean and 10-90 % range over realisations along x, of every curve but those of the experiment on size."""
    found: dict[tuple[str, str, str], dict[float, list[int]]] = {}
    for i, trial in enumerate(answers.trials):
        if not trial.experiment.startswith("size"):
            name = f"{trial.insert.name}: {trial.curve}" if trial.experiment == "specks" else trial.curve
            found.setdefault((trial.experiment, name, trial.insert.kind), {}).setdefault(trial.x, []).append(i)
    said = answers.probabilities[network]
    return tuple(
        _curve(key, {x: said[at[x]] for x in sorted(at)}, {x: answers.expected[at[x]] for x in sorted(at)})
        for key, at in sorted(found.items())
    )


def _curve(
    key: tuple[str, str, str],
    said: dict[float, Float[np.ndarray, "n 2"]],
    expected: dict[float, Float[np.ndarray, "n 4"]],
) -> Curve:
    panel = np.array([[_panel(e, PRESENT), _panel(e, ABNORMAL)] for e in expected.values()])
    low, high = (np.array([np.quantile(p, q, axis=0) for p in said.values()]) for q in (0.1, 0.9))
    mean = np.array([p.mean(axis=0) for p in said.values()])
    return Curve(*key, np.array(list(said)), mean, low, high, panel, min(len(p) for p in said.values()))


def _panel(expected: Float[np.ndarray, "n 4"], output: int) -> float:
    value, share = panel_answer(expected.mean(axis=0), output)
    return float(value) if share >= _SEEN else float("nan")


def behaviours(found: Sequence[Curve], card: Card) -> tuple[Behaviour, ...]:
    """The expected behaviours of one network, from its curves and its card's thresholds."""
    of = {name: [c for c in found if c.experiment == name] for name in ("breaks", "growth", "specks", "deformation")}
    return (
        *(_break(c) for c in of["breaks"]),
        *(_growth(c, card) for c in of["growth"]),
        *_specks(of["specks"], card),
        *(b for c in of["deformation"] if c in judged_shapes(found) for b in _deformation(c)),
    )


def judged_shapes(found: Sequence[Curve]) -> tuple[Curve, ...]:
    """The masses of nominal diameter whose deformation the panel sees: its own abnormality rises by the bar."""
    deformed = [c for c in found if c.experiment == "deformation" and not c.name.endswith("third")]
    return tuple(c for c in deformed if c.panel[-1, ABNORMAL] - c.panel[0, ABNORMAL] >= RISE_BAR)


def thresholds(card: Card, kind: str) -> tuple[float, float]:
    """Where p_present and p_abnormal turn the score of a kind."""
    reading = card.readings[KINDS.index(kind)]
    return reading.threshold_present, reading.threshold_abnormal


def _break(c: Curve) -> Behaviour:
    away = np.abs(c.x - 0.5)
    abnormal = c.mean[:, ABNORMAL]
    central, outer = abnormal[away <= CENTRAL].mean(), abnormal[away >= 0.5 - OUTER].mean()
    note = f"p(abnormal) {central:.2f} in the middle, {outer:.2f} at the ends; highest at {c.x[abnormal.argmax()]:.2f}"
    name = f"{c.name}: a break in the middle hurts more than one at an end"
    return Behaviour(name, "13a", float(central - outer), ">=", BREAK_BAR, "in p(abnormal)", note)


def crossing(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], level: float, *, rising: bool) -> float:
    """Where a curve first passes a level for good, by linear interpolation; nan when it never does."""
    above = y >= level if rising else y < level
    if not above[-1]:
        return float("nan")
    first = len(above) - int(np.argmin(above[::-1])) if not above.all() else 0
    if first == 0:
        return float(x[0])
    share = (level - y[first - 1]) / (y[first] - y[first - 1])
    return float(x[first - 1] + share * (x[first] - x[first - 1]))


def _growth(c: Curve, card: Card) -> Behaviour:
    at_present, at_abnormal = thresholds(card, c.kind)
    present = crossing(c.x, c.mean[:, PRESENT], at_present, rising=True)
    normal = crossing(c.x, c.mean[:, ABNORMAL], at_abnormal, rising=False)
    note = f"present from {present:.2f} of the length on, normal from {normal:.2f} on"
    name = f"{c.name}: present before it is normal, as it grows"
    return Behaviour(name, "13b", normal - present, ">=", GROWTH_BAR, "of the length", note)


def _specks(found: Sequence[Curve], card: Card) -> list[Behaviour]:
    behaviours = []
    for group in dict.fromkeys(c.name.split(":")[0] for c in found):
        at_full = np.array([c.mean[-1] for c in found if c.name.startswith(f"{group}:")])
        counts = np.array([int(c.name.split(":")[1]) for c in found if c.name.startswith(f"{group}:")])
        at_present, at_abnormal = thresholds(card, "speck_group")
        there = at_full[:, PRESENT] >= at_present
        sound = there & (at_full[:, ABNORMAL] < at_abnormal)
        shown = ", ".join(f"{n}: {p:.2f} / {a:.2f}" for n, (p, a) in zip(counts, at_full, strict=True))
        note = f"specks: p(present) / p(abnormal) {shown}"
        behaviours += [
            Behaviour(
                f"{group}: scores 0 without specks", "14", at_full[0, PRESENT], "<=", at_present, "p(present)", ""
            ),
            Behaviour(f"{group}: 0.5 from two specks on", "14", _from(counts, there), "=", 2.0, "specks", note),
            Behaviour(f"{group}: 1 from four specks on", "14", _from(counts, sound), "=", 4.0, "specks", ""),
        ]
    return behaviours


def _from(counts: np.ndarray, holds: np.ndarray) -> float:
    """The smallest count from which on something holds for all larger ones; nan when it does not for the largest."""
    if not holds[-1]:
        return float("nan")
    return float(counts[np.flatnonzero(~holds)[-1] + 1]) if not holds.all() else float(counts[0])


def _deformation(c: Curve) -> list[Behaviour]:
    from scipy.stats import spearmanr

    abnormal = c.mean[:, ABNORMAL]
    rank = float(spearmanr(c.x, abnormal).statistic)
    note = f"p(abnormal) {abnormal[0]:.2f} as a circle, {abnormal[-1]:.2f} as a square; " + (
        f"panels {c.panel[0, ABNORMAL]:.2f} and {c.panel[-1, ABNORMAL]:.2f}"
    )
    name = f"{c.name}: abnormality rises with deformation"
    return [
        Behaviour(
            f"{name}, by how much", "15b", float(abnormal[-1] - abnormal[0]), ">=", RISE_BAR, "in p(abnormal)", note
        ),
        Behaviour(f"{name}, steadily", "15b", rank, ">=", RANK_BAR, "rank correlation", ""),
    ]
