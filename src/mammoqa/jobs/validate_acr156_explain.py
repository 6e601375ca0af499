"""`mammoqa validate acr156-explain`: Yun et al. 2025, Figs 12 to 15, and the size bias, for any network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from mammoqa.core import Phantom
from mammoqa.jobs import validate_acr156_explain_trials as trials_of
from mammoqa.jobs.validate_acr156_explain_artefacts import ARTEFACTS, masked_exposures, masking, unchanged
from mammoqa.jobs.validate_acr156_explain_behaviours import behaviours, curves
from mammoqa.jobs.validate_acr156_explain_bench import Shot, Trial, shoot_all
from mammoqa.jobs.validate_acr156_explain_maps import pointing, strips
from mammoqa.jobs.validate_acr156_explain_records import Answers, Behaviour, Masking, Results
from mammoqa.jobs.validate_acr156_explain_size import HEADLINE, equal_visibility, ratio, size_biases
from mammoqa.models import KINDS, Model
from mammoqa.score.acr156 import joined

BASELINE = "baseline"  # among the networks: the one whose size bias is the measure

T = TypeVar("T")
UNCHANGED_BAR = 0.99  # of the scores stay as they were when artefacts are masked (Fig 12; the share is ours)
RATIO_BAR = 1 / 3  # of the baseline's size bias


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated; the defaults take about five minutes on one core."""

    repeats: int = 12  # realisations of each state
    size_repeats: int = 40  # of each state in the experiment on size, where small differences count
    masked: int = 18  # exposures with each artefact
    explained: int = 2  # exposures whose maps are tested
    resamples: int = 1000
    methods: tuple[str, ...] = ("saliency", "smoothgrad", "occlusion")


@runtime_checkable
class Watch(Protocol):
    """Shows progress while things are made."""

    def __call__(self, made: Iterable[T], what: str, count: int, /) -> Iterable[T]:
        """The same things."""
        ...


def run(
    phantom: Phantom,
    networks: Mapping[str, Model],
    seed: int,
    effort: Effort,
    jobs: int = 1,
    watch: Watch | None = None,
) -> Results:
    """Put the networks through every experiment; the first is judged, a second is the baseline of the size bias.

    Args:
        phantom: whose objects are used.
        networks: by name, in that order.
        seed: of all that is drawn.
        effort: how much is simulated.
        jobs: processes that simulate.
        watch: shows progress; gets the things made, what they are, and how many.
    """
    shown = watch or _unseen
    names = tuple(networks)
    model = networks[names[0]]
    weights = equal_visibility(phantom, seed)
    trials = all_trials(phantom, weights, seed, effort)
    shots = shown(shoot_all(phantom, trials, seed, jobs), "objects", -(-len(trials) // len(phantom.inserts)))
    answers = ask(phantom, networks, shots)
    exposures = shown(
        masked_exposures(phantom, effort.masked, seed + 1, jobs), "artefacts", effort.masked * len(ARTEFACTS)
    )
    masked = masking(phantom, networks, exposures)
    found = curves(answers, 0)
    biases = size_biases(answers, np.random.default_rng([seed, 2]), effort.resamples)
    share = ratio(biases, (names[0], BASELINE)) if BASELINE in names else None
    return Results(
        networks=names,
        curves=found,
        behaviours=(_masking_behaviour(masked, names[0]), *behaviours(found, model.card), *_ratio_behaviour(share)),
        biases=biases,
        masking=masked,
        strips=strips(phantom, model, seed),
        pointing=pointing(phantom, model, seed, effort.explained, effort.methods) if effort.explained else (),
        weights=tuple(weights.items()),
        repeats=effort.repeats,
        trials=len(trials),
        ratio=share,
    )


def _unseen(made: Iterable[T], _what: str, _count: int, /) -> Iterable[T]:
    return made


def all_trials(phantom: Phantom, weights: Mapping[str, float], seed: int, effort: Effort) -> list[Trial]:
    """Every repetition of every experiment."""
    rng = np.random.default_rng([seed, 3])
    found: list[Trial] = []
    for _ in range(effort.repeats):
        found += trials_of.fibre_trials(phantom, rng) + trials_of.speck_trials(phantom, rng)
        found += trials_of.mass_trials(phantom)
    for _ in range(effort.size_repeats):
        found += trials_of.size_trials(phantom, weights)
    return found


def ask(phantom: Phantom, networks: Mapping[str, Model], shots: Iterable[Shot]) -> Answers:
    """What each network says of each trial; patches are dropped as soon as they have been read."""
    trials: list[Trial] = []
    expected, whole = [], []
    said: dict[str, list[Float[np.ndarray, "parts n 2"]]] = {name: [] for name in networks}
    for shot in shots:
        trials += shot.trials
        expected.append(shot.expected)
        whole.append(shot.whole)
        for name, model in networks.items():
            said[name].append(_asked(phantom, model, shot))
    every = np.stack([np.concatenate(said[name], axis=1) for name in networks])
    return Answers(
        trials=tuple(trials),
        networks=tuple(networks),
        probabilities=every[:, 0],
        one_size=every[:, 1],
        swapped=every[:, 2],
        expected=np.concatenate(expected),
        whole=np.concatenate(whole),
    )


def _asked(phantom: Phantom, model: Model, shot: Shot) -> Float[np.ndarray, "3 n 2"]:
    """The answers with the true size, with the third-largest's, and their range over all sizes; nan where not asked.

    Where the model's card joins filters with the network, they look at the same patches; they are not told the size.
    """
    kinds = np.array([KINDS.index(t.insert.kind) for t in shot.trials])
    sizes = np.array([t.insert.size_mm for t in shot.trials])

    def answer(at: Int[np.ndarray, " n"], given: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
        said = model.predict(shot.patches[at], kinds[at], given)
        return joined(said, kinds[at], [shot.seen[k] for k in at], model.card)

    out = np.full((3, len(kinds), 2), np.nan)
    out[0] = answer(np.arange(len(kinds)), sizes)
    about_size = np.flatnonzero([t.experiment.startswith("size") for t in shot.trials])
    for kind in np.unique(kinds[about_size]):
        at = about_size[kinds[about_size] == kind]
        nominal = [insert.size_mm for insert in trials_of.of_kind(phantom, KINDS[kind])]
        given = np.tile(nominal, len(at))
        each = answer(np.repeat(at, len(nominal)), given).reshape(len(at), len(nominal), 2)
        out[1, at] = each[:, trials_of.REFERENCE]
        out[2, at] = np.ptp(each, axis=1)
    return out


def _masking_behaviour(found: tuple[Masking, ...], network: str) -> Behaviour:
    same, n = unchanged(found, network)
    note = "; ".join(f"{m.artefact} {m.unchanged} of {m.patches}" for m in found if m.network == network)
    name = "masking artefacts beside the object leaves its score unchanged"
    return Behaviour(name, "12", same / max(n, 1), ">=", UNCHANGED_BAR, "of patches", note)


def _ratio_behaviour(share: tuple[float, float, float] | None) -> list[Behaviour]:
    if share is None:
        return []
    note = f"95 % interval {share[1]:.2f} to {share[2]:.2f}; {HEADLINE[0]}es, {HEADLINE[1]}, circle to square"
    return [Behaviour("size bias, of the baseline's", "15", share[0], "<=", RATIO_BAR, "ratio", note)]
