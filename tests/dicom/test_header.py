"""The fast reading of a header says what pydicom says, or nothing."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from mammoqa.core import DicomError
from mammoqa.dicom.header import HEAD_BYTES, _parsed, read_header, scan_header


def head(syntax=ExplicitVRLittleEndian, **attributes):
    dataset, code = Dataset(), Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    dataset.Modality, dataset.StationName, dataset.NumberOfSeriesRelatedInstances = "MG", "ROOM 1", 11
    code.CodeValue, code.CodeMeaning = "R-102C0", "Full field"
    dataset.PatientID, dataset.AnatomicRegionSequence = "QC", Sequence([code])
    dataset.Rows = dataset.Columns = 400
    dataset.BitsAllocated, dataset.PixelRepresentation, dataset.PixelData = 16, 0, bytes(320_000)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    if syntax.is_encapsulated:
        dataset.PixelData = encapsulate([dataset.PixelData])
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()[:HEAD_BYTES]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
def test_an_ordinary_header_is_read_fast_and_the_same(syntax):
    found = scan_header(head(syntax))
    assert found == _parsed(head(syntax))
    assert (found.modality, found.station, found.expected, found.series_instance_uid) == ("MG", "ROOM 1", 11, "1.2.3.1")


@pytest.mark.parametrize(
    "unusual",
    [
        {"StationName": "Räume"},
        {"StationName": "A\\B"},
        {"syntax": ExplicitVRBigEndian},
        {"syntax": ImplicitVRLittleEndian},
    ],
)
def test_what_is_unusual_is_left_to_pydicom(unusual):
    assert scan_header(head(**unusual)) is None
    assert read_header(head(**unusual)) == _parsed(head(**unusual))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_damage_never_makes_the_two_differ(data):
    whole = bytearray(head())
    dice = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[int(dice.integers(128, 900))] = int(dice.integers(0, 256))
    cut = bytes(whole[: data.draw(st.sampled_from([len(whole), int(dice.integers(132, 900))]))])
    found = scan_header(cut)
    if found is None:
        return
    try:
        assert found == _parsed(cut)
    except DicomError:
        pytest.fail("pydicom cannot read what was read fast")
