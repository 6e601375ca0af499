"""Small real DICOM files, made as a test needs them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from mammoqa.dicom.facts import MODALITY_OF_SOP_CLASS

MakeFile = Callable[..., Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Write a grey-scale file: `make_file(name, pixels, modality="MG", syntax=..., **attributes)`; None deletes."""

    def make(
        name: str = "image.dcm",
        pixels: np.ndarray | None = None,
        modality: str = "MG",
        syntax: str = ExplicitVRLittleEndian,
        **attributes: object,
    ) -> Path:
        stored = np.arange(12, dtype=np.uint16).reshape(3, 4) if pixels is None else pixels
        dataset = Dataset()
        dataset.Modality = modality
        known = [uid for uid, kind in MODALITY_OF_SOP_CLASS.items() if kind == modality]
        dataset.SOPClassUID = known[0] if known else "1.2.840.10008.5.1.4.1.1.7"
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            setattr(dataset, keyword, generate_uid())
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "DOE^JANE", "SECRET-1", "19700102"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.Rows, dataset.Columns = stored.shape[-2:]
        if stored.ndim == 3:
            dataset.NumberOfFrames = len(stored)
        dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(stored.dtype.kind == "i")
        dataset.PixelData = stored.tobytes()
        dataset["PixelData"].VR = "OW"
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        if "BitsStored" in attributes and "HighBit" not in attributes:
            dataset.HighBit = dataset.BitsStored - 1
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2.3")
        meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.file_meta = meta
        dataset.save_as(path, enforce_file_format=True)
        return path

    return make
