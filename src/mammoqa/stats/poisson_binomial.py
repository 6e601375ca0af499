"""Exact distributions of sums of independent object scores 0, 0.5 and 1.

A generalised Poisson binomial: Chen and Liu (1997), Stat Sin 7:875-892 (by convolution), and the same under the
reading order of phantom scoring, which stops at the first object that scores 0 or 0.5 (ACR manual 1999).
Sums are indexed in half points: entry i of a distribution is P(sum = i / 2).
"""

import numpy as np
from jaxtyping import Float


def score_probabilities(
    p_present: Float[np.ndarray, "*batch n"], p_abnormal: Float[np.ndarray, "*batch n"]
) -> Float[np.ndarray, "*batch n 3"]:
    """P(0), P(0.5), P(1) of each object; `p_abnormal` is given that the object is present."""
    for name, p in (("p_present", p_present), ("p_abnormal", p_abnormal)):
        if not ((p >= 0.0) & (p <= 1.0)).all():
            raise ValueError(f"{name} lies outside 0..1")
    return np.stack([1.0 - p_present, p_present * p_abnormal, p_present * (1.0 - p_abnormal)], axis=-1)


def sum_distribution(p: Float[np.ndarray, "*batch n 3"]) -> Float[np.ndarray, "*batch sums"]:
    """P(sum of all scores = i / 2), i = 0..2n, one object after the other."""
    n = p.shape[-2]
    sums = np.zeros((*p.shape[:-2], 2 * n + 1))
    sums[..., 0] = 1.0
    for i in range(n):
        step = sums * p[..., i, 0, None]
        step[..., 1:] += sums[..., :-1] * p[..., i, 1, None]
        step[..., 2:] += sums[..., :-2] * p[..., i, 2, None]
        sums = step
    return sums


def stop_rule_distribution(p: Float[np.ndarray, "*batch n 3"]) -> Float[np.ndarray, "*batch sums"]:
    """P(counted sum = i / 2), i = 0..2n, when counting stops after the first object that scores 0 or 0.5.

    Objects in reading order. A sum k means k full scores, then 0 (or the end); k + 0.5 means k full scores, then 0.5.
    """
    n = p.shape[-2]
    reached = np.cumprod(np.concatenate([np.ones((*p.shape[:-2], 1)), p[..., 2]], axis=-1), axis=-1)
    sums = np.zeros((*p.shape[:-2], 2 * n + 1))
    sums[..., 0 : 2 * n : 2] = reached[..., :n] * p[..., 0]
    sums[..., 1 : 2 * n : 2] = reached[..., :n] * p[..., 1]
    sums[..., 2 * n] = reached[..., n]
    return sums


def probability_at_least(distribution: Float[np.ndarray, "*batch sums"], minimum: float) -> Float[np.ndarray, "*batch"]:
    """P(sum >= minimum) of a distribution in half points."""
    values = np.arange(distribution.shape[-1]) / 2.0
    return np.asarray(np.clip(distribution[..., values >= minimum - 1e-9].sum(-1), 0.0, 1.0))
