"""Saliency strips of the experiments, and how well each method's maps point at the objects.

`Pointing` holds, per kind and method: `inside`, the share of a map that lies on the object or within 1 mm of it, over
the share of the patch that this region takes (1 is chance); `hit`, the share of maps that are brightest there, when
averaged over 0.5 mm (the pointing game, Zhang et al. 2018, IJCV 126:1084); `deletion`, the gain of the deletion test
over a random order (`explain.deletion`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from mammoqa import physics
from mammoqa.core import Phantom
from mammoqa.explain import METHODS, deletion, normalise_per_kind, weights_for
from mammoqa.jobs.validate_acr156_explain_artefacts import cut_mask, grown, places
from mammoqa.jobs.validate_acr156_explain_bench import CONDITIONS, Trial, shoot, true_pose
from mammoqa.jobs.validate_acr156_explain_records import ABNORMAL, PRESENT, Pointing, Strip
from mammoqa.jobs.validate_acr156_explain_trials import SQUARENESS, showcase
from mammoqa.locate import patches
from mammoqa.models import KINDS, Model, scores
from mammoqa.score.acr156 import kinds_and_sizes
from mammoqa.simulate import expose

FAINT_MM = 0.75  # masses up to this thickness are faint
_NEAR_MM = 1.0
_AVERAGE_PX = 5
_COLUMNS = {"breaks": 7, "growth": 7, "specks": 6, "deformation": (len(SQUARENESS) + 1) // 2}
_EXPLAINED = {"breaks": ABNORMAL, "growth": ABNORMAL, "specks": PRESENT, "deformation": ABNORMAL}


def strips(phantom: Phantom, model: Model, seed: int) -> tuple[Strip, ...]:
    """One strip per experiment, each from one exposure; maps on the scale of the paper's Fig 11 within a strip."""
    found = []
    for number, (name, trials) in enumerate(showcase(phantom).items()):
        shot = shoot(phantom, trials, CONDITIONS[0], (seed, 90, number))
        kinds = np.array([KINDS.index(t.insert.kind) for t in trials])
        sizes = np.array([t.insert.size_mm for t in trials])
        weights = np.zeros((len(trials), 2))
        weights[:, _EXPLAINED[name]] = 1.0
        said, maps = model.explain(shot.patches, kinds, sizes, weights)
        scored = scores(said, kinds, model.card)
        labels = tuple(_label(t, p, s) for t, p, s in zip(trials, said, scored, strict=True))
        found.append(Strip(name, kinds, shot.patches, normalise_per_kind(maps, kinds), labels, _COLUMNS[name]))
    return tuple(found)


def _label(trial: Trial, said: Float[np.ndarray, " 2"], score: float) -> str:
    what = {
        "breaks": f"break at {trial.x:.2f}",
        "growth": f"length {trial.x:.2f}",
        "specks": f"{trial.curve} at {trial.x:.0%}",
        "deformation": f"{trial.insert.diameter_mm:g} mm, {trial.x:.2f}",
    }[trial.experiment]
    return f"{what}\nscore {score:g}\npresent {said[PRESENT]:.2f}\nabnormal {said[ABNORMAL]:.2f}"


def pointing(phantom: Phantom, model: Model, seed: int, exposures: int, methods: Sequence[str]) -> tuple[Pointing, ...]:
    """How each method's maps of sound objects that score above 0 point, per kind; faint masses apart."""
    cut, near = _sound(phantom, seed, exposures)
    kinds, sizes = (np.tile(a, exposures) for a in kinds_and_sizes(phantom))
    scored = scores(model.predict(cut, kinds, sizes), kinds, model.card)
    use = scored > 0
    cut, near, kinds, sizes, weights = cut[use], near[use], kinds[use], sizes[use], weights_for(scored[use])
    found = []
    for method in methods:
        maps = METHODS[method](model, cut, kinds, sizes, weights)
        gain = deletion(model, cut, kinds, sizes, weights, maps, np.random.default_rng(seed)).gain
        inside, hit = _inside(maps, near), _hit(maps, near)
        for name, of in _groups(kinds, sizes).items():
            if of.any():
                means = [float(v[of].mean()) for v in (inside, hit, gain)]
                found.append(Pointing(name, method, means[0], means[1], means[2], int(of.sum())))
    return tuple(found)


def _sound(
    phantom: Phantom, seed: int, exposures: int
) -> tuple[Float32[np.ndarray, "n size size"], Bool[np.ndarray, "n size size"]]:
    cut, near = [], []
    for k in range(exposures):
        exposure = replace(CONDITIONS[k % len(CONDITIONS)])
        simulated = expose(phantom, exposure, np.random.default_rng([seed, 91, k]))
        pose = true_pose(simulated)
        _, objects = places(phantom, exposure, simulated, np.random.default_rng(0))
        cut.append(patches(simulated.image, phantom, pose))
        pitch_mm = physics.DETECTORS[exposure.detector].pitch_mm
        near.append(cut_mask(grown(objects, _NEAR_MM / pitch_mm), simulated.image, phantom, pose))
    return np.concatenate(cut), np.concatenate(near)


def _groups(kinds: Int[np.ndarray, " n"], sizes: Float[np.ndarray, " n"]) -> dict[str, Bool[np.ndarray, " n"]]:
    mass = kinds == KINDS.index("mass")
    found = {kind: kinds == k for k, kind in enumerate(KINDS) if kind != "mass"}
    return found | {"mass": mass & (sizes > FAINT_MM), "faint mass": mass & (sizes <= FAINT_MM)}


def _inside(maps: Float32[np.ndarray, "n size size"], near: Bool[np.ndarray, "n size size"]) -> Float[np.ndarray, " n"]:
    share = np.where(near, maps, 0.0).sum(axis=(1, 2)) / np.maximum(maps.sum(axis=(1, 2)), 1e-12)
    return np.asarray(share / near.mean(axis=(1, 2)))


def _hit(maps: Float32[np.ndarray, "n size size"], near: Bool[np.ndarray, "n size size"]) -> Float[np.ndarray, " n"]:
    from scipy.ndimage import uniform_filter

    averaged = uniform_filter(maps, (0, _AVERAGE_PX, _AVERAGE_PX))
    best = averaged.reshape(len(maps), -1).argmax(axis=1)
    return np.take_along_axis(near.reshape(len(maps), -1), best[:, None], axis=1)[:, 0].astype(float)
