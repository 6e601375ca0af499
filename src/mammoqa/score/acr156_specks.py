"""Speck groups of the 156 phantom, speck by speck, on the image's own pixels.

Specks are a few pixels wide, so nothing is resampled: one filter for a single speck is laid everywhere on a window of
the image about each group. It is the speck's shape, blurred, over the noise power at each frequency (prewhitened:
Burgess, JOSA A 16:633, 1999), less the mean of its surroundings. A group at a place and with a ring is a sum of six of
its answers.

Three things the image tells by itself. How much it is blurred: the filter with the right blur answers most to the
largest groups. The ring, which makers build differently: the larger groups tell it together. The place of each group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Float32, Int
from scipy.special import ndtr

from mammoqa.core import Image, Insert, Phantom, Pose
from mammoqa.phantoms.gaps import gaps_mm
from mammoqa.score.acr_dm_filters import Indices, Noise, noise_in, speck_centres_mm, without_marks

_HALF_MM = 6.2  # of a window: the ring, as far as a group may be displaced, and half of a speck's surroundings
_SQUARE_MM = 10.0  # object-free squares between the objects tell the noise
MARKS_REACH_MM = 0.4  # beyond what is seen of letters and dust in them there is their blur
_SURROUNDINGS_MM = 2.4  # side of the square whose mean is taken off
_FINEST_MM = 0.035  # pixels finer than this are averaged
_NEAR = 9  # steps of them about a speck are enough for a cubic
_FINER = 2  # answers are interpolated to half pixels, and between those by cubics
_BLURS_MM = (0.02, 0.03, 0.04, 0.055, 0.075, 0.1, 0.13, 0.17)  # standard deviations of focal spot and detector
_PLAIN_BLUR_MM = 0.055  # finds the places
_RINGS = np.arange(0.92, 1.0801, 0.01)  # times the nominal radius
_RING_SIGMA = 0.04  # makers' rings differ so much
_TELLING = 4  # groups that tell ring and blur
_REACH_MM = 1.2  # from where a group should be
_PLACE_SIGMA_MM = 0.3  # and usually it is so near
CRITERION = 3.8  # of the simulated readers, 3.2 divided by their efficiency of 0.85
# how far apart the answers of panels lie, and what one speck and the next may differ in, on the same scale; the second
# also holds what the filter does not know of a reader's answer (a choice, by likelihood on 120 simulated images)
_BETWEEN_READERS, _WITHIN = 0.2, 0.5
_QUADRATURE = np.linspace(-2.5, 2.5, 21)
_SURE = 1e-4

_STEPS, _HIGHEST = 2048, 0.71  # filters are round: computed at so many frequencies up to so many cycles per pixel

Field = Float[np.ndarray, "fine fine"]


def read_groups(image: Image, phantom: Phantom, pose: Pose) -> tuple[Indices | None, ...]:
    """Detectability of each speck of each group: `coarse` per speck, `whole` of the six together.

    Args:
        image: as the pose was found in; its pixels are not resampled.
        phantom: whose groups they are.
        pose: where it lies.

    Returns:
        one per insert, None for those that are no speck groups.
    """
    order = [k for k, insert in enumerate(phantom.inserts) if insert.kind == "speck_group"]
    order.sort(key=lambda k: -phantom.inserts[k].size_mm)
    found: list[Indices | None] = [None] * len(phantom.inserts)
    if order:
        groups = [phantom.inserts[k] for k in order]
        for k, read in zip(order, _read_groups(image, groups, phantom, pose), strict=True):
            found[k] = read
    return tuple(found)


def _read_groups(image: Image, groups: Sequence[Insert], phantom: Phantom, pose: Pose) -> list[Indices]:
    windows = _cut(image, groups, phantom, pose)
    sharp = windows[:_TELLING]
    rough = [w.answers(_PLAIN_BLUR_MM) for w in sharp]
    ring = _ring(sharp, rough)
    at = [_best_place(w, f, ring).at for w, f in zip(sharp, rough, strict=True)]
    answers = np.stack([w.sharpest(a, ring, _BLURS_MM) for w, a in zip(sharp, at, strict=True)])
    blur_mm = _BLURS_MM[int(np.argmax((answers**2).sum(axis=0)))]
    fields = [w.answers(blur_mm, _FINER) for w in windows]
    ring = _ring(sharp, fields[:_TELLING])
    return [_read(w, f, ring) for w, f in zip(windows, fields, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """The frequency plane of windows of `side` pixels of `pixel_mm`, and the noise in it."""

    side: int
    pixel_mm: float
    step: Int[np.ndarray, "side half"]  # radial frequency in steps of `_HIGHEST` / (`_STEPS` - 1)
    aperture: Float[np.ndarray, "side half"]  # of a pixel, less the mean of the surroundings, over the noise
    power: Float[np.ndarray, "side half"]

    def filter(self, diameter_mm: float, blur_mm: float) -> Float[np.ndarray, "side half"]:
        """The filter for one speck; its answers to the noise have a standard deviation of one."""
        per_mm = np.arange(_STEPS) * (_HIGHEST / (_STEPS - 1) / self.pixel_mm)
        speck = _ball(per_mm * diameter_mm) * np.exp(-2 * (np.pi * blur_mm * per_mm) ** 2)
        plain = speck.astype(np.float32)[self.step] * self.aperture
        return np.asarray(plain / np.float32(np.sqrt(np.vdot(plain**2, self.power))))


def _ball(turns: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Transform of a ball's thickness, 1 at 0; `turns` is frequency times diameter (Bracewell 2000, of solids)."""
    k = np.pi * np.maximum(turns, 1e-3)
    return np.asarray(3 * (np.sin(k) - k * np.cos(k)) / k**3)


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The surroundings of one group, in the frequency plane; attenuating parts are bright."""

    plane: _Plane
    insert: Insert
    transform: Complex[np.ndarray, "side half"]
    specks_px: Float[np.ndarray, "specks 2"]  # (x, y) from the window's first pixel, for a ring of `_RINGS` 1
    middle_px: Float[np.ndarray, " 2"]  # (x, y) of the group there
    mm_per_px: Float[np.ndarray, "2 2"]  # of the phantom

    def places(self, ring: float) -> Float[np.ndarray, "specks 2"]:
        """(x, y) of the specks in the window's pixels, not displaced."""
        return np.asarray(self.middle_px + ring * (self.specks_px - self.middle_px))

    def answers(self, blur_mm: float, finer: int = 1) -> Field:
        """What the filter answers to every place of the window, in `finer` steps a pixel."""
        from scipy.fft import irfft2

        found = self.transform * self.plane.filter(self.insert.diameter_mm, blur_mm)
        size, half = self.plane.side * finer, self.plane.side // 2
        if finer > 1:
            padded = np.zeros((size, size // 2 + 1), dtype=found.dtype)
            padded[:half, : half + 1] = found[:half] * finer**2
            padded[-half:, : half + 1] = found[-half:] * finer**2
            found = padded
        return np.asarray(irfft2(found, (size, size)))

    def sharpest(
        self, at: Float[np.ndarray, " 2"], ring: float, blurs_mm: Sequence[float]
    ) -> Float[np.ndarray, " blurs"]:
        """The answers of all specks of the group displaced by `at` (x, y in pixels) to filters of each blur.

        0 where there are no specks.
        """
        side = self.plane.side
        turns = 2j * np.pi * (self.places(ring) + at)
        rows = np.exp(turns[:, 1:] * np.fft.fftfreq(side)).astype(np.complex64)
        columns = (np.exp(turns[:, :1] * np.fft.rfftfreq(side)) * _both_halves(side)).astype(np.complex64)
        met = (self.transform * (rows.T @ columns)).real.ravel()
        found = [np.dot(met, self.plane.filter(self.insert.diameter_mm, blur).ravel()) for blur in blurs_mm]
        return np.clip(np.array(found) / (side**2 * math.sqrt(self.insert.count)), 0.0, None)


def _both_halves(side: int) -> Float[np.ndarray, " half"]:
    """How often each column of half a frequency plane counts, for an even side."""
    return np.where((np.arange(side // 2 + 1) % (side // 2)) == 0, 1.0, 2.0)


def _cut(image: Image, groups: Sequence[Insert], phantom: Phantom, pose: Pose) -> list[_Window]:
    """Windows about the groups; beyond the image's edge its last pixels repeat."""
    from scipy.fft import next_fast_len, rfft2

    scale = float(np.sqrt(abs(np.linalg.det(pose.matrix[:, :2]))))  # pixels a mm
    block = max(1, int(_FINEST_MM * scale))
    side = next_fast_len(2 * math.ceil(_HALF_MM * scale / block), real=True)
    side += side % 2
    plane = _plane(side, block / scale, _noise(image, phantom, pose, block, scale))
    mm_per_px = np.linalg.inv(pose.matrix[:, :2]) * block
    windows = []
    for group in groups:
        places_mm = np.vstack([[0.0, 0.0], speck_centres_mm(group)]) + group.centre_mm
        at_px = pose.to_px(places_mm)
        first = np.rint(at_px[0]).astype(int) - side * block // 2
        pixels = _square(image, first, side, block)
        at_px = (at_px - first + 0.5) / block - 0.5
        bright = pixels if pose.attenuating_bright else -pixels
        windows.append(_Window(plane, group, rfft2(bright - bright.mean()), at_px[1:], at_px[0], mm_per_px))
    return windows


def _square(image: Image, first: Int[np.ndarray, " 2"], side: int, block: int) -> Float32[np.ndarray, "side side"]:
    """`side` means of `block` pixels each way from `first` (x, y) on."""
    columns, rows = (
        np.clip(np.arange(start, start + side * block), 0, size - 1)
        for start, size in zip(first, image.pixels.shape[::-1], strict=True)
    )
    if columns[-1] - columns[0] == rows[-1] - rows[0] == side * block - 1:
        cut = image.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    else:
        cut = image.pixels[np.ix_(rows, columns)]
    return np.asarray(cut.reshape(side, block, side, block).mean(axis=(1, 3), dtype=np.float32))


def _noise(image: Image, phantom: Phantom, pose: Pose, block: int, scale: float) -> Noise:
    """The noise of the object-free squares between the objects."""
    side = round(_SQUARE_MM * scale / block) // 2 * 2
    firsts = np.rint(pose.to_px(gaps_mm(phantom))).astype(int) - side * block // 2
    inside = [f for f in firsts if (f >= 0).all() and (f + side * block <= image.pixels.shape[::-1]).all()]
    squares = np.stack([_square(image, f, side, block) for f in inside or firsts])
    return noise_in(without_marks(squares, round(MARKS_REACH_MM * scale / block)))


def _plane(side: int, pixel_mm: float, noise: Noise) -> _Plane:
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    per_pixel = np.hypot(rows, columns)
    n = len(noise.power)
    radial = np.interp(per_pixel * n, np.arange(len(noise.radial)), noise.radial)
    index = [np.rint(f.ravel() * n).astype(int) % n for f in (rows, columns)]
    wide = _SURROUNDINGS_MM / pixel_mm
    less_mean = 1 - np.sinc(rows * wide) * np.sinc(columns * wide)
    return _Plane(
        side,
        pixel_mm,
        np.rint(per_pixel * ((_STEPS - 1) / _HIGHEST)).astype(np.int32),
        (np.sinc(rows) * np.sinc(columns) * less_mean / radial).astype(np.float32),
        (noise.power[np.ix_(*index)] * _both_halves(side) / side**2).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a group most likely lies: displacement (x, y) in pixels, log likelihood, the answer of all its specks."""

    at: Float[np.ndarray, " 2"]
    likely: float
    together: float


def _ring(windows: Sequence[_Window], fields: Sequence[Field]) -> float:
    """The ring of this phantom, times the nominal one."""
    likely = -((_RINGS - 1.0) ** 2) / (2 * _RING_SIGMA**2)
    for window, field in zip(windows, fields, strict=True):
        likely += [_best_place(window, field, ring).likely for ring in _RINGS]
    return float(_RINGS[int(np.argmax(likely))])


def _best_place(window: _Window, field: Field, ring: float) -> _Place:
    finer = len(field) // window.plane.side
    step_mm = window.plane.pixel_mm / finer
    reach = round(_REACH_MM / step_mm)
    together = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    for x, y in np.rint(window.places(ring) * finer).astype(int):
        together += field[y - reach : y + reach + 1, x - reach : x + reach + 1]
    together /= np.sqrt(np.float32(window.insert.count))
    axis = np.arange(-reach, reach + 1) * step_mm
    likely = np.clip(together, 0.0, None) ** 2 / 2 - (axis[:, None] ** 2 + axis**2) / (2 * _PLACE_SIGMA_MM**2)
    row, column = divmod(int(np.argmax(likely)), likely.shape[1])
    at = (np.array([column, row]) - reach) / finer
    return _Place(at, float(likely[row, column]), float(together[row, column]))


def _read(window: _Window, field: Field, ring: float) -> Indices:
    """The specks of a group at its most likely place, found to an eighth of a pixel."""
    from scipy.ndimage import map_coordinates

    finer = len(field) // window.plane.side
    place = _best_place(window, field, ring)
    away = np.arange(-4, 5) / 8
    shift = np.stack(np.meshgrid(away, away, indexing="ij")) * finer  # (y, x)
    specks = []
    for at in (window.places(ring) + place.at)[:, ::-1] * finer:
        near = np.rint(at).astype(int) - _NEAR
        cut = field[near[0] : near[0] + 2 * _NEAR + 1, near[1] : near[1] + 2 * _NEAR + 1]
        specks.append(map_coordinates(cut, shift + (at - near)[:, None, None], order=3))
    around = np.stack(specks)
    row, column = np.unravel_index(np.argmax(around.sum(axis=0)), around.shape[1:])
    each = around[:, row, column].astype(np.float64)
    x_mm, y_mm = window.mm_per_px @ (place.at + away[[column, row]])
    return Indices(each, each, float(each.sum() / math.sqrt(window.insert.count)), (float(x_mm), float(y_mm)))


def speck_odds(specks: Float[np.ndarray, " specks"]) -> Float[np.ndarray, "2"]:
    """Log odds that a reader sees two of the specks, and four, by their detectability (ACR 1999: scores 0.5 and 1)."""
    weight = np.exp(-(_QUADRATURE**2) / 2)
    weight /= weight.sum()
    seen = ndtr((specks - CRITERION - _BETWEEN_READERS * _QUADRATURE[:, None]) / _WITHIN)
    counts = np.zeros((len(_QUADRATURE), len(specks) + 1))
    counts[:, 0] = 1.0
    for p in seen.T[:, :, None]:
        more = counts[:, :-1] * p
        counts *= 1 - p
        counts[:, 1:] += more
    chances = np.clip([weight @ counts[:, k:].sum(axis=1) for k in (2, 4)], _SURE, 1 - _SURE)
    return np.asarray(np.log(chances / (1 - chances)))
