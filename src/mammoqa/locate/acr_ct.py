"""Finds the ACR CT phantom in a stack: axis, roll, mirroring, and the slice of each module.

Everything is decided from what the slices show. A slice is one of module 1 by its bone and air, of module 2 by a body
that is denser than its rim, of module 3 by being even, of module 4 by its squares of aluminium. The centre of a module
comes from the steel beads of modules 1 and 4, the beads of module 3 and the changes between modules; slices of the
table alone hold no disc of 200 mm and are passed over.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from mammoqa.core import IdentifyError, Image, LocateError, Phantom, Pose, ReasonCode, Stack
from mammoqa.locate.acr_ct_disc import Disc, find_disc

_RADIUS_MM = (94.0, 106.0)
_ROUGH_MM = 0.8  # scatter of the outline where the phantom is well seen: 0.15 mm
_BEAD_HU = 180.0  # a surface bead is at least so much brighter than the rim
_RIGHT_ANGLE_DEG = 8.0
MODULES = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """What each image of a stack shows: its disc, its module (0: none or a mixture), and where it lies along z."""

    discs: tuple[Disc | None, ...]
    module: tuple[int, ...]
    z_mm: Float[np.ndarray, " n"]


def looks_like_acr_ct(item: Stack | Image) -> bool:
    """Whether slices show a disc of 200 mm with at least one module of the phantom."""
    images = item.images if isinstance(item, Stack) else (item,)
    if images[0].acquisition.modality != "CT" or images[0].pitch_mm is None:
        return False
    step = max(1, len(images) // 24)  # every module is 40 mm deep
    seen = read_slices(images[::step])
    return any(m in (1, 2, 4) for m in seen.module)


def locate_acr_ct(stack: Stack | Image, phantom: Phantom) -> Pose:
    """The pose; `Pose.slices[k]` is the image of module k + 1, or -1 where that module was not scanned.

    Raises LocateError (NO_PIXEL_SPACING, NOT_LOCATED) and IdentifyError (NOT_A_PHANTOM).
    """
    images = stack.images if isinstance(stack, Stack) else (stack,)
    if images[0].pitch_mm is None:
        raise LocateError(ReasonCode.NO_PIXEL_SPACING, "The CT images give no PixelSpacing; export them with it.")
    seen = read_slices(images)
    found = [m for m in MODULES if m in seen.module]
    if not found or found == [3]:
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            "No module of the ACR CT phantom is seen (a disc of 200 mm with inserts, a low-contrast body or squares "
            "of bars); give the whole axial series of that phantom.",
        )
    chosen, notes = _choose(images, seen, dict(phantom.lengths_mm)["module"])
    tilt_deg, mirrored, more = _orientation(images, seen, chosen)
    centre, residual = _axis(seen, chosen)
    pitch_y, pitch_x = images[0].pitch_mm
    return Pose(
        matrix=_matrix((centre[0] / pitch_x, centre[1] / pitch_y), tilt_deg, mirrored, (pitch_y, pitch_x)),
        chest_wall="bottom",
        mirrored=mirrored,
        tilt_deg=tilt_deg,
        magnification=1.0,
        attenuating_bright=True,
        residual_mm=residual,
        window=(-160.0, 240.0),
        notes=(*notes, *more),
        slices=chosen,
    )


def read_slices(images: tuple[Image, ...]) -> Slices:
    """Disc, module and place of every image."""
    discs, modules = [], []
    for image in images:
        pitch_mm = image.pitch_mm or (1.0, 1.0)
        disc = find_disc(image.pixels, pitch_mm)
        good = disc is not None and _RADIUS_MM[0] < disc.radius_mm < _RADIUS_MM[1] and disc.scatter_mm < _ROUGH_MM
        discs.append(disc if good else None)
        modules.append(_module_of(image, disc) if good and disc is not None else 0)
    return Slices(tuple(discs), tuple(modules), _places_mm(images))


def _module_of(image: Image, disc: Disc) -> int:
    """1 to 4, or 0 for a mixture of two modules or another thing."""
    pitch_y, pitch_x = image.pitch_mm or (1.0, 1.0)
    values = image.pixels[::2, ::2]
    y, x = np.ogrid[: values.shape[0], : values.shape[1]]
    distance = np.hypot(x * 2 * pitch_x - disc.x_mm, y * 2 * pitch_y - disc.y_mm)
    pixel_mm2 = 4 * pitch_y * pitch_x
    inner, rim = (
        float(np.median(values[distance < 25.0])),
        float(np.median(values[(distance > 93.0) & (distance < 96)])),
    )
    bright = float((values[distance < 92.0] > 600).sum()) * pixel_mm2
    dark = float((values[distance < 92.0] < -500).sum()) * pixel_mm2
    if dark > 350.0 and 300.0 < bright < 700.0:
        return 1 if abs(inner - rim) < 40.0 else 0
    if dark > 100.0:
        return 0
    if bright > 1500.0:
        return 4
    if bright > 30.0:
        return 0
    if inner - rim > 60.0:
        return 2
    return 3 if abs(inner - rim) < 15.0 and abs(inner) < 60.0 else 0


def _places_mm(images: tuple[Image, ...]) -> Float[np.ndarray, " n"]:
    row = images[0].orientation
    if row is None or any(image.position_mm is None for image in images):
        return np.arange(len(images)) * (images[0].acquisition.slice_thickness_mm or 1.0)
    normal = np.cross(row[:3], row[3:])
    return np.array([float(np.dot(normal, np.array(image.position_mm))) for image in images])


def _choose(images: tuple[Image, ...], seen: Slices, depth_mm: float) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The image nearest to the centre of each module that was scanned, and what is missing."""
    places = {m: seen.z_mm[[k for k, s in enumerate(seen.module) if s == m]] for m in MODULES}
    present = [m for m in MODULES if places[m].size]
    direction = 1.0 if len(present) < 2 or places[present[-1]].mean() > places[present[0]].mean() else -1.0
    first_mm = _first_mm(images, seen, direction, depth_mm)
    chosen, missing, notes = [], [], []
    for m in MODULES:
        wanted = first_mm + direction * depth_mm * (m - 1)
        away = np.where(np.array(seen.module) == m, np.abs(seen.z_mm - wanted), np.inf)
        best = int(np.argmin(away)) if np.isfinite(away).any() else -1
        chosen.append(best)
        if best < 0:
            missing.append(str(m))
        elif abs(seen.z_mm[best] - wanted) > depth_mm / 4:
            notes.append(f"module {m} was not scanned at its centre: read {seen.z_mm[best] - wanted:+.0f} mm from it")
    if missing:
        notes.append(f"not scanned: module {', '.join(missing)}; its tests are missing. Scan the whole phantom.")
    return tuple(chosen), tuple(notes)


