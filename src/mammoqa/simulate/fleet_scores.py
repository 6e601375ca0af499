"""Totals of the ACR 156 phantom in a simulated unit's state, read by its own reader.

DETECTABILITY is the mean detectability per part (coarse, fine) and of the whole object in three simulated exposures of
the 156 phantom at 1.5 mGy, W/Rh 28 kV, by `detectability.visibilities` (field 150 x 140 mm, seeds 0 to 2). A state
scales it by its contrast-to-noise ratio against the sound unit's, specks by what blur leaves of them as well. The rules
and criteria are those of `readers`; one reader reads alone, who keeps a criterion of their own.
"""

from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from mammoqa.simulate.readers import DEFAULT, Criteria, fibre_score, mass_score, speck_score
from mammoqa.stats.runs import plainly_missing

Parts = tuple[float, float, float]
DETECTABILITY: MappingProxyType[str, tuple[tuple[str, Parts], ...]] = MappingProxyType(
    {
        "a-se-70": (
            *(("fibre", p) for p in ((30.10, 14.33, 67.65), (20.61, 10.29, 43.75), (14.55, 7.67, 29.68))),
            *(("fibre", p) for p in ((11.53, 6.15, 22.62), (7.81, 4.30, 14.85), (4.75, 2.65, 9.23))),
            *(("speck_group", p) for p in ((59.72, 59.72, 147.67), (31.73, 31.73, 78.07), (19.51, 19.51, 47.93))),
            *(("speck_group", p) for p in ((10.38, 10.38, 25.42), (3.75, 3.75, 9.20))),
            *(("mass", p) for p in ((40.98, 17.54, 163.84), (17.10, 6.51, 66.86), (11.23, 4.37, 43.69))),
            *(("mass", p) for p in ((6.70, 2.29, 25.83), (3.03, 1.09, 11.28))),
        ),
        "csi-100": (
            *(("fibre", p) for p in ((23.28, 11.02, 51.26), (15.27, 7.86, 32.41), (10.56, 5.60, 21.05))),
            *(("fibre", p) for p in ((8.47, 4.60, 16.68), (5.73, 3.23, 10.88), (3.78, 2.15, 7.05))),
            *(("speck_group", p) for p in ((45.31, 45.31, 112.14), (24.33, 24.33, 59.97), (15.22, 15.22, 37.43))),
            *(("speck_group", p) for p in ((7.54, 7.54, 18.57), (3.66, 3.66, 9.09))),
            *(("mass", p) for p in ((32.20, 14.17, 132.63), (13.41, 5.29, 54.32), (8.72, 3.31, 35.49))),
            *(("mass", p) for p in ((5.55, 2.14, 20.93), (2.16, 0.99, 7.93))),
        ),
    }
)
_SAME = {"a-se-85": "a-se-70"}  # same converter, pixels of nearly the same size
_PARTS = {"fibre": 10, "speck_group": 6, "mass": 12}
_TOTALS = {"fibre": "fibres", "speck_group": "speck_groups", "mass": "masses"}


def totals(
    detector: str,
    visible: Float[np.ndarray, " n"],
    blurred: Float[np.ndarray, " n"],
    reader: float,
    rng: np.random.Generator,
    criteria: Criteria = DEFAULT,
) -> dict[str, Float[np.ndarray, " n"]]:
    """Fibres, speck groups and masses of each test, counted to the first object short of full (ACR 1999).

    `visible` is the contrast-to-noise ratio over the sound unit's, `blurred` what blur leaves of specks.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in _TOTALS.values()}
    for kind, parts in DETECTABILITY[_SAME.get(detector, detector)]:
        scale = visible * blurred if kind == "speck_group" else visible
        found[_TOTALS[kind]].append(_scores(kind, parts, scale, reader, rng, criteria))
    return {name: _counted(np.stack(scores, axis=-1)) for name, scores in found.items()}


def _scores(
    kind: str, parts: Parts, scale: Float[np.ndarray, " n"], reader: float, rng: np.random.Generator, c: Criteria
) -> Float[np.ndarray, " n"]:
    """What the reader says of one object in each test; image noise is 1 by the definition of detectability."""
    efficiency = {"fibre": c.efficiency_fibre, "speck_group": c.efficiency_speck, "mass": c.efficiency_mass}[kind]
    count = _PARTS[kind]
    shift = (reader + rng.normal(0.0, c.internal_object, len(scale)))[:, None]
    noise = rng.normal(0.0, c.internal_part, (len(scale), count))
    image = rng.standard_normal((len(scale), count))
    coarse = (scale[:, None] * parts[0] + image) * efficiency + noise - shift
    fine = (scale[:, None] * parts[1] + image) * efficiency + noise - shift
    if kind == "fibre":
        said = fibre_score(coarse > c.segment, plainly_missing(fine, c.gap))
    elif kind == "speck_group":
        said = speck_score((coarse > c.speck).sum(axis=-1))
    else:
        whole = (scale * parts[2] + rng.standard_normal(len(scale))) * efficiency - shift[:, 0] - c.whole
        said = mass_score(whole, (coarse > c.sector) & ~plainly_missing(fine, c.gap))
    return np.asarray(np.maximum(said, 0.0))


def _counted(scores: Float[np.ndarray, "n objects"]) -> Float[np.ndarray, " n"]:
    full = np.cumprod(scores == 1.0, axis=-1)
    reached = np.concatenate([np.ones_like(full[:, :1]), full[:, :-1]], axis=-1)
    return np.asarray((scores * reached).sum(axis=-1))
