"""The image scenarios of Amanova et al. 2022 (Mach. Learn.: Sci. Technol. 3 025015, Table 1) in this forward model.

The paper's images come from another simulator, in which the noise is a free parameter: the standard deviation, in grey
values, of white noise before a Gaussian filter, whatever the exposure. What is taken over and what is ours:

- tube voltage, mAs and noise level are those of Table 1; beam Mo/Mo is that of the public simulator's 25 kV, 110 mAs
  example, and a choice for the other rows, for which the paper names no anode;
- grey values per signal are not published. So scenario 1 has the noise of its own exposure, and the others have as much
  more or less noise, relative to the signal, as their level is above or below 9.55. In the OOD row this is less than
  its quanta would give: no real unit makes such an image, which is what makes it foreign;
- the paper's pixels are 60 µm with a blur of 0.7 pixels; the nearest detector here is `a-se-70` (70 µm, white noise);
- six margins about the cells, in equal numbers, the first none (section 2.2); their sizes are not published. Plates
  reach beyond the field, so that a margin shows acrylic and writing, not air;
- training images are mirrored at random along both axes and never turned (section 3).
"""

from dataclasses import dataclass, replace

import numpy as np

from mammoqa import physics
from mammoqa.core import Intent, Phantom
from mammoqa.simulate.cdmam_field import beam_of
from mammoqa.simulate.cdmam_scene import Arrangement
from mammoqa.simulate.exposure import Exposure, Faults

MARGINS_MM = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
ROOM_MM = 16.0  # between chest wall and phantom, so that the largest margin fits
TILT_DEG, SHIFT_MM = 1.0, 1.0  # spread of placements (a choice)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of Table 1, and how many test images the paper made of it."""

    name: str
    kvp: float
    mas: float
    noise_level: float
    test_images: int
    anode: str = "Mo"
    filter_material: str = "Mo"
    detector: str = "a-se-70"


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("scenario-1", 28.0, 115.0, 9.55, 1200),
        Scenario("scenario-2", 25.0, 110.0, 13.06, 1200),
        Scenario("scenario-3", 25.0, 110.0, 18.91, 1200),
        Scenario("scenario-4", 25.0, 110.0, 22.91, 1200),
        Scenario("ood", 23.0, 105.0, 6.04, 200),
    )
}
TRAINED_ON = ("scenario-1", "scenario-2", "scenario-3", "scenario-4")
# Incremental training (appendix D): no margin first, then the smaller ones, then the largest.
MARGIN_STEPS: tuple[tuple[float, ...], ...] = (MARGINS_MM[:1], MARGINS_MM[:4], MARGINS_MM)
REFERENCE = SCENARIOS["scenario-1"]


def scenario_exposure(scenario: Scenario, phantom: Phantom) -> Exposure:
    """The exposure of a scenario, its noise included; a raw linear image on the detector's large field."""
    detector = physics.detector(scenario.detector)
    wanted = relative_noise(REFERENCE, phantom) * scenario.noise_level / REFERENCE.noise_level
    quantum, rest = _noise_parts(scenario, phantom)
    share = max(wanted**2 - rest, 0.0) / quantum
    return replace(_plain(scenario, detector), faults=Faults(extra_noise=float(np.sqrt(share)) - 1.0))


def relative_noise(scenario: Scenario, phantom: Phantom) -> float:
    """Standard deviation over signal in one pixel behind the phantom, by the exposure's own quanta."""
    return float(np.sqrt(sum(_noise_parts(scenario, phantom))))


def scenario_draw(
    scenario: Scenario, phantom: Phantom, number: int, rng: np.random.Generator, mirror: bool = False
) -> tuple[Exposure, Arrangement]:
    """Exposure and arrangement of image `number` of a scenario: margins in turn, placement drawn.

    With `mirror`, as in training, the image is also mirrored along none, one or both of its axes.
    """
    exposure = scenario_exposure(scenario, phantom)
    turned, mirrored = (bool(v) for v in rng.integers(2, size=2)) if mirror else (False, False)
    along_mm, away_mm = rng.uniform(-SHIFT_MM, SHIFT_MM, 2)
    exposure = replace(
        exposure,
        tilt_deg=float(rng.uniform(-TILT_DEG, TILT_DEG)),
        shift_mm=(float(along_mm), ROOM_MM + float(away_mm)),
        mirrored=mirrored,
    )
    return exposure, scenario_arrangement(MARGINS_MM[number % len(MARGINS_MM)], turned)


def scenario_arrangement(margin_mm: float, turned: bool = False) -> Arrangement:
    """The phantom upright (or turned by 180 degrees) between plates that cover the field."""
    return Arrangement(plates_mm=(320.0, 320.0), margin_mm=margin_mm, quarter_turns=1 if turned else 3)


def _plain(scenario: Scenario, detector: physics.Detector) -> Exposure:
    return Exposure(
        anode=scenario.anode,
        filter_material=scenario.filter_material,
        kvp=scenario.kvp,
        mas=scenario.mas,
        detector=scenario.detector,
        field_mm=detector.large_field_mm[::-1],
        chest_wall="left",
        shift_mm=(0.0, ROOM_MM),
        intent=Intent.FOR_PROCESSING,
        pixel_intensity="LIN",
    )


def _noise_parts(scenario: Scenario, phantom: Phantom) -> tuple[float, float]:
    """Relative variance of a pixel, from the quanta and from everything else."""
    detector = physics.detector(scenario.detector)
    beam = beam_of(phantom, _plain(scenario, detector), scenario_arrangement(0.0), detector)
    mean_kev = beam.behind * (1.0 + beam.ratio) * scenario.mas * detector.pitch_mm**2
    other = 1.0 / (detector.secondary_per_kev * mean_kev) + (detector.electronic_kev / mean_kev) ** 2
    return beam.quantum_kev / mean_kev, other + detector.structure**2
