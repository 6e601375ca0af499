"""Artefacts masked and unmasked (Yun et al. 2025, Fig 12): dust, scratches, letters and the disc beside an object.

The artefact is exposed with the forward model, so that its place is known to the pixel. Masking replaces its pixels,
and those that its blur reaches, by the patch's own background plane with the noise of another exposure of the same
unit. Patches whose artefact touches the object are left out: there a reader would deduct, and masking would cut into
the object. As a control, sound patches are masked at places where there is nothing: what changes there is due to
the new noise alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from mammoqa import physics
from mammoqa.core import Phantom, Pose
from mammoqa.jobs.validate_acr156_explain_bench import CONDITIONS, true_pose
from mammoqa.jobs.validate_acr156_explain_records import Masking
from mammoqa.locate import patches
from mammoqa.models import Model, scores
from mammoqa.score.acr156 import kinds_and_sizes, probabilities_acr156
from mammoqa.simulate import Exposure, Faults, Letter, ObjectState, Simulated, expose
from mammoqa.simulate.artefacts import spoil
from mammoqa.simulate.scene import build

CONTROL = "nothing (control)"
ARTEFACTS = ("dust", "scratches", "disc", "letters", CONTROL)
# Counts give one or two in a patch; the disc's places reach into patches; both are choices.
_DUST, _SCRATCHES = 60, 40
_DISC_MM = ((-20.0, -22.0), (-20.0, 0.0), (20.0, 0.0), (0.0, 20.0), (-20.0, 20.0), (20.0, -20.0))
_LETTER_MM, _LETTER_AWAY_MM = 2.5, 6.2
_BLUR_PX = 4  # a mask grows by this: blur of detector and focal spot
_CLEAR_PX = 5  # an artefact that comes nearer to the object than this is left out


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Patches of one exposure before and after masking; `used` are those with an artefact clear of the object."""

    artefact: str
    before: Float32[np.ndarray, "n size size"]
    after: Float32[np.ndarray, "n size size"]
    masks: Bool[np.ndarray, "n size size"]
    used: Bool[np.ndarray, " n"]
    touched: int


def with_artefact(phantom: Phantom, exposure: Exposure, artefact: str, rng: np.random.Generator) -> Exposure:
    """The exposure with one kind of artefact all over it; for the control, dust that is only masked for."""
    if artefact in ("dust", CONTROL):
        return replace(exposure, faults=Faults(dust=_DUST))
    if artefact == "scratches":
        return replace(exposure, faults=Faults(scratches=_SCRATCHES))
    if artefact == "disc":
        return replace(exposure, disc_mm=_DISC_MM[rng.integers(len(_DISC_MM))])
    letters = []
    for insert in phantom.inserts:
        x, y = insert.centre_mm
        dx, dy = _LETTER_AWAY_MM * rng.choice([-1.0, 1.0], 2)
        text = str(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789")))
        letters.append(Letter(text, (float(x + dx), float(y + dy)), _LETTER_MM))
    return replace(exposure, letters=tuple(letters))


def mask_out(phantom: Phantom, artefact: str, seed: Sequence[int], exposure: Exposure) -> Masked:
    """Expose with an artefact, find its pixels, and mask them; the same seed gives the same pixels."""
    wanted = with_artefact(phantom, exposure, artefact, np.random.default_rng([*seed, 1]))
    simulated = expose(phantom, wanted if artefact != CONTROL else exposure, np.random.default_rng([*seed, 0]))
    blank = expose(
        phantom,
        replace(exposure, objects=(ObjectState(weight=0.0),) * len(phantom.inserts)),
        np.random.default_rng([*seed, 2]),
    )
    pose = true_pose(simulated)
    artefacts, objects = places(phantom, wanted, simulated, pose, np.random.default_rng([*seed, 0]))
    masks, footprints = grown(artefacts, _BLUR_PX), grown(objects, _CLEAR_PX)
    before = patches(simulated.image, phantom, pose)
    fresh = patches(blank.image, phantom, pose)
    after = np.stack([_filled(*each) for each in zip(before, masks, footprints, fresh, strict=True)])
    there, touching = masks.any(axis=(1, 2)), (masks & footprints).any(axis=(1, 2))
    return Masked(artefact, before, after, masks, there & ~touching, int((there & touching).sum()))


def places(
    phantom: Phantom, exposure: Exposure, simulated: Simulated, pose: Pose, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, "n size size"], Bool[np.ndarray, "n size size"]]:
    """Where artefacts and objects lie in each patch: `rng` is in the state in which the exposure began with it."""
    shape = simulated.image.pixels.shape
    scene = build(phantom, exposure, shape, physics.DETECTORS[exposure.detector].pitch_mm)
    artefacts = np.ones(shape, dtype=np.float32)
    spoil(artefacts, exposure.faults, physics.DETECTORS[exposure.detector].pitch_mm, rng)
    objects = np.zeros(shape, dtype=np.float32)
    for (row0, row1, col0, col1), _, thickness, displaced in scene.patches:
        window = np.s_[row0:row1, col0:col1]
        if displaced is None:
            artefacts[window][thickness > 0] = 0.0
        else:
            objects[window][thickness > 0] = 1.0
    upright = replace(pose, attenuating_bright=True)
    found = [
        patches(replace(simulated.image, pixels=values), phantom, upright) > 1e-3 for values in (1 - artefacts, objects)
    ]
    return found[0], found[1]


