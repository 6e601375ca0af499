"""The size bias: does an answer depend on an object's nominal size where its visibility is the same?

Yun et al. 2025 (Fig 15 and "Discussion") found that equally deformed masses score 1 when large and 0.5 when small: the
abnormality rises faster for the smaller one, and "pass-fail thresholds" differ "across different size variants".

Here objects of every nominal size are made equally visible: their thickness is scaled until the detectability index of
the whole object is that of the third-largest (for deformed masses: of the largest, whose shape readers see). A panel of
simulated readers then scores the very same pixels. Per size and level, the network's error is the mean of (its
probability - the panel's). The bias is the part of that error that goes with size: the root mean square, over sizes and
levels, of the error less its mean over sizes, with the variance that is due to the finite number of realisations taken
off. A dependence on size that the readers share is none.
"""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Phantom
from mammoqa.jobs.validate_acr156_explain_bench import CONDITIONS, Trial, shoot
from mammoqa.jobs.validate_acr156_explain_records import ABNORMAL, PRESENT, Answers, SizeBias
from mammoqa.jobs.validate_acr156_explain_trials import REFERENCE, of_kind
from mammoqa.simulate import ObjectState

HEADLINE = ("mass", "abnormality", "size deformed")  # the one that the paper shows
_MEASURED = (
    ("mass", "abnormality", "size deformed"),
    ("mass", "presence", "size mass"),
    ("fibre", "presence", "size fibre"),
    ("fibre", "abnormality", "size fibre"),
    ("speck_group", "presence", "size speck_group"),
    ("speck_group", "abnormality", "size speck_group"),
)
_SEEN = 0.25  # panels must see an object in this share of a cell's realisations for its abnormality to count


def equal_visibility(phantom: Phantom, seed: int, rounds: int = 3, exposures: int = 2) -> dict[str, float]:
    """Thickness factors that make each object as visible as the third-largest of its kind."""
    names = [insert.name for insert in phantom.inserts]
    weights = np.ones(len(names))
    reference = [
        names.index(of_kind(phantom, insert.kind)[min(REFERENCE, len(of_kind(phantom, insert.kind)) - 1)].name)
        for insert in phantom.inserts
    ]
    target = None
    for turn in range(rounds):
        whole = np.mean(
            [
                shoot(phantom, _sound(phantom, weights), exposure, (seed, turn, i, k)).whole
                for i, exposure in enumerate(CONDITIONS)
                for k in range(exposures)
            ],
            axis=0,
        )
        target = whole[reference] if target is None else target
        weights *= target / np.maximum(whole, 0.1 * target)
    return dict(zip(names, weights.tolist(), strict=True))


def _sound(phantom: Phantom, weights: Float[np.ndarray, " n"]) -> list[Trial]:
    return [
        Trial("calibration", insert.name, 0.0, insert, ObjectState(weight=float(w)))
        for insert, w in zip(phantom.inserts, weights, strict=True)
    ]


def size_biases(answers: Answers, rng: np.random.Generator, resamples: int = 1000) -> tuple[SizeBias, ...]:
    """The bias of every kind and output for each network; resamples are drawn alike for all networks."""
    seeds = rng.integers(2**31, size=len(_MEASURED))
    return tuple(
        _bias(answers, network, measured, np.random.default_rng(seed), resamples)
        for measured, seed in zip(_MEASURED, seeds, strict=True)
        for network in range(len(answers.networks))
    )


def panel_answer(expected: Float[np.ndarray, "... 4"], output: int) -> tuple[np.ndarray, np.ndarray]:
    """The panels' probability of one output, as networks are asked for it, and the share of panels that it rests on.

    Presence: 0.5 or 1 among those that did not say N/A. Abnormality: 0.5 among 0.5 and 1.
    """
    none, half, full = (expected[..., k] for k in range(3))
    top, share = (half + full, none + half + full) if output == PRESENT else (half, half + full)
    share = np.asarray(share)
    return np.divide(top, share, out=np.zeros_like(share), where=share > 0), share


