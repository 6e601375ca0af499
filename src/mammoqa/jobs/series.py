"""Images of a contrast-detail phantom that belong to one exposure series, pooled into one Analysis.

Each image is analysed for itself; its Analysis keeps the decisions of every cell. Two belong together when the same
unit took them on the same day with the same beam, thickness and kind of image, at the same pixels per mm; the tube
load of an automatic exposure may vary by a tenth from one to the next. Series UIDs do not tell: many units give each
exposure one of its own.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mammoqa.core import Analysis
from mammoqa.phantoms import PHANTOMS

_SAME_MAS = 1.1  # ratio of neighbouring tube loads (a choice)


def pooled(analyses: Iterable[Analysis]) -> Iterator[Analysis]:
    """Everything as it comes, but for images of contrast-detail phantoms: these wait and come pooled, at the end."""
    waiting: dict[Hashable, list[Analysis]] = {}
    for analysis in analyses:
        if analysis.contrast_detail is None:
            yield analysis
        else:
            waiting.setdefault(series_key(analysis), []).append(analysis)
    for alike in waiting.values():
        for group in _by_load(alike):
            yield pool(group)


def series_key(analysis: Analysis) -> Hashable:
    """What images of one exposure series have in common, but for the tube load."""
    facts = analysis.acquisition
    scale = None
    if analysis.pose is not None:
        scale = round(float(np.sqrt(abs(np.linalg.det(analysis.pose.matrix[:, :2])))), 1)
    return (
        analysis.phantom,
        (facts.manufacturer, facts.model, facts.station, facts.device_serial, facts.detector_id),
        facts.acquired_at.date() if facts.acquired_at else None,
        (facts.kvp, facts.anode, facts.filter_material, facts.thickness_mm),
        (facts.intent, facts.pixel_intensity, scale),
    )


def pool(analyses: list[Analysis]) -> Analysis:
    """One Analysis of a series; the picture is that of its first image. Images given twice count once."""
    from mammoqa.jobs.cdmam34 import measured

    kept, repeated = _without_repeats(analyses)
    first = kept[0]
    if len(kept) == 1 or first.phantom is None:
        return replace(first, notes=(*first.notes, *repeated))
    details = [one.contrast_detail for one in kept if one.contrast_detail is not None]
    corner = np.concatenate([d.corner for d in details]).astype(np.int64)
    centre = np.concatenate([d.centre for d in details]).astype(np.int64)
    single = tuple(one for d in details for one in d.single)
    found = measured(corner, centre, PHANTOMS[first.phantom], single=single, search_mm=details[0].search_mm)
    timings: dict[str, float] = {}
    for one in kept:
        for name, seconds in one.provenance.timings_s:
            timings[name] = timings.get(name, 0.0) + seconds
    provenance = replace(
        first.provenance,
        seconds=sum(one.provenance.seconds for one in kept),
        timings_s=tuple(timings.items()),
    )
    return replace(
        first,
        sources=tuple(source for one in kept for source in one.sources),
        verdict=found.verdict,
        measurements=found.measurements,
        contrast_detail=found.contrast_detail,
        notes=(*found.notes, *repeated),
        provenance=provenance,
    )


def _without_repeats(analyses: list[Analysis]) -> tuple[list[Analysis], tuple[str, ...]]:
    kept: dict[Hashable, Analysis] = {}
    notes = []
    for one in analyses:
        source = one.sources[0]
        key = (source.sop_instance_uid or source.sha256 or id(one), source.frame)
        if key in kept:
            notes.append(f"{one.path} repeats {kept[key].path} and was left out")
        else:
            kept[key] = one
    return list(kept.values()), tuple(notes)


def _by_load(alike: list[Analysis]) -> Iterator[list[Analysis]]:
    """Split where the sorted tube loads jump; images without one stay together."""
    ordered = sorted(alike, key=lambda one: one.acquisition.mas or 0.0)
    group = [ordered[0]]
    for before, one in pairwise(ordered):
        if (one.acquisition.mas or 0.0) > _SAME_MAS * (before.acquisition.mas or 0.0):
            yield _in_order(group, alike)
            group = []
        group.append(one)
    yield _in_order(group, alike)


def _in_order(group: list[Analysis], alike: list[Analysis]) -> list[Analysis]:
    return [one for one in alike if any(one is member for member in group)]
