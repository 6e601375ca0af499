"""Accuracy by what is known of the images: film, CR and DR, detector, processing, dose, orientation, maker.

The paper names this as open: "it did not explore stratified performance trends across imaging hardware or acquisition
protocols" (Yun 2025, "Discussion").
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_records import Evidence, Subset
from mammoqa.judge.many import PHANTOM, passes
from mammoqa.stats.bootstrap import bootstrap_counts, cluster_index
from mammoqa.stats.classify import accuracy


def subsets(
    evidence: Evidence,
    scores: Float[np.ndarray, "images objects"],
    phantom: Phantom,
    columns: Mapping[str, Int[np.ndarray, " n"]],
    rng: np.random.Generator,
    n_resamples: int,
) -> tuple[Subset, ...]:
    """Accuracies of every value of every fact, values in order."""
    right = scores == evidence.panel
    scored = np.isfinite(evidence.panel)
    verdict = passes(scores, phantom)[PHANTOM] == passes(evidence.panel, phantom)[PHANTOM]
    found = []
    for about, words in evidence.facts.items():
        for value in np.unique(words).tolist():
            among = words == value
            shares = {kind: (right[among][:, order], scored[among][:, order]) for kind, order in columns.items()} | {
                PHANTOM: (verdict[among, None], np.ones((int(among.sum()), 1), dtype=bool))
            }
            each = tuple(
                (name, bootstrap_counts(_counts(hit, used, evidence.unit[among]), accuracy, rng, n_resamples))
                for name, (hit, used) in shares.items()
            )
            found.append(Subset(about, str(value), int(among.sum()), each))
    return tuple(found)


def _counts(
    hit: Bool[np.ndarray, "images n"], used: Bool[np.ndarray, "images n"], unit: Int[np.ndarray, " images"]
) -> Float[np.ndarray, "units 2 2"]:
    """Right and wrong answers per unit, as the diagonal and one corner of a confusion matrix."""
    index, n_units = cluster_index(unit)
    counts = np.zeros((n_units, 2, 2))
    np.add.at(counts[:, 0, 0], index, (hit & used).sum(axis=1))
    np.add.at(counts[:, 0, 1], index, (~hit & used).sum(axis=1))
    return counts
