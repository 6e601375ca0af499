"""Exposure series of a CDMAM: the same exposure again and again, the phantom moved a little in between.

The European guidelines (4th edition with supplements, threshold contrast visibility; recalled) ask for several images,
16 for a reading by software, with the phantom moved slightly between them, so that the discs fall differently on the
pixels. How far is not said; a millimetre and a fraction of a degree are choices.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np

from mammoqa.simulate.exposure import Exposure

SHIFT_MM = 1.0
TILT_DEG = 0.3
BETWEEN = timedelta(minutes=2)
IMAGES = 16


def series(exposure: Exposure, count: int, rng: np.random.Generator) -> Iterator[tuple[Exposure, np.random.Generator]]:
    """The exposures of a series and the generator of each one's noise; the first lies where `exposure` says."""
    for number, stream in enumerate(rng.spawn(count)):
        if number == 0:
            yield exposure, stream
            continue
        along_mm, away_mm = stream.uniform(-SHIFT_MM, SHIFT_MM, 2)
        yield (
            replace(
                exposure,
                shift_mm=(exposure.shift_mm[0] + float(along_mm), exposure.shift_mm[1] + float(abs(away_mm))),
                tilt_deg=exposure.tilt_deg + float(stream.uniform(-TILT_DEG, TILT_DEG)),
                acquired_at=exposure.acquired_at + number * BETWEEN,
            ),
            stream,
        )
