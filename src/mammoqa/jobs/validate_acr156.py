"""How well the network scores the ACR 156 phantom: its scores against the panel's, on images never seen in training.

Compute only: `Evidence` in, `Results` out. Evidence comes from `validate_acr156_evidence` (a stored data set, or the
whole chain on fresh images), the page from `validate_acr156_page`.

Figures as in Yun et al. (2025), "Model evaluation": per object accuracy and macro F1; areas under the ROC curves of
presence (1 and 0.5 against 0) and abnormality (0.5 against 1); pass or fail per kind and per phantom under the stop
rule. Objects that the panel calls N/A are left out of the per-object figures; in totals they count as 0. Intervals by
the bootstrap over units.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_records import (
    Evidence,
    ObjectFigures,
    OutputFigures,
    PassFailFigures,
    Performance,
    Results,
)
from mammoqa.judge import TOTALS, counted_totals
from mammoqa.stats import agreement, classify
from mammoqa.stats.bootstrap import N_RESAMPLES, Interval, Statistic, bootstrap_counts, cluster_index
from mammoqa.stats.calibration import brier, expected_calibration_error, reliability_curve
from mammoqa.stats.poisson_binomial import probability_at_least, score_probabilities, stop_rule_distribution
from mammoqa.stats.roc import bootstrap_auc, roc_curve

ALL_KINDS = "all"
PHANTOM = "phantom"


def evaluate(evidence: Evidence, phantom: Phantom, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Results:
    """All figures of a network and of one reader; raises ValueError when there are no images."""
    if len(evidence.panel) == 0:
        raise ValueError("there are no images to evaluate")
    columns = kind_columns(phantom)
    scores = network_scores(evidence)
    bootstrap = _Bootstrap(evidence.unit, rng, n_resamples)
    scored = np.isfinite(evidence.panel)
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
        p_pass=_p_pass(evidence, phantom, columns, bootstrap),
        preprocessing=evidence.preprocessing,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Bootstrap:
    unit: Int[np.ndarray, " images"]
    rng: np.random.Generator
    n_resamples: int


def kind_columns(phantom: Phantom) -> dict[str, Int[np.ndarray, " n"]]:
    """Columns of each kind in reading order, largest object first."""
    inserts = phantom.inserts
    return {
        kind: np.array(
            sorted((i for i, o in enumerate(inserts) if o.kind == kind), key=lambda i: -inserts[i].size_mm),
            dtype=np.int64,
        )
        for kind in TOTALS
    }


def network_scores(evidence: Evidence) -> Float[np.ndarray, "images objects"]:
    """Scores 0, 0.5 and 1 from the probabilities and thresholds (Yun 2025, Fig 9)."""
    present = evidence.probabilities[..., 0] >= evidence.thresholds[:, 0]
    abnormal = evidence.probabilities[..., 1] >= evidence.thresholds[:, 1]
    return np.where(present, np.where(abnormal, 0.5, 1.0), 0.0)


def paper_selection(
    panel: Float[np.ndarray, "images objects"], columns: dict[str, np.ndarray]
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
    panel: np.ndarray, scores: np.ndarray, phantom: Phantom, columns: dict[str, np.ndarray], bootstrap: _Bootstrap
) -> Performance:
    objects = object_figures(panel, scores, np.isfinite(panel), columns, bootstrap)
    return Performance(objects, pass_fail_figures(panel, scores, phantom, columns, bootstrap))


def object_figures(
    panel: Float[np.ndarray, "images objects"],
    scores: Float[np.ndarray, "images objects"],
    selected: Bool[np.ndarray, "images objects"],
    columns: dict[str, np.ndarray],
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
                _interval(counts, lambda m: agreement.cohen_kappa(m, "quadratic"), bootstrap),
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


def passes(
    scores: Float[np.ndarray, "images objects"], phantom: Phantom, columns: dict[str, np.ndarray]
) -> dict[str, Bool[np.ndarray, " images"]]:
    """Whether each kind, and the phantom, meets its criteria under the stop rule."""
    limits = {c.name: c.low for c in phantom.criteria}
    kinds: dict[str, np.ndarray] = {}
    for kind, order in columns.items():
        low = limits.get(TOTALS[kind])
        if low is not None:
            kinds[kind] = counted_totals(scores[:, order]) >= low
    return {**kinds, PHANTOM: np.logical_and.reduce(list(kinds.values()))}


def pass_fail_figures(
    panel: Float[np.ndarray, "images objects"],
    scores: Float[np.ndarray, "images objects"],
    phantom: Phantom,
    columns: dict[str, np.ndarray],
    bootstrap: _Bootstrap,
) -> tuple[PassFailFigures, ...]:
    """Pass/fail figures per kind and of the phantom."""
    unit, n_units = cluster_index(bootstrap.unit)
    said = passes(scores, phantom, columns)
    found = []
    for name, true in passes(panel, phantom, columns).items():
        fails, called = (~true).astype(np.int64), (~said[name]).astype(np.int64)
        counts = classify.confusion_by_cluster(fails, called, unit, n_units, 2)
        found.append(
            PassFailFigures(
                name,
                len(true),
                _interval(counts, classify.accuracy, bootstrap),
                _interval(counts, lambda m: classify.precision(m)[..., 1], bootstrap),
                _interval(counts, lambda m: classify.recall(m)[..., 1], bootstrap),
                _nested(counts.sum(axis=0)),
            )
        )
    return tuple(found)


def _outputs(evidence: Evidence, columns: dict[str, np.ndarray], bootstrap: _Bootstrap) -> tuple[OutputFigures, ...]:
    found = []
    for kind, order in columns.items():
        panel = evidence.panel[:, order]
        unit = np.broadcast_to(evidence.unit[:, None], panel.shape)
        for i, (output, among, positive) in enumerate(
            (("presence", np.isfinite(panel), panel > 0.0), ("abnormality", panel > 0.0, panel == 0.5))
        ):
            probabilities = evidence.probabilities[:, order, i][among]
            found.append(_output(kind, output, positive[among], probabilities, unit[among], bootstrap))
    return tuple(found)


def _output(
    kind: str, output: str, labels: np.ndarray, probabilities: np.ndarray, unit: np.ndarray, bootstrap: _Bootstrap
) -> OutputFigures:
    both = bool(labels.any()) and not bool(labels.all())
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    return OutputFigures(
        kind,
        output,
        len(labels),
        bootstrap_auc(labels, probabilities, unit, bootstrap.rng, bootstrap.n_resamples) if both else nothing,
        expected_calibration_error(labels, probabilities),
        brier(labels, probabilities),
        roc_curve(labels, probabilities) if both else None,
        reliability_curve(labels, probabilities),
    )


def _p_pass(
    evidence: Evidence, phantom: Phantom, columns: dict[str, np.ndarray], bootstrap: _Bootstrap
) -> OutputFigures:
    """The probability that a phantom passes against whether it did, with objects taken as independent."""
    limits = {c.name: c.low for c in phantom.criteria}
    p_pass = np.ones(len(evidence.panel))
    for kind, order in columns.items():
        low = limits.get(TOTALS[kind])
        if low is not None:
            p = score_probabilities(evidence.probabilities[:, order, 0], evidence.probabilities[:, order, 1])
            p_pass = p_pass * probability_at_least(stop_rule_distribution(p), low)
    passed = passes(evidence.panel, phantom, columns)[PHANTOM]
    return _output(PHANTOM, "p_pass", passed, np.clip(p_pass, 0.0, 1.0), evidence.unit, bootstrap)
