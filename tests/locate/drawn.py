"""A drawn ACR 156 phantom: boxes, discs and lines with noise, so that tests of locate need no simulator."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mammoqa.core import Acquisition, ChestWall, Image, Intent, Phantom, Source

_QUARTERS: dict[ChestWall, int] = {"bottom": 0, "left": 1, "top": 2, "right": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What to draw. `centre` is the place of the insert in parts of the image; `quanta` are per pixel of the insert."""

    field_mm: tuple[float, float] = (180.0, 240.0)  # rows, columns
    pitch_mm: float = 0.2
    chest_wall: ChestWall = "bottom"
    mirrored: bool = False
    tilt_deg: float = 0.0
    scale: float = 1.0
    at_mm: tuple[float, float] | None = None  # of the insert's centre; None puts the chest-wall edge at the image edge
    style: str = "presentation"  # or raw, log, inverted
    quanta: float = 20000.0
    step: float = 0.02  # the frame's attenuation beyond the wax's
    contrast: float = 1.0
    heel: float = 0.1
    disc_mm: tuple[float, float] | None = (-20.0, 48.0)
    collimated_mm: float = 0.0  # blackened from the left of the image
    blades_mm: float = 0.0  # let a thousandth through at the top, left and right of the image
    clip: tuple[float, float] = (0.0, 4095.0)
    log_offset: float = 1500.0  # pixel value of the body in the log style


def placement(drawing: Drawing, phantom: Phantom) -> Float[np.ndarray, "2 3"]:
    """The matrix of the pose that the drawing has by construction."""
    quarter = _QUARTERS[drawing.chest_wall]
    angle = np.radians(drawing.tilt_deg + 90 * quarter)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * drawing.scale
    if drawing.mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    height, width = drawing.field_mm
    reach = drawing.scale * phantom.outline.length_mm / 2
    flush = {
        "bottom": (width / 2, height - reach),
        "top": (width / 2, reach),
        "left": (reach, height / 2),
        "right": (width - reach, height / 2),
    }
    at = np.array(drawing.at_mm or flush[drawing.chest_wall])
    return np.column_stack([turn, at]) / drawing.pitch_mm


def draw(phantom: Phantom, drawing: Drawing, rng: np.random.Generator) -> Image:
    """The drawing as an image."""
    shape = (round(drawing.field_mm[0] / drawing.pitch_mm), round(drawing.field_mm[1] / drawing.pitch_mm))
    matrix = placement(drawing, phantom)
    rows, columns = np.indices(shape, dtype=np.float32)
    inverse = np.linalg.inv(matrix[:, :2])
    x = (inverse[0, 0] * (columns - matrix[0, 2]) + inverse[0, 1] * (rows - matrix[1, 2])).astype(np.float32)
    y = (inverse[1, 0] * (columns - matrix[0, 2]) + inverse[1, 1] * (rows - matrix[1, 2])).astype(np.float32)
    attenuation = _attenuation(phantom, drawing, x, y)
    along = rows / shape[0] if drawing.chest_wall in ("bottom", "top") else columns / shape[1]
    fluence = np.exp(-attenuation) * (1 + drawing.heel * (along - 0.5))
    return _image(drawing, rng, fluence)


def _attenuation(
    phantom: Phantom, drawing: Drawing, x: Float[np.ndarray, "r c"], y: Float[np.ndarray, "r c"]
) -> Float[np.ndarray, "r c"]:
    """Line integral against air; 3.3 for the body of 44 mm."""
    edge = drawing.pitch_mm / drawing.scale
    body = _box(x, phantom.outline.width_mm / 2, edge) * _box(y, phantom.outline.length_mm / 2, edge)
    wax = _box(x, 40.5, edge) * _box(y, 40.5, edge)
    total = 3.3 * body - drawing.step * wax
    for item in phantom.inserts:
        near = (np.abs(x - item.centre_mm[0]) < 8) & (np.abs(y - item.centre_mm[1]) < 8)
        total[near] += drawing.contrast * _object(item, x[near] - item.centre_mm[0], y[near] - item.centre_mm[1])
    if drawing.disc_mm is not None:
        total += 0.25 * (np.hypot(x - drawing.disc_mm[0], y - drawing.disc_mm[1]) < 5)
    total += 2.0 * ((np.abs(x - 28) < 9) & (np.abs(y - 47.5) < 2) & (np.floor(x / 1.5) % 2 == 0))
    return total


def _box(x: Float[np.ndarray, "r c"], half: float, edge: float) -> Float[np.ndarray, "r c"]:
    return np.clip((half - np.abs(x)) / edge + 0.5, 0, 1)


def _object(item, x, y):
    if item.kind == "fibre":
        angle = np.radians(item.angle_deg)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        chord = 2 * np.sqrt(np.clip((item.diameter_mm / 2) ** 2 - across**2, 0, None))
        return 0.012 * chord * (np.abs(along) < item.length_mm / 2)
    if item.kind == "mass":
        return 0.012 * item.size_mm * np.clip(1 - (x**2 + y**2) / (item.diameter_mm / 2) ** 2, 0, None)
    centres = [(0.0, 0.0)] + [
        (item.ring_radius_mm * np.sin(2 * np.pi * k / 5), -item.ring_radius_mm * np.cos(2 * np.pi * k / 5))
        for k in range(5)
    ]
    squared = sum(
        np.clip((item.diameter_mm / 2) ** 2 - (x - a) ** 2 - (y - b) ** 2, 0, None) ** 0.5 for a, b in centres
    )
    return 0.3 * squared


def _image(drawing: Drawing, rng: np.random.Generator, fluence: Float[np.ndarray, "r c"]) -> Image:
    level = float(np.exp(-3.28))
    quanta = fluence / level * drawing.quanta
    noisy = np.clip(quanta + np.sqrt(quanta) * rng.standard_normal(quanta.shape, np.float32), 1, None)
    if drawing.collimated_mm:
        noisy[:, : round(drawing.collimated_mm / drawing.pitch_mm)] = 0.01 * drawing.quanta
    margin = round(drawing.blades_mm / drawing.pitch_mm)
    if margin:
        for edge in (np.s_[:margin], np.s_[:, :margin], np.s_[:, -margin:]):
            noisy[edge] *= 1e-3
    relative = noisy / drawing.quanta
    low, high = drawing.clip
    if drawing.style == "presentation":
        pixels = 2000 - 900 * np.log(relative)
        bits = 12
    elif drawing.style == "log":
        pixels = drawing.log_offset + 1000 * np.log(np.clip(relative, 1e-5, 12))
        bits = 12 if drawing.clip[1] < 4096 else 14
    else:
        pixels, bits = np.clip(800 * relative, 0, 16383), 14
        low, high = 0.0, 16383.0
        if drawing.style == "inverted":
            pixels = 16383 - pixels
    stored = np.clip(np.rint(pixels), low, high).astype(np.uint16)
    intent = Intent.FOR_PRESENTATION if drawing.style == "presentation" else Intent.FOR_PROCESSING
    return Image(
        stored,
        (drawing.pitch_mm, drawing.pitch_mm),
        Source("drawn", ""),
        Acquisition(modality="MG", intent=intent),
        bits_stored=bits,
    )
