"""How well the network scores the ACR 156 phantom: its scores against the panel's, on images never seen in training.

Compute only: `Evidence` in, `Results` out. Evidence comes from `validate_acr156_evidence` (a stored data set, or the
whole chain on fresh images), the page from `validate_acr156_page`.

Figures as in Yun et al. (2025), "Model evaluation": per object accuracy and macro F1; areas under the ROC curves of
presence (1 and 0.5 against 0) and abnormality (0.5 against 1); pass or fail per kind and per phantom under the stop
rule. Objects that the panel calls N/A are left out of the per-object figures; in totals they count as 0. Intervals by
the bootstrap over units.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_ceiling import ceilings, pass_shares
from mammoqa.jobs.validate_acr156_records import (
    Agreement,
    Evidence,
    ObjectFigures,
    OutputFigures,
    PassFailFigures,
    Performance,
    Results,
    ThresholdFigures,
)
from mammoqa.jobs.validate_acr156_referral import referral
from mammoqa.jobs.validate_acr156_subsets import subsets
from mammoqa.judge.many import PHANTOM, kind_columns, pass_probabilities, passes
from mammoqa.judge.referral import calibrated_p_pass
from mammoqa.stats import agreement, classify
from mammoqa.stats.bootstrap import N_RESAMPLES, Interval, Statistic, bootstrap_counts, cluster_index
from mammoqa.stats.calibration import (
    bootstrap_calibration_error,
    brier,
    chance_calibration_error,
    expected_calibration_error,
    reliability_curve,
)
from mammoqa.stats.poisson_binomial import score_probabilities
from mammoqa.stats.roc import best_f1_threshold, bootstrap_auc, roc_curve

ALL_KINDS = "all"
_NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def evaluate(evidence: Evidence, phantom: Phantom, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Results:
    """All figures of a network and of one reader; raises ValueError when there are no images."""
    if len(evidence.panel) == 0:
        raise ValueError("there are no images to evaluate")
    columns = kind_columns(phantom)
    scores = network_scores(evidence)
    bootstrap = _Bootstrap(evidence.unit, rng, n_resamples)
    scored = np.isfinite(evidence.panel)
    p_pass = pass_probability(evidence, phantom)
    passed = passes(evidence.panel, phantom)[PHANTOM]
    pass_share = (pass_shares(evidence, phantom) or {}).get(PHANTOM)
    return Results(
        images=len(evidence.panel),
        units=len(np.unique(evidence.unit)),
        resamples=n_resamples,
        not_applicable=int((~scored).sum()),
        source=evidence.source,
        network=_performance(evidence.panel, scores, phantom, columns, bootstrap),
        reader=_performance(evidence.reader_panel, evidence.reader, phantom, columns, bootstrap),
        paper_selection=object_figures(
            evidence.panel, scores, paper_selection(evidence.panel, columns), columns, bootstrap
        ),
        outputs=_outputs(evidence, columns, bootstrap),
        p_pass=_output(PHANTOM, "p_pass", passed, p_pass, bootstrap, pass_share),
        preprocessing=evidence.preprocessing,
        thresholds=_thresholds(evidence, columns),
        agreement=agreements(evidence, scores, columns, bootstrap),
        ceiling=ceilings(evidence, scores, phantom, columns, rng, n_resamples),
        referral=referral(evidence, scores, p_pass, phantom, rng, n_resamples),
        subsets=subsets(evidence, scores, phantom, columns, rng, n_resamples),
        passed_share=float(passed.mean()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Bootstrap:
    unit: Int[np.ndarray, " images"]
    rng: np.random.Generator
    n_resamples: int


def network_scores(evidence: Evidence) -> Float[np.ndarray, "images objects"]:
    """Scores 0, 0.5 and 1 from the probabilities and thresholds (Yun 2025, Fig 9)."""
    present = evidence.probabilities[..., 0] >= evidence.thresholds[:, 0]
    abnormal = evidence.probabilities[..., 1] >= evidence.thresholds[:, 1]
    return np.where(present, np.where(abnormal, 0.5, 1.0), 0.0)


def paper_selection(
    panel: Float[np.ndarray, "images objects"], columns: Mapping[str, np.ndarray]
) -> Bool[np.ndarray, "images objects"]:
    """Objects with score 1 and the largest of each kind below 1 (Yun 2025, "Data acquisition"), N/A left out."""
    chosen = np.asarray(panel == 1.0)
    below = np.isfinite(panel) & (panel < 1.0)
    for order in columns.values():
        first = np.argmax(below[:, order], axis=1)
        rows = np.flatnonzero(below[:, order].any(axis=1))
        chosen[rows, order[first[rows]]] = True
    return chosen


def reader_against_others(
    readers: Float[np.ndarray, "images readers objects"], na: float = -1.0
) -> tuple[Float[np.ndarray, "images objects"], Float[np.ndarray, "images objects"]]:
    """The first reader (N/A as 0) and the panel of the others: their middle score, the lower of two; nan for N/A.

    `readers` are nan where not asked and `na` for N/A. Three of the others were asked only where the first two
    differed; elsewhere the second reader stands alone and agrees, so the first looks better than a stranger would.
    """
    others = np.where(readers[:, 1:] == na, 0.25, readers[:, 1:])
    ranked = np.sort(others, axis=1)  # nan last
    asked = np.isfinite(others).sum(axis=1)
    middle = np.take_along_axis(ranked, np.maximum(asked - 1, 0)[:, None] // 2, axis=1)[:, 0]
    panel = np.where(middle == 0.25, np.nan, middle)
    first = readers[:, 0]
    return np.where(first == na, 0.0, first), np.where(np.isfinite(first), panel, np.nan)


def _performance(
    panel: np.ndarray, scores: np.ndarray, phantom: Phantom, columns: Mapping[str, np.ndarray], bootstrap: _Bootstrap
) -> Performance:
    objects = object_figures(panel, scores, np.isfinite(panel), columns, bootstrap)
    return Performance(objects, pass_fail_figures(panel, scores, phantom, bootstrap))


def object_figures(
    panel: Float[np.ndarray, "images objects"],
    scores: Float[np.ndarray, "images objects"],
    selected: Bool[np.ndarray, "images objects"],
    columns: Mapping[str, np.ndarray],
    bootstrap: _Bootstrap,
) -> tuple[ObjectFigures, ...]:
    """Figures of the selected objects, per kind and for all kinds together."""
    unit, n_units = cluster_index(bootstrap.unit)
    found = []
    for kind, order in {**columns, ALL_KINDS: np.concatenate(list(columns.values()))}.items():
        chosen = selected[:, order]
        true = np.round(2 * panel[:, order][chosen]).astype(np.int64)
        said = np.round(2 * scores[:, order][chosen]).astype(np.int64)
        clusters = np.broadcast_to(unit[:, None], chosen.shape)[chosen]
        counts = classify.confusion_by_cluster(true, said, clusters, n_units, 3)
        total = counts.sum(axis=0)
        found.append(
            ObjectFigures(
                kind,
                len(true),
                _interval(counts, classify.accuracy, bootstrap),
                _interval(counts, classify.macro_f1, bootstrap),
                _interval(counts, _kappa, bootstrap),
                _interval(counts, lambda m: classify.recall(m)[..., 1], bootstrap),
                _interval(counts, lambda m: classify.precision(m)[..., 1], bootstrap),
                _three(classify.recall(total)),
                _three(classify.precision(total)),
                _nested(total),
            )
        )
    return tuple(found)


def _three(values: np.ndarray) -> tuple[float, float, float]:
    zero, half, one = values.tolist()
    return zero, half, one


def _nested(matrix: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(v) for v in row) for row in matrix)


def _interval(counts: np.ndarray, statistic: Statistic, bootstrap: _Bootstrap) -> Interval:
    return bootstrap_counts(counts, statistic, bootstrap.rng, bootstrap.n_resamples)


def _kappa(matrices: np.ndarray) -> np.ndarray:
    return agreement.cohen_kappa(matrices, "quadratic")


def agreements(
    evidence: Evidence,
    scores: Float[np.ndarray, "images objects"],
    columns: Mapping[str, np.ndarray],
    bootstrap: _Bootstrap,
) -> tuple[Agreement, ...]:
    """Weighted kappa of program and panel, and of reader and the others' panel, over the same resamples of units."""
    unit, n_units = cluster_index(bootstrap.unit)
    found = []
    for kind, order in columns.items():
        pair = []
        for panel, said in ((evidence.panel, scores), (evidence.reader_panel, evidence.reader)):
            chosen = np.isfinite(panel[:, order]) & np.isfinite(said[:, order])
            true, given = (np.round(2 * x[:, order][chosen]).astype(np.int64) for x in (panel, said))
            clusters = np.broadcast_to(unit[:, None], chosen.shape)[chosen]
            pair.append(classify.confusion_by_cluster(true, given, clusters, n_units, 3))
        both = np.stack(pair, axis=1)
        statistics: tuple[Statistic, ...] = (
            lambda m: _kappa(m[:, 0]),
            lambda m: _kappa(m[:, 1]),
            lambda m: _kappa(m[:, 0]) - _kappa(m[:, 1]),
        )
        found.append(Agreement(kind, *(_interval(both, statistic, bootstrap) for statistic in statistics)))
    return tuple(found)


