"""One file to images: the reader for MG, DX, CR, CT, MR, OT and secondary captures."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Real
from pydicom.dataset import Dataset

from mammoqa.core import DicomError, Image, ReasonCode, Refused, Source
from mammoqa.dicom.facts import (
    BREAST_TOMOSYNTHESIS,
    acquisition,
    instance,
    modality,
    pitch,
    place,
    voi_tables,
    windows,
)
from mammoqa.dicom.parse import parse, warnings_as_notes
from mammoqa.dicom.pixels import MAX_PIXELS, Layout, decode, layout, values
from mammoqa.dicom.values import Sources, frame_sources, integer, text


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image with what sorting needs and an `Image` does not keep."""

    image: Image
    tomographic: bool
    instance: int
    image_type: str
    acquisition_number: int
    temporal_position: int


def read_file(path: Path | str, max_pixels: int = MAX_PIXELS) -> tuple[Image, ...]:
    """The images of a DICOM file, one per frame, in file order; pixel values as described at `core.Image`.

    Raises DicomError with a reason code (docs/reference/reason-codes.md) for everything that is not a readable
    grey-scale image of a supported modality.
    """
    found = read_frames(path, max_pixels)
    if isinstance(found, Refused):
        raise DicomError(found.code, f"{found.path}: {found.reason}")
    return tuple(frame.image for frame in found)


def read_projections(path: Path | str, max_pixels: int = MAX_PIXELS) -> tuple[Image, ...] | Refused:
    """The images of a DICOM file that stand alone, or why there are none.

    Empty, before any pixel is decoded, where the file may hold slices: their series has to be gathered first.
    """
    found = read_frames(path, max_pixels, slices=False)
    return found if isinstance(found, Refused) else tuple(frame.image for frame in found)


def read_frames(path: Path | str, max_pixels: int = MAX_PIXELS, *, slices: bool = True) -> tuple[Frame, ...] | Refused:
    """The frames of a DICOM file, or why there are none; never raises for what is in the file.

    Without `slices` none of a file that may be part of a tomographic series.
    """
    notes: list[str] = []
    dataset = None
    try:
        dataset, sha256 = parse(Path(path), notes)
        with warnings_as_notes(notes):
            frames = _frames(dataset, str(path), sha256, max_pixels, slices)
    except DicomError as error:
        with warnings_as_notes(notes):
            sources = () if dataset is None else (dataset,)
            uids = text(sources, "SOPInstanceUID"), text(sources, "SeriesInstanceUID")
        return Refused(str(path), error.code, error.reason, *uids)
    return tuple(replace(f, image=replace(f.image, notes=(*notes, *f.image.notes))) for f in frames)


def _frames(dataset: Dataset, path: str, sha256: str, max_pixels: int, slices: bool) -> tuple[Frame, ...]:
    _check_is_image(dataset)
    kind, note = modality((dataset,))
    if kind is None:
        tag = text((dataset,), "Modality") or "none"
        advice = "give images of MG, DX, CR, CT, MR, OT or secondary captures"
        raise DicomError(ReasonCode.UNSUPPORTED_MODALITY, f"modality {tag} is not supported: {advice}")
    if not slices and _is_sliced((dataset,), kind):
        return ()
    notes = (*((note,) if note else ()), *_complete(dataset))
    shape = layout(dataset, max_pixels)
    stored = decode(dataset, shape)
    return tuple(_frame(dataset, stored[i], i, shape, kind, (path, sha256), notes) for i in range(shape.frames))


def _frame(
    dataset: Dataset,
    stored: Real[np.ndarray, "rows columns"],
    index: int,
    shape: Layout,
    kind: str,
    file: tuple[str, str],
    notes: tuple[str, ...],
) -> Frame:
    sources = frame_sources(dataset, index)
    found = values(stored, shape, sources)
    pitch_mm, pitch_notes = pitch(sources, kind)
    position, orientation = place(sources)
    own = ((found.note,) if found.note else ()) + pitch_notes
    image = Image(
        pixels=found.pixels,
        pitch_mm=pitch_mm,
        source=_source(sources, file, index),
        acquisition=acquisition(sources, kind),
        windows=windows(sources, found.mirror),
        bits_stored=shape.bits_stored,
        saturated=found.limits,
        inverted=shape.inverted,
        position_mm=position,
        orientation=orientation,
        notes=(*notes, *own),
        voi_tables=voi_tables(sources, found.mirror, shape.signed),
    )
    return Frame(
        image=image,
        tomographic=_is_sliced(sources, kind) and position is not None,
        instance=instance(sources) if shape.frames == 1 else index,
        image_type=text(sources, "ImageType") or "",
        acquisition_number=integer(sources, "AcquisitionNumber") or 0,
        temporal_position=integer(sources, "TemporalPositionIndex")
        or integer(sources, "TemporalPositionIdentifier")
        or 0,
    )


def _is_sliced(sources: Sources, kind: str) -> bool:
    return kind in ("CT", "MR") or text(sources, "SOPClassUID") == BREAST_TOMOSYNTHESIS


def _source(sources: Sources, file: tuple[str, str], index: int) -> Source:
    return Source(
        path=file[0],
        sha256=file[1],
        sop_class_uid=text(sources, "SOPClassUID"),
        sop_instance_uid=text(sources, "SOPInstanceUID"),
        series_instance_uid=text(sources, "SeriesInstanceUID"),
        study_instance_uid=text(sources, "StudyInstanceUID"),
        frame=index,
    )


def _complete(dataset: Dataset) -> tuple[str, ...]:
    """Fill in what ACR-NEMA 2 files, older than DICOM, do not say about their pixels; a note if anything was."""
    if "PhotometricInterpretation" in dataset or "SamplesPerPixel" in dataset:
        return ()
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    if "PixelRepresentation" not in dataset:
        dataset.PixelRepresentation = 0
    return ("no photometric interpretation: taken as MONOCHROME2",)


def _check_is_image(dataset: Dataset) -> None:
    if (
        "DirectoryRecordSequence" in dataset
        or text((dataset.file_meta,), "MediaStorageSOPClassUID") == "1.2.840.10008.1.3.10"
    ):
        raise DicomError(ReasonCode.NOT_AN_IMAGE, "a DICOMDIR is an index: give the folder with the images")
    if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        kind = text((dataset,), "Modality")
        what = f"this {kind} object" if kind else "this DICOM object"
        raise DicomError(ReasonCode.NOT_AN_IMAGE, f"{what} holds no pixels: give the images themselves")
