"""`mammoqa validate acr156-locate`: is the phantom found whichever way it lies, and refused where it cannot be read?"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from mammoqa.core import Phantom, Pose, RefusalError
from mammoqa.jobs.validate_acr156_locate_cases import STRESSES, Trial, draw_base, trials

PER_BASE = 2 * len(STRESSES) + 1
WRONG_PLACE_MM = 2.0  # a pose further off than this puts specks (0.5 mm) beside their place: counted as wrong
ARCHIVE = "archive"
OTHER = "another phantom"  # instead of a reason code


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one image; error and seconds are nan where nothing was located."""

    stress: str
    detector: str
    output: str
    expected: str
    code: str | None
    reason: str | None
    error_mm: float
    right_way: bool
    seconds: float
    number: int = 0

    @property
    def wrong(self) -> bool:
        """Taken for another phantom, or placed, but not where it is or not the right way round."""
        return self.code == OTHER or (self.code is None and (not self.right_way or self.error_mm > WRONG_PLACE_MM))


def place(trial: Trial, phantom: Phantom, number: int = 0) -> Found:
    """Identify and locate one image, and compare with the truth."""
    from mammoqa import locate

    error_mm, right_way, seconds = float("nan"), True, float("nan")
    code: str | None = None
    reason: str | None = None
    try:
        name = locate.identify(trial.image)
        if name != phantom.name:
            code, reason = OTHER, f"taken for {name}"
        else:
            start = perf_counter()
            pose = locate.locate_acr156(trial.image, phantom)
            seconds = perf_counter() - start
            error_mm = location_error_mm(pose, trial.matrix, phantom)
            right_way = pose.chest_wall == trial.chest_wall and pose.mirrored == trial.mirrored
    except RefusalError as refused:
        code, reason = str(refused.code), refused.reason
    return Found(
        trial.stress, trial.detector, trial.output, trial.expected, code, reason, error_mm, right_way, seconds, number
    )


def location_error_mm(pose: Pose, matrix: np.ndarray, phantom: Phantom) -> float:
    """The largest distance, over the test objects, between where one lies and where it was looked for; phantom mm."""
    centres = np.array([insert.centre_mm for insert in phantom.inserts])
    found = pose.to_mm(centres @ matrix[:, :2].T + matrix[:, 2])
    return float(np.hypot(*(found - centres).T).max())


def stress_results(phantom: Phantom, count: int, seed: int, jobs: int = 1) -> Iterator[Found]:
    """`count` images that stress locating, from as many simulated exposures as they need, in order as they are done."""
    from joblib import Parallel, delayed, parallel_config

    bases = -(-count // PER_BASE)
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs or -1, batch_size=1, return_as="generator")
    found = parallel(delayed(one_base)(phantom, seed, number) for number in range(bases))
    return itertools.islice(itertools.chain.from_iterable(found), count)


def one_base(phantom: Phantom, seed: int, number: int) -> list[Found]:
    """All images of one exposure."""
    base = draw_base(phantom, seed, number)
    rng = np.random.default_rng([seed, number, 1])
    return [place(trial, phantom, number) for trial in trials(base, phantom, rng)]


def archive_results(phantom: Phantom, count: int, seed: int, jobs: int = 1, per_unit: int = 2) -> Iterator[Found]:
    """Images of the simulated archive, `per_unit` of each unit."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs or -1, batch_size=1, return_as="generator")
    found: Iterator[Found] = parallel(delayed(archive_image)(phantom, seed, *divmod(k, per_unit)) for k in range(count))
    return found


def archive_image(phantom: Phantom, seed: int, unit: int, number: int) -> Found:
    """One image of the archive."""
    from mammoqa.simulate.archive import make_case

    simulated = make_case(phantom, seed, unit, number).simulated
    exposure = simulated.truth.exposure
    output = f"raw {exposure.pixel_intensity}" if exposure.intent == "FOR PROCESSING" else exposure.style
    output = "film" if exposure.detector == "film-50" else output
    trial = Trial(ARCHIVE, simulated.image, simulated.truth.matrix, "read", exposure.detector, output)
    return place(trial, phantom, unit)