def pass_fail_figures(
    panel: Float[np.ndarray, "images objects"],
    scores: Float[np.ndarray, "images objects"],
    phantom: Phantom,
    bootstrap: _Bootstrap,
) -> tuple[PassFailFigures, ...]:
    """Pass/fail figures per kind and of the phantom; images of which a reader scored nothing do not count."""
    unit, n_units = cluster_index(bootstrap.unit)
    read = np.isfinite(scores).any(axis=1)
    said = passes(scores, phantom)
    found = []
    for name, true in passes(panel, phantom).items():
        fails, called = (~true).astype(np.int64), (~said[name]).astype(np.int64)
        counts = classify.confusion_by_cluster(fails[read], called[read], unit[read], n_units, 2)
        found.append(
            PassFailFigures(
                name,
                int(read.sum()),
                _interval(counts, classify.accuracy, bootstrap),
                _interval(counts, lambda m: classify.precision(m)[..., 1], bootstrap),
                _interval(counts, lambda m: classify.recall(m)[..., 1], bootstrap),
                _nested(counts.sum(axis=0)),
            )
        )
    return tuple(found)


def _outputs(evidence: Evidence, columns: Mapping[str, np.ndarray], bootstrap: _Bootstrap) -> tuple[OutputFigures, ...]:
    found = []
    for kind, order in columns.items():
        panel = evidence.panel[:, order]
        shares = None if evidence.expected is None else evidence.expected[:, order]
        for i, (output, among, positive) in enumerate(_cases(panel)):
            unit = np.broadcast_to(evidence.unit[:, None], panel.shape)[among]
            part = _Bootstrap(unit, bootstrap.rng, bootstrap.n_resamples)
            share = None if shares is None else _share(shares, i)[among]
            found.append(
                _output(kind, output, positive[among], evidence.probabilities[:, order, i][among], part, share)
            )
    return tuple(found)


