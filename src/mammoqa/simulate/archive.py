"""A simulated national archive: units with habits of their own, their images with faults, and what a panel reads.

Its mix follows Yun et al. 2025 (film, CR and DR; 69 % of phantoms pass; 5,900 images); every share of a detector, beam,
make or fault is a choice of this project. Every draw depends on (seed, unit, image) only, so that an archive can be
made in parallel and repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from jaxtyping import Float

from mammoqa.core import ChestWall, Intent, Phantom
from mammoqa.simulate.detectability import Visibility, visibilities
from mammoqa.simulate.expose import Simulated, expose
from mammoqa.simulate.exposure import SOUND, Exposure, Faults, Letter, ObjectState, Tape
from mammoqa.simulate.presentation import STYLES
from mammoqa.simulate.readers import DEFAULT, Criteria, Panel, expected, read

# share of the archive, beams; film and CR with molybdenum tubes, digital with those their vendors sell
DETECTORS: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {
    "a-se-70": (0.25, (("W", "Rh"), ("W", "Ag"))),
    "a-se-85": (0.15, (("W", "Rh"), ("W", "Al"), ("Mo", "Mo"), ("Mo", "Rh"))),
    "csi-100": (0.25, (("Mo", "Mo"), ("Mo", "Rh"), ("Rh", "Rh"), ("W", "Rh"), ("W", "Ag"))),
    "cr-50": (0.20, (("Mo", "Mo"), ("Mo", "Rh"))),
    "film-50": (0.15, (("Mo", "Mo"), ("Mo", "Rh"))),
}
SIDES: tuple[ChestWall, ...] = ("bottom", "left", "right", "top")


UNITS, IMAGES_PER_UNIT = 984, 6  # 5,904 images; Yun et al. 2025 had 5,917, of which 104 could not be prepared
DOSES_MGY = (0.0, 0.8, 1.2, 1.6, 2.0, float("inf"))  # ranges for subsets: round numbers about the usual 1.5 mGy
PANELS = 64  # that read an image for the expected scores


@dataclass(frozen=True, slots=True)
class Make:
    """How a maker's phantom differs from the nominal one; vendors publish no tolerances, so each value is a choice."""

    share: float
    pitch: float = 1.0  # of the grid of objects, relative
    ring: float = 1.0  # radius of the ring of specks, relative
    fibre: float = 1.0  # length of the fibres, relative
    mass: float = 1.0  # diameter of the masses, relative
    insert_mm: tuple[float, float] = (81.0, 81.0)
    tapes: tuple[Tape, ...] = ()


