"""Marks in the insert that look like test objects and are none: what the ACR's deduction for artefacts needs.

The reader of the phantom subtracts for artefacts that are "equally or more apparent" than the last object counted (ACR
Mammography Quality Control Manual 1999). So each mark is compared with that object: both are answers of the same
zero-mean filter, in standard deviations of the filter's answer to this image's noise. Places of test objects are left
out, as are the acrylic disc, lines across the insert and steps; in a speck group what is beyond its six specks counts.

Everything lives in the upright view (attenuating bright, x to the right, y downwards, origin in its centre). The
constants are choices, set on simulated images.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from jaxtyping import Bool, Complex64, Float, Float32
from scipy import fft, ndimage

from mammoqa.core import Insert, ObjectScore, Phantom

LEAST_SNR = {"fibre": 9.0, "speck_group": 7.0, "mass": 6.0}  # no mark below this counts, however faint the objects
# what the filters see of the insert's border is no artefact; from 1 mm inside it
_MARGINS_MM = {"fibre": 3.5, "speck_group": 1.5, "mass": 4.5}
# how far from the outline of an object, by its kind, a mark's filter no longer sees it
_BEYOND_MM = {
    "fibre": {"fibre": 4.0, "speck_group": 2.5, "mass": 2.0},
    "speck_group": {"fibre": 1.8, "mass": 1.0},  # within a group, what is beyond its specks counts
    "mass": {"fibre": 2.5, "speck_group": 3.0, "mass": 4.5},
}
_DISC_MM = 8.5  # at half height, masses reach 6 mm and the acrylic disc 10
_SHORTEST_MM = 2.5  # where the filter, three segments long, answers all along: a mark of 6 mm or more
_LONGEST_MM = 22.0  # of a fibre-like mark; real fibres have 10 mm, lines and steps go on
_LONG = 1.7  # times as long as wide: from here on a mark is a line, below it a blob
_FIBRE_STEP_MM = 0.375
_FIBRE_ANGLES = 12
_EVENLY = 0.45  # of the mean answer, the least that each segment of a fibre must give
_MOST_SIGMAS = 5.0  # that a pixel of a fibre stands out from its surroundings; dust stands out more
_SEGMENT_MM = 2.2  # three of them make the filter for fibres
_MASS_STEP_MM = 0.5
_FAINT_SNR = 3.5  # from which something in a speck group is taken for one of its specks
_ASTRAY_MM = 1.6  # from the circle of a group, its specks and those beside it


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that looks like a `kind` of object at `centre_mm` of the phantom frame.

    `snr` is the filter's answer, `rival_snr` that of the last object counted; `visibility` what a real object as
    visible as this would score, 0 to 1 (see `judge.Artefact`).
    """

    kind: str
    centre_mm: tuple[float, float]
    size_mm: float
    snr: float
    rival: str
    rival_snr: float
    visibility: float


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """A filter's answers in standard deviations on a grid of `step_mm`, and where no object lies."""

    snr: Float32[np.ndarray, "rows columns"]
    free: Bool[np.ndarray, "rows columns"]
    step_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the filters answer over the insert of one image; `artefact_marks` says which answers are marks."""

    mass: _Map
    fibre: _Map
    speck: _Map


def filter_answers(view: Float32[np.ndarray, "rows columns"], pitch_mm: float, phantom: Phantom) -> Answers | None:
    """The answers of all filters, which do not hang on the scores; None for a phantom without an insert.

    Args:
        view: the phantom upright as `locate.upright` gives it, in raw pixel values.
        pitch_mm: of the view.
        phantom: whose insert it is.
    """
    if phantom.insert_mm is None:
        return None
    inside = _insert(view, pitch_mm, phantom)
    mass, blobs = _mass_map(inside, pitch_mm, phantom)
    fibre = _fibre_map(inside, pitch_mm, phantom, blobs)
    return Answers(mass, fibre, _speck_map(inside, pitch_mm, phantom, blobs, fibre))


def artefact_marks(answers: Answers | None, phantom: Phantom, objects: Iterable[ObjectScore]) -> tuple[Mark, ...]:
    """Marks as visible as the last object counted of their kind, the most visible first.

    `objects` are judged scores: `counted` tells which is the last.
    """
    if answers is None:
        return ()
    last = {o.kind: o for o in sorted(objects, key=lambda o: -o.size_mm) if o.counted and o.score > 0}
    found: list[Mark] = []
    if "mass" in last:
        found += _blobs(answers.mass, last["mass"], phantom)
    if "fibre" in last:
        found += _lines(answers.fibre, last["fibre"], phantom)
    if "speck_group" in last:
        found += _specks(answers.speck, last["speck_group"], phantom)
    return tuple(sorted(found, key=lambda mark: -mark.snr))


def _insert(view: Float32[np.ndarray, "r c"], pitch_mm: float, phantom: Phantom) -> Float32[np.ndarray, "n n"]:
    """The insert without its border, a square about the origin."""
    half_mm = min(phantom.insert_mm or (0.0, 0.0)) / 2 - 1.0
    middle = (np.array(view.shape) - 1) / 2 - np.array(phantom.outline.offset_mm[::-1]) / pitch_mm
    half = int(half_mm / pitch_mm)
    row, column = (round(float(m)) for m in middle)
    return view[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]


def _axis_mm(size: int, step_mm: float) -> Float[np.ndarray, " n"]:
    return (np.arange(size) - (size - 1) / 2) * step_mm


def _binned(values: Float32[np.ndarray, "n n"], block: int) -> Float32[np.ndarray, "m m"]:
    """Block means about the same middle."""
    size = values.shape[0] // block
    spare = (values.shape[0] - size * block) // 2
    part = values[spare : spare + size * block, spare : spare + size * block]
    return np.asarray(part.reshape(size, block, size, block).mean(axis=(1, 3), dtype=np.float32))


@lru_cache(maxsize=24)  # the same for every image of a pitch
def _free(size: int, step_mm: float, kind: str, inserts: tuple[Insert, ...]) -> Bool[np.ndarray, "m m"]:
    """Where marks of a kind are looked for: away from the border and from objects."""
    axis = _axis_mm(size, step_mm)
    x, y = axis[None, :], axis[:, None]
    edge = (size / 2) * step_mm - _MARGINS_MM[kind]
    free = (np.abs(x) < edge) & (np.abs(y) < edge)
    for item in inserts:
        beyond = _BEYOND_MM[kind].get(item.kind)
        if beyond is not None:
            free &= _distance_mm(item, x, y) > beyond
    free.setflags(write=False)
    return np.asarray(free)


def _distance_mm(item: Insert, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Distance from an object's outline (a fibre's axis); negative within masses and speck groups."""
    x, y = x - item.centre_mm[0], y - item.centre_mm[1]
    if item.kind != "fibre":
        reach = item.ring_radius_mm if item.kind == "speck_group" else item.diameter_mm / 2
        return np.asarray(np.hypot(x, y) - reach)
    angle = np.radians(item.angle_deg)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray(np.hypot(np.maximum(np.abs(along) - item.length_mm / 2, 0), across))