def _first_mm(images: tuple[Image, ...], seen: Slices, direction: float, depth_mm: float) -> float:
    """Where along z the centre of module 1 lies: from beads, else changes of module, else the middle of one."""
    beads = [_bead_level(image, disc) if disc else 0.0 for image, disc in zip(images, seen.discs, strict=True)]
    level = np.array(beads)
    anchors = []
    for m in (1, 4):
        mine = np.array([s == m for s in seen.module]) & (level > _BEAD_HU)
        if mine.any():
            middle = float((seen.z_mm[mine] * level[mine]).sum() / level[mine].sum())
            anchors.append(middle - direction * depth_mm * (m - 1))
    if anchors:
        return float(np.mean(anchors))
    for m in (1, 2, 3):
        near = [seen.z_mm[k] * direction for k, s in enumerate(seen.module) if s == m]
        far = [seen.z_mm[k] * direction for k, s in enumerate(seen.module) if s == m + 1]
        if near and far:
            anchors.append(direction * (max(near) + min(far)) / 2 - direction * depth_mm * (m - 0.5))
    if anchors:
        return float(np.median(anchors))
    m = next(m for m in MODULES if m in seen.module)
    middle = float(np.mean([seen.z_mm[k] for k, s in enumerate(seen.module) if s == m]))
    return middle - direction * depth_mm * (m - 1)


