"""Files and folders to images and stacks, one after the other, every file accounted for once."""

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mammoqa.core import Image, ReasonCode, Refused, Source, Stack
from mammoqa.dicom.read import Frame, read_frames
from mammoqa.dicom.stacks import stacks

HOLD_BYTES = 2 * 2**30  # of slices waiting for the rest of their series


def gather(paths: Iterable[Path | str], hold_bytes: int = HOLD_BYTES) -> Iterator[Image | Stack | Refused]:
    """Read files and walk folders (sorted), each file once, yielding images, stacks and refusals.

    Projection images and refusals come at once, one file in memory at a time. Slices wait until all files are read,
    since a series may lie in several folders; where more than `hold_bytes` wait, the series that has waited longest
    for another slice is yielded.
    """
    waiting: OrderedDict[str, list[Frame]] = OrderedDict()
    held = 0
    seen: dict[str, str] = {}
    for path in files(paths):
        if isinstance(path, Refused):
            yield path
            continue
        found = read_frames(path)
        if isinstance(found, Refused):
            yield found
            continue
        for frame in found:
            if not frame.tomographic:
                yield _flagged(frame.image, seen)
                continue
            series = frame.image.source.series_instance_uid or str(path.parent)
            waiting.setdefault(series, []).append(frame)
            waiting.move_to_end(series)
            held += frame.image.pixels.nbytes
        while held > hold_bytes and len(waiting) > 1:
            _, frames = waiting.popitem(last=False)
            held -= sum(frame.image.pixels.nbytes for frame in frames)
            yield from stacks(frames)
    while waiting:
        yield from stacks(waiting.popitem(last=False)[1])


def _flagged(image: Image, seen: dict[str, str]) -> Image:
    note = duplicate_note(image.source, seen)
    return image if note is None else replace(image, notes=(*image.notes, note))


def duplicate_note(source: Source, seen: dict[str, str]) -> str | None:
    """A note if an image with the same SOP Instance UID and frame, noted in `seen`, came before in another file."""
    uid = source.sop_instance_uid
    if uid is None:
        return None
    first = seen.setdefault(f"{uid}/{source.frame}", source.path)
    return None if first == source.path else f"duplicate: same SOP Instance UID as {first}"


def files(paths: Iterable[Path | str]) -> Iterator[Path | Refused]:
    """The files under the paths in sorted order, each once; missing paths and empty folders as refusals."""
    done: set[str] = set()
    for given in paths:
        path = Path(given)
        found = _walk(path) if path.is_dir() else iter((path,))
        empty = True
        for file in found:
            empty = False
            real = os.path.realpath(file)
            if real not in done:
                done.add(real)
                yield file
        if empty:
            yield Refused(str(path), ReasonCode.NOT_FOUND, "the folder holds no files: check the path")


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(files))
