"""From hits and misses of contrast-detail discs to the contrast-detail curve of human readers, with intervals.

Thresholds of a computer are lower than those of people. The ratio by diameter is that of Nukleonika 2016;61:53. Public
codes differ on what it multiplies: the gold thickness ("thickness") or the contrast of the disc ("contrast"). A result
names which.

The curve through the thresholds is t(d) = a + b/d + c/d^2 + e/d^3 (European guidelines, 4th edition, supplement).

Intervals come from a parametric bootstrap over images and cells: every resample draws new images, each a little better
or worse than the average, and new cells, each a little easier or harder than its neighbours in the curve, by as much
as the data show beyond chance, and then hits and misses. It is defined for a single image, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from mammoqa.stats.psychometric import Curves, Form, SlopePrior, fit_curves, gold_um, log_contrast, probability

Convention = Literal["thickness", "contrast"]
N_RESAMPLES = 500
HUMAN_OVER_AUTOMATIC: Mapping[float, float] = MappingProxyType(
    {
        0.08: 1.40,
        0.10: 1.50,
        0.13: 1.60,
        0.16: 1.68,
        0.20: 1.75,
        0.25: 1.82,
        0.31: 1.88,
        0.40: 1.94,
        0.50: 1.98,
        0.63: 2.01,
        0.80: 2.06,
        1.00: 2.11,
    }
)
_CONTRAST_PER_UM = 0.157  # EUREF's contrasts of 0.1 to 2 um of gold at 28 kV Mo/Mo give 0.156 to 0.158
_MOST_CONTRAST = 0.99
_TERMS = 4
_ROUNDS = 8
_LEAST = 0.1  # while iterating, the curve stays above this part of each threshold
_RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Method:
    """How thresholds are drawn from decisions; the defaults are the convention's, but for the steadied slope.

    `slope_prior` None gives the plain maximum of the likelihood.
    """

    form: Form = "logistic"
    shared_slope: bool = True
    slope_prior: SlopePrior | None = field(default_factory=SlopePrior)
    convention: Convention = "thickness"
    resamples: int = N_RESAMPLES
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Threshold thicknesses (um) by diameter, with every resample's; nan where there is none.

    `inside` tells whether the automatic threshold lies among the thicknesses tried.
    """

    diameters_mm: Float[np.ndarray, " n"]
    value_um: Float[np.ndarray, " n"]
    resampled_um: Float[np.ndarray, "resamples n"]
    inside: Bool[np.ndarray, " n"]
    confidence: float

    def interval_um(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """The ends of the intervals: the resamples' quantiles."""
        if self.resampled_um.size == 0:
            return np.full_like(self.value_um, np.nan), np.full_like(self.value_um, np.nan)
        tail = (1.0 - self.confidence) / 2.0
        low, high = np.quantile(self.resampled_um, (tail, 1.0 - tail), axis=0)
        return low, high

    def chance_below(self, limits_um: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], float]:
        """The share of resamples that meets each limit (nan: none), and all of them."""
        met = self.resampled_um <= np.where(np.isnan(limits_um), np.inf, limits_um)
        return met.mean(axis=0), float(met.all(axis=1).mean())


@dataclass(frozen=True, slots=True, eq=False)
class ContrastDetail:
    """What a series of images gives.

    `automatic` holds every diameter, `human` those with a known ratio, `curve` the curve at the same diameters as
    `human`. `image_spread` and `cell_spread` are the standard deviations of ln contrast among images and among cells
    beyond chance.
    """

    automatic: Thresholds
    human: Thresholds
    curve: Thresholds
    slope: float
    image_spread: float
    cell_spread: float
    images: int
    method: Method
    resampled_hits: Int[np.ndarray, "resamples images rows columns"]


