"""Low-contrast object detectability: the spokes of slices 8 to 11. ACR, Large and Medium Phantom Test Guidance, 7.0.

Each slice shows a disc with ten spokes of three holes, of 7.0 mm down to 1.5 mm clockwise from the top; from slice to
slice the spokes turn by 9 degrees and their contrast rises (1.4, 2.5, 3.6 and 5.1 %). A spoke counts when all of its
three holes are seen, and counting stops at the first that does not.

Here a hole is seen when a disc of its size, fitted together with the shading around it at its known place, stands out
by twice the scatter that the same fit gives at empty places between the spokes (a choice: chance alone passes one hole
in fifty, and a whole spoke in a hundred thousand).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage, special

from mammoqa.core import Image, Measurement, Phantom, Pose, Region, Stack
from mammoqa.score.acr_mri_sampling import circle_px, index_of, pitch_of, pixel_places_mm, slice_of

SPOKES = 10
LARGEST_MM, SMALLEST_MM = 7.0, 1.5
RADII_MM = (12.5, 25.6, 38.2)
FIRST_DEG = {8: -90.0, 9: -81.0, 10: -72.0, 11: -63.0}  # direction of the largest spoke, from +x towards +y
SEEN = 2.0
_SEARCH_MM = 2.0  # how far the disc may lie from its nominal place
_TURN_DEG = 3.0  # and how far it may be turned
_PATCH_MM = 2.8  # of shading around a hole
_SHIFTS_MM = ((0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5))
_RINGS_MM = 30.0  # from here outwards the rim rings
_DISC_MM = 42.5  # of the disc that is free of its rim
_PIXEL_STEPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Spokes:
    """One slice: where the disc lies, and how far every hole (spokes x 3) stands out of the noise."""

    centre_mm: tuple[float, float]
    turn_deg: float
    strength: Float[np.ndarray, "spokes 3"]

    @property
    def count(self) -> int:
        """Spokes before the first that is not complete."""
        whole = (self.strength >= SEEN).all(axis=1)
        return int(np.argmin(whole)) if not whole.all() else SPOKES


def diameters_mm() -> Float[np.ndarray, " spokes"]:
    """Hole diameters from the first spoke to the last."""
    return np.linspace(LARGEST_MM, SMALLEST_MM, SPOKES)


def places_mm(number: int, turn_deg: float, between: bool = False) -> Float[np.ndarray, "spokes 3 2"]:
    """Holes of a slice, from the centre of its disc; `between` gives the empty places half-way to the next spoke."""
    angle = np.deg2rad(FIRST_DEG[number] + turn_deg + 36.0 * np.arange(SPOKES) + (18.0 if between else 0.0))
    radius = np.array(RADII_MM)
    return np.stack([np.outer(np.cos(angle), radius), np.outer(np.sin(angle), radius)], axis=-1)


def score_spokes(stack: Stack, phantom: Phantom, pose: Pose) -> tuple[tuple[Measurement, ...], tuple[Region, ...]]:
    """Complete spokes of each slice and their sum, with the limit of the field strength and the weighting.

    The interval of a slice's count is what the threshold is worth: 1.5 and 2.5 instead of 2.
    """
    measurements, regions = [], []
    totals = np.zeros(3)
    centre, turn = find_spokes(stack, pose, phantom)
    for number in FIRST_DEG:
        read = read_spokes(slice_of(stack, pose, number), pose, number, centre, turn)
        counts = [_count(read.strength, level) for level in (SEEN + 0.5, SEEN, SEEN - 0.5)]
        totals += counts
        name = f"spokes_slice_{number}"
        measurements.append(Measurement(name, float(read.count), "", low=float(counts[0]), high=float(counts[2])))
        regions += _regions(pose, read, number)
    limit, note = _limit(phantom, stack)
    low, value, high = (float(total) for total in totals)
    total = Measurement("low_contrast_spokes", value, "", low=low, high=high, limit_low=limit, note=note)
    return (total, *measurements), tuple(regions)


def find_spokes(stack: Stack, pose: Pose, phantom: Phantom) -> tuple[tuple[float, float], float]:
    """Centre of the discs in mm and how far they are turned: from the rims of all four, and the holes of slice 11."""
    ring = next(marker for marker in phantom.markers if marker.name == "low-contrast ring")
    rims = [_centre(slice_of(stack, pose, number), pose, ring.centre_mm) for number in FIRST_DEG]
    middle = (float(np.median([rim[0] for rim in rims])), float(np.median([rim[1] for rim in rims])))
    strongest = max(FIRST_DEG)
    image = slice_of(stack, pose, strongest)
    x, y, flat = _flat(image, pose, middle)
    turn, shift = _turn(x, y, flat, strongest, float(np.mean(pitch_of(image))))
    return (middle[0] + shift[0], middle[1] + shift[1]), turn


def _flat(image: Image, pose: Pose, centre: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places from the centre and contrast against the shading, of the pixels of a disc and its rim."""
    x_mm, y_mm = pixel_places_mm(image, pose)
    x, y = x_mm - centre[0], y_mm - centre[1]
    near = np.hypot(x, y) <= _DISC_MM + 4.0
    x, y, values = x[near], y[near], image.pixels[near].astype(np.float64)
    return x, y, values / _shading(x, y, values) - 1.0


