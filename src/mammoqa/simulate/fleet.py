"""A simulated fleet of mammography units: models, habits, known faults and services, as data.

`plan_fleet` draws who the units are and what happens to them; `fleet_history` turns a plan into readings by the
physics of `fleet_physics`. What is assumed, rather than derived, is said beside the number.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from mammoqa.core import ServiceEvent

PMMA_MM = 45.0  # of the weekly exposure: the thickness at which European guidelines judge dose and CNR
ALUMINIUM_MM = 0.2
GRID_RATIO, FOCAL_MM = 5.0, 650.0  # linear mammographic grid 5:1 focused at 650 mm (recalled)


@dataclass(frozen=True, slots=True)
class FleetModel:
    """A type of unit. `dose_mgy` is what its exposure control gives 45 mm PMMA when sound (choices within EUREF).

    `own_sensor`: the exposure control has a sensor beside the detector, so that a loss of detector gain shows in the
    pixel values; otherwise the detector's own signal ends the exposure, and a loss of gain shows in the dose.
    """

    name: str
    detector: str
    anode: str
    filter_material: str
    kvp: float
    dose_mgy: float
    own_sensor: bool


MODELS: MappingProxyType[str, FleetModel] = MappingProxyType(
    {
        m.name: m
        for m in (
            FleetModel("Sim SE-70", "a-se-70", "W", "Rh", 28.0, 1.35, False),
            FleetModel("Sim SE-85", "a-se-85", "W", "Ag", 29.0, 1.25, True),
            FleetModel("Sim CI-100", "csi-100", "Rh", "Rh", 29.0, 1.50, False),
            FleetModel("Sim CI-100W", "csi-100", "W", "Rh", 28.0, 1.20, True),
        )
    }
)


class FaultKind(StrEnum):
    """What breaks, and how it comes on."""

    TUBE_AGEING = "tube ageing"
    GAIN_DRIFT = "detector gain drift"
    GRID = "grid misalignment"
    DUST = "dust"
    AEC_CHANGE = "AEC change"
    SOFTWARE = "software update"


@dataclass(frozen=True, slots=True)
class FaultShape:
    """How a kind of fault is drawn: the range of its size at full extent, and weeks to grow (0: at once) and to stay.

    `size` is the share of tube output lost, of gain lost, the grid's decentring in mm, spots, the change of the
    exposure target (either way), or the width in mm of a smoothing that an update brings.
    """

    size: tuple[float, float]
    grows_weeks: tuple[float, float]
    stays_weeks: tuple[float, float]
    power: float = 1.0  # of time: 2 accelerates


# Sizes are choices that span what a physicist would want to know of, from the smallest on; not fitted to any method.
SHAPES: MappingProxyType[FaultKind, FaultShape] = MappingProxyType(
    {
        FaultKind.TUBE_AGEING: FaultShape((0.12, 0.40), (12.0, 24.0), (0.0, 3.0), 1.5),
        FaultKind.GAIN_DRIFT: FaultShape((0.06, 0.20), (8.0, 20.0), (0.0, 3.0)),
        FaultKind.GRID: FaultShape((6.0, 20.0), (0.0, 0.0), (6.0, 12.0)),
        FaultKind.DUST: FaultShape((3.0, 12.0), (0.0, 0.0), (6.0, 12.0)),
        FaultKind.AEC_CHANGE: FaultShape((0.08, 0.35), (0.0, 0.0), (6.0, 12.0)),
        FaultKind.SOFTWARE: FaultShape((0.025, 0.06), (0.0, 0.0), (6.0, 12.0)),
    }
)
FASTEST_GROWTH = 2.5  # a fault that nobody mends grows on to this many times its full extent


@dataclass(frozen=True, slots=True)
class Fault:
    """One seeded fault: its size at full extent, from when, how long it takes to get there, and when it is mended."""

    unit: str
    kind: FaultKind
    size: float
    onset: datetime
    grows: timedelta
    mended_at: datetime | None

    def extent(self, at: datetime) -> float:
        """The share of the full size at a time: 0 before the onset and after the repair, 1 when fully grown."""
        if at < self.onset or (self.mended_at is not None and at >= self.mended_at):
            return 0.0
        if not self.grows:
            return 1.0
        share: float = ((at - self.onset) / self.grows) ** SHAPES[self.kind].power
        return min(share, FASTEST_GROWTH)


@dataclass(frozen=True, slots=True)
class Habit:
    """How a unit and its people are. All of these are choices; the relative spreads are standard deviations.

    `jitter` is the spread of the exposure control from one exposure to the next, `thickness_mm` that of the PMMA
    blocks' stack, `measure` scales every instrument's own spread, `season_k` the swing of the room's temperature
    over the year, `missed` the share of weekly tests left out, `wrong` the share done with one block too few,
    `reader` the reader's own criterion for test objects.
    """

    jitter: float
    thickness_mm: float
    measure: float
    season_k: float
    season_day: float
    missed: float
    wrong: float
    reader: float
    weekday: int


@dataclass(frozen=True, slots=True)
class FleetUnit:
    """One unit: its model, its habits, and how it differs from its model when sound (relative, but `spots`)."""

    name: str
    model: FleetModel
    habit: Habit
    gain: float
    output: float
    dose: float
    uniformity_percent: float
    spots: float


@dataclass(frozen=True, slots=True)
class Change:
    """What a service leaves behind: factors on gain, output and dose, and the new uniformity."""

    at: datetime
    gain: float
    output: float
    dose: float
    uniformity_percent: float


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Who is in the fleet and what happens to it from `start` to `end`."""

    start: datetime
    end: datetime
    units: tuple[FleetUnit, ...]
    faults: tuple[Fault, ...]
    events: tuple[ServiceEvent, ...]
    changes: tuple[tuple[str, Change], ...]
