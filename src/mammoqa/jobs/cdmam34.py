"""From the decisions in images of a CDMAM to measurements, a verdict and a curve."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from mammoqa.core import ContrastDetail, CurvePoint, Image, Measurement, Phantom, Pose, SingleImage, Verdict
from mammoqa.score.cdmam34 import CellReadings, decisions
from mammoqa.stats import contrast_detail as curves
from mammoqa.stats.iqf import image_quality_figure

Decisions = Int[np.ndarray, "images rows columns"]

LEVELS = ("acceptable", "achievable")
_SEED = 20260301  # intervals of the same images are the same every time
_RECOMMENDED = 16  # images (Young et al. 2006)
_ONE_IMAGE = 200  # resamples: the interval of one image is wide, and most are pooled afterwards
_VIEW_MM = 0.2  # of the picture: noise is averaged, discs of 0.3 mm stay visible
_BACKGROUND_MM = 8.0
_CURVE_MM = np.geomspace(0.08, 1.0, 25)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What decisions say."""

    verdict: Verdict
    measurements: tuple[Measurement, ...]
    contrast_detail: ContrastDetail
    notes: tuple[str, ...]


def decisions_of(cells: CellReadings, phantom: Phantom) -> tuple[Decisions, Decisions]:
    """The decisions of one image as series of one: corners and centres."""
    return decisions(cells.corner_hit, phantom)[None], decisions(cells.centre_hit, phantom)[None]


def measured(
    corner: Decisions,
    centre: Decisions,
    phantom: Phantom,
    method: curves.Method | None = None,
    single: tuple[SingleImage, ...] = (),
    search_mm: float = 0.0,
) -> Measured:
    """Thresholds, curve, EUREF limits and IQF from the corner decisions of images of one exposure series.

    `single` are what a network made of each image alone: they stand beside and decide nothing. `search_mm` says how the
    decisions were made (`score.cdmam34.read_cells`).
    """
    from mammoqa import judge
    from mammoqa.jobs.cdmam34_single import single_measurements, single_notes

    images = len(corner)
    method = method or curves.Method(resamples=_ONE_IMAGE if images == 1 else curves.N_RESAMPLES)
    diameters_mm, thicknesses_um = axes_of(phantom)
    found = curves.contrast_detail(corner, diameters_mm, thicknesses_um, np.random.default_rng(_SEED), method)
    limits_um = {level: _limits_um(phantom, level, found.curve.diameters_mm) for level in LEVELS}
    chances = {level: found.curve.chance_below(limits_um[level]) for level in LEVELS}
    listed = [*_thresholds(found, limits_um, chances), *_others(found, chances, corner, diameters_mm, thicknesses_um)]
    judged, verdict = judge.judge_thresholds(listed, phantom, LEVELS[0], chances[LEVELS[0]][1])
    shown = ContrastDetail(
        diameters_mm=diameters_mm,
        thicknesses_um=thicknesses_um,
        corner=corner.astype(float),
        centre=centre.astype(float),
        curve=_curve(found, phantom),
        convention=method.convention,
        form=method.form,
        single=single,
        search_mm=search_mm,
    )
    notes = (*_notes(found), *_search_notes(shown), *single_notes(shown))
    return Measured(verdict, (*judged, *single_measurements(shown)), shown, notes)


def phantom_view(image: Image, phantom: Phantom, pose: Pose) -> tuple[UInt8[np.ndarray, "rows columns"], float]:
    """The phantom upright, gold bright, without the slow background, white at four deviations; and pixels per mm."""
    from scipy.ndimage import uniform_filter

    from mammoqa.locate import upright

    seen = upright(image, phantom, pose, pitch_mm=_VIEW_MM)
    flat = seen - uniform_filter(seen, round(_BACKGROUND_MM / _VIEW_MM), mode="nearest")
    spread = 1.48 * float(np.median(np.abs(flat))) or 1.0
    return np.clip(96.0 + 40.0 * flat / spread, 0, 255).astype(np.uint8), 1.0 / _VIEW_MM


def axes_of(phantom: Phantom) -> tuple[np.ndarray, np.ndarray]:
    """Diameters (mm) by row and thicknesses (um) by column."""
    rows = {cell.row: cell.diameter_mm for cell in phantom.cells}
    columns = {cell.column: cell.thickness_um for cell in phantom.cells}
    return np.array([rows[r] for r in sorted(rows)]), np.array([columns[c] for c in sorted(columns)])


