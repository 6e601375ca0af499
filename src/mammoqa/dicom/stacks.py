"""Frames of tomographic series to stacks: told apart, freed of repeats, sorted along the slice normal."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

import numpy as np

from mammoqa.core import Image, ReasonCode, Refused, Stack
from mammoqa.dicom.read import Frame

SAME_PLACE_MM = 0.01  # slices closer than this are at one position
UNEVEN = 0.02  # spacing may differ from its median by this part before it is noted

# Tried in order, and only while a group has two slices at one place.
_SPLITS: tuple[tuple[str, Callable[[Frame], Hashable]], ...] = (
    ("image type", lambda f: f.image_type),
    ("temporal position", lambda f: f.temporal_position),
    ("acquisition number", lambda f: f.acquisition_number),
)


def stacks(frames: Iterable[Frame]) -> list[Image | Stack | Refused]:
    """Sort the frames of one series into stacks; a slice on its own stays an image, a repeated one is refused.

    A stack has one orientation, size, pixel size and echo time; where slices still share a position it is split by
    image type, temporal position and acquisition number, and at last by order of instance.
    """
    answers: list[Image | Stack | Refused] = []
    kept = _without_repeats(frames, answers)
    groups = _grouped(kept, _plane)
    for group in groups:
        for part in _split(group):
            notes = (f"the series has {len(kept)} slices that form several stacks",) if len(part) < len(kept) else ()
            answers.append(_stack(part, notes) if len(part) > 1 else part[0].image)
    return answers


def _without_repeats(frames: Iterable[Frame], answers: list[Image | Stack | Refused]) -> list[Frame]:
    first: dict[tuple[str, int], Frame] = {}
    kept = []
    for frame in frames:
        source = frame.image.source
        key = (source.sop_instance_uid or source.sha256, source.frame)
        if (known := first.setdefault(key, frame)) is frame:
            kept.append(frame)
        elif known.image.source.path != source.path and source.frame == 0:
            reason = f"repeats {known.image.source.path} (same SOP Instance UID): left out of the stack"
            uids = source.sop_instance_uid, source.series_instance_uid
            answers.append(Refused(source.path, ReasonCode.DUPLICATE, reason, *uids))
    return kept


def _plane(frame: Frame) -> Hashable:
    image = frame.image
    along = image.orientation or ()
    echo = image.acquisition.echo_time_ms
    return (
        tuple(round(c, 3) + 0.0 for c in along),
        image.pixels.shape,
        None if image.pitch_mm is None else tuple(round(p, 4) for p in image.pitch_mm),
        None if echo is None else round(echo, 2),
    )


def _grouped(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _offset_mm(frame: Frame) -> float:
    """Projection of a slice's position on the normal, row x column direction."""
    along = np.asarray(frame.image.orientation)
    return float(np.cross(along[:3], along[3:]) @ np.asarray(frame.image.position_mm))


def _has_shared_places(frames: list[Frame]) -> bool:
    offsets = np.sort([_offset_mm(frame) for frame in frames])
    return bool(np.any(np.diff(offsets) < SAME_PLACE_MM))


def _split(frames: list[Frame]) -> list[list[Frame]]:
    parts = [frames]
    for _name, key in _SPLITS:
        parts = [sub for part in parts for sub in (_grouped(part, key) if _has_shared_places(part) else [part])]
    return [sub for part in parts for sub in (_by_occurrence(part) if _has_shared_places(part) else [part])]


def _by_occurrence(frames: list[Frame]) -> list[list[Frame]]:
    """The first slice at each place into the first stack, the second into the second, and so on."""
    parts: list[list[Frame]] = []
    last_mm, occurrence = -np.inf, 0
    for frame in sorted(frames, key=lambda f: (round(_offset_mm(f) / SAME_PLACE_MM), f.instance)):
        here_mm = _offset_mm(frame)
        occurrence = occurrence + 1 if here_mm - last_mm < SAME_PLACE_MM else 0
        last_mm = here_mm
        if occurrence == len(parts):
            parts.append([])
        parts[occurrence].append(frame)
    return parts


def _stack(frames: list[Frame], notes: tuple[str, ...]) -> Stack:
    ordered = sorted(frames, key=_offset_mm)
    instances = [frame.instance for frame in ordered]
    if instances == sorted(instances, reverse=True) and instances[0] > instances[-1]:
        notes += ("the file order was reversed",)
    gaps_mm = np.diff([_offset_mm(frame) for frame in ordered])
    spacing_mm = float(np.median(gaps_mm))
    if np.any(np.abs(gaps_mm - spacing_mm) > UNEVEN * spacing_mm):
        notes += (f"uneven slice spacing, {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm: a slice may be missing",)
    return Stack(tuple(frame.image for frame in ordered), spacing_mm, notes)
