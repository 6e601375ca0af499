"""The single-image reading on families of invented units that had no part in its training or its calibration."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from mammoqa.core import Phantom
from mammoqa.jobs.cdmam34_invented import draw_evidence
from mammoqa.jobs.cdmam34_single import curves_of
from mammoqa.jobs.validate_cdmam_ensemble import with_interval
from mammoqa.models.cdmam_cells import CellsModel, Evidence
from mammoqa.simulate.cdmam_invented import RESERVED, invented_unit
from mammoqa.stats.deep_ensemble import EXPANSION

IMAGES = 3  # of each unit
_FIELDS = tuple(f.name for f in fields(Evidence))


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """Images of reserved families and the curves (um) that are true for them."""

    family: np.ndarray
    unit: np.ndarray
    evidence: list[Evidence]
    known_um: Float[np.ndarray, "n k"]


@dataclass(frozen=True, slots=True)
class FamilyLine:
    """How the reading does on one family, with its interval as reported and as it is for familiar images."""

    family: str
    units: int
    error: tuple[float, float, float]
    coverage: tuple[float, float, float]
    half: float
    familiar_coverage: float
    familiar_half: float
    unlike: float


def foreign(units: int, seed: int, phantom: Phantom, keep: Path | None) -> Foreign:
    """Images of so many units of the reserved families in turn, from `keep` where they are kept there."""
    path = None if keep is None else keep / f"reserved-{units}-{seed}.npz"
    if path is not None and path.is_file():
        return _load(path)
    names, number, found, known = [], [], [], []
    diameters = len({cell.row for cell in phantom.cells})
    for unit, rng in enumerate(np.random.default_rng([seed, 2]).spawn(units)):
        family = tuple(RESERVED)[unit % len(RESERVED)]
        drawn, _, curve_um, _ = draw_evidence(invented_unit(family, diameters, rng), phantom, IMAGES, rng)
        found += drawn
        names += [family] * IMAGES
        number += [unit] * IMAGES
        known += [curve_um] * IMAGES
    made = Foreign(np.array(names), np.array(number), found, np.array(known))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(made, path)
    return made


def lines(of: Foreign, model: CellsModel) -> tuple[FamilyLine, ...]:
    """Each family and all of them; intervals by resampling units."""
    spread, distance = curves_of(model, of.evidence)
    error = spread.mean - np.log(of.known_um)
    familiar = np.sqrt(np.maximum(spread.total**2 - model.strained(distance) ** 2, 0.0))
    rows = []
    for name in (*RESERVED, "all"):
        those = np.flatnonzero((of.family == name) | (name == "all"))
        if len(those) == 0:
            continue
        units = np.unique(of.unit[those])
        parts = [those[of.unit[those] == unit] for unit in units]
        inside = [(np.abs(error[p]) <= EXPANSION * spread.total[p]).mean() for p in parts]
        rows.append(
            FamilyLine(
                name,
                len(units),
                with_interval(np.array([np.abs(np.expm1(error[p])).mean() for p in parts])),
                with_interval(np.array(inside)),
                float(EXPANSION * spread.total[those].mean()),
                float((np.abs(error[those]) <= EXPANSION * familiar[those]).mean()),
                float(EXPANSION * familiar[those].mean()),
                float((distance[those] > model.card.farthest).mean()),
            )
        )
    return tuple(rows)


def _save(of: Foreign, path: Path) -> None:
    stacked: dict[str, Any] = {name: np.stack([getattr(one, name) for one in of.evidence]) for name in _FIELDS}
    np.savez_compressed(path, **stacked, family=of.family, unit=of.unit, known_um=of.known_um)


def _load(path: Path) -> Foreign:
    table = np.load(path)
    parts = {name: table[name] for name in _FIELDS if name != "blur_px"}
    evidence = [
        Evidence(**{name: value[i] for name, value in parts.items()}, blur_px=float(table["blur_px"][i]))
        for i in range(len(table["unit"]))
    ]
    return Foreign(table["family"], table["unit"], evidence, table["known_um"])