def read_spokes(image: Image, pose: Pose, number: int, centre: tuple[float, float], turn: float) -> Spokes:
    """How far each hole of slice `number` stands out, its disc being there and turned so."""
    pitch = float(np.mean(pitch_of(image)))
    x, y, flat = _flat(image, pose, centre)
    inside = np.hypot(x, y) <= _DISC_MM
    x, y, flat = x[inside], y[inside], flat[inside]
    holes, empty = places_mm(number, turn), places_mm(number, turn, between=True)
    flat = flat - _ringing(x, y, flat, holes)
    strength, scatter = np.zeros((SPOKES, 3)), np.zeros((SPOKES, 3))
    for spoke, diameter in enumerate(diameters_mm()):
        for k in range(3):
            # empty places at the same distance from the rim, whose ringing reaches inwards
            none = np.array([_fit(x, y, flat, place, diameter, pitch) for place in empty[:, k]])
            scatter[spoke, k] = max(float(np.std(none, ddof=1)), 1e-9)
            strength[spoke, k] = _fit(x, y, flat, holes[spoke, k], diameter, pitch) - float(np.mean(none))
    return Spokes(centre, turn, strength / _smooth(scatter))


def _smooth(scatter: Float[np.ndarray, "spokes 3"]) -> Float[np.ndarray, "spokes 3"]:
    """The scatter as a power of the diameter, at each distance: ten empty places alone know it to a quarter."""
    size = np.log(diameters_mm())
    fitted = [np.exp(np.polyval(np.polyfit(size, np.log(scatter[:, k]), 1), size)) for k in range(3)]
    return np.stack(fitted, axis=1)


def _ringing(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    flat: Float[np.ndarray, " n"],
    holes: Float[np.ndarray, "spokes 3 2"],
) -> Float[np.ndarray, " n"]:
    """Rings around the disc's rim, which truncation in k-space causes: patterns of the radius that turn slowly."""
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    knots = np.arange(_RINGS_MM, _DISC_MM + 0.6, 0.6)
    hats = np.clip(1.0 - np.abs(radius[:, None] - knots) / 0.6, 0.0, None)
    turns = (np.ones_like(angle), np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle))
    terms = np.hstack([hats * turn[:, None] for turn in turns])
    away = np.ones(x.size, dtype=bool)
    for spoke, diameter in enumerate(diameters_mm()):
        for at in holes[spoke]:
            away &= np.hypot(x - at[0], y - at[1]) > diameter / 2 + 1.0
    outside = away & (radius >= _RINGS_MM)
    # a little of the identity keeps rings that holes cover at nought
    normal = terms[outside].T @ terms[outside] + 0.5 * np.eye(terms.shape[1])
    found = np.linalg.solve(normal, terms[outside].T @ flat[outside])
    return np.asarray(np.where(radius >= _RINGS_MM, terms @ found, 0.0))


def _count(strength: Float[np.ndarray, "spokes 3"], level: float) -> int:
    whole = (strength >= level).all(axis=1)
    return int(np.argmin(whole)) if not whole.all() else SPOKES


def _centre(image: Image, pose: Pose, nominal_mm: tuple[float, float]) -> tuple[float, float]:
    """Centre of the disc, from its dark rim: where circles of 44 to 52 mm are darkest."""
    angle = np.deg2rad(np.arange(0.0, 360.0, 4.0))
    pixels = ndimage.gaussian_filter(image.pixels.astype(np.float32), 0.7)
    best, found = np.inf, nominal_mm
    for dx in np.arange(-_SEARCH_MM - 1, _SEARCH_MM + 1.1, 0.5):
        for dy in np.arange(-_SEARCH_MM - 1, _SEARCH_MM + 1.1, 0.5):
            at = (nominal_mm[0] + float(dx), nominal_mm[1] + float(dy))
            px = pose.to_px(np.column_stack([at[0] + 48.0 * np.cos(angle), at[1] + 48.0 * np.sin(angle)]))
            level = float(ndimage.map_coordinates(pixels, [px[:, 1], px[:, 0]], order=1).mean())
            if level < best:
                best, found = level, at
    return found


