"""Images that stress locating, each with its true placement: simulated exposures, and exact changes to their pixels.

An exposure costs a second, so a base set is simulated (all detectors, vendor styles, linear and logarithmic raw
pixels; tilt, geometric magnification) and each of its images gives two for every stress below: turned, mirrored, cut,
covered, clipped or resampled, with the placement carried along. Frames as in `core.image`: (0, 0) is the centre of the
top-left pixel.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import ChestWall, Image, Intent, Phantom
from mammoqa.simulate import Exposure, Letter, expose

Expected = Literal["read", "refuse", "either"]
Pixels = Real[np.ndarray, "rows columns"]
Matrix = Float[np.ndarray, "2 3"]

_SIDES: tuple[ChestWall, ...] = ("right", "bottom", "left", "top")  # the way that +x turns
_BEAMS: dict[str, tuple[tuple[str, str], ...]] = {
    "a-se-70": (("W", "Rh"), ("W", "Ag")),
    "a-se-85": (("W", "Rh"), ("W", "Al"), ("Mo", "Rh")),
    "csi-100": (("Mo", "Mo"), ("Rh", "Rh"), ("W", "Rh")),
    "cr-50": (("Mo", "Mo"), ("Mo", "Rh")),
    "film-50": (("Mo", "Mo"), ("Mo", "Rh")),
}
OUTPUTS = ("linear", "sigmoid", "sharpened", "equalised", "raw LIN", "raw LOG")  # the four styles, then raw
OBJECTS_MM = 35.0  # test objects reach 34.5 mm from the centre of the insert
_LARGEST_SCALE = 1.85  # locating searches up to 1.95


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """An image, where its phantom truly lies, which stress it carries and what is right to do with it."""

    stress: str
    image: Image
    matrix: Matrix
    expected: Expected
    detector: str
    output: str

    @property
    def chest_wall(self) -> ChestWall:
        """The side of the image towards which the phantom's chest-wall edge lies."""
        down = self.matrix[:, 1]
        return _SIDES[round(float(np.degrees(np.arctan2(down[1], down[0]))) / 90) % 4]

    @property
    def mirrored(self) -> bool:
        """Whether the phantom is seen from behind."""
        return bool(np.linalg.det(self.matrix[:, :2]) < 0)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A simulated exposure without further stress; `bright` where attenuating parts are."""

    image: Image
    matrix: Matrix
    detector: str
    output: str
    magnified: bool
    bright: bool


def draw_base(phantom: Phantom, seed: int, number: int) -> Base:
    """The exposure of this number: detectors and outputs in turn, the rest drawn from (seed, number)."""
    rng = np.random.default_rng([seed, number])
    detector = list(_BEAMS)[number % len(_BEAMS)]
    output = OUTPUTS[number % len(OUTPUTS)] if detector != "film-50" else "film"
    anode, filter_material = _BEAMS[detector][rng.integers(len(_BEAMS[detector]))]
    magnified = number % 7 == 2
    gap_mm = float(rng.uniform(90.0, 235.0) if magnified else rng.uniform(8.0, 22.0))
    scale = 650.0 / (650.0 - gap_mm - 39.5)
    raw = output.startswith("raw")
    spare_mm = 12.0 if detector.endswith("-50") else 46.0  # 50 µm pixels cost the most; their fields are kept small
    exposure = Exposure(
        anode=anode,
        filter_material=filter_material,
        kvp=float(rng.integers(26, 31)),
        target_mgd_mgy=float(rng.uniform(1.0, 2.0)),
        detector=detector,
        # the heel effect is known to 250 mm from the chest wall
        field_mm=(
            (112.0 + float(rng.uniform(0.0, spare_mm))) * scale,
            min(245.0, (116.0 + float(rng.uniform(0.0, 0.7 * spare_mm))) * scale),
        ),
        collimation_mm=float(rng.choice([0.0, 2.0])),
        support_gap_mm=gap_mm,
        focal_spot_mm=0.1 if magnified else 0.3,
        tilt_deg=float(rng.uniform(-10.0, 10.0)) if number % 3 == 1 else float(rng.normal(0.0, 1.0)),
        shift_mm=(float(rng.normal(0.0, 2.0)), float(rng.uniform(0.0, 2.0))),
        intent=Intent.FOR_PROCESSING if raw else Intent.FOR_PRESENTATION,
        pixel_intensity=output[-3:] if raw else "LOG",
        style=output if output in OUTPUTS[:4] else "linear",
        monochrome1=raw and bool(rng.random() < 0.3),
        disc_mm=((-20.0, 48.0), (-20.0, -22.0), (0.0, 20.0), None)[int(rng.integers(4))],
        letters=(Letter("ACR", (float(rng.uniform(-28, 28)), 47.5), 4.0),) if rng.random() < 0.7 else (),
        device_serial=f"{number:04d}",
    )
    simulated = expose(phantom, exposure, rng)
    bright = not raw or exposure.monochrome1
    return Base(simulated.image, simulated.truth.matrix, detector, output, magnified, bright)


def trials(base: Base, phantom: Phantom, rng: np.random.Generator) -> Iterator[Trial]:
    """The exposure itself, and two images for each stress."""
    stress = "magnified by geometry" if base.magnified else "as exposed"
    plain = Trial(stress, base.image, base.matrix, "read", base.detector, base.output)
    yield plain
    for name, change in [*STRESSES.items()] * 2:
        changed = change(plain, base, phantom, rng)
        # a turn on top of every stress: nothing may depend on the way up
        quarters, mirror = (int(rng.integers(4)), bool(rng.integers(2))) if name != "quarter turn" else (0, False)
        yield replace(turned(changed, quarters, mirror=mirror), stress=name)


def _with(trial: Trial, pixels: Pixels, matrix: Matrix | None = None, **changes: object) -> Trial:
    pixels = np.ascontiguousarray(pixels)
    pixels.setflags(write=False)
    image = replace(trial.image, pixels=pixels, **changes)  # type: ignore[arg-type]
    return replace(trial, image=image, matrix=trial.matrix if matrix is None else matrix)


def turned(trial: Trial, quarters: int, *, mirror: bool) -> Trial:
    """Turned counter-clockwise by quarter turns, then mirrored left to right; exact."""
    pixels, matrix = trial.image.pixels, trial.matrix.copy()
    for _ in range(quarters % 4):
        width = pixels.shape[1]
        pixels = np.rot90(pixels)
        matrix = np.array([[0.0, 1.0], [-1.0, 0.0]]) @ matrix
        matrix[1, 2] += width - 1
    if mirror:
        width = pixels.shape[1]
        pixels = pixels[:, ::-1]
        matrix = np.diag([-1.0, 1.0]) @ matrix
        matrix[0, 2] += width - 1
    pitch = trial.image.pitch_mm
    swapped = pitch[::-1] if pitch and quarters % 2 else pitch
    return _with(trial, pixels, matrix, pitch_mm=swapped)


def _cropped(trial: Trial, top: int, bottom: int, left: int, right: int) -> Trial:
    rows, columns = trial.image.pixels.shape
    matrix = trial.matrix.copy()
    matrix[:, 2] -= (left, top)
    return _with(trial, trial.image.pixels[top : rows - bottom, left : columns - right], matrix)


def resampled(trial: Trial, factor: float) -> Trial:
    """`factor` times as many pixels a side: averaged where coarser, interpolated linearly where finer."""
    from scipy import ndimage

    pixels = trial.image.pixels.astype(np.float32)
    if factor < 1:
        pixels = ndimage.uniform_filter(pixels, max(1, round(1 / factor)))
    shape = [round(n * factor) for n in pixels.shape]
    ratios = [new / old for new, old in zip(shape, pixels.shape, strict=True)]
    grid = [(np.arange(n) + 0.5) / ratio - 0.5 for n, ratio in zip(shape, ratios, strict=True)]
    fine = _separable(pixels, grid[0], grid[1])
    low, high = trial.image.saturated or (0.0, float(pixels.max()))
    matrix = trial.matrix.copy()
    matrix[:, 2] += 0.5
    matrix *= np.array(ratios[::-1])[:, None]
    matrix[:, 2] -= 0.5
    pitch = trial.image.pitch_mm or (0.1, 0.1)
    stored = np.clip(np.rint(fine), low, high).astype(np.uint16)
    return _with(trial, stored, matrix, pitch_mm=(pitch[0] / ratios[0], pitch[1] / ratios[1]))


def _separable(
    pixels: Float[np.ndarray, "rows columns"], rows: Float[np.ndarray, " r"], columns: Float[np.ndarray, " c"]
) -> Float[np.ndarray, "r c"]:
    """Linear interpolation at the crossings of given rows and columns."""
    for wanted, axis in ((rows, 0), (columns, 1)):
        at = np.clip(wanted, 0, pixels.shape[axis] - 1.001)
        first = at.astype(int)
        part = (at - first).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        low = np.take(pixels, first, axis=axis)
        pixels = low + part * (np.take(pixels, first + 1, axis=axis) - low)
    return pixels


def _reach_px(trial: Trial, half_mm: float) -> Float[np.ndarray, "4"]:
    """How many pixels lie between a square about the insert's centre and the top, bottom, left and right edge."""
    corners = np.array([[x, y] for x in (-half_mm, half_mm) for y in (-half_mm, half_mm)])
    px = corners @ trial.matrix[:, :2].T + trial.matrix[:, 2]
    rows, columns = trial.image.pixels.shape
    (left, top), (right, bottom) = px.min(axis=0), px.max(axis=0)
    return np.array([top + 0.5, rows - 0.5 - bottom, left + 0.5, columns - 0.5 - right])