def contrast_detail(
    decisions: Int[np.ndarray, "images rows columns"],
    diameters_mm: Float[np.ndarray, " rows"],
    thicknesses_um: Float[np.ndarray, " columns"],
    rng: np.random.Generator,
    method: Method | None = None,
) -> ContrastDetail:
    """Thresholds and the curve from decisions (1 hit, 0 miss, -1 no such cell) of images of one exposure series.

    Raises ValueError without images, or where the images do not have the same cells.
    """
    method = method or Method()
    if len(decisions) == 0 or np.any((decisions < 0).any(axis=0) != (decisions < 0).all(axis=0)):
        raise ValueError("a series needs images, all with the same cells")
    used = decisions[0] >= 0
    contrast = log_contrast(thicknesses_um)
    trials = np.where(used, float(len(decisions)), 0.0)
    hits = np.where(used, decisions, 0).sum(axis=0).astype(float)
    fit = _fit(hits, trials, contrast, method)
    spreads = _spreads(np.where(used, decisions, 0), used, contrast, fit, method.form)
    drawn = _draw(fit, contrast, used, len(decisions), spreads, method, rng)
    again = _fit(
        drawn.sum(axis=1).astype(float), np.broadcast_to(trials, (len(drawn), *trials.shape)), contrast, method
    )
    automatic = Thresholds(diameters_mm, gold_um(fit.centre), gold_um(again.centre), fit.inside, method.confidence)
    human = to_human(automatic, method.convention)
    return ContrastDetail(
        automatic=automatic,
        human=human,
        curve=smooth_curve(human, human.diameters_mm),
        slope=float(np.nanmedian(fit.slope)),
        image_spread=spreads[0],
        cell_spread=spreads[1],
        images=len(decisions),
        method=method,
        resampled_hits=drawn,
    )


def to_human(automatic: Thresholds, convention: Convention) -> Thresholds:
    """Thresholds of people from those of a computer, at the diameters whose ratio is known."""
    ratios = np.array([HUMAN_OVER_AUTOMATIC.get(round(float(d), 2), np.nan) for d in automatic.diameters_mm])
    kept = ~np.isnan(ratios) & ~np.isnan(automatic.value_um)
    ratio = ratios[kept]

    def turn(thickness_um: np.ndarray) -> np.ndarray:
        if convention == "thickness":
            return np.asarray(ratio * thickness_um)
        contrast = np.minimum(ratio * -np.expm1(-_CONTRAST_PER_UM * thickness_um), _MOST_CONTRAST)
        return np.asarray(-np.log1p(-contrast) / _CONTRAST_PER_UM)

    return Thresholds(
        automatic.diameters_mm[kept],
        turn(automatic.value_um[kept]),
        turn(automatic.resampled_um[:, kept]),
        automatic.inside[kept],
        automatic.confidence,
    )


def smooth_curve(human: Thresholds, at_mm: Float[np.ndarray, " m"]) -> Thresholds:
    """The contrast-detail curve at other diameters; least squares in ln t, weighted by the thresholds' spread.

    With fewer than five thresholds the curve would go through every one: it is left out (nan).
    """
    if len(human.value_um) <= _TERMS:
        nothing = np.full(len(at_mm), np.nan)
        empty = np.full((len(human.resampled_um), len(at_mm)), np.nan)
        return Thresholds(at_mm, nothing, empty, np.zeros(len(at_mm), bool), human.confidence)
    spread = np.log(human.resampled_um).std(axis=0) if len(human.resampled_um) > 1 else np.ones(len(human.value_um))
    both = np.vstack([human.value_um, human.resampled_um])
    made = _polynomials(human.diameters_mm, both, np.maximum(spread, 1e-3)) @ _powers(at_mm).T
    floor = 1e-3  # um; a polynomial may dip below zero where thresholds scatter
    within = (at_mm >= human.diameters_mm.min()) & (at_mm <= human.diameters_mm.max())
    return Thresholds(
        at_mm,
        np.maximum(made[0], floor),
        np.maximum(made[1:], floor),
        within,
        human.confidence,
    )


def _powers(diameters_mm: np.ndarray) -> np.ndarray:
    return np.asarray((0.1 / diameters_mm[:, None]) ** np.arange(_TERMS, dtype=float))


