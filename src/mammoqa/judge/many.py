"""Verdicts of many phantoms at once, from arrays of scores or probabilities; without artefacts.

The same rules as in `acr156`, for evaluations and for fitting; objects in the order of `Phantom.inserts`.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.core import Phantom
from mammoqa.judge.acr156 import TOTALS, counted_totals
from mammoqa.stats.poisson_binomial import probability_at_least, stop_rule_distribution

PHANTOM = "phantom"


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


def minima(phantom: Phantom) -> dict[str, float]:
    """The least total that passes, of each kind that has a criterion."""
    limits = {c.name: c.low for c in phantom.criteria}
    found = {kind: limits.get(name) for kind, name in TOTALS.items()}
    return {kind: low for kind, low in found.items() if low is not None}


def passes(scores: Float[np.ndarray, "*batch objects"], phantom: Phantom) -> dict[str, Bool[np.ndarray, "*batch"]]:
    """Whether each kind, and the phantom, meets its criteria under the stop rule; nan (N/A) counts as 0."""
    columns = kind_columns(phantom)
    kinds = {kind: counted_totals(scores[..., columns[kind]]) >= low for kind, low in minima(phantom).items()}
    return {**kinds, PHANTOM: np.logical_and.reduce(list(kinds.values()))}


def pass_probabilities(
    chances: Float[np.ndarray, "*batch objects 3"], phantom: Phantom
) -> dict[str, Float[np.ndarray, "*batch"]]:
    """The probability that each kind, and the phantom, passes, for independent objects.

    `chances` are P(0), P(0.5) and P(1) of each object, as `stats.poisson_binomial.score_probabilities` gives them.
    """
    columns = kind_columns(phantom)
    kinds = {
        kind: probability_at_least(stop_rule_distribution(chances[..., columns[kind], :]), low)
        for kind, low in minima(phantom).items()
    }
    return {**kinds, PHANTOM: np.asarray(np.prod(list(kinds.values()), axis=0))}
