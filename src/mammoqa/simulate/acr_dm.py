"""Exposures of the ACR Digital Mammography phantom over dose and detector, and what many readers give them.

The readers are those of `readers`, but with the rules of the 2018 manual: a fibre scores 1 from 8 mm of visible length
and 0.5 from 5 mm; a speck group 1 from four specks and 0.5 from two; a mass 1 from three quarters of its contour.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa.core import Intent, Phantom
from mammoqa.simulate.detectability import SEGMENTS, Visibility
from mammoqa.simulate.exposure import SOUND, Exposure, ObjectState
from mammoqa.stats.runs import longest_run

# Digital detectors with the beams that their vendors sell.
BEAMS: dict[str, tuple[tuple[str, str], ...]] = {
    "a-se-70": (("W", "Rh"), ("W", "Ag")),
    "a-se-85": (("W", "Rh"), ("W", "Ag")),
    "csi-100": (("Rh", "Rh"), ("W", "Rh"), ("W", "Ag"), ("Mo", "Rh")),
}
DOSES_MGY = (0.3, 3.0)  # a fifth and twice of what a unit usually gives
# A raw exposure of the large field, without the parts that belong to the 156 phantom.
STANDARD = Exposure(letters=(), disc_mm=None, intent=Intent.FOR_PROCESSING, pixel_intensity="LIN")
WORN = 0.06  # share of objects that show up incomplete (a choice)
READERS = 101  # odd, so that the median is one of their scores


@dataclass(frozen=True, slots=True)
class Criteria:
    """How a reader sees, in units of detectability after `efficiency`; as `readers.Criteria` was first set."""

    efficiency: tuple[tuple[str, float], ...] = (("fibre", 0.72), ("speck_group", 0.36), ("mass", 0.33))
    segment: float = 2.8
    speck: float = 3.0
    sector: float = 1.0
    whole: float = 3.8
    gap: float = 2.5
    internal_part: float = 0.35
    internal_object: float = 0.30
    between_readers: float = 0.20


DEFAULT = Criteria()


def draw_exposure(phantom: Phantom, rng: np.random.Generator, number: int, count: int) -> Exposure:
    """Exposure `number` of `count`: detectors in turn, doses evenly over the logarithmic range of `DOSES_MGY`.

    The chest wall lies on the right, where pylinac expects it; objects are displaced and worn a little.
    """
    detector = list(BEAMS)[number % len(BEAMS)]
    beams = BEAMS[detector]
    anode, filter_material = beams[rng.integers(len(beams))]
    place = (number + rng.random()) / count
    low, high = (math.log(dose) for dose in DOSES_MGY)
    return replace(
        STANDARD,
        detector=detector,
        anode=anode,
        filter_material=filter_material,
        kvp=float(rng.integers(27, 32)),
        target_mgd_mgy=math.exp(low + (high - low) * place),
        support_gap_mm=float(rng.uniform(10.0, 20.0)),
        focal_spot_mm=float(rng.uniform(0.25, 0.40)),
        chest_wall="right",
        tilt_deg=float(rng.normal(0.0, 0.2)),
        shift_mm=(float(rng.normal(0.0, 3.0)), float(abs(rng.normal(0.0, 0.5)))),
        insert_offset_mm=(float(rng.normal(0.0, 0.7)), float(rng.normal(0.0, 0.7))),
        objects=tuple(_object(insert.kind, rng) for insert in phantom.inserts),
        device_serial=f"{number % 12:04d}",
        station=f"UNIT-{number % 12:02d}",
    )


def _object(kind: str, rng: np.random.Generator) -> ObjectState:
    """Mostly sound, slightly off its place and its contrast; now and then incomplete."""
    x, y = rng.normal(0.0, 0.25, 2)
    state = replace(SOUND, weight=float(rng.lognormal(0.0, 0.05)), offset_mm=(float(x), float(y)))
    if rng.random() >= WORN:
        return state
    if kind == "fibre":
        start = float(rng.uniform(0.1, 0.8))
        return replace(state, visible=((0.0, start), (min(start + float(rng.uniform(0.1, 0.4)), 1.0), 1.0)))
    if kind == "speck_group":
        missing = rng.permutation(6) < rng.integers(1, 5)
        return replace(state, specks=tuple(bool(not gone) for gone in missing))
    start = float(rng.random())
    end = start + float(rng.uniform(0.4, 0.9))
    return replace(state, sectors=((start, min(end, 1.0)), (0.0, max(end - 1.0, 0.0))))


def read_dm(
    seen: tuple[Visibility, ...], rng: np.random.Generator, readers: int = READERS, criteria: Criteria = DEFAULT
) -> Float[np.ndarray, "readers objects"]:
    """The score of every reader for every object: 0, 0.5 or 1."""
    bias = rng.normal(0.0, criteria.between_readers, readers)
    return np.stack([_scores(one, bias, rng, criteria) for one in seen], axis=1)


def _scores(
    seen: Visibility, bias: Float[np.ndarray, " readers"], rng: np.random.Generator, c: Criteria
) -> Float[np.ndarray, " readers"]:
    efficiency = dict(c.efficiency)[seen.kind]
    shift = (bias + rng.normal(0.0, c.internal_object, bias.shape))[:, None]
    noise = rng.normal(0.0, c.internal_part, (len(bias), len(seen.coarse)))
    coarse = seen.coarse * efficiency + noise - shift
    fine = seen.fine * efficiency + noise - shift
    if seen.kind == "speck_group":
        return speck_score((coarse > c.speck).sum(axis=1))
    usual = np.quantile(fine, 0.75, axis=1, keepdims=True)
    missing = (fine < 0.5 * usual) & (usual - fine > c.gap)
    if seen.kind == "fibre":
        return fibre_score(longest_run((coarse > c.segment) & ~missing) * (10.0 / SEGMENTS))
    share = ((coarse > c.sector) & ~missing).mean(axis=1)
    visible = seen.whole * efficiency - shift[:, 0] > c.whole
    return np.where(visible, np.where(share > 0.75, 1.0, 0.5), 0.0)


def fibre_score(length_mm: np.ndarray) -> np.ndarray:
    """ACR 2018: 1 from 8 mm of visible length, 0.5 from 5 mm."""
    return np.select([length_mm >= 8.0, length_mm >= 5.0], [1.0, 0.5], 0.0)


def speck_score(count: np.ndarray) -> np.ndarray:
    """ACR 2018: 1 from four of six specks, 0.5 from two."""
    return np.select([count >= 4, count >= 2], [1.0, 0.5], 0.0)