def _shading(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]) -> np.ndarray:
    """The disc's own shading: a polynomial of degree 4, fitted twice, the second time without what stands out."""
    u, v = x / 45.0, y / 45.0
    terms = np.column_stack([u**i * v**j for i in range(5) for j in range(5 - i)])
    keep = np.hypot(x, y) < _DISC_MM
    fitted = values
    for _ in range(2):
        fitted = terms @ np.linalg.lstsq(terms[keep], values[keep], rcond=None)[0]
        left = values - fitted
        keep = (np.hypot(x, y) < _DISC_MM) & (np.abs(left) < 2.0 * float(np.std(left[keep])))
    return np.asarray(np.maximum(fitted, 1e-6 * float(np.max(np.abs(values))) + 1e-12))


def _turn(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], flat: Float[np.ndarray, " n"], number: int, pitch: float
) -> tuple[float, tuple[float, float]]:
    """Rotation and shift of the spokes: where the six largest together are brightest."""
    diameters = diameters_mm()[:6]

    def brightness(turn: float, dx: float, dy: float) -> float:
        total = 0.0
        for spoke, diameter in zip(places_mm(number, turn)[:6], diameters, strict=True):
            for at in spoke:
                which = np.flatnonzero(
                    (np.abs(x - at[0]) < diameter / 2 + 2.0) & (np.abs(y - at[1]) < diameter / 2 + 2.0)
                )
                disc = _disc(x[which] - at[0] - dx, y[which] - at[1] - dy, diameter, pitch)
                total += float((disc * flat[which]).sum() - disc.sum() * flat[which].mean())
        return total

    best = (0.0, 0.0, 0.0)
    for shifts, turn_step, turns in (((-1.0, -0.5, 0.0, 0.5, 1.0), 1.0, _TURN_DEG), ((-0.25, 0.0, 0.25), 0.5, 0.5)):
        tried = [
            (best[0] + float(turn), best[1] + dx, best[2] + dy)
            for turn in np.arange(-turns, turns + 0.01, turn_step)
            for dx in shifts
            for dy in shifts
        ]
        best = max(tried, key=lambda place: brightness(*place))
    return best[0], (best[1], best[2])


def _disc(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], diameter: float, pitch: float
) -> Float[np.ndarray, " n"]:
    """A disc as pixels of that pitch show it: soft over about half a pixel on either side of its edge."""
    return np.asarray(0.5 * special.erfc((np.hypot(x, y) - diameter / 2) / (0.5 * pitch)))


def _fit(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    flat: Float[np.ndarray, " n"],
    at: Float[np.ndarray, "2"],
    diameter: float,
    pitch: float,
) -> float:
    """Contrast of a disc, fitted with a surface of shading of second degree; the best within half a millimetre."""
    which = np.flatnonzero(np.hypot(x - at[0], y - at[1]) <= diameter / 2 + _PATCH_MM)
    u, v = x[which] - at[0], y[which] - at[1]
    ground = np.column_stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    basis = np.linalg.qr(ground)[0]
    left = flat[which] - basis @ (basis.T @ flat[which])
    best = -np.inf
    for dx, dy in _SHIFTS_MM:
        disc = _disc(u - dx, v - dy, diameter, pitch)
        disc = disc - basis @ (basis.T @ disc)
        best = max(best, float(disc @ left) / max(float(disc @ disc), 1e-12))
    return best


def _limit(phantom: Phantom, stack: Stack) -> tuple[float | None, str | None]:
    """The least number of spokes at this field strength and weighting."""
    facts = stack.images[0].acquisition
    field, echo, repetition = facts.field_strength_t, facts.echo_time_ms, facts.repetition_time_ms
    if field is None:
        return None, "the files do not give the field strength, on which the limit depends"
    weighting = None
    if echo is not None and echo >= 60.0:
        weighting = "T2"
    elif echo is not None and echo <= 30.0 and (repetition is None or repetition <= 800.0):
        weighting = "T1"
    for criterion in phantom.criteria:
        if criterion.name == "low_contrast_spokes" and criterion.applies == _condition(field, weighting):
            return criterion.low, None
    said = "-" if echo is None or repetition is None else f"TR {repetition:.0f} ms, TE {echo:.0f} ms"
    return None, f"{field:g} T and {said}: no limit for this sequence, the protocol's T1 has TR 500, TE 20 ms"


def _condition(field_t: float, weighting: str | None) -> str:
    if field_t < 1.4:
        return "field < 1.5 T"
    return f"{'field >= 3 T' if field_t >= 2.8 else 'field 1.5 T'}, {weighting}"


def _regions(pose: Pose, read: Spokes, number: int) -> list[Region]:
    """Circles around the holes of the spokes that were counted; the disc where none was."""
    index = index_of(pose, number)
    places = places_mm(number, read.turn_deg) + np.array(read.centre_mm)
    label = f"{read.count} spokes"
    regions = [Region(label, circle_px(pose, *read.centre_mm, 43.5), index=index)]
    for spoke, diameter in enumerate(diameters_mm()[: read.count]):
        for at in places[spoke]:
            regions.append(
                Region("", circle_px(pose, float(at[0]), float(at[1]), float(diameter) / 2 + 1.0), index=index)
            )
    return regions
