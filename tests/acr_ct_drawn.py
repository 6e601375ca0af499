"""Stacks of the ACR CT phantom, drawn from its data: every number in them is known."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from mammoqa.core import Acquisition, Image, Source, Stack
from mammoqa.phantoms import PHANTOMS

PITCH_MM = 0.5
SIDE_PX = 430
HU = {"polyethylene": -95.0, "bone": 910.0, "acrylic": 122.0, "air": -985.0}
ALUMINIUM_HU = 2200.0
ROD_HU, GROUND_HU = 96.0, 90.0


@dataclass(frozen=True)
class Drawn:
    """How the phantom lies and what the scanner does to it."""

    roll_deg: float = 0.0
    centre_mm: tuple[float, float] = (107.3, 107.1)
    mirrored: bool = False
    reverse: bool = False  # module 4 lies at the smaller z
    spacing_mm: float = 10.0
    width_mm: float = 5.0  # of the slice's sensitivity, a box
    blur_mm: float = 0.4  # standard deviation of the in-plane blur
    noise_hu: float = 4.0
    slope_hu: float = 0.0  # from centre to edge of module 3
    description: str = "ADULT ABD"
    kvp: float = 120.0
    phantom: bool = True


@lru_cache(maxsize=12)
def ct_stack(drawn: Drawn) -> Stack:
    """Slices from the table before the phantom to the table behind it."""
    rng = np.random.default_rng(4)
    places = np.arange(-30.0, 151.0, drawn.spacing_mm) * (-1 if drawn.reverse else 1)
    images = tuple(_image(drawn, float(z), rng, k) for k, z in enumerate(sorted(places)))
    return Stack(images, drawn.spacing_mm)


def _image(drawn: Drawn, z_mm: float, rng: np.random.Generator, number: int) -> Image:
    along = -z_mm if drawn.reverse else z_mm
    finer = 2 if abs(along) < 9.0 or along > 100.0 else 1  # wires and bars are finer than a pixel
    side = SIDE_PX * finer
    rows, columns = np.indices((side, side), dtype=np.float32)
    fine = PITCH_MM / finer
    # the centre of a coarse pixel lies between its fine ones
    x = (columns - 0.5 * (finer - 1)) * fine - drawn.centre_mm[0]
    y = (rows - 0.5 * (finer - 1)) * fine - drawn.centre_mm[1]
    turn = np.deg2rad(drawn.roll_deg)
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    if drawn.mirrored:
        u = -u
    hu = np.full((side, side), -1000.0, np.float32)
    if drawn.phantom and -20.0 <= along <= 140.0:
        hu[np.hypot(u, v) <= 100.0] = 0.0
        _module(hu, u, v, along, drawn)
    hu[(rows > side * 0.985) & (np.abs(columns - side / 2) < side / 4)] = 60.0  # the table
    hu = ndimage.gaussian_filter(hu, drawn.blur_mm / fine, truncate=3.0)
    hu = hu.reshape(SIDE_PX, finer, SIDE_PX, finer).mean(axis=(1, 3))
    hu = hu + rng.normal(0.0, drawn.noise_hu, hu.shape) if drawn.noise_hu else hu
    return Image(
        pixels=np.round(hu).astype(np.int16),
        pitch_mm=(PITCH_MM, PITCH_MM),
        source=Source(f"drawn/{number}.dcm", "0" * 64),
        acquisition=Acquisition(
            modality="CT", slice_thickness_mm=drawn.width_mm, description=drawn.description, kvp=drawn.kvp
        ),
        position_mm=(0.0, 0.0, z_mm),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def _module(hu: np.ndarray, u: np.ndarray, v: np.ndarray, z: float, drawn: Drawn) -> None:
    if z < 20.0:
        for insert in PHANTOMS["acr_ct464"].inserts:
            if insert.name in HU:
                hu[np.hypot(u - insert.centre_mm[0], v - insert.centre_mm[1]) <= 12.5] = HU[insert.name]
        _wires(hu, u, v, z, drawn)
    elif z < 60.0:
        hu[np.hypot(u, v) <= 90.0] = GROUND_HU
        hu[np.hypot(u, v + 60.0) <= 12.5] = ROD_HU
    elif z < 100.0:
        hu += np.where(np.hypot(u, v) <= 100.0, drawn.slope_hu * (np.hypot(u, v) / 66.0) ** 2, 0.0).astype(np.float32)
        if abs(z - 80.0) <= drawn.width_mm / 2:
            for bead in PHANTOMS["acr_ct464"].markers:
                if bead.kind == "bead":
                    hu[np.hypot(u - bead.centre_mm[0], v - bead.centre_mm[1]) <= 0.6] = 900.0
    else:
        _bars(hu, u, v)
    if min(abs(z), abs(z - 120.0)) <= drawn.width_mm / 2:
        for angle in np.deg2rad([0.0, 90.0, 180.0, 270.0]):
            hu[np.hypot(u - 99.5 * np.cos(angle), v - 99.5 * np.sin(angle)) <= 0.9] = 3000.0


def _wires(hu: np.ndarray, u: np.ndarray, v: np.ndarray, z: float, drawn: Drawn) -> None:
    """Two ramps of wires: every 0.5 mm of z is 2 mm of y, left and right by turns."""
    for middle in (-53.0, 53.0):
        for k in range(-15, 16):
            if abs(0.5 * k - z) <= drawn.width_mm / 2:
                column = (u > -9.7) & (u < -0.2) if k % 2 else (u > 0.2) & (u < 9.7)
                hu[column & (np.abs(v - middle - 2.0 * k) <= 0.26)] = 220.0


def _bars(hu: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    for insert in PHANTOMS["acr_ct464"].inserts:
        if insert.kind != "bars":
            continue
        a = (u - insert.centre_mm[0] + v - insert.centre_mm[1]) / np.sqrt(2.0)
        b = (u - insert.centre_mm[0] - v + insert.centre_mm[1]) / np.sqrt(2.0)
        inside = (np.abs(a) <= 7.5) & (np.abs(b) <= 7.5)
        # the share of metal in a pixel, so that bars finer than the drawing keep their frequency
        wave = np.clip(0.5 + 4.0 * np.sin(2 * np.pi * insert.size_mm / 10.0 * a), 0.0, 1.0)
        hu[inside] = (ALUMINIUM_HU * wave[inside]).astype(np.float32)