def grown(masks: Bool[np.ndarray, "n size size"], by_px: int) -> Bool[np.ndarray, "n size size"]:
    """Masks and all that lies within `by_px` of them."""
    from scipy.ndimage import binary_dilation

    y, x = np.mgrid[-by_px : by_px + 1, -by_px : by_px + 1]
    return np.asarray(binary_dilation(masks, (np.hypot(x, y) <= by_px)[None]))


def _filled(
    patch: Float32[np.ndarray, "size size"],
    mask: Bool[np.ndarray, "size size"],
    footprint: Bool[np.ndarray, "size size"],
    fresh: Float32[np.ndarray, "size size"],
) -> Float32[np.ndarray, "size size"]:
    """The patch with its background plane and the noise of a fresh, empty patch in the masked pixels."""
    filled = patch.copy()
    clear = ~mask & ~footprint
    noise = fresh - _plane(fresh, np.ones_like(mask))
    filled[mask] = (_plane(patch, clear) + noise)[mask]
    return filled


def _plane(
    patch: Float32[np.ndarray, "size size"], use: Bool[np.ndarray, "size size"]
) -> Float[np.ndarray, "size size"]:
    y, x = np.mgrid[: patch.shape[0], : patch.shape[1]] - patch.shape[0] / 2
    design = np.stack([np.ones(patch.shape), x, y], axis=-1)
    at = design[use]
    fit = np.linalg.solve(at.T @ at, at.T @ patch[use].astype(np.float64))
    return np.asarray(design @ fit)


def masked_exposures(phantom: Phantom, each: int, seed: int, jobs: int = 1) -> Iterator[Masked]:
    """`each` exposures with every kind of artefact."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=jobs, return_as="generator", batch_size=1)(
            delayed(mask_out)(phantom, artefact, (seed, kind, k), CONDITIONS[k % len(CONDITIONS)])
            for kind, artefact in enumerate(ARTEFACTS)
            for k in range(each)
        )


def masking(phantom: Phantom, networks: Mapping[str, Model], exposures: Iterable[Masked]) -> tuple[Masking, ...]:
    """How many scores masking leaves as they were, per artefact and network."""
    kinds, _ = kinds_and_sizes(phantom)
    same: dict[tuple[str, str], list[Bool[np.ndarray, " n"]]] = {}
    change: dict[tuple[str, str], list[Float[np.ndarray, " n"]]] = {}
    touched = dict.fromkeys(ARTEFACTS, 0)
    for seen in exposures:
        touched[seen.artefact] += seen.touched
        for name, model in networks.items():
            said = [probabilities_acr156(p, phantom, model)[seen.used] for p in (seen.before, seen.after)]
            scored = [scores(p, kinds[seen.used], model.card) for p in said]
            same.setdefault((seen.artefact, name), []).append(scored[0] == scored[1])
            change.setdefault((seen.artefact, name), []).append(np.abs(said[0] - said[1]).max(axis=1, initial=0.0))
    found = []
    for (artefact, name), parts in same.items():
        equal, moved = np.concatenate(parts), np.concatenate(change[artefact, name])
        if len(equal) == 0:
            continue
        found.append(
            Masking(
                artefact,
                name,
                len(equal),
                int(equal.sum()),
                touched[artefact],
                float(moved.mean()),
                float(moved.max()),
            )
        )
    return tuple(found)


def unchanged(found: Sequence[Masking], network: str) -> tuple[int, int]:
    """Scores left as they were, and patches, over all artefacts but the control."""
    of = [m for m in found if m.network == network and m.artefact != CONTROL]
    return sum(m.unchanged for m in of), sum(m.patches for m in of)