def _scaled(answer: Float32[np.ndarray, "m m"], free: Bool[np.ndarray, "m m"]) -> Float32[np.ndarray, "m m"]:
    """Answers in robust standard deviations of those in the free places."""
    there = answer[free]
    there = there[:: max(1, there.size // 8000)]  # enough for a median
    middle = float(np.median(there))
    width = 1.4826 * float(np.median(np.abs(there - middle)))
    return np.asarray((answer - middle) / max(width, 1e-9), dtype=np.float32)


def _median(values: Float32[np.ndarray, "m m"], size: int) -> Float32[np.ndarray, "m m"]:
    """Running median along columns, then along rows: nearly that of the square, in a fraction of its time."""
    along: Float32[np.ndarray, "m m"] = ndimage.median_filter(values, (size, 1), mode="nearest")
    found: Float32[np.ndarray, "m m"] = ndimage.median_filter(along, (1, size), mode="nearest")
    return found


def _difference(values: Float32[np.ndarray, "m m"], narrow: float, wide: float) -> Float32[np.ndarray, "m m"]:
    """A zero-mean filter: a narrow Gaussian less a wide one, in pixels."""
    found: Float32[np.ndarray, "m m"] = ndimage.gaussian_filter(values, narrow, mode="nearest", truncate=3.0)
    found -= ndimage.gaussian_filter(values, wide, mode="nearest", truncate=3.0)
    return found


_Places = list[tuple[float, float, float]]  # blobs, whose edges are neither fibres nor specks: x, y, radius in mm


def _mass_map(inside: Float32[np.ndarray, "n n"], pitch_mm: float, phantom: Phantom) -> tuple[_Map, _Places]:
    """Answers of the filter for masses, specks and thin lines removed before; and all blobs, the acrylic disc too."""
    block = max(1, round(_MASS_STEP_MM / pitch_mm))
    step = block * pitch_mm
    smooth = _median(_binned(inside, block), 5)  # lines of 1 mm leave no trace
    answer = _difference(smooth, 1.6 / step, 4.5 / step)
    free = _free(answer.shape[0], step, "mass", phantom.inserts).copy()
    snr = _scaled(answer, free)
    blobs: _Places = []
    axis = _axis_mm(answer.shape[0], step)
    for blob in _components(snr, free.copy(), LEAST_SNR["mass"], step):
        if blob.diameter_mm > 2.0 and blob.elongation < _LONG:
            x, y = blob.centre_mm
            blobs.append((x, y, blob.diameter_mm / 2))
            if blob.diameter_mm > _DISC_MM:
                free &= np.hypot(axis[None, :] - x, axis[:, None] - y) > blob.diameter_mm / 2 + 5.0
    return _Map(snr, free, step), blobs


@dataclass(frozen=True, slots=True)
class _Component:
    """A connected region above a share of its peak: centre, diameter of the same area, and shape (`along`: x, y)."""

    centre_mm: tuple[float, float]
    snr: float
    diameter_mm: float
    elongation: float
    reach_mm: float
    along: tuple[float, float]


def _components(
    snr: Float32[np.ndarray, "m m"],
    free: Bool[np.ndarray, "m m"],
    least: float,
    step_mm: float,
    share: float = 0.5,
    apart_mm: float = 1.5,
) -> Iterator[_Component]:
    """Regions above `share` of a peak in a free place and above `least`, the strongest first, `apart_mm` at least."""
    left = snr.copy()
    size = snr.shape[0]
    for _ in range(12):
        peak = int(np.argmax(np.where(free, left, -np.inf)))
        row, column = divmod(peak, size)
        top = float(left[row, column])
        if top < least:
            return
        labels, _ = ndimage.label(left > top * share)
        region = labels == labels[row, column]
        rows, columns = np.nonzero(region)
        reach = float(np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1)) * step_mm
        spread, turn = np.linalg.eigh(
            np.cov(np.stack([rows, columns]), bias=True) + np.eye(2) / 12
        )  # of the pixels, too
        diameter = 2 * float(np.sqrt(region.sum() / np.pi)) * step_mm
        axis = _axis_mm(size, step_mm)
        centre = float(axis[columns].mean()), float(axis[rows].mean())
        elongation = float(np.sqrt(spread[1] / spread[0]))
        yield _Component(centre, top, diameter, elongation, reach, (float(turn[1, 1]), float(turn[0, 1])))
        left[ndimage.binary_dilation(region, iterations=max(2, round(apart_mm / step_mm)))] = 0


def _blobs(of: _Map, last: ObjectScore, phantom: Phantom) -> Iterator[Mark]:
    """Mass-like marks."""
    item = _insert_of(last, phantom)
    rival = _near(of, item.centre_mm, 1.2)
    for blob in _components(of.snr, of.free, max(LEAST_SNR["mass"], rival), of.step_mm):
        if 2.0 < blob.diameter_mm <= _DISC_MM and blob.elongation < _LONG:
            yield Mark("mass", blob.centre_mm, blob.diameter_mm, blob.snr, last.name, rival, last.score)


def _insert_of(scored: ObjectScore, phantom: Phantom) -> Insert:
    return next(item for item in phantom.inserts if item.name == scored.name)


def _near(of: _Map, centre_mm: tuple[float, float], within_mm: float) -> float:
    """The strongest answer near a place."""
    axis = _axis_mm(of.snr.shape[0], of.step_mm)
    columns, rows = (np.flatnonzero(np.abs(axis - centre) <= within_mm) for centre in centre_mm)
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    near = np.hypot(axis[None, columns] - centre_mm[0], axis[rows, None] - centre_mm[1]) <= within_mm
    return float(of.snr[window][near].max())


def _fibre_map(inside: Float32[np.ndarray, "n n"], pitch_mm: float, phantom: Phantom, blobs: _Places) -> _Map:
    """Answers of the filters for fibres, the best of all angles.

    A filter is three segments in a row, each of which must answer: a single speck is no fibre.
    """
    block = max(1, round(_FIBRE_STEP_MM / pitch_mm))
    step = block * pitch_mm
    values = _even(_binned(inside, block))
    size = values.shape[0]
    free = _free(size, step, "fibre", phantom.inserts).copy()
    axis = _axis_mm(size, step)
    for x, y, radius in blobs:
        free &= np.hypot(axis[None, :] - x, axis[:, None] - y) > radius + 4.0
    pad = round(6.0 / step)
    padded = np.pad(values, pad, mode="edge")
    length = fft.next_fast_len(padded.shape[0], real=True)
    spectrum = fft.rfft2(padded, (length, length))
    angles, filters = _filters(step, length)
    best = np.zeros((size, size), dtype=np.float32)
    for angle, filtering in zip(angles, filters, strict=True):
        answer = fft.irfft2(spectrum * filtering, (length, length))
        down, right = round(_SEGMENT_MM / step * np.sin(angle)), round(_SEGMENT_MM / step * np.cos(angle))
        corners = [(pad - k * down, pad - k * right) for k in (-1, 0, 1)]
        parts = [answer[row : row + size, column : column + size] for row, column in corners]
        total = (parts[0] + parts[1] + parts[2]) / 3
        least = np.minimum(np.minimum(parts[0], parts[1]), parts[2])
        scaled = _scaled(total.astype(np.float32), free)
        np.maximum(best, np.where(least > _EVENLY * total, scaled, 0), out=best)
    return _Map(best, free, step)


def _even(values: Float32[np.ndarray, "m m"]) -> Float32[np.ndarray, "m m"]:
    """What stands out from the surroundings of some 3 mm, dust and dead lines cut to the height of a fibre."""
    left = values - _median(values, 9)
    width = 1.4826 * float(np.median(np.abs(left)))
    return np.asarray(np.clip(left, -_MOST_SIGMAS * width, _MOST_SIGMAS * width), dtype=np.float32)


@cache
def _filters(step_mm: float, length: int) -> tuple[Float[np.ndarray, " angles"], Complex64[np.ndarray, "angles l m"]]:
    """The angles of the filters for fibres, and the filters in the frequency domain."""
    angles = np.arange(_FIBRE_ANGLES) * np.pi / _FIBRE_ANGLES
    made = np.stack([fft.rfft2(_segment(float(angle), step_mm, length)) for angle in angles])
    return angles, made.astype(np.complex64)


def _segment(angle: float, step_mm: float, length: int) -> Float[np.ndarray, "length length"]:
    """A short bright line between two dark flanks, centred on pixel (0, 0) with wrap-around."""
    at = (np.arange(length) + length // 2) % length - length // 2
    x, y = at[None, :] * step_mm, at[:, None] * step_mm
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    profile = np.exp(-((across / 0.4) ** 2) / 2) / 0.4 - np.exp(-((across / 1.1) ** 2) / 2) / 1.1
    made = profile * np.exp(-((along / (_SEGMENT_MM / 2)) ** 4))
    made -= made.sum() * np.exp(-(across**2 + along**2) / 2) / (2 * np.pi / step_mm**2)  # no answer to a flat field
    return np.asarray(made)


def _lines(of: _Map, last: ObjectScore, phantom: Phantom) -> Iterator[Mark]:
    """Fibre-like marks; what runs on over the insert is a line, not a fibre."""
    item = _insert_of(last, phantom)
    angle = np.radians(item.angle_deg)
    along = np.array([np.cos(angle), np.sin(angle)])
    places = [np.array(item.centre_mm) + along * t for t in (-2.5, 0.0, 2.5)]
    rival = max(_near(of, (float(x), float(y)), 1.0) for x, y in places)
    least = max(LEAST_SNR["fibre"], rival)
    for line in _components(of.snr, of.free, least, of.step_mm, share=0.35, apart_mm=1.6 * _SEGMENT_MM):
        long_enough = _SHORTEST_MM <= line.reach_mm <= _LONGEST_MM and line.elongation > _LONG
        if long_enough and not _goes_on(of, line):
            yield Mark("fibre", line.centre_mm, line.reach_mm, line.snr, last.name, rival, last.score)


def _goes_on(of: _Map, line: _Component) -> bool:
    """Whether a line continues beyond the ends of a mark: what is left of a dead line between objects."""
    distances = np.arange(line.reach_mm / 2 + 3.5, line.reach_mm / 2 + 16.0, of.step_mm)
    widest = ndimage.maximum_filter(of.snr, 5)
    size = of.snr.shape[0]
    for sign in (-1, 1):
        x = line.centre_mm[0] + sign * distances * line.along[0]
        y = line.centre_mm[1] + sign * distances * line.along[1]
        columns, rows = (np.rint(v / of.step_mm + (size - 1) / 2).astype(int) for v in (x, y))
        there = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
        if there.sum() > 8 and (widest[rows[there], columns[there]] > 0.35 * line.snr).mean() > 0.4:
            return True
    return False


def _speck_map(
    inside: Float32[np.ndarray, "n n"], pitch_mm: float, phantom: Phantom, blobs: _Places, lines: _Map
) -> _Map:
    """Answers of the filter for specks; ends of lines and the places of fibres and masses do not count."""
    free = _free(inside.shape[0], pitch_mm, "speck_group", phantom.inserts).copy()
    axis = _axis_mm(inside.shape[0], pitch_mm)
    for x, y, radius in blobs:
        free &= np.hypot(axis[None, :] - x, axis[:, None] - y) > radius + 1.5
    near = _near_lines(lines, phantom)
    at = np.clip(np.rint((axis / lines.step_mm) + (near.shape[0] - 1) / 2).astype(int), 0, near.shape[0] - 1)
    free &= ~near[np.ix_(at, at)]
    answer = _difference(inside, 0.15 / pitch_mm, 0.5 / pitch_mm)
    return _Map(_scaled(answer, free), free, pitch_mm)


def _near_lines(lines: _Map, phantom: Phantom) -> Bool[np.ndarray, "m m"]:
    """Surroundings, the ends included, of all that the fibre filters see outside the speck groups."""
    axis = _axis_mm(lines.snr.shape[0], lines.step_mm)
    seen = lines.snr > LEAST_SNR["fibre"]
    for item in phantom.inserts:
        if item.kind == "speck_group":
            seen &= _distance_mm(item, axis[None, :], axis[:, None]) > 2.5
    reach = round(1.6 * _SEGMENT_MM / lines.step_mm)
    return np.asarray(ndimage.binary_dilation(seen, iterations=reach))


def _specks(of: _Map, last: ObjectScore, phantom: Phantom) -> Iterator[Mark]:
    """Speck-like marks: single ones anywhere, and what a group has beyond its specks."""
    groups = [item for item in phantom.inserts if item.kind == "speck_group"]
    least = LEAST_SNR["speck_group"]
    peaks = _peaks(of, _FAINT_SNR)
    item = _insert_of(last, phantom)
    own = sorted((p[2] for p in peaks if _distance_mm(item, np.array(p[0]), np.array(p[1])) < _ASTRAY_MM), reverse=True)
    wanted = 4 if last.score >= 1 else 2  # specks that earn the score (ACR 1999)
    rival = own[wanted - 1] if len(own) >= wanted else _FAINT_SNR
    shown = [p for p in peaks if p[2] >= max(rival, least)]
    for group in groups:
        members = [p for p in shown if _distance_mm(group, np.array(p[0]), np.array(p[1])) < _ASTRAY_MM]
        shown = [p for p in shown if p not in members]
        strangers = sorted(members, key=lambda p: -_off_places_mm(group, p))[: max(0, len(members) - group.count)]
        shown += strangers
    for x, y, snr in shown:
        yield Mark("speck_group", (x, y), 0.3, snr, last.name, rival, last.score)


def _off_places_mm(group: Insert, peak: tuple[float, float, float]) -> float:
    """Distance from the nearest place that a speck of the group has by design."""
    turns = np.arange(group.count - 1) * 2 * np.pi / (group.count - 1) - np.pi / 2
    x = group.centre_mm[0] + group.ring_radius_mm * np.append(np.cos(turns), 0.0)
    y = group.centre_mm[1] + group.ring_radius_mm * np.append(np.sin(turns), 0.0)
    return float(np.hypot(x - peak[0], y - peak[1]).min())


def _peaks(of: _Map, least: float) -> list[tuple[float, float, float]]:
    """Local maxima that are round: x, y in mm and the answer."""
    reach = max(3, round(0.5 / of.step_mm) | 1)
    top = (of.snr >= least) & of.free
    if not top.any():
        return []
    rows, columns = np.nonzero(top)
    beside = np.arange(reach) - reach // 2
    last = of.snr.shape[0] - 1
    around = of.snr[
        np.clip(rows[:, None, None] + beside[:, None], 0, last), np.clip(columns[:, None, None] + beside, 0, last)
    ]
    highest = of.snr[rows, columns] == around.max(axis=(1, 2))
    rows, columns = rows[highest], columns[highest]
    strongest = np.argsort(-of.snr[rows, columns])[:400]
    axis = _axis_mm(of.snr.shape[0], of.step_mm)
    found = []
    for row, column in zip(rows[strongest].tolist(), columns[strongest].tolist(), strict=True):
        if not _in_a_line(of, row, column):
            found.append((float(axis[column]), float(axis[row]), float(of.snr[row, column])))
    return found


def _in_a_line(of: _Map, row: int, column: int) -> bool:
    """Whether the answer goes on to both sides in some direction."""
    distance = 0.9 / of.step_mm
    angles = np.arange(16) * np.pi / 16
    size = of.snr.shape[0]
    offsets = np.rint(distance * np.stack([np.sin(angles), np.cos(angles)])).astype(int)
    one = np.clip(np.array([[row], [column]]) + offsets, 0, size - 1)
    other = np.clip(np.array([[row], [column]]) - offsets, 0, size - 1)
    both = np.minimum(of.snr[one[0], one[1]], of.snr[other[0], other[1]])
    return bool(both.max() > 0.35 * of.snr[row, column])
