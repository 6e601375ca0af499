"""Sixteen test objects, each in a state of its own, exposed at once and cut into patches: the bench of acr156-explain.

Every place of the phantom takes one `Trial`; the forward model exposes them together, and a panel of simulated readers
says what it would score. Only the field that holds the objects is exposed, and the true placement is used, so that
nothing but the object, the beam and the noise is in the answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from mammoqa.core import Insert, Intent, Phantom, Pose
from mammoqa.jobs.acr156 import look_at
from mammoqa.locate import patches
from mammoqa.models import InputSpec
from mammoqa.score.acr_dm import Seen
from mammoqa.simulate import Exposure, ObjectState, Simulated, expose
from mammoqa.simulate.detectability import visibilities
from mammoqa.simulate.readers import expected

FIELD_MM = (112.0, 114.0)  # holds the patches and a margin, so that scatter is as in a full field
PANELS = 32  # simulated panels that read each image

# Well-adjusted digital units; dose in the middle of the archive's (a choice).
_RAW = Exposure(
    field_mm=FIELD_MM,
    disc_mm=None,
    letters=(),
    intent=Intent.FOR_PROCESSING,
    pixel_intensity="LIN",
    target_mgd_mgy=1.5,
)
CONDITIONS: tuple[Exposure, ...] = (
    replace(_RAW, detector="a-se-70", device_serial="0001"),
    replace(_RAW, detector="a-se-85", device_serial="0002"),
    replace(_RAW, detector="csi-100", filter_material="Ag", target_mgd_mgy=1.8, device_serial="0003"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One object in one state; `curve` and `x` say where its answer belongs in the experiment's figure."""

    experiment: str
    curve: str
    x: float
    insert: Insert
    state: ObjectState


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Trials that were exposed together: what filters see of each, the panel's shares of 0, 0.5, 1 and N/A."""

    trials: tuple[Trial, ...]
    patches: Float32[np.ndarray, "n size size"]
    seen: tuple[Seen, ...]
    expected: Float[np.ndarray, "n 4"]
    whole: Float[np.ndarray, " n"]


def rack(phantom: Phantom, trials: Sequence[Trial]) -> Phantom:
    """The phantom with each trial's object at one of its places, in order; ValueError for more than it has."""
    if len(trials) > len(phantom.inserts):
        raise ValueError(f"{phantom.name} has {len(phantom.inserts)} places, not {len(trials)}")
    places = [insert.centre_mm for insert in phantom.inserts]
    moved = tuple(replace(t.insert, centre_mm=place) for t, place in zip(trials, places, strict=False))
    return replace(phantom, inserts=moved)


def true_pose(simulated: Simulated) -> Pose:
    """The placement that was simulated, as the locator would give it, of raw pixels (attenuating parts dark)."""
    truth = simulated.truth
    return Pose(
        matrix=truth.matrix,
        chest_wall=truth.chest_wall,
        mirrored=truth.mirrored,
        tilt_deg=truth.exposure.tilt_deg,
        magnification=1.0,
        attenuating_bright=truth.exposure.intent is Intent.FOR_PRESENTATION,
        residual_mm=0.0,
        window=(0.0, 1.0),
    )


def shoot(phantom: Phantom, trials: Sequence[Trial], exposure: Exposure, seed: Sequence[int]) -> Shot:
    """Expose trials together, cut their patches and let panels read them; the same seed gives the same pixels."""
    racked = rack(phantom, trials)
    simulated = expose(
        racked, replace(exposure, objects=tuple(t.state for t in trials)), np.random.default_rng([*seed, 0])
    )
    seen = visibilities(simulated, racked)
    said = expected(seen, np.random.default_rng([*seed, 1]), PANELS)
    pose = true_pose(simulated)
    cut = patches(simulated.image, racked, pose)
    looked = look_at(simulated.image, racked, pose, cut, InputSpec().pitch_mm)
    return Shot(tuple(trials), cut, looked, said, np.array([v.whole for v in seen]))


def shoot_all(phantom: Phantom, trials: Sequence[Trial], seed: int, jobs: int = 1) -> Iterator[Shot]:
    """All trials, shuffled over places, exposures and conditions, by `jobs` processes of one thread each."""
    from joblib import Parallel, delayed, parallel_config

    order = np.random.default_rng(seed).permutation(len(trials))
    places = len(phantom.inserts)
    groups = [[trials[i] for i in order[start : start + places]] for start in range(0, len(order), places)]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(
            delayed(shoot)(phantom, group, CONDITIONS[k % len(CONDITIONS)], (seed, k)) for k, group in enumerate(groups)
        )
