"""Small DICOM objects for trials and measurements: real mammograms of a few kilobytes, each with its own pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"  # Digital Mammography X-Ray Image Storage, for presentation
_ROOT = "1.2.826.0.1.3680043.10.1560.2"


@dataclass(frozen=True, slots=True, eq=False)
class SmallObject:
    """An object and what is needed to send it."""

    uid: str
    dataset: Dataset
    sop_class_uid: str = MAMMOGRAM
    transfer_syntax_uid: str = str(ExplicitVRLittleEndian)


def small_objects(count: int, per_study: int, side_px: int, rng: np.random.Generator) -> Iterator[SmallObject]:
    """`count` noise images of `side_px` squared, `per_study` to a study; they show no phantom, and are refused fast."""
    run = int(rng.integers(1, 2**31))
    for number in range(count):
        study = number // per_study
        uid = f"{_ROOT}.{run}.{study}.1.{number}"
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = MAMMOGRAM, uid
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{_ROOT}.{run}.{study}", f"{_ROOT}.{run}.{study}.1"
        dataset.Modality, dataset.StationName, dataset.Manufacturer = "MG", f"ROOM-{study % 5}", "trial"
        dataset.PatientName, dataset.PatientID = "QC^PHANTOM", "QC"
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.Rows = dataset.Columns = side_px
        dataset.ImagerPixelSpacing = [0.1, 0.1]
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.PixelData = rng.integers(0, 4096, (side_px, side_px), dtype=np.uint16).tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = UID(MAMMOGRAM)
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
        yield SmallObject(uid, dataset)


def write_all(objects: Iterator[SmallObject], folder: Path) -> list[Path]:
    """The objects as files; their paths."""
    paths = []
    for number, one in enumerate(objects):
        path = folder / f"{number:05d}.dcm"
        one.dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
