r"""Psychometric curves of a forced choice, fitted by maximum likelihood, many resamples at a time.

One curve a row (a diameter), along contrasts C:  p(C) = 1/4 + 3/4 / (1 + exp(-f (C - C_t))), so that p(C_t) = 0.625.
C is the logarithm of what a gold disc takes away, ln(1 - exp(-mu t)), mu = 0.19 per um (Young et al. 2008, Proc SPIE
6913:69131C). The slope f is one for all rows or free in each.

That logistic curve is the convention. Four Gaussian signals whose detectability d' goes with the contrast give another
shape; the logistic curve fitted to it lies about a tenth below the contrast where the chance is 0.625. The form
"detectability" is that shape itself: p(C) = P4(d' exp(f (C - C_t))), P4 the chance that the largest of four is the
right one (Green and Swets 1966), d' = 1.235 the detectability that gives 0.625.

Fisher scoring in f and g = f C_t, for which the curve is a generalised linear model with a guessing rate; with a shared
slope the information matrix is an arrow (each g meets f alone), so that a step costs no more than with free slopes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import special

Form = Literal["logistic", "detectability"]
GUESS = 0.25  # four alternatives
THRESHOLD_PROBABILITY = 0.625  # half way between guessing and certainty
GOLD_PER_UM = 0.19  # Young et al. 2008
THRESHOLD_DETECTABILITY = 1.2350  # d' of four alternatives at 0.625, by integration
SLOPES = (0.3, 25.0)  # a choice: flatter or steeper curves are not told from noise or from a step
# Of each form, where detectability goes with the contrast; the logistic one by fitting it to the other.
IDEAL_SLOPES: Mapping[str, float] = MappingProxyType({"logistic": 2.5, "detectability": 1.0})
_OUTSIDE = 0.7  # a choice: a threshold may lie this far beyond the contrasts tried (a factor of two)
_STEPS = 40
_CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class SlopePrior:
    """How far ln f is believed to lie, before the data, from that of an ideal observer: a normal distribution.

    The slope of few images is poorly known, and the maximum of its likelihood lies far too high (each row's threshold
    adapts to it). The default width is a choice: it steadies one image and weighs little beside sixteen.
    """

    spread: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Fitted curves: C_t and f of every row, the log-likelihood of all, and whether C_t lies among the contrasts tried.

    Where a row has no trials, C_t is nan.
    """

    centre: Float[np.ndarray, "*batch rows"]
    slope: Float[np.ndarray, "*batch rows"]
    log_likelihood: Float[np.ndarray, "*batch"]
    inside: np.ndarray