MAKES: dict[str, Make] = {
    "A": Make(0.45),
    "B": Make(0.25, pitch=1.005, ring=0.96, insert_mm=(82.0, 82.0), tapes=(Tape((-44.0, 0.0), (8.0, 30.0), 0.12),)),
    "C": Make(0.20, pitch=0.995, fibre=0.97, mass=0.97, insert_mm=(80.5, 80.5)),
    "D": Make(0.10, ring=1.04, mass=1.04, tapes=(Tape((0.0, -47.0), (60.0, 6.0), 0.2), Tape((46.5, 20), (6, 14), 0.3))),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """An X-ray unit and its phantom, with habits that stay over its images."""

    number: int
    make: str
    exposure: Exposure
    dose_spread: float
    tilt_spread_deg: float
    fault_rate: float
    wear: float  # chance that an object of its phantom shows up incomplete
    contrast: float  # of the phantom's objects, relative to nominal
    offsets_mm: tuple[tuple[float, float], ...]
    worn: bool = False  # its phantom is worn out: objects of any strength, most of them incomplete, and much dirt


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One archived image with its truth and the panel's reading."""

    unit: int
    number: int
    simulated: Simulated
    panel: Panel
    expected: Float[np.ndarray, "objects 4"]  # shares of 0, 0.5, 1 and N/A among many panels of the same image
    stranger: Float[np.ndarray, " objects"]  # one more reader, on no panel; -1 for N/A
    seen: tuple[Visibility, ...]
    make: str


def made(phantom: Phantom, make: str) -> Phantom:
    """The phantom as that maker builds it."""
    m = MAKES[make]
    inserts = tuple(
        replace(
            i,
            centre_mm=(i.centre_mm[0] * m.pitch, i.centre_mm[1] * m.pitch),
            ring_radius_mm=i.ring_radius_mm * m.ring,
            length_mm=i.length_mm * m.fibre,
            diameter_mm=i.diameter_mm * (m.mass if i.kind == "mass" else 1.0),
        )
        for i in phantom.inserts
    )
    return replace(phantom, inserts=inserts, insert_mm=m.insert_mm)


def draw_unit(phantom: Phantom, seed: int, number: int) -> Unit:
    """A unit's habits."""
    rng = np.random.default_rng([seed, number])
    detector = str(rng.choice(list(DETECTORS), p=[share for share, _ in DETECTORS.values()]))
    beams = DETECTORS[detector][1]
    anode, filter_material = beams[rng.integers(len(beams))]
    analogue = detector == "film-50"
    processing = not analogue and rng.random() < 0.35
    offsets = rng.normal(0.0, 0.25, (len(phantom.inserts), 2))
    make = str(rng.choice(list(MAKES), p=[m.share for m in MAKES.values()]))
    exposure = Exposure(
        anode=anode,
        filter_material=filter_material,
        kvp=float(rng.integers(25, 32) if anode == "W" else rng.integers(24, 30)),
        target_mgd_mgy=float(
            np.clip(rng.lognormal(np.log(1.6 if analogue or detector == "cr-50" else 1.35), 0.30), 0.5, 3.0)
        ),
        detector=detector,
        field_mm=_field(rng),
        collimation_mm=float(rng.choice([0.0, 0.0, 2.0, 5.0])),
        support_gap_mm=float(rng.uniform(8.0, 22.0)),
        focal_spot_mm=float(rng.uniform(0.25, 0.45)),
        chest_wall=SIDES[rng.choice(4, p=[0.25, 0.35, 0.32, 0.08])],
        mirrored=bool(rng.random() < 0.04),
        shift_mm=(float(rng.normal(0.0, 4.0)), float(rng.normal(0.5, 1.0))),
        intent=Intent.FOR_PROCESSING if processing else Intent.FOR_PRESENTATION,
        pixel_intensity=str(rng.choice(["LIN", "LOG"])),
        style=str(rng.choice(list(STYLES))),
        monochrome1=bool(rng.random() < 0.4),
        disc_mm=_disc(rng),
        letters=_letters(rng),
        tapes=MAKES[make].tapes,
        insert_offset_mm=(float(rng.normal(0.0, 0.7)), float(rng.normal(0.0, 0.7))),
        station=f"UNIT-{number:04d}",
        device_serial=f"{number:04d}",
    )
    return Unit(
        number=number,
        make=make,
        exposure=exposure,
        dose_spread=float(rng.uniform(0.03, 0.15)),
        tilt_spread_deg=float(rng.choice([0.5, 1.0, 2.5])),
        fault_rate=float(rng.choice([0.05, 0.2, 0.6], p=[0.6, 0.28, 0.12])),
        wear=float(rng.choice([0.005, 0.03, 0.15], p=[0.6, 0.3, 0.1])),
        contrast=float(rng.lognormal(0.0, 0.07)),
        offsets_mm=tuple((float(a), float(b)) for a, b in offsets),
    )


def _field(rng: np.random.Generator) -> tuple[float, float]:
    """Fields from just holding the phantom to 18 x 24 cm."""
    if rng.random() < 0.25:
        return (240.0, 180.0)
    return (float(rng.uniform(128.0, 190.0)), float(rng.uniform(128.0, 165.0)))


def _disc(rng: np.random.Generator) -> tuple[float, float] | None:
    """On top of the phantom: between fibres 1 and 2, elsewhere clear of the objects, or left out."""
    places = ((-20.0, -22.0), (-20.0, 48.5), (0.0, 20.0), (20.0, 0.0), (-20.0, 0.0), None)
    return places[rng.choice(len(places), p=[0.35, 0.25, 0.1, 0.1, 0.1, 0.1])]


def _letters(rng: np.random.Generator) -> tuple[Letter, ...]:
    text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789"), rng.integers(3, 9)))
    if rng.random() < 0.2:
        return ()
    side = float(rng.choice([-1.0, 1.0]))
    return (
        Letter(text, (side * float(rng.uniform(20, 32)), float(rng.choice([47.5, -47.5]))), float(rng.uniform(3, 5))),
    )


def draw_exposure(phantom: Phantom, unit: Unit, rng: np.random.Generator, number: int) -> Exposure:
    """One of the unit's exposures, with the faults that it happens to have."""
    usual = unit.exposure
    dose = usual.target_mgd_mgy * float(rng.lognormal(0.0, unit.dose_spread))
    faults = Faults(dust=int(rng.poisson(1.0 if usual.detector in ("film-50", "cr-50") else 0.1)))
    if rng.random() < unit.fault_rate:
        dose, faults = _FAULTS[rng.integers(len(_FAULTS))](dose, faults, rng)
    if unit.worn and rng.random() < 0.5:
        faults = replace(faults, dust=int(rng.integers(5, 40)), scratches=int(rng.integers(0, 8)))
    state = _worn_object if unit.worn else _object
    return replace(
        usual,
        target_mgd_mgy=float(np.clip(dose, 0.1, 5.0)),
        tilt_deg=float(np.clip(rng.normal(0.0, unit.tilt_spread_deg), -9.0, 9.0)),
        shift_mm=(usual.shift_mm[0] + float(rng.normal(0, 1.5)), usual.shift_mm[1] + float(rng.normal(0, 0.5))),
        objects=tuple(state(i.kind, unit, k, rng) for k, i in enumerate(phantom.inserts)),
        faults=faults,
        acquired_at=datetime(2025, 1, 6, 8) + timedelta(days=7 * number, minutes=int(rng.integers(90))),
    )


Fault = Callable[[float, Faults, np.random.Generator], tuple[float, Faults]]
_FAULTS: tuple[Fault, ...] = (
    lambda dose, f, rng: (dose * float(rng.uniform(0.25, 0.75)), f),
    lambda dose, f, rng: (dose * float(rng.uniform(0.25, 0.75)), f),
    lambda dose, f, rng: (dose, replace(f, extra_noise=float(rng.uniform(0.2, 1.0)))),
    lambda dose, f, rng: (dose, replace(f, extra_blur_mm=float(rng.uniform(0.05, 0.25)))),
    lambda dose, f, rng: (dose, replace(f, extra_scatter=float(rng.uniform(0.2, 0.6)))),
    lambda dose, f, rng: (dose, replace(f, dust=int(rng.integers(5, 40)), scratches=int(rng.integers(0, 8)))),
    lambda dose, f, rng: (dose, replace(f, dead_lines=int(rng.integers(1, 4)), ghosting=float(rng.uniform(0, 0.02)))),
)


def _object(kind: str, unit: Unit, index: int, rng: np.random.Generator) -> ObjectState:
    """Mostly sound; now and then weakened, left out, broken or partly drawn, as in worn and copied phantoms."""
    state = replace(SOUND, weight=unit.contrast * float(rng.lognormal(0.0, 0.03)), offset_mm=unit.offsets_mm[index])
    if rng.random() >= unit.wear:
        return state
    fate = rng.random()
    if fate < 0.25:
        return replace(state, weight=state.weight * float(rng.uniform(0.2, 0.9)))
    if fate < 0.40:
        return replace(state, weight=0.0)
    return _PARTLY[kind](state, rng)


def _worn_object(kind: str, unit: Unit, index: int, rng: np.random.Generator) -> ObjectState:
    """Of a quarter to four times its thickness, and mostly broken, partly drawn or deformed; empty now and then."""
    weight = unit.contrast * (float(2.0 ** rng.uniform(-2.0, 2.0)) if rng.random() < 0.6 else 1.0)
    state = replace(SOUND, weight=weight, offset_mm=unit.offsets_mm[index])
    fate = rng.random()
    if fate < 0.07:
        return replace(state, weight=0.0)
    return _PARTLY[kind](state, rng) if fate < 0.75 else state


def _break_fibre(state: ObjectState, rng: np.random.Generator) -> ObjectState:
    if rng.random() < 0.5:
        middle, half = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.03, 0.15))
        return replace(state, visible=((0.0, middle - half), (middle + half, 1.0)))
    length, side = float(rng.uniform(0.3, 0.95)), rng.random() < 0.5
    return replace(state, visible=((0.0, length),) if side else ((1 - length, 1.0),))