def _bias(
    answers: Answers, network: int, measured: tuple[str, str, str], rng: np.random.Generator, resamples: int
) -> SizeBias:
    kind, output, experiment = measured
    column = PRESENT if output == "presence" else ABNORMAL
    at, curves, levels = _cells(answers, experiment)
    sizes = {t.curve: t.insert.size_mm for t in answers.trials if t.experiment == experiment}
    panel, weight = panel_answer(answers.expected[at], column)
    said = answers.probabilities[network][at][..., column]
    one = answers.one_size[network][at][..., column]
    drawn = rng.integers(at.shape[-1], size=(resamples, *at.shape))
    value = corrected_rms(said - panel, weight)
    draws = np.array([_resampled(said - panel, weight, index) for index in drawn])
    low, high = np.quantile(draws, (0.025, 0.975))
    return SizeBias(
        kind=kind,
        output=output,
        what=experiment,
        network=answers.networks[network],
        bias=value,
        low=float(low),
        high=float(high),
        spread=corrected_rms(said, weight),
        panel_spread=corrected_rms(panel, weight),
        one_size_bias=corrected_rms(one - panel, weight),
        swapped=float(np.average(answers.swapped[network][at][..., column], weights=weight)),
        draws=draws,
        x=np.array(levels),
        sizes_mm=np.array([sizes[c] for c in curves]),
        means=_mean(said, weight),
        panel_means=_mean(panel, weight),
    )


def _cells(answers: Answers, experiment: str) -> tuple[np.ndarray, list[str], list[float]]:
    """Indices of an experiment's trials as [sizes, levels, realisations], with the names of sizes and levels."""
    found: dict[tuple[str, float], list[int]] = {}
    for i, trial in enumerate(answers.trials):
        if trial.experiment == experiment:
            found.setdefault((trial.curve, trial.x), []).append(i)
    curves = sorted({c for c, _ in found})
    levels = sorted({x for _, x in found})
    return np.array([[found[c, x] for x in levels] for c in curves]), curves, levels


def _mean(values: Float[np.ndarray, "*cells n"], weight: Float[np.ndarray, "*cells n"]) -> Float[np.ndarray, "*cells"]:
    """Weighted mean over realisations; nan where panels seldom saw the object."""
    total = weight.sum(axis=-1)
    enough = total >= _SEEN * weight.shape[-1]
    mean = np.full(total.shape, np.nan)
    np.divide((weight * values).sum(axis=-1), total, out=mean, where=enough)
    return mean


def corrected_rms(values: Float[np.ndarray, "sizes levels n"], weight: Float[np.ndarray, "sizes levels n"]) -> float:
    """Root mean square over sizes and levels of the cells' means, less their mean over sizes and less their noise."""
    mean, noise = _mean(values, weight), _noise(values, weight)
    return _rms(mean, noise)


def _noise(values: Float[np.ndarray, "*cells n"], weight: Float[np.ndarray, "*cells n"]) -> np.ndarray:
    """Variance of each cell's mean."""
    mean = _mean(values, weight)
    n = weight.shape[-1]
    squares = (weight**2 * (values - mean[..., None]) ** 2).sum(axis=-1)
    return np.asarray(squares / np.maximum(weight.sum(axis=-1), 1e-9) ** 2 * n / max(n - 1, 1))


def _rms(mean: Float[np.ndarray, "sizes levels"], noise: Float[np.ndarray, "sizes levels"]) -> float:
    known = np.isfinite(mean)
    count = known.sum(axis=0)
    use = count >= 2  # a level where one size alone is seen has no spread
    if not use.any():
        return float("nan")
    away = mean[:, use] - np.nanmean(mean[:, use], axis=0)
    # the mean over sizes takes 1 / sizes of the noise with it
    square = np.nanmean(away**2) - np.nanmean(np.where(known, noise, np.nan)[:, use] * (1 - 1 / count[use]))
    return float(np.sqrt(max(square, 0.0)))


def _resampled(values: np.ndarray, weight: np.ndarray, index: np.ndarray) -> float:
    """The bias of one resample, whose means vary about the sample's by its noise once more."""
    noise = _noise(values, weight)
    values, weight = (np.take_along_axis(a, index, axis=-1) for a in (values, weight))
    return _rms(_mean(values, weight), 2 * noise)


def ratio(biases: tuple[SizeBias, ...], networks: tuple[str, str]) -> tuple[float, float, float] | None:
    """The headline bias of the first network over the second's, with a 95 % interval; None where that has none."""
    model, baseline = (
        next(b for b in biases if (b.kind, b.output, b.what) == HEADLINE and b.network == name) for name in networks
    )
    if baseline.bias == 0:
        return None
    draws = model.draws / np.maximum(baseline.draws, 1e-3)
    low, high = np.quantile(draws, (0.025, 0.975))
    return model.bias / baseline.bias, float(low), float(high)
