"""Dust, scratches, dead lines, ghosts and collimation, on the exposure reaching the detector or on its read-out.

Positions are drawn over the whole canonical image, so that some fall on test objects and most do not.
"""

import numpy as np
from jaxtyping import Float, Integer

from mammoqa.simulate.exposure import Faults

Mean = Float[np.ndarray, "rows columns"]


def collimate(mean: Mean, margin_mm: float, pitch_mm: float) -> None:
    """Blades on the three sides away from the chest wall; 0.1 % leaks through. In place."""
    margin = round(margin_mm / pitch_mm)
    if margin > 0:
        for edge in (np.s_[:margin, :], np.s_[:, :margin], np.s_[:, -margin:]):
            mean[edge] *= 1e-3


def spoil(mean: Mean, faults: Faults, pitch_mm: float, rng: np.random.Generator) -> None:
    """Dust and scratches shadow the detector (in place); sizes 0.1-0.5 mm and 3-25 mm, transmission 0.6-0.95."""
    rows, columns = mean.shape
    for _ in range(faults.dust):
        radius = rng.uniform(0.05, 0.25) / pitch_mm
        _shadow_disc(mean, rng.uniform(0, rows), rng.uniform(0, columns), radius, rng.uniform(0.6, 0.95))
    for _ in range(faults.scratches):
        length = rng.uniform(3.0, 25.0) / pitch_mm
        angle = rng.uniform(0, np.pi)
        along = np.arange(0, length, 0.5)
        y = (rng.uniform(0, rows) + along * np.sin(angle)).astype(int)
        x = (rng.uniform(0, columns) + along * np.cos(angle)).astype(int)
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        mean[y[inside], x[inside]] *= rng.uniform(0.8, 0.97)
    if faults.ghosting > 0:
        # an earlier, shifted field edge leaves its trace: sensitivity lowered where it was exposed
        row = int(rng.uniform(0.2, 0.9) * rows)
        mean[row:] *= 1 - faults.ghosting


def _shadow_disc(mean: Mean, y: float, x: float, radius: float, transmission: float) -> None:
    reach = int(np.ceil(radius)) + 1
    row, column = int(y), int(x)
    window = np.s_[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    part = mean[window]
    yy = np.arange(max(row - reach, 0), max(row - reach, 0) + part.shape[0])[:, None]
    xx = np.arange(max(column - reach, 0), max(column - reach, 0) + part.shape[1])
    cover = np.clip(radius + 0.5 - np.hypot(yy - y, xx - x), 0.0, 1.0)
    part *= 1 - (1 - transmission) * cover


def kill_lines(raw: Integer[np.ndarray, "rows columns"], count: int, rng: np.random.Generator) -> None:
    """Dead read-out lines show the dark value (in place)."""
    for _ in range(count):
        raw[:, int(rng.integers(raw.shape[1]))] = 0