def _px_per_mm(trial: Trial) -> float:
    return float(np.sqrt(abs(np.linalg.det(trial.matrix[:, :2]))))


def _sides(rng: np.random.Generator, most: int) -> list[int]:
    return [int(side) for side in rng.permutation(4)[: rng.integers(1, most + 1)]]


def _quarter_turn(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    return turned(trial, 1 + int(rng.integers(3)), mirror=False)


def _mirror(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    return turned(trial, 0, mirror=True)


def _off_centre(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """Edges of the image cut up to three sides of the body, 1 to 8 mm outside the insert."""
    cut = np.zeros(4, dtype=int)
    for side in _sides(rng, 3):
        spare = _reach_px(trial, 40.5)[side] - rng.uniform(1.0, 8.0) * _px_per_mm(trial)
        cut[side] = max(0, int(spare))
    return _cropped(trial, *(int(c) for c in cut))


def _cut(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """An edge of the image runs through the insert; beyond 5.5 mm it cuts test objects."""
    depth_mm = float(rng.uniform(1.5, 40.0))
    cut = np.zeros(4, dtype=int)
    for side in _sides(rng, 2):
        cut[side] = max(0, int(_reach_px(trial, 40.5)[side] + depth_mm * _px_per_mm(trial)))
    cropped = _cropped(trial, *(int(c) for c in cut))
    lost = float(_reach_px(cropped, OBJECTS_MM).min())
    return replace(cropped, expected="refuse" if lost < 0 else "either")


def _covered(trial: Trial, base: Base, rng: np.random.Generator, outside_mm: tuple[float, float], most: int) -> Trial:
    """Sides covered up to a distance from the insert: by blades that let a thousandth through, or masked black."""
    low, high = trial.image.saturated or (0.0, float(trial.image.pixels.max()))
    masked = rng.random() < 0.4
    value = (low if masked else high) if base.bright else low
    pixels = trial.image.pixels.copy()
    rows, columns = pixels.shape
    for side in _sides(rng, most):
        spare = int(_reach_px(trial, 40.5)[side] - rng.uniform(*outside_mm) * _px_per_mm(trial))
        if spare < 1:
            continue
        edge = (np.s_[:spare], np.s_[rows - spare :], np.s_[:, :spare], np.s_[:, columns - spare :])[side]
        spread = 0.0 if masked else 0.003 * (high - low)
        noise = rng.normal(0.0, spread, pixels[edge].shape)
        pixels[edge] = np.clip(np.rint(value + np.abs(noise) * (1 if value == low else -1)), low, high)
    return _with(trial, pixels)


def _collimated(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    return _covered(trial, base, rng, (1.5, 14.0), 4)


def _collimated_insert(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    return replace(_covered(trial, base, rng, (-35.0, -6.5), 1), expected="refuse")


def _wrong_spacing(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """The tag makes the phantom look 1.0 to 1.8 times its size."""
    pitch = trial.image.pitch_mm or (0.1, 0.1)
    real = _px_per_mm(trial) * pitch[0]
    factor = float(rng.uniform(min(1.0, 1.0 / real), min(1.8, _LARGEST_SCALE / real)))
    return _with(trial, trial.image.pixels, pitch_mm=(pitch[0] * factor, pitch[1] * factor))


def _text(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """One to four lines burned in anywhere outside the insert, white or black, with or without a box."""
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFont

    low, high = trial.image.saturated or (0.0, float(trial.image.pixels.max()))
    pixels = trial.image.pixels.copy()
    per_mm = _px_per_mm(trial)
    rows, columns = pixels.shape
    inverse = np.linalg.inv(trial.matrix[:, :2])
    for _ in range(int(rng.integers(1, 5))):
        font = ImageFont.load_default(float(rng.uniform(2.5, 6.0)) * per_mm)
        text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789 :.-"), rng.integers(3, 18)))
        left, top, right, bottom = (int(v) for v in font.getbbox(text))
        picture = Picture.new("L", (right - left + 6, bottom - top + 6))
        ImageDraw.Draw(picture).text((3 - left, 3 - top), text, font=font, fill=255)
        dots = np.asarray(picture) > 127
        tall, wide = dots.shape
        if tall >= rows or wide >= columns:
            continue
        for _ in range(20):
            y, x = int(rng.integers(rows - tall)), int(rng.integers(columns - wide))
            yy, xx = np.mgrid[y : y + tall : 5, x : x + wide : 5]
            mm = inverse @ np.stack([xx.ravel() - trial.matrix[0, 2], yy.ravel() - trial.matrix[1, 2]])
            if np.abs(mm).max(axis=0).min() < 42.0:
                continue
            ink, paper = (high, low) if rng.random() < 0.7 else (low, high)
            part = pixels[y : y + tall, x : x + wide]
            if rng.random() < 0.3:
                part[:] = int(paper)
            part[dots] = int(ink)
            break
    return _with(trial, pixels)


def _inverted(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    low, high = trial.image.saturated or (0.0, float(trial.image.pixels.max()))
    return _with(trial, (low + high - trial.image.pixels).astype(np.uint16))


def _insert_values(trial: Trial) -> Real[np.ndarray, " n"]:
    axis = np.linspace(-38.0, 38.0, 160)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) @ trial.matrix[:, :2].T + trial.matrix[:, 2]
    at = np.clip(np.rint(points).astype(int), 0, np.array(trial.image.pixels.shape[::-1]) - 1)
    return np.asarray(trial.image.pixels[at[:, 1], at[:, 0]])


def _clipped_around(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """The grey scale ends just beyond what the insert shows: air and frame clip, objects do not."""
    low, high = np.percentile(_insert_values(trial).astype(float), (0.02, 99.98))
    room = 0.3 * (high - low)
    ends = (float(np.floor(low - room)), float(np.ceil(high + room)))
    least, most = trial.image.saturated or ends
    ends = (max(ends[0], least), min(ends[1], most))
    return _with(trial, np.clip(trial.image.pixels, *ends).astype(np.uint16), saturated=ends)


def _clipped_objects(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """The grey scale ends within the insert: 12 to 90 % of it clips at either end."""
    share = float(rng.uniform(12.0, 90.0))
    values = _insert_values(trial)
    least, most = trial.image.saturated or (float(values.min()), float(values.max()))
    if rng.random() < 0.5:
        ends = (float(np.ceil(np.percentile(values, share))), most)
    else:
        ends = (least, float(np.floor(np.percentile(values, 100 - share))))
    clipped = _with(trial, np.clip(trial.image.pixels, *ends).astype(np.uint16), saturated=ends)
    return replace(clipped, expected="refuse")


def _pitch(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """Resampled to 50 to 200 µm."""
    pitch = (trial.image.pitch_mm or (0.1, 0.1))[0]
    return resampled(trial, pitch / float(np.exp(rng.uniform(np.log(0.05), np.log(0.2)))))


def _together(trial: Trial, base: Base, phantom: Phantom, rng: np.random.Generator) -> Trial:
    """Text, blades, off-centre and another pitch at once."""
    trial = _collimated(trial, base, phantom, rng)
    trial = _text(trial, base, phantom, rng)
    pitch = (trial.image.pitch_mm or (0.1, 0.1))[0]
    return resampled(trial, pitch / float(rng.uniform(0.08, 0.2)))


Change = Callable[[Trial, Base, Phantom, np.random.Generator], Trial]
STRESSES: dict[str, Change] = {
    "quarter turn": _quarter_turn,
    "mirror image": _mirror,
    "off-centre, body cut": _off_centre,
    "collimated to the frame": _collimated,
    "burned-in text": _text,
    "wrong pixel spacing": _wrong_spacing,
    "inverted pixels": _inverted,
    "clipped around the insert": _clipped_around,
    "50 to 200 µm": _pitch,
    "text, blades, pitch together": _together,
    "insert cut by the image": _cut,
    "insert behind a blade": _collimated_insert,
    "objects clipped": _clipped_objects,
}
