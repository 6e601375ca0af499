"""Artefacts masked and unmasked (Yun et al. 2025, Fig 12): dust, scratches, letters and the disc beside an object.

The artefact is exposed with the forward model, so that its place is known to the pixel. Masking replaces its pixels,
and those that its blur reaches, by those of another exposure by the same unit, without objects. Patches whose artefact
touches the object are left out: there a reader would deduct, and masking would cut into the object. As a control, sound
patches are masked at places where there is nothing: what changes there is due to the new noise alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from mammoqa import physics
from mammoqa.core import Image, Phantom, Pose
from mammoqa.jobs.acr156 import look_at
from mammoqa.jobs.validate_acr156_explain_bench import CONDITIONS, true_pose
from mammoqa.jobs.validate_acr156_explain_records import Masking
from mammoqa.locate import patches
from mammoqa.models import InputSpec, Model, scores
from mammoqa.score.acr156 import kinds_and_sizes, probabilities_acr156
from mammoqa.score.acr_dm import Seen
from mammoqa.simulate import Exposure, Faults, Letter, ObjectState, Simulated, expose
from mammoqa.simulate.artefacts import spoil
from mammoqa.simulate.scene import build

CONTROL = "nothing (control)"
ARTEFACTS = ("dust", "scratches", "disc", "letters", CONTROL)
# Counts give one or two in a patch; the disc's places reach into patches; both are choices.
_DUST, _SCRATCHES = 60, 40
_DISC_MM = ((-20.0, -22.0), (-20.0, 0.0), (20.0, 0.0), (0.0, 20.0), (-20.0, 20.0), (20.0, -20.0))
_LETTER_MM, _LETTER_AWAY_MM = 2.5, 6.2
_BLUR_MM = 0.4  # a mask grows by this: blur of detector and focal spot
_CLEAR_MM = 0.5  # an artefact that comes nearer to the object than this is left out


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Patches of one exposure before and after masking, and what filters see before and after.

    `used` are those with an artefact clear of the object.
    """

    artefact: str
    before: Float32[np.ndarray, "n size size"]
    after: Float32[np.ndarray, "n size size"]
    seen: tuple[tuple[Seen, ...], tuple[Seen, ...]]
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
    artefacts, objects = places(phantom, wanted, simulated, np.random.default_rng([*seed, 0]))
    pitch_mm = physics.DETECTORS[exposure.detector].pitch_mm
    mask = grown(artefacts, _BLUR_MM / pitch_mm)
    unmasked, masked = simulated.image, _filled(simulated.image, blank.image, mask, objects)
    masks = cut_mask(mask, simulated.image, phantom, pose)
    footprints = cut_mask(grown(objects, _CLEAR_MM / pitch_mm), simulated.image, phantom, pose)
    before, after = (patches(image, phantom, pose) for image in (unmasked, masked))
    there, touching = masks.any(axis=(1, 2)), (masks & footprints).any(axis=(1, 2))
    spec = InputSpec()
    return Masked(
        artefact,
        before,
        after,
        (
            look_at(unmasked, phantom, pose, before, spec.pitch_mm),
            look_at(masked, phantom, pose, after, spec.pitch_mm),
        ),
        masks,
        there & ~touching,
        int((there & touching).sum()),
    )


def places(
    phantom: Phantom, exposure: Exposure, simulated: Simulated, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Where artefacts and objects lie: `rng` is in the state in which the exposure began with it."""
    shape = simulated.image.pixels.shape
    scene = build(phantom, exposure, shape, physics.DETECTORS[exposure.detector].pitch_mm)
    spoiled = np.ones(shape, dtype=np.float32)
    spoil(spoiled, exposure.faults, physics.DETECTORS[exposure.detector].pitch_mm, rng)
    artefacts, objects = np.abs(1 - spoiled) > 1e-3, np.zeros(shape, dtype=bool)
    for (row0, row1, col0, col1), _, thickness, displaced in scene.patches:
        window = np.s_[row0:row1, col0:col1]
        (artefacts if displaced is None else objects)[window] |= thickness > 0
    return artefacts, objects


def cut_mask(
    mask: Bool[np.ndarray, "rows columns"], image: Image, phantom: Phantom, pose: Pose
) -> Bool[np.ndarray, "n size size"]:
    """A mask of the image in the objects' patches."""
    shown = replace(image, pixels=mask.astype(np.float32))
    return np.asarray(patches(shown, phantom, replace(pose, attenuating_bright=True)) > 0)


def grown(mask: Bool[np.ndarray, "rows columns"], by_px: float) -> Bool[np.ndarray, "rows columns"]:
    """A mask and all that lies within `by_px` of it."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask) <= by_px) if mask.any() else mask.copy()


def _filled(
    image: Image, blank: Image, mask: Bool[np.ndarray, "rows columns"], objects: Bool[np.ndarray, "rows columns"]
) -> Image:
    """The image with the pixels of an exposure without objects in the masked ones, at the level of its own."""
    clear = ~mask & ~objects
    level = np.median(image.pixels[clear].astype(np.float32) - blank.pixels[clear])
    pixels = image.pixels.copy()
    pixels[mask] = np.rint(blank.pixels[mask] + level).astype(pixels.dtype)
    return replace(image, pixels=pixels)


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
            said = [
                probabilities_acr156(cut, phantom, model, looked)[seen.used]
                for cut, looked in zip((seen.before, seen.after), seen.seen, strict=True)
            ]
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