def _cases(panel: np.ndarray) -> tuple[tuple[str, np.ndarray, np.ndarray], ...]:
    """Output, objects that it is judged on, and which of them are positive (Yun 2025, Fig 9)."""
    return ("presence", np.isfinite(panel), panel > 0.0), ("abnormality", panel > 0.0, panel == 0.5)


def _share(shares: np.ndarray, output: int) -> np.ndarray:
    """The share of panels for which presence, or abnormality given presence, is positive; nan where none says."""
    there = shares[..., 1] + shares[..., 2]
    part, whole = (there, shares[..., 0] + there) if output == 0 else (shares[..., 1], there)
    return np.asarray(np.divide(part, whole, out=np.full(there.shape, np.nan), where=whole > 0))


def _output(
    kind: str,
    output: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    bootstrap: _Bootstrap,
    share: np.ndarray | None = None,
) -> OutputFigures:
    both = bool(labels.any()) and not bool(labels.all())
    unit, rng, n = bootstrap.unit, bootstrap.rng, bootstrap.n_resamples
    known = np.zeros(len(labels), dtype=bool) if share is None else np.isfinite(share)
    return OutputFigures(
        kind,
        output,
        len(labels),
        bootstrap_auc(labels, probabilities, unit, rng, n) if both else _NOTHING,
        bootstrap_calibration_error(labels, probabilities, unit, rng, n),
        chance_calibration_error(probabilities, rng),
        float("nan") if share is None else expected_calibration_error(share[known], probabilities[known]),
        brier(labels, probabilities),
        roc_curve(labels, probabilities) if both else None,
        reliability_curve(labels, probabilities),
    )


def _thresholds(evidence: Evidence, columns: Mapping[str, np.ndarray]) -> tuple[ThresholdFigures, ...]:
    """The card's thresholds, and those with the best F1 on these very images, for comparison only."""
    found = []
    for kind, order in columns.items():
        for i, (output, among, positive) in enumerate(_cases(evidence.panel[:, order])):
            p, true = evidence.probabilities[:, order, i][among], positive[among]
            threshold = float(evidence.thresholds[order[0], i])
            said = p >= threshold
            rates = tuple(float(said[true == t].mean()) if (true == t).any() else float("nan") for t in (False, True))
            best = best_f1_threshold(true, p) if true.any() else (float("nan"), float("nan"))
            f1 = float(classify.f1(classify.binary_confusion(true, said))[1])
            found.append(ThresholdFigures(kind, output, threshold, f1, *best, (rates[0], rates[1])))
    return tuple(found)


def pass_probability(evidence: Evidence, phantom: Phantom) -> Float[np.ndarray, " images"]:
    """The probability that a phantom passes: from independent objects, then calibrated by the model's card."""
    chances = score_probabilities(evidence.probabilities[..., 0], evidence.probabilities[..., 1])
    return calibrated_p_pass(pass_probabilities(chances, phantom)[PHANTOM], evidence.pass_calibration)
