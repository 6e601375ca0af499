"""Units that nobody built: how a CDMAM might look on a detector that shares no forward model with `physics`.

A network that has seen one forward model only takes what all its units have in common for granted. So blur, noise
power, contrast law, sampling and background are free numbers here, drawn far beyond what units of one make show. Each
family lets one of them stray; `FAMILIES` may be trained on, `RESERVED` never are: those differ in kind (blur with long
tails, pixels that were sharpened, discs beside their places, lumps), so that a reading can be tried on what it
does not know. All ranges are choices.

Everything is stationary and linear, so a unit is a few functions of frequency. Signals are shares of the background.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

_MIDDLE_MM = 0.3  # of the phantom's diameters, where a bent contrast law is straight
_STRUCTURE_PER_MM = 0.5  # where structure noise is as strong as `structure` says
_COARSE_MM = 0.070  # noise is given for a pixel of this size


@dataclass(frozen=True, slots=True)
class InventedUnit:
    """A unit by numbers.

    Signal: a disc of t um takes `share` (1 - exp(-`gold_per_um` t)), times exp(`bend`[0] x + `bend`[1] x^2) with
    x = ln(d / 0.3 mm), times `rows` for each of the phantom's diameters; `blur` are (weight, sigma in mm) of Gaussians,
    `tail` (share, length in mm) an exponential part beside them. Noise: `noise` is the relative standard deviation of
    a pixel of 0.07 mm, `correlated` (share, sigma in mm) the part that is blurred; `structure` (strength, slope)
    follows a power law and equals the noise's power, times its strength, at 0.5 per mm; `lumps` (strength, sigma in mm)
    adds Gaussian blobs. `sharpened` (strength, sigma in mm) is an unsharp mask on everything. `trend` are shares by
    which the background is bent over a cell (cubic, quartic; towards any side), `grid` (strength over the pixel's
    noise, per mm, angle in degrees) what an anti-scatter grid leaves. `beside_mm` moves each diameter's discs from
    their places. `line_mm` is how wide the lines look (standard deviation).
    """

    family: str
    pitch_mm: float
    magnification: float
    line_mm: float
    gold_per_um: float
    share: float
    bend: tuple[float, float]
    rows: tuple[float, ...]
    blur: tuple[tuple[float, float], ...]
    noise: float
    correlated: tuple[float, float] = (0.0, 0.05)
    structure: tuple[float, float] = (0.0, 2.0)
    lumps: tuple[float, float] = (0.0, 1.0)
    tail: tuple[float, float] = (0.0, 0.05)
    sharpened: tuple[float, float] = (0.0, 0.2)
    trend: tuple[float, float] = (0.0, 0.0)
    grid: tuple[float, float, float] = (0.0, 3.0, 0.0)
    beside_mm: tuple[tuple[float, float], ...] = ()

    def contrast(
        self, diameter_mm: Float[np.ndarray, " n"], thickness_um: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """What a disc takes away before any blur, without `rows`."""
        x = np.log(diameter_mm / _MIDDLE_MM)
        law = -np.expm1(-self.gold_per_um * thickness_um)
        return np.asarray(self.share * law * np.exp(self.bend[0] * x + self.bend[1] * x**2))

    def transfer(self, per_mm: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """What the unit does to a signal of this (radial) frequency; the pixel's own width is not in it."""
        core = sum(weight * np.exp(-2.0 * (np.pi * sigma * per_mm) ** 2) for weight, sigma in self.blur)
        share, length = self.tail
        long = (1.0 + (2.0 * np.pi * length * per_mm) ** 2) ** -1.5
        return np.asarray(((1.0 - share) * core + share * long) * self._sharpening(per_mm))

    def noise_power(self, per_mm: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Variance of a pixel for each frequency (white noise: the same everywhere); finite at 0."""
        white = (self.noise * _COARSE_MM / self.pitch_mm) ** 2
        share, sigma_mm = self.correlated
        power = 1.0 - share + share * np.exp(-4.0 * (np.pi * sigma_mm * per_mm) ** 2)
        strength, slope = self.structure
        power = power + strength * (_STRUCTURE_PER_MM / np.maximum(per_mm, 0.05)) ** slope
        strength, sigma_mm = self.lumps
        power = power + strength * np.exp(-4.0 * (np.pi * sigma_mm * per_mm) ** 2)
        return np.asarray(white * power * self._sharpening(per_mm) ** 2)

    def _sharpening(self, per_mm: np.ndarray) -> np.ndarray:
        strength, sigma_mm = self.sharpened
        return np.asarray(1.0 + strength * -np.expm1(-2.0 * (np.pi * sigma_mm * per_mm) ** 2))


Draw = Callable[[InventedUnit, np.random.Generator], InventedUnit]


def invented_unit(family: str, diameters: int, rng: np.random.Generator) -> InventedUnit:
    """A unit of a family (see `FAMILIES`, `RESERVED`) for a phantom with so many diameters."""
    unit = replace(_plain(diameters, rng), family=family)
    if family == MIXTURE:
        for draw in FAMILIES.values():
            unit = draw(unit, rng) if rng.random() < 0.5 else unit
        return unit
    return (FAMILIES | RESERVED)[family](unit, rng)


def _plain(diameters: int, rng: np.random.Generator) -> InventedUnit:
    """What all families have in common: every number strays a little."""
    sigma_mm = _between(0.02, 0.07, rng)
    wide = float(rng.uniform(0.0, 0.3))
    return InventedUnit(
        family="plain",
        pitch_mm=float(rng.choice([0.05, 0.06, 0.07, 0.085, 0.1])),
        magnification=float(rng.uniform(1.04, 1.09)),
        line_mm=float(np.hypot(sigma_mm, rng.uniform(0.06, 0.2) / 3.46)),
        gold_per_um=float(rng.uniform(0.13, 0.19)),
        share=float(rng.uniform(0.5, 0.85)),
        bend=(float(rng.normal(0.0, 0.05)), float(rng.normal(0.0, 0.02))),
        rows=tuple(float(v) for v in np.exp(rng.normal(0.0, 0.01, diameters))),
        blur=((1.0 - wide, sigma_mm), (wide, sigma_mm * float(rng.uniform(1.5, 3.0)))),
        noise=_between(0.012, 0.06, rng),
        correlated=(float(rng.uniform(0.0, 0.5)), float(rng.uniform(0.02, 0.06))),
        structure=(_between(0.01, 0.1, rng), float(rng.uniform(1.0, 2.0))),
        trend=(float(rng.normal(0.0, 0.002)), float(rng.normal(0.0, 0.002))),
    )


def _blur(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    wider, share, beyond = _between(0.5, 2.0, rng), float(rng.uniform(0.0, 0.6)), float(rng.uniform(1.5, 4.0))
    sigma_mm = unit.blur[0][1] * wider
    return replace(unit, blur=((1.0 - share, sigma_mm), (share, sigma_mm * beyond)))


def _noise(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, correlated=(float(rng.uniform(0.5, 1.0)), _between(0.03, 0.15, rng)))


def _structure(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, structure=(_between(0.2, 4.0, rng), float(rng.uniform(1.0, 3.0))))


def _contrast(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(
        unit,
        gold_per_um=float(rng.uniform(0.09, 0.25)),
        bend=(float(rng.normal(0.0, 0.2)), float(rng.normal(0.0, 0.06))),
        rows=tuple(float(v) for v in np.exp(rng.normal(0.0, 0.05, len(unit.rows)))),
    )


def _sampling(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, pitch_mm=_between(0.05, 0.1, rng), line_mm=unit.line_mm * _between(0.6, 2.0, rng))


def _background(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(
        unit,
        trend=(float(rng.normal(0.0, 0.02)), float(rng.normal(0.0, 0.02))),
        grid=(_between(0.05, 0.6, rng), float(rng.uniform(1.0, 5.0)), float(rng.uniform(0.0, 90.0))),
    )


def _tails(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, tail=(float(rng.uniform(0.3, 0.8)), _between(0.03, 0.12, rng)))


def _sharpened(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, sharpened=(float(rng.uniform(0.3, 1.2)), _between(0.08, 0.3, rng)))


def _misprinted(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    moved = rng.normal(0.0, 0.04, (len(unit.rows), 2))
    rows = tuple(float(v) for v in np.exp(rng.normal(0.0, 0.10, len(unit.rows))))
    return replace(unit, rows=rows, beside_mm=tuple((float(x), float(y)) for x, y in moved))


def _lumpy(unit: InventedUnit, rng: np.random.Generator) -> InventedUnit:
    return replace(unit, lumps=(_between(1.0, 30.0, rng), _between(0.15, 0.8, rng)))


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Evenly between the logarithms."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


FAMILIES: MappingProxyType[str, Draw] = MappingProxyType(
    {
        "blur": _blur,
        "noise": _noise,
        "structure": _structure,
        "contrast": _contrast,
        "sampling": _sampling,
        "background": _background,
    }
)
RESERVED: MappingProxyType[str, Draw] = MappingProxyType(
    {"tails": _tails, "sharpened": _sharpened, "misprinted": _misprinted, "lumpy": _lumpy}
)
MIXTURE = "everything"  # half of the families at a time
TRAINED: tuple[str, ...] = (*FAMILIES, MIXTURE)
