"""How a simulated exposure is set up: data only.

Everything that was chosen or drawn stays in these frozen records, so that an exposure can be repeated and its
truth is known.
"""

from dataclasses import dataclass, field
from datetime import datetime

from mammoqa.core import ChestWall, Intent


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What is left of one test object; the default is a sound one.

    `weight` scales the thickness along the beam (0 leaves the object out). `visible` are the parts of a fibre's length
    that are drawn, as fractions 0..1 from one end. `specks` tells which specks of a group are there. `sectors` are the
    angles (start, end) in turns over which a mass is drawn, and `squareness` deforms it from a circle (0) to the
    inscribed square (1).
    """

    weight: float = 1.0
    visible: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    specks: tuple[bool, ...] = (True, True, True, True, True, True)
    sectors: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    squareness: float = 0.0
    offset_mm: tuple[float, float] = (0.0, 0.0)


SOUND = ObjectState()


@dataclass(frozen=True, slots=True)
class Letter:
    """Printed lead letters: text of `height_mm` whose centre is `centre_mm` in the phantom frame."""

    text: str = "ACR 07"
    centre_mm: tuple[float, float] = (28.0, 47.5)
    height_mm: float = 4.0


@dataclass(frozen=True, slots=True)
class Tape:
    """An adhesive strip or label on top of the phantom: acrylic of `thickness_mm`, `size_mm` wide and high."""

    centre_mm: tuple[float, float]
    size_mm: tuple[float, float]
    thickness_mm: float = 0.1


@dataclass(frozen=True, slots=True)
class Faults:
    """Things that go wrong at the detector or on the cassette; amounts are counts or fractions of the signal."""

    dust: int = 0
    scratches: int = 0
    dead_lines: int = 0
    ghosting: float = 0.0  # share of an earlier exposure's image that is left
    extra_blur_mm: float = 0.0  # standard deviation: poor screen contact, a moving focal spot
    extra_noise: float = 0.0  # added to the quantum noise, as a fraction of its standard deviation
    extra_scatter: float = 0.0  # added to the scatter-to-primary ratio: grid left out


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure of a phantom: beam, detector, placement and what the unit makes of the pixels.

    Give `mas`, or leave it None for an automatic exposure control that aims at `target_mgd_mgy`. `chest_wall` is the
    side of the image on which the chest wall lies. `shift_mm` moves the phantom along the chest wall and away from it.
    Lengths are in mm in the plane of the phantom; `field_mm` (along the chest wall, away from it) crops the field.
    """

    anode: str = "W"
    filter_material: str = "Rh"
    kvp: float = 28.0
    mas: float | None = None
    target_mgd_mgy: float = 1.5
    detector: str = "a-se-70"
    grid: bool = True
    field_mm: tuple[float, float] | None = None
    collimation_mm: float = 0.0
    source_to_detector_mm: float = 650.0
    support_gap_mm: float = 15.0
    focal_spot_mm: float = 0.3
    chest_wall: ChestWall = "bottom"
    mirrored: bool = False
    tilt_deg: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    intent: Intent = Intent.FOR_PRESENTATION
    pixel_intensity: str = "LOG"  # of raw pixels: LIN or LOG
    style: str = "linear"  # presentation processing, see `presentation.STYLES`
    monochrome1: bool = False
    disc_mm: tuple[float, float] | None = (-20.0, 48.0)
    letters: tuple[Letter, ...] = (Letter(),)
    tapes: tuple[Tape, ...] = ()
    objects: tuple[ObjectState, ...] | None = None
    insert_offset_mm: tuple[float, float] = (0.0, 0.0)
    faults: Faults = field(default_factory=Faults)
    station: str = "SIM-1"
    device_serial: str = "0001"
    acquired_at: datetime = datetime(2026, 1, 5, 8, 0)
