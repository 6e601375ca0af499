"""What is visible of each object of the 156 phantom, in the readers' own terms: length, specks, share of the contour.

Matched filters on the image, without the network: they stand beside its scores, so that a person sees on what a score
could rest. The criteria are those of the simulated readers, divided by their efficiency (`simulate/readers.py`).
"""

import numpy as np
from jaxtyping import Float, Float32, Real

from mammoqa.core import Image, Insert, Measurement, Phantom, Pose
from mammoqa.score.acr156_chances import reader_odds
from mammoqa.score.acr156_specks import CRITERION, MARKS_REACH_MM, read_groups, speck_odds
from mammoqa.score.acr_dm import Rules, Seen, judge_middle, measurement
from mammoqa.score.acr_dm_filters import Bench, Indices, measure, noise_in, without_marks

RULES = Rules(segment=3.9, speck=CRITERION, sector=2.6, whole=10.0, gap_of_fibre=4.9, gap_of_mass=9.2, reach_mm=0.5)
KNEE_OF_FEATURES = 4.0  # detectability from which on more of it says less: about a reader's criterion
_STRIDE = 3  # of the sorted parts of fibres and masses every third tells enough
_BACKGROUND_MM = {"fibre": 1.3, "mass": 2.0}  # that readers compare a part with, on each side
_MOST_PARTS = 12  # of one object
INDICES = 1 + 2 * _MOST_PARTS  # numbers that `packed` makes of an object


def look(
    image: Image,
    phantom: Phantom,
    pose: Pose,
    patches: Real[np.ndarray, "n side side"],
    between: Real[np.ndarray, "squares size size"],
    pitch_mm: float,
) -> tuple[Seen, ...]:
    """What filters see of every insert, in the phantom's order.

    Args:
        image: the pixels that speck groups are read from.
        phantom: whose inserts they are.
        pose: where it lies.
        patches: one per insert, as `locate.patches` cuts them; fibres and masses are read from them.
        between: as `locate.between` cuts them; they tell the noise.
        pitch_mm: of both.
    """
    floor = 1 / 12 if image.pixels.dtype.kind in "ui" else 0.0
    noise = noise_in(without_marks(between, round(MARKS_REACH_MM / pitch_mm)), tapered=False, floor=floor)
    benches = {kind: Bench(patches.shape[-1], pitch_mm, noise, margin_mm=mm) for kind, mm in _BACKGROUND_MM.items()}
    groups = read_groups(image, phantom, pose)
    found = (
        measure(benches[insert.kind], patch, insert, RULES.reach_mm) if group is None else group
        for insert, patch, group in zip(phantom.inserts, patches, groups, strict=True)
    )
    return tuple(judge_middle(insert, each, RULES) for insert, each in zip(phantom.inserts, found, strict=True))


def packed(seen: tuple[Seen, ...]) -> Float32[np.ndarray, "n indices"]:
    """The indices of each object in a row: of it as one, coarse and fine; nan where it has fewer parts than others."""
    rows = np.full((len(seen), INDICES), np.nan, dtype=np.float32)
    for row, one in zip(rows, seen, strict=True):
        row[0] = one.indices.whole
        row[1 : 1 + len(one.indices.coarse)] = one.indices.coarse
        row[1 + _MOST_PARTS : 1 + _MOST_PARTS + len(one.indices.fine)] = one.indices.fine
    return rows


def unpacked(row: Float[np.ndarray, " indices"], insert: Insert) -> Seen:
    """What `packed` made a row of, but for place and turn."""
    parts = [part[np.isfinite(part)].astype(np.float64) for part in (row[1 : 1 + _MOST_PARTS], row[1 + _MOST_PARTS :])]
    return judge_middle(insert, Indices(parts[0], parts[1], float(row[0]), (0.0, 0.0)), RULES)


def visible(seen: tuple[Seen, ...]) -> tuple[Measurement, ...]:
    """One measurement per object: mm, count or per cent."""
    return tuple(measurement(s) for s in seen)


def features(seen: Seen) -> Float[np.ndarray, " features"]:
    """Of an object, for `models.fuse`: it as one, its parts from faint to bright, and what readers would say by them.

    Of a speck group also the count, all six specks, and the odds that a reader sees two and four of them.
    """
    found = seen.indices
    if seen.insert.kind == "speck_group":
        return np.concatenate([[seen.amount / 6], _bounded(found.whole, found.coarse), speck_odds(found.coarse)])
    return np.concatenate([_bounded(found.whole, found.coarse)[::_STRIDE], reader_odds(seen.insert.kind, found, RULES)])


def _bounded(whole: float, parts: Float[np.ndarray, " parts"]) -> Float[np.ndarray, " features"]:
    """Detectability of the object and its sorted parts, on a scale on which much of it says little more."""
    return np.arcsinh(np.concatenate([[whole], np.sort(parts)]) / KNEE_OF_FEATURES)
