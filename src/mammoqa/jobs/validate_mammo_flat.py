"""What the flat field's reading finds in simulated fields, beside the truth of the model that made them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa import physics
from mammoqa.core import Analysis
from mammoqa.simulate.mammo_flat import FlatExposure, FlatTruth, expose_flat

_DETECTORS = ("a-se-70", "a-se-85", "csi-100")
_DOSES_MGY = (0.6, 1.2, 2.4)
_WIDTH_PX = 900
_DUST, _DEAD_PIXELS, _DEAD_LINES = 6, 8, 2


@dataclass(frozen=True, slots=True)
class Check:
    """One number beside its truth; `tolerance` is relative, or absolute for the MTF and counts."""

    case: str
    name: str
    measured: float
    truth: float
    tolerance: float
    absolute: bool = False

    @property
    def error(self) -> float:
        """Measured less truth, relative unless the check is absolute."""
        return self.measured - self.truth if self.absolute else self.measured / self.truth - 1.0

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return abs(self.error) <= self.tolerance


def cases(seed: int) -> Iterator[tuple[str, FlatExposure, Analysis, FlatTruth]]:
    """Every detector at every dose, with aluminium and a plate, and once soiled; analysed as any image is."""
    from mammoqa.jobs.analyse import analyse

    for number, name in enumerate(_DETECTORS):
        whole = FlatExposure(detector=name, aluminium_at_mm=(-40.0, 20.0), plate_at_mm=(45.0, -20.0))
        for dose in _DOSES_MGY:
            exposure = replace(whole, mgd_mgy=dose)
            image, truth = expose_flat(exposure, np.random.default_rng([seed, number, round(10 * dose)]))
            yield f"{name}, {dose:g} mGy", exposure, analyse(image), truth
        spoilt = FlatExposure(detector=name, dust=_DUST, dead_pixels=_DEAD_PIXELS, dead_lines=_DEAD_LINES)
        image, truth = expose_flat(spoilt, np.random.default_rng([seed, number, 99]))
        yield f"{name}, soiled", spoilt, analyse(image), truth


def checks(case: str, exposure: FlatExposure, analysis: Analysis, truth: FlatTruth) -> list[Check]:
    """The numbers of one field beside the model's; a number that is missing is nan."""
    found = {m.name: m.value for m in analysis.measurements}
    missing = float("nan")
    detector = physics.detector(exposure.detector)
    level = detector.offset_dn + detector.gain_dn_per_kev * truth.kev_per_pixel
    rows = []
    if not exposure.dust:  # dust in the middle lowers the SNR there, as it should
        rows.append(Check(case, "snr", found.get("snr", missing), truth.snr, 0.03))
    for frequency in (1.0, 2.0, 4.0):
        name = f"nnps_{frequency:g}_per_mm"
        rows.append(Check(case, name, found.get(name, missing), _nnps_um2(detector, truth, frequency, level), 0.08))
    if exposure.aluminium_at_mm is not None:
        above = detector.gain_dn_per_kev * truth.kev_per_pixel / level
        sdnr = truth.snr * truth.aluminium_contrast * above
        rows.append(Check(case, "sdnr_aluminium", found.get("sdnr_aluminium", missing), sdnr, 0.07))
    if exposure.plate_at_mm is not None:
        for axis in ("x", "y"):
            for frequency in (2.0, 5.0):
                name = f"mtf_{axis}_at_{frequency:g}_per_mm"
                if frequency <= 0.5 / detector.pitch_mm:
                    wanted = float(physics.mtf(detector, np.array(frequency)))
                    rows.append(Check(case, name, found.get(name, missing), wanted, 0.03, absolute=True))
    if exposure.dead_lines:
        rows.append(
            Check(case, "dead_lines", found.get("dead_lines", missing), exposure.dead_lines, 0.0, absolute=True)
        )
        rows.append(
            Check(case, "dead_pixels", found.get("dead_pixels", missing), exposure.dead_pixels, 1.0, absolute=True)
        )
        clusters = found.get("artefact_clusters", missing)
        rows.append(Check(case, "artefact_clusters", clusters, exposure.dust, 1.0, absolute=True))
    return rows


def _nnps_um2(detector: physics.Detector, truth: FlatTruth, frequency: float, level: float) -> float:
    """The model's NNPS in um2 at (frequency, 0), offset in the level, rounding in the noise."""
    kev = truth.kev_per_pixel
    passed = float(physics.noise_power(detector, np.array(frequency)))
    variance = kev * truth.quantum_kev * passed + kev / detector.secondary_per_kev + detector.electronic_kev**2
    variance += (detector.structure * kev) ** 2
    dn = variance * detector.gain_dn_per_kev**2 + 1.0 / 12.0
    return float(1e6 * dn / level**2 * detector.pitch_mm**2)


def run(seed: int, day: str, out: Path) -> tuple[Path, list[Check]]:
    """Simulate, read, compare and write docs/validation/mammo_flat.md with a picture; the page and what failed."""
    from mammoqa.report.picture import annotated, as_jpeg

    rows: list[Check] = []
    out.mkdir(parents=True, exist_ok=True)
    for case, exposure, analysis, truth in cases(seed):
        rows += checks(case, exposure, analysis, truth)
        picture = annotated(analysis, _WIDTH_PX) if case == "csi-100, 1.2 mGy" else None
        if picture is not None:
            (out / "mammo_flat.jpg").write_bytes(as_jpeg(picture))
    failed = [row for row in rows if not row.passed]
    page = out / "mammo_flat.md"
    page.write_text(_page(rows, failed, seed, day), encoding="utf-8")
    return page, failed


def _page(rows: list[Check], failed: list[Check], seed: int, day: str) -> str:
    lines = [
        "# Mammography flat field",
        "",
        "All figures are of **simulated** fields: the forward model's spectra, scatter and detectors, with aluminium "
        "and a steel plate, at three doses, and once with dust, dead pixels and dead lines. The truth is the model's "
        "own: its MTF, its noise by equation, and what was put there. No unit was measured.",
        "",
        f"Made by `mammoqa validate mammo-flat` on {day} with mammoqa {mammoqa.__version__}, seed {seed}.",
        "",
        f"- **{len(rows) - len(failed)} of {len(rows)} numbers within their tolerance**",
        *(f"- not reached: {row.case}, {row.name}: {row.measured:.3g} instead of {row.truth:.3g}" for row in failed),
        "",
        "![a simulated field with its regions](mammo_flat.jpg)",
        "",
        "| Field | Number | measured | truth | error | tolerance |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        error = f"{row.error:+.3f}" if row.absolute else f"{100 * row.error:+.1f} %"
        allowed = f"{row.tolerance:g}" if row.absolute else f"{100 * row.tolerance:g} %"
        lines.append(f"| {row.case} | {row.name} | {row.measured:.4g} | {row.truth:.4g} | {error} | {allowed} |")
    return "\n".join([*lines, "", _LIMITS])


_LIMITS = """## What this does not show

- The edge of the simulated plate is straight and thin; a real plate scatters, and its edge has a thickness.
- The SDNR's truth leaves out that the aluminium's own blur reaches its middle, and scatter from its surroundings.
- Offsets in pixel values are not known to the reading: SNR and NNPS are relative to the level with its offset.
- Limits of uniformity, dose and pixels are those of the reference list, most of them marked as recalled there.
- CNR relative to that at 50 mm of PMMA, which the European protocol limits, needs a series of thicknesses.
"""