def _polynomials(diameters_mm: np.ndarray, thresholds_um: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Coefficients [curves, terms] of least squares in ln t, by Gauss and Newton from the curve's own weights.

    Residuals in t itself, weighted by 1/t, would pull the curve towards the thresholds that happen to be low.
    """
    base = _powers(diameters_mm)
    made = thresholds_um
    for _ in range(_ROUNDS):
        weight = 1.0 / (made * spread)
        target = made * (1.0 + np.log(thresholds_um / made))
        rows = base * weight[:, :, None]
        normal = rows.transpose(0, 2, 1) @ rows + _RIDGE * np.eye(_TERMS)
        found = np.linalg.solve(normal, (rows.transpose(0, 2, 1) @ (target * weight)[:, :, None]))[:, :, 0]
        made = np.maximum(found @ base.T, _LEAST * thresholds_um)
    return np.asarray(found)


def _fit(hits: np.ndarray, trials: np.ndarray, contrast: np.ndarray, method: Method) -> Curves:
    return fit_curves(hits, trials, contrast, method.shared_slope, method.slope_prior, method.form)


def _spreads(
    outcomes: np.ndarray, used: np.ndarray, contrast: np.ndarray, fit: Curves, form: Form
) -> tuple[float, float]:
    """Standard deviations of ln contrast among images and among cells beyond chance (by moments of the scores)."""
    place, slope = np.nan_to_num(fit.centre)[:, None], fit.slope[:, None]
    p = probability(contrast, place, slope, form)
    step = 1e-3
    rise = (probability(contrast + step, place, slope, form) - probability(contrast - step, place, slope, form)) / (
        2 * step
    )
    spread = np.maximum(p * (1 - p), 1e-9)
    weight = np.where(used & ~np.isnan(fit.centre)[:, None], rise / spread, 0.0)
    scores = (outcomes - p) * weight  # images, rows, columns
    information = np.broadcast_to(rise * weight, outcomes.shape)
    return (
        _excess(scores.sum(axis=(1, 2)), information.sum(axis=(1, 2)), len(outcomes) - 1),
        _excess(scores.sum(axis=0)[used], information.sum(axis=0)[used], int(used.sum()) - used.shape[0] - 1),
    )


def _excess(scores: np.ndarray, information: np.ndarray, free: int) -> float:
    """The spread of an effect beyond chance; the fit has used some of the freedom that the scores had."""
    if free < 1:
        return 0.0
    beyond = (scores**2).sum() * len(scores) / free - information.sum()
    return float(np.sqrt(max(0.0, beyond) / max(float((information**2).sum()), 1e-12)))


def _draw(
    fit: Curves,
    contrast: np.ndarray,
    used: np.ndarray,
    images: int,
    spreads: tuple[float, float],
    method: Method,
    rng: np.random.Generator,
) -> np.ndarray:
    """Hits of new series of as many images: 1 hit, 0 miss or no cell."""
    shape = (method.resamples, images, *used.shape)
    shift = rng.normal(0.0, 1.0, (method.resamples, images, 1, 1)) * spreads[0]
    shift = shift + rng.normal(0.0, 1.0, (method.resamples, 1, *used.shape)) * spreads[1]
    centre, slope = np.nan_to_num(fit.centre)[:, None], fit.slope[:, None]
    p = probability(contrast + shift, centre, slope, method.form).astype(np.float32)
    return np.asarray(((rng.random(shape, dtype=np.float32) < p) & used).astype(np.int8))


def known_limit(
    chances: Float[np.ndarray, "rows columns"],
    diameters_mm: Float[np.ndarray, " rows"],
    thicknesses_um: Float[np.ndarray, " columns"],
    rng: np.random.Generator,
    method: Method | None = None,
    images: int = 16,
) -> tuple[Thresholds, Thresholds]:
    """Automatic thresholds and the human curve that known chances of every cell give in the end (0: no such cell).

    As from endless images of one series; the curve has the weights that a series of `images` would give it.
    """
    method = method or Method(resamples=100)
    used = chances > 0
    contrast = log_contrast(thicknesses_um)
    trials = np.where(used, 1e5, 0.0)
    fit = _fit(chances * trials, trials, contrast, method)
    drawn = rng.binomial(images, chances, (method.resamples, *chances.shape)).astype(float)
    few = np.where(used, float(images), 0.0)
    again = _fit(drawn, np.broadcast_to(few, drawn.shape), contrast, method)
    automatic = Thresholds(diameters_mm, gold_um(fit.centre), gold_um(again.centre), fit.inside, method.confidence)
    human = to_human(automatic, method.convention)
    return automatic, smooth_curve(human, human.diameters_mm)