def _bead_level(image: Image, disc: Disc) -> float:
    """How much brighter the brightest of the surface is than the rim as a whole."""
    pitch_y, pitch_x = image.pitch_mm or (1.0, 1.0)
    angle = np.deg2rad(np.arange(0.0, 360.0, 0.25))
    radius = np.arange(97.0, 102.1, 0.4)[:, None]
    x, y = (disc.x_mm + radius * np.cos(angle)) / pitch_x, (disc.y_mm + radius * np.sin(angle)) / pitch_y
    ring = ndimage.map_coordinates(image.pixels.astype(np.float32), [y, x], order=1, mode="constant", cval=-1000.0)
    highest = ring.max(axis=0)
    return float(highest.max() - np.median(highest))


def _orientation(
    images: tuple[Image, ...], seen: Slices, chosen: tuple[int, ...]
) -> tuple[float, bool, tuple[str, ...]]:
    """Roll in degrees and whether the phantom is seen mirrored, from the bone and the air of module 1."""
    if chosen[0] < 0:
        note = "module 1 is missing, whose inserts tell the roll: taken as upright"
        return 0.0, False, (note,)
    disc = seen.discs[chosen[0]]
    if disc is None:
        raise LocateError(ReasonCode.NOT_LOCATED, "The outline of module 1 was not found; scan the phantom again.")
    values = _around(images[chosen[0]], disc)
    bone_deg, air_deg = _middle_deg(values > 400.0), _middle_deg(values < -500.0)
    turn = (air_deg - bone_deg + 180.0) % 360.0 - 180.0
    if abs(abs(turn) - 90.0) > _RIGHT_ANGLE_DEG:
        raise LocateError(
            ReasonCode.NOT_LOCATED,
            f"Bone and air lie {abs(turn):.0f} degrees apart, not 90: this is not module 1 of the ACR CT phantom, or "
            "it is tilted; align it and scan again.",
        )
    mirrored = turn < 0
    nominal = (-135.0, 135.0) if mirrored else (-45.0, 45.0)
    away = [
        (seen_deg - wanted + 180.0) % 360.0 - 180.0
        for seen_deg, wanted in zip((bone_deg, air_deg), nominal, strict=True)
    ]
    rolls = np.deg2rad(away)
    roll = float(np.rad2deg(np.arctan2(np.sin(rolls).mean(), np.cos(rolls).mean())))
    notes = ["the phantom is seen from its other side: left and right are exchanged"] if mirrored else []
    if abs(roll) > 3.0:
        notes.append(f"the phantom is rolled by {roll:.1f} degrees")
    return roll, mirrored, tuple(notes)


def _around(image: Image, disc: Disc) -> Float[np.ndarray, " angles"]:
    """Means across the inserts' circle (57 to 69 mm from the axis), every quarter of a degree."""
    pitch_y, pitch_x = image.pitch_mm or (1.0, 1.0)
    angle = np.deg2rad(np.arange(0.0, 360.0, 0.25))
    radius = np.arange(60.0, 66.1, 0.5)[:, None]
    x, y = (disc.x_mm + radius * np.cos(angle)) / pitch_x, (disc.y_mm + radius * np.sin(angle)) / pitch_y
    return np.asarray(ndimage.map_coordinates(image.pixels.astype(np.float32), [y, x], order=1).mean(axis=0))


def _middle_deg(where: np.ndarray) -> float:
    angle = np.deg2rad(np.arange(0.0, 360.0, 0.25))[where]
    return float(np.rad2deg(np.arctan2(np.sin(angle).sum(), np.cos(angle).sum())))


def _axis(seen: Slices, chosen: tuple[int, ...]) -> tuple[tuple[float, float], float]:
    """Centre of the phantom in mm, the mean over the chosen slices, and how rough the outlines are."""
    discs = [d for d in (seen.discs[k] for k in chosen if k >= 0) if d is not None]
    return (
        (float(np.mean([d.x_mm for d in discs])), float(np.mean([d.y_mm for d in discs]))),
        float(np.mean([d.scatter_mm for d in discs])),
    )


def _matrix(
    centre: tuple[float, float], tilt_deg: float, mirrored: bool, pitch_mm: tuple[float, float]
) -> Float[np.ndarray, "2 3"]:
    """Phantom mm to pixels: mirror x, turn by `tilt_deg` (from +x towards +y), divide by the pitch, shift."""
    cos, sin = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    return np.column_stack([np.diag([1 / pitch_mm[1], 1 / pitch_mm[0]]) @ turn, np.array(centre)])