def _lose_specks(state: ObjectState, rng: np.random.Generator) -> ObjectState:
    kept = int(rng.choice([1, 2, 2, 3, 3, 4, 5]))
    there = rng.permutation(6) < kept
    return replace(state, specks=tuple(bool(t) for t in there))


def _deform_mass(state: ObjectState, rng: np.random.Generator) -> ObjectState:
    if rng.random() < 0.5:
        return replace(state, squareness=float(rng.uniform(0.2, 1.0)))
    start, drawn = float(rng.random()), float(rng.uniform(0.4, 0.95))
    end = start + drawn
    sectors = ((start, end),) if end <= 1 else ((start, 1.0), (0.0, end - 1.0))
    return replace(state, sectors=sectors)


_PARTLY = {"fibre": _break_fibre, "speck_group": _lose_specks, "mass": _deform_mass}


def make_case(
    phantom: Phantom,
    seed: int,
    unit_number: int,
    number: int,
    criteria: Criteria = DEFAULT,
    *,
    worn: bool = False,
) -> Case:
    """One image of the archive and its reading; the readers' draws do not depend on the exposure's.

    With `worn` the unit's phantom is worn out (see `Unit`), which no fleet has, but training needs.
    """
    unit = replace(draw_unit(phantom, seed, unit_number), worn=worn)
    its = made(phantom, unit.make)
    rng = np.random.default_rng([seed, unit_number, number + 1])
    simulated = expose(its, draw_exposure(its, unit, rng, number), rng)
    eyes = np.random.default_rng([seed, unit_number, number + 1, 1])
    seen = visibilities(simulated, its)
    panel = read(seen, eyes, criteria)
    shares = expected(seen, eyes, PANELS, criteria)
    stranger = read(seen, np.random.default_rng([seed, unit_number, number + 1, 2]), criteria).readers[0]
    return Case(unit_number, number, simulated, panel, shares, stranger, seen, unit.make)