def _limits_um(phantom: Phantom, level: str, diameters_mm: np.ndarray) -> np.ndarray:
    limits = {c.name: c.high for c in phantom.criteria if c.applies == level and c.high is not None}
    return np.array([limits.get(_name(d), np.nan) for d in diameters_mm], dtype=float)


def _name(diameter_mm: float) -> str:
    return f"threshold_{diameter_mm:.2f}_mm"


def _thresholds(
    found: curves.ContrastDetail, limits_um: dict[str, np.ndarray], chances: dict[str, tuple[np.ndarray, float]]
) -> list[Measurement]:
    """The curve at every diameter; where there are limits, the chances of meeting them."""
    low, high = found.curve.interval_um()
    listed = []
    for k, diameter_mm in enumerate(found.curve.diameters_mm):
        notes = [
            f"{level} (≤ {limits_um[level][k]:g}): p {chances[level][0][k]:.2f}"
            for level in LEVELS
            if not np.isnan(limits_um[level][k])
        ]
        if not found.human.inside[k]:
            notes.append("beyond the phantom's thicknesses")
        listed.append(
            Measurement(
                _name(float(diameter_mm)),
                float(found.curve.value_um[k]),
                "um",
                float(low[k]),
                float(high[k]),
                note="; ".join(notes) or None,
            )
        )
    return listed


def _others(
    found: curves.ContrastDetail,
    chances: dict[str, tuple[np.ndarray, float]],
    corner: Decisions,
    diameters_mm: np.ndarray,
    thicknesses_um: np.ndarray,
) -> list[Measurement]:
    """Probabilities of meeting all limits of a level, the image quality figure, the slope."""
    drawn = np.where(corner[0] < 0, -1, found.resampled_hits)
    figures = image_quality_figure(drawn, diameters_mm, thicknesses_um).mean(axis=1)
    figure = float(image_quality_figure(corner, diameters_mm, thicknesses_um).mean())
    low, high = (float(v) for v in figure + np.quantile(figures - figures.mean(), (0.025, 0.975)))
    return [
        *(Measurement(f"probability_{level}", chances[level][1], "1") for level in LEVELS),
        Measurement("iqf", figure, "um mm", low, high),
        Measurement("psychometric_slope", found.slope, "1"),
        Measurement("images", float(found.images), "1"),
    ]


def _curve(found: curves.ContrastDetail, phantom: Phantom) -> tuple[CurvePoint, ...]:
    """The curve at its own diameters and between them, in rising order."""
    at_mm = np.unique(np.round(np.concatenate([_CURVE_MM, found.human.diameters_mm]), 4))
    curve = curves.smooth_curve(found.human, at_mm)
    low, high = curve.interval_um()
    alone = {round(float(d), 4): float(t) for d, t in zip(found.human.diameters_mm, found.human.value_um, strict=True)}
    limits = {level: _limits_um(phantom, level, at_mm) for level in LEVELS}

    def limit(level: str, k: int) -> float | None:
        return None if np.isnan(limits[level][k]) or float(at_mm[k]) not in alone else float(limits[level][k])

    return tuple(
        CurvePoint(
            float(d),
            float(curve.value_um[k]),
            float(low[k]),
            float(high[k]),
            alone.get(float(d)),
            limit(LEVELS[0], k),
            limit(LEVELS[1], k),
        )
        for k, d in enumerate(at_mm)
    )


def _notes(found: curves.ContrastDetail) -> tuple[str, ...]:
    convention = found.method.convention
    notes = [
        f"human thresholds from automatic ones by the ratios of Nukleonika 2016;61:53 on the {convention}; "
        f"psychometric curve: {found.method.form}, slope {'shared' if found.method.shared_slope else 'free'}",
        "EUREF's limit at 2.0 mm is not judged: no ratio of human to automatic thresholds is known there",
    ]
    if found.images < _RECOMMENDED:
        notes.append(f"{found.images} of the {_RECOMMENDED} images that are recommended: the intervals are wide")
    if found.image_spread > 0.15:  # a choice: half of the thresholds' interval with sixteen images
        notes.append(f"the images differ by more than chance ({100 * found.image_spread:.0f} % in contrast)")
    return tuple(notes)


def _search_notes(shown: ContrastDetail) -> tuple[str, ...]:
    if not shown.search_mm:
        return ()
    known = "; the single-image estimate knows their places" if shown.single else ""
    return (f"discs were looked for within {shown.search_mm:g} mm of their places{known}",)
