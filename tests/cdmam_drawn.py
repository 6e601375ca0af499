"""A small substitute for a CDMAM image: lines and discs drawn through a projective map, white noise, no physics."""

import numpy as np

from mammoqa.core import Acquisition, Image, Intent, Phantom, Source
from mammoqa.phantoms.cdmam34 import CDMAM34

PITCH_MM = 0.15
SHAPE = (1560, 1160)


def placed(
    quarter_turns: int = 0, mirrored: bool = False, tilt_deg: float = 0.0, scale: float = 1.0, shape=SHAPE, keystone=0.0
) -> np.ndarray:
    """Phantom mm to pixels (3 x 3), the cells in the middle of the image."""
    angle = np.radians(90 * quarter_turns + tilt_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn = turn @ np.diag([-1.0, 1.0])
    whole = np.eye(3)
    whole[:2, :2] = turn * scale / PITCH_MM
    middle = np.array([(p.max() + p.min()) / 2 for p in np.array([c.centre_mm for c in CDMAM34.cells]).T])
    whole[:2, 2] = (np.array(shape[::-1]) - 1) / 2 - whole[:2, :2] @ middle + 0.3
    whole[2, :2] = keystone, -keystone / 2
    return whole


def draw(
    whole: np.ndarray,
    rng: np.random.Generator,
    noise: float = 8.0,
    gold: float = 60.0,
    dark: bool = True,
    shape=SHAPE,
    phantom: Phantom = CDMAM34,
) -> Image:
    """An image FOR PROCESSING of level 1000; discs lose `gold` per um."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    back = np.linalg.inv(whole).astype(np.float32)
    w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    mx = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w
    my = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w
    u, v = (mx + my) / np.float32(2**0.5) / 10 + 8, (my - mx) / np.float32(2**0.5) / 10 + 8
    exists = np.zeros((20, 20), bool)  # by column and row, two cells of margin
    for cell in phantom.cells:
        exists[cell.column + 2, cell.row + 2] = True
    loss = np.zeros(shape, np.float32)
    for a, b, shift in ((u, v, (1, 0)), (v, u, (0, 1))):
        nearest = np.rint(a)
        line = np.exp(-(((a - nearest) * 10 / 0.12) ** 2) / 2)
        i, j = np.clip(nearest, -2, 17).astype(int) + 2, np.clip(np.floor(b), -2, 17).astype(int) + 2
        i, j = (i, j) if shift[0] else (j, i)
        either = exists[i, j] | exists[i - shift[0], j - shift[1]]
        loss = np.maximum(loss, 60 * line * either)
    for cell in phantom.cells:
        for at in (cell.centre_mm, cell.corners_mm[cell.corner]):
            place = whole @ np.array([*at, 1.0])
            cx, cy = place[:2] / place[2]
            reach = 10
            r0, c0 = max(int(cy) - reach, 0), max(int(cx) - reach, 0)
            window = (slice(r0, int(cy) + reach + 1), slice(c0, int(cx) + reach + 1))
            distance = np.hypot(x[window] - cx, y[window] - cy) * PITCH_MM
            loss[window] += gold * cell.thickness_um / (1 + np.exp((distance - cell.diameter_mm / 2) / 0.04))
    shading = 20 * (x / shape[1] - 0.5) + 30 * (y / shape[0] - 0.5) ** 2
    pixels = 1000 + shading + rng.normal(0, noise, shape).astype(np.float32) - loss
    pixels = pixels if dark else 4000 - pixels
    acquisition = Acquisition(modality="MG", intent=Intent.FOR_PROCESSING, pixel_intensity="LIN", kvp=29.0)
    return Image(np.rint(pixels).astype(np.uint16), (PITCH_MM, PITCH_MM), Source("made", ""), acquisition)
