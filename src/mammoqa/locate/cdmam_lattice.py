"""The lattice of lines of a contrast-detail phantom: found by its harmonics, then measured side by side of each cell.

Lattice coordinates (a, b) count cells along two perpendicular directions: px = origin + a e1 + b e2. Lines lie at whole
a or b. A periodic lattice of thin lines shows in the spectrum as two combs of peaks, at the multiples of one cell per
pitch along both directions. Each side of a cell is then found across itself, by a line's profile.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import fft, ndimage

from mammoqa.core import Image
from mammoqa.locate.sampling import Level, level, sample

COARSE_MM = 0.36
PITCHES = (0.95, 1.20)  # of the cells in the image, over those in the phantom: a magnification not accounted for
LARGEST_TILT_DEG = 12.0
_HARMONICS = 7
_TILT_STEP_DEG = 0.15
_PITCH_STEP = 0.003
_BACKGROUND_MM = 5.0
_CLIP = 5.0  # standard deviations; borders and writing must not outweigh the lines
_PHASES = 64
_LINE_MM = 0.13  # of a blurred line, standard deviation: a choice between 0.1 and 0.2
_SURROUND_MM = 1.3  # on either side of a line, for the noise
_CLEAR = 4.0  # widths of a line from its middle, where only noise is left
_WIDEST_STEPS = 9  # of a line's half width: four and a half pixels
_INNER = np.linspace(0.12, 0.88, 48)  # of a side, away from the crossings


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Where the lines may lie. `contrast` is that of the combs against their surroundings; `dark` lines are darker."""

    origin_px: Float[np.ndarray, "2"]
    e1_px: Float[np.ndarray, "2"]
    e2_px: Float[np.ndarray, "2"]
    contrast: float
    dark: bool

    def to_px(self, points: Float[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape 2"]:
        """Lattice coordinates to image points (x, y)."""
        return np.asarray(self.origin_px + points[..., :1] * self.e1_px + points[..., 1:] * self.e2_px)


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Measured sides of cells: how far the line lies from where it was looked for, along the normal, and how clearly.

    `strength` is the height of the line over the noise of such heights; `offset_px` is along `normal`. `line_px` is the
    standard deviation of the line's mean profile over all sides.
    """

    offset_px: Float[np.ndarray, " n"]
    strength: Float[np.ndarray, " n"]
    normal: Float[np.ndarray, "n 2"]
    middle_px: Float[np.ndarray, "n 2"]
    line_px: float


def find_lattice(image: Image, cell_mm: float) -> Lattice:
    """The lattice of lines `cell_mm` apart at about 45 degrees to the image's edges; `image.pitch_mm` must be known."""
    coarse = level(image, COARSE_MM)
    flat = _flattened(coarse)
    shape = (fft.next_fast_len(flat.shape[0], True), fft.next_fast_len(flat.shape[1], True))
    spectrum = np.abs(fft.rfft2(flat, shape)).astype(np.float32)
    spectrum = ndimage.uniform_filter(spectrum, 2, mode="wrap")
    angle, pitch_mm, contrast = _comb(spectrum, shape, coarse.pitch_mm, cell_mm)
    along = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    steps = along * pitch_mm / np.array(coarse.pitch_mm[::-1])  # in pixels of the coarse level
    phases, dark = _phases(flat, along, pitch_mm, coarse.pitch_mm)
    middle = (np.array(flat.shape[::-1]) - 1) / 2
    origin = middle + phases @ steps
    block = coarse.block
    return Lattice((origin + 0.5) * block - 0.5, steps[0] * block, steps[1] * block, contrast, dark)


def _flattened(coarse: Level) -> np.ndarray:
    """Without the slow background, noise of unit size, extremes cut off."""
    size = max(3, round(_BACKGROUND_MM / coarse.pitch_mm[0]))
    flat = coarse.values - ndimage.uniform_filter(coarse.values, size, mode="nearest")
    spread = 1.48 * float(np.median(np.abs(flat))) or 1.0
    return np.asarray(np.clip(flat / spread, -_CLIP, _CLIP), np.float32)


def _comb(
    spectrum: np.ndarray, shape: tuple[int, int], pixel_mm: tuple[float, float], cell_mm: float
) -> tuple[float, float, float]:
    """Angle, pitch and contrast of the combs: the best of all angles and pitches against their median."""
    tilts = np.radians(45.0 + np.arange(-LARGEST_TILT_DEG, LARGEST_TILT_DEG + 1e-6, _TILT_STEP_DEG))
    pitches = cell_mm * np.arange(PITCHES[0], PITCHES[1], _PITCH_STEP)
    orders = np.arange(1, _HARMONICS + 1)
    total = np.full((tilts.size, pitches.size), np.inf)
    for turned in (0.0, np.pi / 2):
        cycles = orders / pitches[:, None]
        fx = cycles * np.cos(tilts + turned)[:, None, None]
        fy = cycles * np.sin(tilts + turned)[:, None, None]
        column = np.rint(np.abs(fx) * pixel_mm[1] * shape[1]).astype(np.int64)
        row = np.rint(np.where(fx < 0, -fy, fy) * pixel_mm[0] * shape[0]).astype(np.int64) % shape[0]
        found = spectrum[row, np.minimum(column, spectrum.shape[1] - 1)]
        around = np.median(found, axis=(0, 1))
        found = found / np.where(around > 0, around, 1.0)  # each order against its own surroundings
        total = np.minimum(total, np.minimum(found, 20.0).mean(axis=-1))
    best = np.unravel_index(int(np.argmax(total)), total.shape)
    spread = 1.48 * float(np.median(np.abs(total - np.median(total)))) or 1.0
    contrast = float((total[best] - np.median(total)) / spread)
    return float(tilts[best[0]]), float(pitches[best[1]]), contrast


def _phases(
    flat: np.ndarray, along: np.ndarray, pitch_mm: float, pixel_mm: tuple[float, float]
) -> tuple[np.ndarray, bool]:
    """Where the lines lie between two of them, in cells from the image's middle, and whether they are dark."""
    rows, columns = flat.shape
    x = (np.arange(columns) - (columns - 1) / 2) * pixel_mm[1]
    y = (np.arange(rows) - (rows - 1) / 2) * pixel_mm[0]
    keep = slice(None), slice(None)
    folded = []
    for direction in along:
        place = (direction[0] * x[None, :] + direction[1] * y[:, None])[keep] / pitch_mm
        index = np.floor((place % 1.0) * _PHASES).astype(np.int64).ravel() % _PHASES
        sums = np.bincount(index, flat.ravel(), _PHASES)
        counts = np.bincount(index, minlength=_PHASES)
        profile = sums / np.maximum(counts, 1)
        folded.append(ndimage.gaussian_filter1d(profile - np.median(profile), 1.0, mode="wrap"))
    dark = sum(float(-p.min() - p.max()) for p in folded) > 0
    tops = [int(np.argmin(p) if dark else np.argmax(p)) for p in folded]
    return (np.array(tops) + 0.5) / _PHASES, dark


def measure_sides(
    of: Level,
    ends_px: Float[np.ndarray, "n 2 2"],
    reach_mm: float,
    dark: bool,
    line_mm: float = _LINE_MM,
) -> Sides:
    """Look for a line across each side (from end 0 to end 1) up to `reach_mm` from where it should be."""
    pixel_mm = float(np.sqrt(of.pitch_mm[0] * of.pitch_mm[1]))
    pixel_px = float(of.block)  # of the level, in pixels of the image
    step = 0.5  # of the level's pixels
    half = int(np.ceil(max(reach_mm + 3 * line_mm, _SURROUND_MM) / pixel_mm / step))
    across = np.arange(-half, half + 1) * step * pixel_px
    start, along = ends_px[:, 0], ends_px[:, 1] - ends_px[:, 0]
    length = np.hypot(along[:, 0], along[:, 1])
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / length[:, None]
    middle = start + along * 0.5
    points = (start[:, None] + along[:, None] * _INNER[:, None])[:, :, None] + normal[:, None, None] * across[:, None]
    profile = sample(of, points).mean(axis=1)
    profile = (np.median(profile, axis=1, keepdims=True) - profile) * (1.0 if dark else -1.0)
    heights = ndimage.gaussian_filter1d(profile, line_mm / pixel_mm / step, axis=1, mode="nearest")
    inner = np.abs(across) <= reach_mm / pixel_mm * pixel_px + 1e-9
    searched = np.where(inner, heights, -np.inf)
    top = np.argmax(searched, axis=1)
    at = np.arange(len(top))
    before, here, after = heights[at, top - 1], heights[at, top], heights[at, np.minimum(top + 1, len(across) - 1)]
    bend = before - 2 * here + after
    shift = np.where(bend < 0, np.clip(0.5 * (before - after) / np.where(bend < 0, bend, -1.0), -1, 1), 0.0)
    beside = np.abs(across - across[top][:, None]) > _CLEAR * line_mm / pixel_mm * pixel_px
    noise = 1.48 * float(np.median(np.abs(heights[beside]))) if beside.any() else 1.0
    return Sides(
        across[top] + shift * step * pixel_px,
        here / max(noise, 1e-9),
        normal,
        middle,
        _width(profile.mean(axis=0), across),
    )


def _width(profile: np.ndarray, across: np.ndarray) -> float:
    """Standard deviation of a line's profile, from its height and area (as of a Gaussian)."""
    height, step = float(profile.max()), float(across[1] - across[0])
    near = np.abs(across - across[int(np.argmax(profile))]) <= _WIDEST_STEPS * step
    area = float(np.clip(profile[near], 0.0, None).sum()) * step
    return area / (height * float(np.sqrt(2 * np.pi))) if height > 0 else 0.0
