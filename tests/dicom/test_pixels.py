"""Stored values to pixel values: rescale, tables, MONOCHROME1, stray bits."""

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, HTJ2KLossless, RLELossless
from tests.dicom.conftest import MakeFile

from mammoqa.dicom import display, read_file
from mammoqa.dicom.pixels import Layout, values

# 12 x 16 pixels, 300 * row + 7 * column, encoded without loss by OpenJPH 0.26.3.
HTJ2K_FRAME = b64decode(
    "/0//UQApQAAAAAAQAAAADAAAAAAAAAAAAAAAEAAAAAwAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQ"
    "kJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAHsAAf+TwAAmCfYFB3QAAMAAEsAAEwD+AId0ABD0A4d0AMAAEsAAEwDeAAJ0"
    "AKenAEI0AMAAE8AAFYDu/qMjwnUARCUqUYn6wFKBvrYAwAAqoAAWoCRJ/ueAp6dCdwBWWrFixYoVK1b++hCAe/ZCAey6AP/Z"
)


def _layout(bits: int, *, signed: bool = False, inverted: bool = False, high_bit: int | None = None) -> Layout:
    return Layout(1, 1, 1, 16, bits, bits - 1 if high_bit is None else high_bit, signed, inverted, False)


def _rescale(slope: float, intercept: float) -> tuple[Dataset]:
    dataset = Dataset()
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    return (dataset,)


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "kind"),
    [
        (np.uint16, 1, 0, np.uint16),
        (np.int16, 1, 0, np.int16),
        (np.uint16, 1, -1024, np.int32),
        (np.uint8, 1, -128, np.int16),
        (np.uint16, 1.5, 0, np.float32),
        (np.uint16, 1, 0.5, np.float32),
    ],
)
def test_integers_stay_integers_where_the_rescale_is_whole(
    dtype: type, slope: float, intercept: float, kind: type
) -> None:
    stored = np.array([[0, 1, 100, 127]], dtype)
    shape = _layout(stored.dtype.itemsize * 8, signed=stored.dtype.kind == "i")
    found = values(stored, shape, _rescale(slope, intercept))
    assert found.pixels.dtype == kind
    np.testing.assert_allclose(found.pixels, stored.astype(float) * slope + intercept)


@given(
    st.integers(8, 16),
    st.booleans(),
    st.sampled_from([(1.0, 0.0), (1.0, -1024.0), (2.5, 10.0), (-1.0, 4095.0)]),
    st.data(),
)
def test_monochrome1_is_turned_round_within_the_stored_range(
    bits: int, signed: bool, rescale: tuple[float, float], data: st.DataObject
) -> None:
    low, high = _layout(bits, signed=signed).stored_range
    stored = np.array([[data.draw(st.integers(low, high)), low, high]], np.int16 if signed else np.uint16)
    plain = values(stored, _layout(bits, signed=signed), _rescale(*rescale))
    turned = values(stored, _layout(bits, signed=signed, inverted=True), _rescale(*rescale))
    assert turned.mirror is not None
    np.testing.assert_allclose(turned.pixels, turned.mirror - plain.pixels.astype(float), rtol=1e-6)
    assert turned.limits == plain.limits
    assert sorted(np.round(turned.pixels[0, 1:], 3)) == sorted(np.round(plain.pixels[0, 1:], 3))


def test_stray_bits_above_and_below_the_stored_ones_are_dropped() -> None:
    stored = np.array([[0x8FFF, 0x7001]], np.uint16)
    np.testing.assert_array_equal(values(stored, _layout(12), ()).pixels, [[0x0FFF, 1]])
    left_aligned = np.array([[0xFFF0, 0x0010]], np.uint16)
    np.testing.assert_array_equal(values(left_aligned, _layout(12, high_bit=15), ()).pixels, [[0x0FFF, 1]])
    signed = np.array([[0x0FFF, 0x0001]], np.int16)
    np.testing.assert_array_equal(values(signed, _layout(12, signed=True), ()).pixels, [[-1, 1]])


def test_a_modality_table_is_applied_and_clamped(make_file: MakeFile) -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [3, 2, 16], np.array([100, 50, 20], "<u2").tobytes()
    item.ModalityLUTType = "US"
    pixels = np.array([[0, 2, 3, 9]], np.uint16)
    (image,) = read_file(make_file(pixels=pixels, ModalityLUTSequence=Sequence([item])))
    np.testing.assert_array_equal(image.pixels, [[100, 100, 50, 20]])
    assert image.saturated == (0.0, 65535.0)


def test_big_endian_and_run_length_give_the_same_pixels(make_file: MakeFile, tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [2, 0, 12], np.array([1, 4095], ">u2").tobytes()
    voi = Sequence([table])
    big = make_file("big.dcm", pixels.byteswap(), syntax=ExplicitVRBigEndian, VOILUTSequence=voi)
    assert read_file(big)[0].voi_tables[0].values.tolist() == [1, 4095]
    assert read_file(big)[0].pixels.dtype.isnative
    np.testing.assert_array_equal(read_file(big)[0].pixels, pixels)
    dataset = dcmread(make_file("rle.dcm", pixels))
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "rle.dcm")
    np.testing.assert_array_equal(read_file(tmp_path / "rle.dcm")[0].pixels, pixels)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_monochrome1_and_2_are_shown_alike(make_file: MakeFile, function: str) -> None:
    pixels = np.arange(0, 4096, 5, dtype=np.uint16)[None]
    window = {"BitsStored": 12, "WindowWidth": 1500, "VOILUTFunction": function}
    (straight,) = read_file(make_file("2.dcm", pixels, WindowCenter=1000, **window))
    centre = 4095 - 1000 + (1 if function == "LINEAR" else 0)
    turned = make_file("1.dcm", 4095 - pixels, WindowCenter=centre, PhotometricInterpretation="MONOCHROME1", **window)
    (inverse,) = read_file(turned)
    assert inverse.inverted
    np.testing.assert_array_equal(inverse.pixels, straight.pixels)
    np.testing.assert_allclose(display(inverse), display(straight), atol=1e-6)


def test_high_throughput_jpeg_2000_is_read(make_file: MakeFile) -> None:
    pixels = (np.arange(12)[:, None] * 300 + np.arange(16) * 7).astype(np.uint16)
    (image,) = read_file(make_file(pixels=pixels, syntax=HTJ2KLossless, PixelData=encapsulate([HTJ2K_FRAME])))
    np.testing.assert_array_equal(image.pixels, pixels)
