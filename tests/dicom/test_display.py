"""VOI windows and tables, against the formulas of DICOM PS3.3 C.11.2.1."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_voi_lut
from pydicom.sequence import Sequence
from tests.dicom.conftest import MakeFile

from mammoqa.core import Image, Source, Window
from mammoqa.dicom import display, read_file
from mammoqa.dicom.display import by_window


def test_linear_window_has_the_ends_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1, note: c=2048 w=4096 maps 0 to the least and 4095 to the greatest value
    shown = by_window(np.array([[-5, 0, 4095, 5000]]), Window(2048, 4096))
    np.testing.assert_allclose(shown, [[0, 0, 1, 1]])
    exact = by_window(np.array([[0.0, 1024.0, 2048.0]]), Window(1024, 2048, "LINEAR_EXACT"))
    np.testing.assert_allclose(exact, [[0, 0.5, 1]])


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(make_file: MakeFile, function: str) -> None:
    pixels = np.arange(0, 65536, 97, dtype=np.uint16)[None]
    path = make_file(pixels=pixels, WindowCenter=20000, WindowWidth=30000, VOILUTFunction=function)
    dataset = Dataset()
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 20000, 30000, function
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 16, 0, "MONOCHROME2"
    np.testing.assert_allclose(display(read_file(path)[0]), apply_voi_lut(pixels, dataset) / 65535, atol=1e-5)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_voi_table_is_looked_up_by_the_value_in_the_file(make_file: MakeFile, photometric: str) -> None:
    item = Dataset()
    data = np.array([0, 1000, 3000, 4095], "<u2").tobytes()
    item.LUTDescriptor, item.LUTData, item.LUTExplanation = [4, 10, 12], data, "CONTRAST"
    stored = np.array([[0, 10, 11, 12, 13, 60000]], np.uint16)
    path = make_file(pixels=stored, PhotometricInterpretation=photometric, VOILUTSequence=Sequence([item]))
    (image,) = read_file(path)
    assert image.voi_tables[0].name == "CONTRAST"
    expected = np.array([[0, 0, 1000, 3000, 4095, 4095]]) / 4095
    np.testing.assert_allclose(display(image), 1 - expected if photometric == "MONOCHROME1" else expected, atol=1e-6)


def test_without_window_the_range_is_stretched_even_where_it_is_flat() -> None:
    source = Source("", "")
    shown = display(Image(np.array([[5, 7, 9]]), None, source))
    np.testing.assert_allclose(shown, [[0, 0.5, 1]])
    assert not display(Image(np.full((2, 2), 3), None, source)).any()
