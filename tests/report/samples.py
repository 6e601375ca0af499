"""Realistic analyses for the tests of report and store: an ACR 156 image, an MRI stack, a refusal, a month of QC."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from mammoqa.core import (
    Acquisition,
    Analysis,
    Intent,
    Measurement,
    ModelId,
    ObjectScore,
    Outcome,
    Pose,
    Provenance,
    ReasonCode,
    Region,
    Source,
    Verdict,
)
from mammoqa.phantoms import PHANTOMS

SCORES = {
    "fibre": (1, 1, 1, 1, 0.5, 0),
    "speck_group": (1, 1, 1, 0.5, 0),
    "mass": (1, 1, 1, 0.5, 0.5),
}
VIEW_SCALE = 8.0  # pixels per mm
_MATRIX = np.array([[10.0, 0.1, 900.0], [-0.1, 10.0, 1000.0]])


def _mammography(station: str, at: datetime) -> Acquisition:
    return Acquisition(
        modality="MG", manufacturer="Hologic, Inc.", model="Selenia Dimensions", station=station,
        device_serial="H1KRHR83", acquired_at=at, description="ACR phantom", intent=Intent.FOR_PROCESSING,
        pixel_intensity="LIN", kvp=28.0, mas=72.0, anode="TUNGSTEN", filter_material="RHODIUM",
        thickness_mm=42.0, force_n=98.0, organ_dose_mgy=1.23, magnification=1.07, view="CC", laterality="R",
    )  # fmt: skip


def sample_view(rng: np.random.Generator, width_mm: float = 108.0, height_mm: float = 114.0) -> np.ndarray:
    """A picture like an upright ACR 156 phantom with a margin, 8 bit."""
    phantom = PHANTOMS["acr156"]
    x_mm, y_mm = _grid_mm((round(height_mm * VIEW_SCALE), round(width_mm * VIEW_SCALE)))
    picture = np.where((abs(x_mm) < 40.5) & (abs(y_mm) < 40.5), 0.0, -30.0)
    for insert in phantom.inserts:
        x, y = x_mm - insert.centre_mm[0], y_mm - insert.centre_mm[1]
        if insert.kind == "fibre":
            angle = np.radians(insert.angle_deg)
            along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
            picture += insert.size_mm * 60 * ((abs(along) < 5) & (abs(across) < insert.size_mm / 2))
        elif insert.kind == "mass":
            inside = 1 - (x**2 + y**2) / (insert.diameter_mm / 2) ** 2
            picture += 45 * insert.size_mm * np.clip(inside, 0, None)
        else:
            for k in range(6):
                cx, cy = 3 * np.sin(k * 2 * np.pi / 5) * (k > 0), -3 * np.cos(k * 2 * np.pi / 5) * (k > 0)
                picture += 320 * insert.size_mm * (np.hypot(x - cx, y - cy) < insert.size_mm / 2)
    picture += rng.normal(110, 14, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _grid_mm(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (x - (shape[1] - 1) / 2) / VIEW_SCALE, (y - (shape[0] - 1) / 2) / VIEW_SCALE


def sample_saliency(rng: np.random.Generator, view: np.ndarray) -> np.ndarray:
    x_mm, y_mm = _grid_mm(view.shape)
    total = np.zeros(view.shape)
    for insert in PHANTOMS["acr156"].inserts:
        r = np.hypot(x_mm - insert.centre_mm[0], y_mm - insert.centre_mm[1])
        total += np.exp(-((r / 3.5) ** 2)) * min(1.0, insert.size_mm)
    return np.clip(total * rng.gamma(2.0, 0.5, view.shape), 0, 1).astype(np.float32)


def _provenance(phantom: str | None, at: datetime) -> Provenance:
    model = ModelId("acr156-net", "2026.1", "5f" * 32)
    return Provenance(
        software="mammoqa 0.1.0",
        phantom_version="1" if phantom else None,
        model=model if phantom == "acr156" else None,
        analysed_at=at,
        seconds=0.41,
        timings_s=(("decode", 0.08), ("locate", 0.11), ("score", 0.16), ("explain", 0.06)),
    )


def _objects(rng: np.random.Generator, scores: dict[str, tuple[float, ...]]) -> tuple[ObjectScore, ...]:
    objects = []
    stopped: dict[str, bool] = {}
    seen: dict[str, int] = {}
    for insert in PHANTOMS["acr156"].inserts:
        index = seen.get(insert.kind, 0)
        seen[insert.kind] = index + 1
        score = scores[insert.kind][index]
        x, y = insert.centre_mm
        objects.append(
            ObjectScore(
                insert.name,
                insert.kind,
                insert.size_mm,
                float(score),
                p_present=float(rng.uniform(0.9, 1.0) if score else rng.uniform(0.02, 0.3)),
                p_abnormal=float(rng.uniform(0.6, 0.95) if score < 1 else rng.uniform(0.01, 0.2)),
                centre_px=(900 + 10 * x, 1000 + 10 * y),
                counted=not stopped.get(insert.kind, False),
                deduction=0.5 if insert.name == "speck-group-3" and score == 1 else 0.0,
            )
        )
        stopped[insert.kind] = stopped.get(insert.kind, False) or score < 1
    return tuple(objects)


def sample_analysis(
    seed: int = 1,
    *,
    station: str = "MAMMO1",
    at: datetime = datetime(2026, 3, 2, 7, 42),
    scores: dict[str, tuple[float, ...]] = SCORES,
    pictures: bool = True,
) -> Analysis:
    """An ACR 156 image read by the network; the view has the origin of the phantom frame at its centre."""
    rng = np.random.default_rng(seed)
    view = sample_view(rng) if pictures else None
    objects = _objects(rng, scores)
    names = {"fibre": "fibres", "speck_group": "speck_groups", "mass": "masses"}
    totals = {
        plural: float(sum(o.score - o.deduction for o in objects if o.kind == kind and o.counted))
        for kind, plural in names.items()
    }
    good = totals["fibres"] >= 4 and totals["speck_groups"] >= 3 and totals["masses"] >= 3
    reason = None if good else f"speck groups {totals['speck_groups']:.1f}, at least 3.0 needed"
    spread = min(abs(totals["fibres"] - 4), abs(totals["speck_groups"] - 3), abs(totals["masses"] - 3))
    sop = f"1.2.826.0.1.3680043.8.498.{seed}.{at:%Y%m%d}.{sum(map(ord, station))}"
    path = f"qc/{station.lower()}/{at:%Y-%m-%d}.dcm"
    sha256 = hashlib.sha256(sop.encode()).hexdigest()
    return Analysis(
        path=path,
        sources=(Source(path, sha256, "1.2.840.10008.5.1.4.1.1.1.2.1", sop, "1.2.3.4", "1.2.3"),),
        acquisition=_mammography(station, at),
        phantom="acr156",
        verdict=Verdict(
            Outcome.PASS if good else Outcome.FAIL,
            reason,
            totals=tuple(totals.items()),
            p_pass=round(0.5 + 0.45 * min(1.0, 0.3 + spread) * (1 if good else -1), 3),
        ),
        provenance=_provenance("acr156", at.replace(tzinfo=UTC) + timedelta(minutes=9)),
        objects=objects,
        pose=Pose(_MATRIX, "left", False, 0.57, 1.07, True, 0.12, (2400.0, 3900.0), 0.98),
        notes=("tilt 0.6 degrees", "one dead line outside the insert"),
        view=view,
        saliency=sample_saliency(rng, view) if view is not None else None,
        view_scale=VIEW_SCALE,
    )


def sample_stack(seed: int = 2) -> Analysis:
    """An ACR MRI stack: five measurements on slices 1, 5, 7 and 11 (index 0, 4, 6, 10), regions drawn."""
    rng = np.random.default_rng(seed)
    slices = (0, 4, 6, 10)
    y, x = np.mgrid[:256, :256] - 127.5
    disc = np.hypot(x, y) < 97
    panels = [np.clip(disc * (150 + 8 * k) + rng.normal(12, 6, disc.shape), 0, 255).astype(np.uint8) for k in range(4)]
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    sources = tuple(Source(f"mr/IM{k:04d}", f"{k + 77:064x}", None, f"1.2.9.{k}", "1.2.9") for k in range(11))

    def limit(name: str, value: float, unit: str, half: float, low: float | None, high: float | None) -> Measurement:
        inside = (low is None or value >= low) and (high is None or value <= high)
        return Measurement(
            name, value, unit, value - half, value + half, low, high, Outcome.PASS if inside else Outcome.FAIL
        )

    return Analysis(
        path="mr/",
        sources=sources,
        acquisition=Acquisition(
            modality="MR", manufacturer="SIEMENS", model="Aera", station="MRC40113",
            acquired_at=datetime(2026, 3, 2, 18, 5), field_strength_t=1.5, echo_time_ms=20.0,
            repetition_time_ms=500.0, slice_thickness_mm=5.0,
            pixel_bandwidth_hz=130.0, phase_encoding="ROW",
        ),
        phantom="acr_mri_large",
        verdict=Verdict(Outcome.FAIL, "slice position of slice 11 is 5.6 mm, at most 5.0 mm allowed"),
        provenance=_provenance("acr_mri_large", datetime(2026, 3, 2, 18, 20, tzinfo=UTC)),
        measurements=(
            limit("percent_image_uniformity", 91.4, "%", 0.6, 87.5, None),
            limit("percent_signal_ghosting", 0.004, "1", 0.001, None, 0.025),
            limit("diameter_slice_1_vertical", 189.6, "mm", 0.5, 188.0, 192.0),
            limit("diameter_slice_5_horizontal", 190.2, "mm", 0.5, 188.0, 192.0),
            limit("slice_thickness", 5.31, "mm", 0.12, 4.3, 5.7),
            limit("slice_position_slice_11", 5.6, "mm", 0.3, -5.0, 5.0),
            Measurement("signal_to_noise", 212.0, "1"),
        ),
        regions=(
            Region("large ROI", 127.5 + 80 * circle, True, 6),
            Region("ghost ROI", np.array([[110.0, 6.0], [146.0, 6.0], [146.0, 14.0], [110.0, 14.0]]), True, 6),
            Region("vertical", np.array([[127.5, 30.5], [127.5, 224.5]]), False, 0),
            Region("horizontal", np.array([[30.5, 127.5], [224.5, 127.5]]), False, 4),
            Region("wedge", np.array([[120.0, 40.0], [136.0, 40.0], [136.0, 60.0], [120.0, 60.0]]), True, 10),
        ),
        view=np.concatenate(panels, axis=1),
        view_scale=1.0,
        view_slices=slices,
    )  # fmt: skip


def sample_refusal() -> Analysis:
    """A clinical mammogram handed in by mistake."""
    return Analysis(
        path="inbox/1-1.dcm",
        sources=(Source("inbox/1-1.dcm", "ab" * 32, "1.2.840.10008.5.1.4.1.1.1.2", "1.2.7.1", "1.2.7"),),
        acquisition=Acquisition(modality="MG", manufacturer="GE MEDICAL SYSTEMS", station="GE01"),
        phantom=None,
        verdict=Verdict(
            Outcome.REFUSED,
            "this is a mammogram of a breast, not of a phantom; send the phantom image of this unit instead",
            ReasonCode.NOT_A_PHANTOM,
        ),
        provenance=_provenance(None, datetime(2026, 3, 3, 9, 0, tzinfo=UTC)),
    )


def sample_month(seed: int = 5, *, days: int = 22, pictures: bool = False) -> tuple[Analysis, ...]:
    """A month of daily QC on two units; the second drifts until it fails, and one image is refused."""
    rng = np.random.default_rng(seed)
    start = datetime(2026, 3, 2, 7, 30)
    month: list[Analysis] = []
    for day in range(days):
        at = start + timedelta(days=day + 2 * (day // 5), minutes=int(rng.integers(0, 40)))
        month.append(sample_analysis(1000 + day, station="MAMMO1", at=at, pictures=pictures))
        fade = day / days
        scores = dict(SCORES)
        scores["fibre"] = (1, 1, 1, 1, 0, 0) if fade < 0.6 else (1, 1, 1, 0.5, 0, 0)
        scores["mass"] = (1, 1, 1, 0.5, 0) if rng.random() > fade else (1, 1, 1, 0, 0)
        scores["speck_group"] = (1, 1, 1, 0.5, 0) if fade < 0.75 else (1, 1, 0.5, 0, 0)
        later = at + timedelta(hours=1)
        month.append(sample_analysis(2000 + day, station="MAMMO2", at=later, scores=scores, pictures=pictures))
    refused = sample_refusal()
    month.append(replace(refused, acquisition=replace(refused.acquisition, station="MAMMO2", acquired_at=start)))
    return tuple(month)
