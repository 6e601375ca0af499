"""Matched filters for the parts of fibres, speck groups and masses, in units of the image's own noise.

Each object is read in a patch in which it lies near the middle, upright and attenuating bright. Noise is that of the
patches' corners, where no object lies. A filter's index is its response over the standard deviation that this noise
gives it: about N(0, 1) where there is nothing. Specks are prewhitened, since detectors correlate their noise over
them (Burgess, JOSA A 16:633, 1999).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float

from mammoqa.core import Insert

Map = Float[np.ndarray, "side side"]
Patches = Float[np.ndarray, "n side side"]
Thickness = Callable[[Map, Map], Map]

SEGMENTS = 10  # of a fibre's length
SECTORS = 12  # of a mass's contour
BLUR_MM = 0.06  # standard deviation that stands for focal spot and converter; no filter depends on it much
_CORNER_MM = 5.0
_CALM = 1.5  # squares whose variance is above this many times the median hold dust or lines
_MARK = 5.0  # standard deviations by which single pixels of noise do not stand out
_EVERY = 7  # pixel tells how wide the noise is
_MOST_MARKED = 0.6  # of a square; of one with more nothing is taken out
REACH_MM = 1.2  # an object may lie this far from its place
_PLACE_SIGMA_MM = 0.3  # and usually lies so near
_ANGLES_DEG = (-9.0, -6.0, -3.0, 0.0, 3.0, 6.0, 9.0)
_ANGLE_SIGMA_DEG = 3.0
MARGIN_MM = 0.8  # of background around a part that its filter compares it with


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Mean periodogram of object-free squares, as power per pixel on a grid of frequencies; and its radial average."""

    power: Float[np.ndarray, "n n"]
    radial: Float[np.ndarray, " rings"]


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Detectability indices of an object: along coarse and fine parts and as a whole; its displacement and turn."""

    coarse: Float[np.ndarray, " parts"]
    fine: Float[np.ndarray, " parts"]
    whole: float
    offset_mm: tuple[float, float]
    angle_deg: float = 0.0


def noise_of(patches: Patches, pitch_mm: float) -> Noise:
    """The noise of all patches' corners."""
    side = patches.shape[-1]
    size = min(round(_CORNER_MM / pitch_mm), side // 3)
    starts = (0, side - size)
    return noise_in(np.stack([p[r : r + size, c : c + size] for p in patches for r in starts for c in starts]))


def noise_in(squares: Float[np.ndarray, "squares n n"], *, tapered: bool = True, floor: float = 1 / 12) -> Noise:
    """The noise of object-free squares, planes removed.

    Args:
        squares: of pixel values.
        tapered: whether a taper (Hann) keeps power of low frequencies from leaking into the far lower power of high
            ones; it costs the lowest frequencies, in which large objects live.
        floor: power per pixel that stands for the quantisation.
    """
    size = squares.shape[-1]
    flat = squares.reshape(len(squares), -1).astype(np.float64)
    axis = np.linspace(-1, 1, size)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    base, _ = np.linalg.qr(np.column_stack([np.ones_like(x), x, y]))
    flat = flat - (flat @ base) @ base.T
    variance = flat.var(axis=1)
    calm = flat[variance <= _CALM * np.median(variance)].reshape(-1, size, size)
    if tapered:
        taper = np.outer(np.hanning(size + 2)[1:-1], np.hanning(size + 2)[1:-1])
        calm *= taper / np.sqrt(np.mean(taper**2))
    power = np.mean(np.abs(np.fft.fft2(calm)) ** 2, axis=0) / size**2 + floor
    power = np.maximum(power, max(1e-9 * float(power.max()), 1e-30))  # an image without noise stays finite
    frequency = np.fft.fftfreq(size) * size
    ring = np.rint(np.hypot(frequency[:, None], frequency)).astype(int).ravel()
    radial = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    radial[0] = radial[1]  # planes took the mean off
    return Noise(power, np.convolve(np.pad(radial, 1, mode="edge"), np.full(3, 1 / 3), mode="valid"))


def without_marks(squares: Patches, grow_px: int) -> Patches:
    """Object-free squares whose letters, dust and lines are taken out, planes removed.

    What stands out by `_MARK` standard deviations, and all within `grow_px` of it, becomes 0; the rest is scaled up so
    that the mean power stays that of the noise.
    """
    from scipy.ndimage import distance_transform_edt

    size = squares.shape[-1]
    axis = np.linspace(-1, 1, size)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    design = np.column_stack([np.ones_like(x), x, y])
    flat = squares.reshape(len(squares), -1).astype(np.float64)
    few = flat[:, ::_EVERY]
    away = np.abs(few - np.median(few, axis=1, keepdims=True))
    sigma = 1.4826 * float(np.median(np.median(away, axis=1)))
    made = np.zeros_like(flat)
    for rest, out in zip(flat, made, strict=True):
        marked = np.zeros(size * size, dtype=bool)
        for _ in range(2):  # a plane that the marks bent is laid again without them
            clear = design[~marked]
            left = rest - design @ np.linalg.solve(clear.T @ clear, clear.T @ rest[~marked])
            beyond = (np.abs(left) > _MARK * sigma).reshape(size, size)
            if not beyond.any() or beyond.all():
                break
            marked = (distance_transform_edt(~beyond) <= grow_px).ravel()
            if marked.mean() > _MOST_MARKED:
                marked[:] = False
                break
        out[:] = np.where(marked, 0.0, left) / math.sqrt(1.0 - marked.mean())
    return made.reshape(squares.shape)


class Bench:
    """Patches' grid and noise: applies filters in the frequency plane."""

    def __init__(
        self, side: int, pitch_mm: float, noise: Noise, blur_mm: float = BLUR_MM, margin_mm: float = MARGIN_MM
    ) -> None:
        self.side, self.pitch_mm, self.blur_mm, self.margin_mm = side, pitch_mm, blur_mm, margin_mm
        n = noise.power.shape[0]
        rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
        self.radial = np.interp(np.hypot(rows, columns) * n, np.arange(len(noise.radial)), noise.radial).astype(
            np.float32
        )
        index_r = np.rint(rows[:, 0] * n).astype(int) % n
        index_c = np.rint(columns * n).astype(int) % n
        double = np.full(columns.size, 2.0)  # the other half plane
        double[0] = 1.0
        if side % 2 == 0:
            double[-1] = 1.0
        self.double = double
        self.power = (noise.power[np.ix_(index_r, index_c)] * double / side**2).astype(np.float32)
        self.phase_r, self.phase_c = 2j * np.pi * rows, 2j * np.pi * columns

    def seen_in(self, patch: Map, insert: Insert) -> "Seer":
        """The patch of one object, ready for its filters."""
        from scipy.fft import rfft2

        transform = np.asarray(rfft2(patch.astype(np.float32) - np.float32(patch.mean())))
        if insert.kind != "speck_group":
            return Seer(self, insert, transform, self.power)
        return Seer(self, insert, transform / self.radial, self.power / self.radial**2)


@dataclass(frozen=True, slots=True, eq=False)
class Seer:
    """One object's patch in the frequency plane (whitened for specks), and the noise that its filters meet there."""

    bench: Bench
    insert: Insert
    transform: Complex[np.ndarray, "side half"]
    power: Float[np.ndarray, "side half"]

    def _filters(
        self, turn_deg: float, which: str
    ) -> tuple[Complex[np.ndarray, "parts side half"], Float[np.ndarray, " parts"]]:
        """Conjugate spectra of the object's filters, and what the noise makes of them (standard deviations)."""
        bench = self.bench
        grid = (bench.side, bench.pitch_mm, bench.blur_mm, bench.margin_mm)
        spectra, energy = _spectra(self.insert, turn_deg, which, *grid)
        return spectra, np.sqrt(np.tensordot(energy, self.power, axes=2))

    def everywhere(self, turn_deg: float, which: str, finer: int = 1) -> Float[np.ndarray, "parts fine fine"]:
        """Indices of the filters at every displacement, the undisplaced one in the middle; `finer` steps a pixel."""
        from scipy.fft import irfft2

        spectra, sigma = self._filters(turn_deg, which)
        answers, size = self.transform * spectra, self.bench.side * finer
        if finer > 1:
            half = self.bench.side // 2
            padded = np.zeros((len(answers), size, size // 2 + 1), dtype=answers.dtype)
            padded[:, :half, : half + 1] = answers[:, :half] * finer**2
            padded[:, -half:, : half + 1] = answers[:, -half:] * finer**2
            answers = padded
        found = irfft2(answers, (size, size))
        return np.asarray(np.fft.fftshift(found, axes=(1, 2)) / sigma[:, None, None])

    def at(self, turn_deg: float, which: str, place: tuple[int, int]) -> Float[np.ndarray, " parts"]:
        """Indices of the filters displaced by (rows, columns)."""
        bench = self.bench
        spectra, sigma = self._filters(turn_deg, which)
        moved = self.transform * (np.exp(bench.phase_r * place[0]) * np.exp(bench.phase_c * place[1]) * bench.double)
        return np.asarray((spectra.reshape(len(spectra), -1) @ moved.ravel()).real / bench.side**2 / sigma)


@lru_cache(maxsize=160)  # an image needs about 90, at most 2 MB each
def _spectra(
    insert: Insert, turn_deg: float, which: str, side: int, pitch_mm: float, blur_mm: float, margin_mm: float
) -> tuple[Complex[np.ndarray, "parts side half"], Float[np.ndarray, "parts side half"]]:
    """Conjugate transforms of blurred thicknesses about the patch's middle, and their squared absolute values.

    `which` is whole, coarse, fine, or single for one speck. The mean over the surroundings is taken off.
    """
    from scipy.fft import rfft2

    shapes = _shapes(insert, turn_deg, which)
    axis = ((np.arange(side) - (side - 1) / 2) * pitch_mm).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    steps = {"speck_group": 5, "fibre": 2}.get(insert.kind, 1)
    made = np.stack([_template(shape, x, y, pitch_mm, blur_mm, margin_mm, steps) for shape in shapes])
    found = np.conj(rfft2(made)).astype(np.complex64)
    energy = (np.abs(found) ** 2).astype(np.float32)
    for part in (found, energy):
        part.setflags(write=False)
    return found, energy


def _shapes(insert: Insert, turn_deg: float, which: str) -> list[Thickness]:
    if which == "whole":
        return [whole(insert, turn_deg)]
    if which == "single":
        return [_speck(insert, 0.0, 0.0)]
    coarse, fine = parts(insert, turn_deg)
    return coarse if which == "coarse" else fine


def _template(shape: Thickness, x: Map, y: Map, pitch_mm: float, blur_mm: float, margin_mm: float, steps: int) -> Map:
    from scipy.ndimage import gaussian_filter

    away = (((np.arange(steps) + 0.5) / steps - 0.5) * pitch_mm).astype(np.float32)
    drawn = np.zeros(x.shape, dtype=np.float32)
    for a in away:
        for b in away:
            drawn += shape(x + a, y + b)
    drawn /= steps**2
    weights = gaussian_filter(drawn, blur_mm / pitch_mm, mode="constant")
    rows, columns = np.flatnonzero((drawn != 0).any(axis=1)), np.flatnonzero((drawn != 0).any(axis=0))
    margin = max(2, round(margin_mm / pitch_mm))
    window = np.s_[
        max(rows[0] - margin, 0) : rows[-1] + margin + 1, max(columns[0] - margin, 0) : columns[-1] + margin + 1
    ]
    local = np.zeros_like(weights)
    local[window] = weights[window] - weights[window].mean()
    return local


def _placed(bench: Bench, found: Map, reach_mm: float = REACH_MM) -> tuple[tuple[int, int], float]:
    """The displacement (rows, columns) of the most likely place, and the log likelihood there."""
    middle, reach = bench.side // 2, round(reach_mm / bench.pitch_mm)
    near = found[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    axis = np.arange(-reach, reach + 1) * bench.pitch_mm
    likely = np.clip(near, 0.0, None) ** 2 / 2 - (axis[:, None] ** 2 + axis**2) / (2 * _PLACE_SIGMA_MM**2)
    row, column = divmod(int(np.argmax(likely)), likely.shape[1])
    return (row - reach, column - reach), float(likely[row, column])


def whole_index(bench: Bench, patch: Map, insert: Insert) -> float:
    """The index of an object as one, at its most likely place, not turned."""
    found = bench.seen_in(patch, insert).everywhere(0.0, "whole")[0]
    (row, column), _ = _placed(bench, found)
    return float(found[bench.side // 2 + row, bench.side // 2 + column])


def measure(bench: Bench, patch: Map, insert: Insert, reach_mm: float = REACH_MM) -> Indices:
    """Indices of one object in its patch, at its most likely place (in `reach_mm`) and turn."""
    seer = bench.seen_in(patch, insert)
    middle = bench.side // 2
    best: tuple[float, float, tuple[int, int], float] | None = None
    for turn in _ANGLES_DEG if insert.kind == "fibre" else (0.0,):
        found = seer.everywhere(turn, "whole")[0]
        place, likely = _placed(bench, found, reach_mm)
        likely -= turn**2 / (2 * _ANGLE_SIGMA_DEG**2)
        if best is None or likely > best[0]:
            best = (likely, turn, place, float(found[middle + place[0], middle + place[1]]))
    if best is None:
        raise ValueError("no turn was tried")
    _, turn, place, value = best
    coarse = seer.at(turn, "coarse", place)
    fine = coarse if insert.kind == "speck_group" else seer.at(turn, "fine", place)
    at = (place[1] * bench.pitch_mm, place[0] * bench.pitch_mm)
    return Indices(coarse, fine, value, at, turn)


def whole(insert: Insert, turn_deg: float = 0.0) -> Thickness:
    """The object's thickness along the beam about its centre."""
    if insert.kind == "fibre":
        return _fibre(insert, turn_deg, 0.0, insert.length_mm)
    if insert.kind == "mass":
        return lambda x, y: _lens(x, y, insert)
    centres = speck_centres_mm(insert).tolist()  # plain numbers keep single precision single
    return lambda x, y: sum((_sphere(x - a, y - b, insert.diameter_mm) for a, b in centres), np.zeros_like(x))


def parts(insert: Insert, turn_deg: float = 0.0) -> tuple[list[Thickness], list[Thickness]]:
    """Coarse and fine parts: 3 mm and 1 mm of a fibre, single specks, sectors of a mass and of its rim."""
    if insert.kind == "fibre":
        step = insert.length_mm / SEGMENTS
        limit = insert.length_mm / 2 - 1.5 * step
        middles = [(k + 0.5) * step - insert.length_mm / 2 for k in range(SEGMENTS)]
        coarse = [_fibre(insert, turn_deg, float(np.clip(m, -limit, limit)), 3 * step) for m in middles]
        return coarse, [_fibre(insert, turn_deg, m, step) for m in middles]
    if insert.kind == "mass":
        return (
            [_sector(insert, k, 0.0, 1.0) for k in range(SECTORS)],
            [_sector(insert, k, 0.72, 0.95) for k in range(SECTORS)],
        )
    return [_speck(insert, float(a), float(b)) for a, b in speck_centres_mm(insert)], []


def speck_centres_mm(insert: Insert) -> Float[np.ndarray, "specks 2"]:
    """Specks on a ring, the first one on top, and one in the middle."""
    turns = 2 * np.pi * np.arange(insert.count - 1) / (insert.count - 1)
    ring = insert.ring_radius_mm * np.stack([np.sin(turns), -np.cos(turns)], axis=1)
    return np.concatenate([ring, np.zeros((1, 2))])


def _speck(insert: Insert, at_x: float, at_y: float) -> Thickness:
    return lambda x, y: _sphere(x - at_x, y - at_y, insert.diameter_mm)


def _sphere(x: Map, y: Map, diameter_mm: float) -> Map:
    """Of a grid's x and y, only what lies near the small sphere is computed."""
    radius = diameter_mm / 2
    near = np.ix_(np.flatnonzero(np.abs(y[:, 0]) < radius), np.flatnonzero(np.abs(x[0]) < radius))
    made = np.zeros_like(x)
    made[near] = 2 * np.sqrt(np.clip(radius**2 - x[near] ** 2 - y[near] ** 2, 0.0, None))
    return made


def _fibre(insert: Insert, turn_deg: float, middle_mm: float, length_mm: float) -> Thickness:
    angle = math.radians(insert.angle_deg + turn_deg)
    sine, cosine = math.sin(angle), math.cos(angle)

    def thickness(x: Map, y: Map) -> Map:
        along = x * cosine + y * sine - middle_mm
        across = y * cosine - x * sine
        chord = 2 * np.sqrt(np.clip((insert.diameter_mm / 2) ** 2 - across**2, 0.0, None))
        return np.where(np.abs(along) <= length_mm / 2, chord, 0.0)

    return thickness


def _lens(x: Map, y: Map, insert: Insert) -> Map:
    """A plano-convex lens: a spherical cap."""
    rim, height = insert.diameter_mm / 2, insert.size_mm
    radius = (rim**2 + height**2) / (2 * height)
    depth = np.sqrt(np.clip(radius**2 - x**2 - y**2, 0.0, None)) - (radius - height)
    return np.where(x**2 + y**2 < rim**2, np.clip(depth, 0.0, None), 0.0)


def _sector(insert: Insert, k: int, inner: float, outer: float) -> Thickness:
    """A sector against what lies outside it, so that slow shading does not count."""
    radius = insert.diameter_mm / 2
    middle = (k + 0.5) / SECTORS

    def thickness(x: Map, y: Map) -> Map:
        turn = np.mod(np.arctan2(y, x) / (2 * np.pi) - middle + 0.5, 1.0) - 0.5
        inside = np.abs(turn) <= 0.5 / SECTORS
        away = np.hypot(x, y) / radius
        beside = inside & (away > 1.05) & (away <= 1.45)
        full = np.where(inside & (away >= inner) & (away <= outer), _lens(x, y, insert), 0.0)
        return full - np.where(beside, full.sum() / max(int(beside.sum()), 1), 0.0)

    return thickness