def log_contrast(thickness_um: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """C of a gold thickness: ln(1 - exp(-mu t))."""
    return np.asarray(np.log(-np.expm1(-GOLD_PER_UM * thickness_um)))


def gold_um(contrast: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The gold thickness of a C; infinite where no thickness takes so much away (C >= 0)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -np.log1p(-np.exp(contrast)) / GOLD_PER_UM
    return np.asarray(np.where(np.asarray(contrast) < 0.0, found, np.where(np.isnan(contrast), np.nan, np.inf)))


def probability(
    contrast: np.ndarray, centre: np.ndarray, slope: np.ndarray, form: Form = "logistic"
) -> Float[np.ndarray, "*shape"]:
    """The chance of the right answer at a C; the arguments are broadcast."""
    return np.asarray(GUESS + (1.0 - GUESS) * _known(slope * (contrast - centre), form)[0])


def chance_of_four(detectability: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The chance that a signal of this d' exceeds the largest of three without any (Gaussian, equal spread)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    below = special.ndtr(np.asarray(detectability)[..., None] + nodes) ** 3
    return np.asarray(below @ weights / np.sqrt(2.0 * np.pi))


def _known(place: np.ndarray, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """The chance of knowing, freed of guesses, at f (C - C_t), and its slope there."""
    if form == "logistic":
        inner = special.expit(place)
        return inner, inner * (1.0 - inner)
    at, chance, rise = _table()
    return np.interp(place, at, chance), np.interp(place, at, rise, left=0.0, right=0.0)


@cache
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.linspace(-9.0, 2.2, 1500)
    chance = (chance_of_four(THRESHOLD_DETECTABILITY * np.exp(at)) - GUESS) / (1.0 - GUESS)
    return at, chance, np.gradient(chance, at)


def fit_curves(
    hits: Float[np.ndarray, "*batch rows columns"],
    trials: Float[np.ndarray, "*batch rows columns"],
    contrast: Float[np.ndarray, " columns"],
    shared_slope: bool = True,
    prior: SlopePrior | None = None,
    form: Form = "logistic",
) -> Curves:
    """Fit a curve to every row of `hits` out of `trials` at each contrast C (columns); cells without trials are 0 of 0.

    Without a `prior` this is the maximum of the likelihood, with one that of the posterior.

    Raises ValueError where there are more hits than trials.
    """
    if np.any(hits > trials) or np.any(hits < 0):
        raise ValueError("a cell cannot have more hits than trials, nor fewer than none")
    used = trials > 0
    low = np.where(used, contrast, np.inf).min(axis=-1) - _OUTSIDE
    high = np.where(used, contrast, -np.inf).max(axis=-1) + _OUTSIDE
    empty = ~used.any(axis=-1)
    low, high = np.where(empty, -1.0, low), np.where(empty, 1.0, high)
    centre = _start(hits, trials, contrast, low, high)
    slope = np.full_like(centre, IDEAL_SLOPES[form])
    for _ in range(_STEPS):
        step_g, step_f = _step(hits, trials, contrast, centre, slope, shared_slope, prior, form)
        new_slope = np.clip(slope + np.clip(step_f, -0.4 * slope, 0.4 * slope), *SLOPES)
        g = slope * centre + np.clip(step_g, -6.0, 6.0)
        new_centre = np.clip(g / new_slope, np.maximum(low, centre - 0.5), np.minimum(high, centre + 0.5))
        moved = max(np.abs(new_centre - centre).max(initial=0.0), np.abs(new_slope - slope).max(initial=0.0))
        centre, slope = new_centre, new_slope
        if moved < _CLOSE:
            break
    p = probability(contrast, centre[..., None], slope[..., None], form)
    likelihood = (special.xlogy(hits, p) + special.xlog1py(trials - hits, -p)).sum(axis=(-2, -1))
    inside = (centre >= low + _OUTSIDE) & (centre <= high - _OUTSIDE) & ~empty
    return Curves(np.where(empty, np.nan, centre), slope, np.asarray(likelihood), inside)


def _start(hits: np.ndarray, trials: np.ndarray, contrast: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A rough C_t (Spearman and Karber): down from the highest contrast by what is known at each."""
    share = (hits + 0.5 * (0.25 + 0.75 * 0.5)) / np.maximum(trials + 0.5, 0.5)
    known = np.where(trials > 0, np.clip((share - GUESS) / (1.0 - GUESS), 0.0, 1.0), 0.0)
    width = np.gradient(contrast) if contrast.size > 1 else np.ones(1)
    top = np.where(trials > 0, contrast + width / 2, -np.inf).max(axis=-1)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(np.clip(top - (known * width).sum(axis=-1), low, high))


def _step(
    hits: np.ndarray,
    trials: np.ndarray,
    contrast: np.ndarray,
    centre: np.ndarray,
    slope: np.ndarray,
    shared: bool,
    prior: SlopePrior | None,
    form: Form,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of Fisher scoring in g = f C_t (each row) and f."""
    known, rise = _known(slope[..., None] * (contrast - centre[..., None]), form)
    p, rise = GUESS + (1.0 - GUESS) * known, (1.0 - GUESS) * rise
    spread = np.maximum(p * (1.0 - p), 1e-12)
    score = (hits - trials * p) * rise / spread
    weight = trials * rise**2 / spread
    s_g, s_f = -score.sum(axis=-1), (score * contrast).sum(axis=-1)
    w_gg = weight.sum(axis=-1) + 1e-9
    w_gf = -(weight * contrast).sum(axis=-1)
    w_ff = (weight * contrast**2).sum(axis=-1)
    f = slope
    if shared:
        f, s_f, w_ff = slope[..., :1], s_f.sum(axis=-1, keepdims=True), w_ff.sum(axis=-1, keepdims=True)
    if prior is not None:
        s_f, w_ff = s_f - np.log(f / IDEAL_SLOPES[form]) / (f * prior.spread**2), w_ff + (f * prior.spread) ** -2
    if shared:
        left = w_ff - (w_gf**2 / w_gg).sum(axis=-1, keepdims=True)
        step_f = (s_f - (w_gf * s_g / w_gg).sum(axis=-1, keepdims=True)) / np.maximum(left, 1e-9)
    else:
        left = w_ff - w_gf**2 / w_gg
        step_f = (s_f - w_gf * s_g / w_gg) / np.maximum(left, 1e-9)
    step_g = (s_g - w_gf * step_f) / w_gg
    return step_g, np.broadcast_to(step_f, step_g.shape)