def facts(case: Case) -> dict[str, str]:
    """What subsets of an archive are formed by."""
    truth = case.simulated.truth
    return facts_of(truth.exposure, truth.mean_glandular_dose_mgy, case.make)


def facts_of(exposure: Exposure, dose_mgy: float, make: str) -> dict[str, str]:
    """The same, from an exposure, its mean glandular dose and the phantom's make."""
    raw = exposure.intent is Intent.FOR_PROCESSING
    return {
        "system": system_of(exposure.detector),
        "detector": exposure.detector,
        "target and filter": f"{exposure.anode}/{exposure.filter_material}",
        "pixels": f"raw, {exposure.pixel_intensity}" if raw else f"presentation, {exposure.style}",
        "mean glandular dose": dose_range(dose_mgy),
        "chest wall": f"{exposure.chest_wall}{', mirrored' if exposure.mirrored else ''}",
        "phantom make": make,
    }


def system_of(detector: str) -> str:
    """Film, CR or DR, from the name of a simulated detector."""
    return {"film": "film", "cr": "CR"}.get(detector.split("-", maxsplit=1)[0], "DR")


def dose_range(dose_mgy: float) -> str:
    """The range of mean glandular dose, in words that sort by dose."""
    i = int(np.searchsorted(DOSES_MGY, dose_mgy, side="right")) - 1
    low, high = DOSES_MGY[i], DOSES_MGY[i + 1]
    return f"from {low:.1f} mGy" if np.isinf(high) else f"{low:.1f} to {high:.1f} mGy"
