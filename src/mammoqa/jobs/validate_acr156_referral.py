"""What a person should read, and how right the program is on the rest (Yun 2025, "Discussion": flag ambiguous cases).

Images are ranked by doubt: the calibrated probability that their verdict is wrong.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_ceiling import pass_shares
from mammoqa.jobs.validate_acr156_records import Evidence, Referral
from mammoqa.judge.many import PHANTOM, passes
from mammoqa.judge.referral import doubt, referred
from mammoqa.stats.bootstrap import Interval, cluster_index, interval_of, resample_weights

SHARES = tuple(round(0.01 * i, 2) for i in range(51))
TENTH = 0.10  # at which the accuracy is stated


def referral(
    evidence: Evidence,
    scores: Float[np.ndarray, "images objects"],
    p_pass: Float[np.ndarray, " images"],
    phantom: Phantom,
    rng: np.random.Generator,
    n_resamples: int,
) -> Referral:
    """The curve over shares, its best possible course, and what the card's band does."""
    said, true = passes(scores, phantom)[PHANTOM], passes(evidence.panel, phantom)[PHANTOM]
    right = said == true
    kept = np.stack([keep_least(doubt(said, p_pass), share) for share in SHARES], axis=1)
    band = evidence.referral_band
    by_band = np.zeros(len(said), dtype=bool) if band is None else referred(said, p_pass, band)
    everything = np.concatenate([kept, ~by_band[:, None]], axis=1)
    accuracy, share = _ratios(everything, right, evidence.unit, rng, n_resamples)
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    return Referral(
        SHARES,
        tuple(accuracy[:-1]),
        _ceiling(pass_shares(evidence, phantom)),
        band,
        nothing if band is None else share[-1],
        nothing if band is None else accuracy[-1],
    )


def keep_least(values: Float[np.ndarray, " images"], share: float) -> Bool[np.ndarray, " images"]:
    """All but the given share of images, those with the largest values left out; ties in order."""
    kept = np.ones(len(values), dtype=bool)
    kept[np.argsort(-values, kind="stable")[: round(share * len(values))]] = False
    return kept


def _ratios(
    kept: Bool[np.ndarray, "images rules"],
    right: Bool[np.ndarray, " images"],
    unit: np.ndarray,
    rng: np.random.Generator,
    n_resamples: int,
) -> tuple[list[Interval], list[Interval]]:
    """Accuracy on what each rule keeps, and the share that it refers, over the same resampled units."""
    index, n_units = cluster_index(unit)
    columns = np.concatenate([kept, kept & right[:, None], np.ones((len(right), 1))], axis=1).astype(np.float64)
    counts = np.zeros((n_units, columns.shape[1]))
    np.add.at(counts, index, columns)
    rules = kept.shape[1]

    def both(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_kept, n_right = sums[:, :rules], sums[:, rules : 2 * rules]
        accuracy = np.divide(n_right, n_kept, out=np.full(n_kept.shape, np.nan), where=n_kept > 0)
        return accuracy, 1.0 - n_kept / sums[:, -1:]

    values, drawn = both(counts.sum(axis=0)[None]), both(resample_weights(n_units, n_resamples, rng) @ counts)
    accuracy, share = (
        [interval_of(float(value[0, i]), draws[:, i]) for i in range(rules)]
        for value, draws in zip(values, drawn, strict=True)
    )
    return accuracy, share


def _ceiling(shares: Mapping[str, np.ndarray] | None) -> tuple[float, ...]:
    """The best possible accuracy on the rest: the likelier verdict, the least certain referred first."""
    if shares is None:
        return (float("nan"),) * len(SHARES)
    sure = np.sort(np.maximum(shares[PHANTOM], 1.0 - shares[PHANTOM]))
    return tuple(float(sure[round(s * len(sure)) :].mean()) for s in SHARES)
