"""Stored pixels to pixel values: decoding, stray bits, the modality LUT, MONOCHROME1."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, Real
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGExtended12Bit, RLELossless

from mammoqa.core import DicomError, ReasonCode
from mammoqa.dicom.codestream import frame_size
from mammoqa.dicom.facts import lookup
from mammoqa.dicom.values import DICOM_ERRORS, Sources, integer, items, number, text

MAX_PIXELS = 2**30  # of a file: rows x columns x frames; a CT of 4096 slices
_LARGEST_VALUE = 1e12  # after the rescale; more is a damaged number and overflows integers
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, slots=True)
class Layout:
    """Size and coding of the pixels of a file."""

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    inverted: bool
    floating: bool

    @property
    def stored_range(self) -> tuple[int, int]:
        """The least and greatest value that the stored bits can hold."""
        if self.signed:
            return -(1 << self.bits_stored - 1), (1 << self.bits_stored - 1) - 1
        return 0, (1 << self.bits_stored) - 1


def layout(dataset: Dataset, max_pixels: int = MAX_PIXELS) -> Layout:
    """Size and coding of the pixels, checked before anything is decoded.

    Raises DicomError: NOT_AN_IMAGE, COLOUR_IMAGE, TOO_LARGE or DAMAGED_FILE.
    """
    present = [keyword for keyword in _PIXELS if keyword in dataset]
    if not present:
        raise DicomError(ReasonCode.NOT_AN_IMAGE, "the file holds no pixels: give the images themselves")
    sources = (dataset,)
    samples, photometric = integer(sources, "SamplesPerPixel"), text(sources, "PhotometricInterpretation") or ""
    if (samples or 1) != 1 or not photometric.startswith("MONOCHROME"):
        if samples in (None, 1) and not photometric:
            raise DicomError(ReasonCode.DAMAGED_FILE, "the file does not say how its pixels are to be shown")
        raise DicomError(ReasonCode.COLOUR_IMAGE, "a colour image: give the grey-scale original, not a screen shot")
    found = [integer(sources, keyword) for keyword in ("Rows", "Columns", "BitsAllocated")]
    rows, columns, allocated = (value or 0 for value in found)
    frames = integer(sources, "NumberOfFrames")
    frames = 1 if frames is None else frames
    if min(rows, columns, allocated, frames) < 1:
        raise DicomError(ReasonCode.DAMAGED_FILE, "the size of the image is missing or zero: export it again")
    if rows * columns * frames > max_pixels:
        size = f"{rows} x {columns} pixels x {frames} frames"
        raise DicomError(ReasonCode.TOO_LARGE, f"{size} is above the limit of {max_pixels} pixels: split the file")
    stored = integer(sources, "BitsStored") or allocated
    if not stored <= allocated <= 64 or stored < 1:
        raise DicomError(ReasonCode.DAMAGED_FILE, f"{stored} bits stored in {allocated} bits: export it again")
    high = integer(sources, "HighBit")
    return Layout(
        rows,
        columns,
        frames,
        allocated,
        stored,
        stored - 1 if high is None else high,
        integer(sources, "PixelRepresentation") == 1,
        photometric == "MONOCHROME1",
        present[0] != "PixelData",
    )


def decode(dataset: Dataset, shape: Layout) -> Real[np.ndarray, "frames rows columns"]:
    """The stored pixels, a view of the file's bytes where they are not compressed.

    Raises DicomError: UNSUPPORTED_ENCODING or DAMAGED_FILE.
    """
    syntax = UID(text((dataset.file_meta,), "TransferSyntaxUID") or "")
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        advice = "export it uncompressed (Explicit VR Little Endian)"
        reason = f"the encoding '{syntax.name}' is not supported: {advice}"
        raise DicomError(ReasonCode.UNSUPPORTED_ENCODING, reason)
    try:
        if syntax.is_encapsulated and syntax != RLELossless:
            _check_frames(dataset, shape)
        if syntax == JPEGExtended12Bit and shape.bits_stored > 8:
            stored = _decode_jpeg_12(dataset, shape)
        else:
            # stray bits are dropped in `values`, which copies only where there are some
            stored = pixel_array(dataset, view_only=True, correct_unused_bits=False)
        stored = stored.reshape(shape.frames, shape.rows, shape.columns)
    except DICOM_ERRORS as error:
        reason = next(iter(str(error).split(" - ")[0].strip().splitlines()), type(error).__name__)[:200].rstrip(":")
        raise DicomError(
            ReasonCode.DAMAGED_FILE, f"the pixels cannot be decoded ({reason}): export it again"
        ) from error
    return stored if stored.dtype.isnative else stored.astype(stored.dtype.newbyteorder("="))


def _check_frames(dataset: Dataset, shape: Layout) -> None:
    """Compare each compressed frame's own size with that of the file; ValueError where they differ."""
    count = 0
    for data in generate_frames(dataset.PixelData, number_of_frames=shape.frames):
        size = frame_size(data)
        if size is None:
            raise ValueError("a compressed frame has no header")
        if (size.rows, size.columns, size.samples) != (shape.rows, shape.columns, 1):
            raise ValueError(f"a compressed frame has {size.rows} x {size.columns} x {size.samples} samples")
        if not 1 <= size.precision <= shape.bits_allocated:
            raise ValueError(f"a compressed frame has {size.precision} bits in {shape.bits_allocated}")
        count += 1
    if count != shape.frames:
        raise ValueError(f"{count} compressed frames of {shape.frames}")


def _decode_jpeg_12(dataset: Dataset, shape: Layout) -> Integer[np.ndarray, "frames rows columns"]:
    """12-bit JPEG Extended by GDCM itself: pydicom does not let GDCM try, though it reads it."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    frames = []
    for frame in generate_frames(dataset.PixelData, number_of_frames=shape.frames):
        fragment = gdcm.Fragment()
        fragment.SetByteStringValue(frame)
        fragments = gdcm.SequenceOfFragments.New()
        fragments.AddFragment(fragment)
        element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
        element.SetValue(fragments.__ref__())
        image = gdcm.Image()
        image.SetNumberOfDimensions(2)
        image.SetDimensions((shape.columns, shape.rows, 1))
        image.SetDataElement(element)
        kind = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
        image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
        image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))))
        bits = (shape.bits_allocated, shape.bits_stored, shape.bits_stored - 1, int(shape.signed))
        image.SetPixelFormat(gdcm.PixelFormat(1, *bits))
        pixels = image.GetBuffer().encode("utf-8", "surrogateescape")
        frames.append(np.frombuffer(pixels, np.int16 if shape.signed else np.uint16))
    return np.stack(frames).reshape(shape.frames, shape.rows, shape.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Pixel values of a frame, the lowest and highest they can have, and x + x' of MONOCHROME1 (None otherwise)."""

    pixels: Real[np.ndarray, "rows columns"]
    limits: tuple[float, float] | None
    mirror: float | None
    note: str | None = None


def values(stored: Real[np.ndarray, "rows columns"], shape: Layout, sources: Sources) -> Values:
    """Apply the modality LUT or rescale and turn MONOCHROME1 round within the stored range; the result is read-only.

    Integers stay integers where the rescale is whole; otherwise float32.
    """
    if shape.floating:
        pixels = stored.astype(np.float32, copy=False)
        return Values(_frozen(-pixels if shape.inverted else pixels), None, 0.0 if shape.inverted else None)
    stored = _without_stray_bits(stored, shape)
    low, high = shape.stored_range
    tables = items(sources, "ModalityLUTSequence")
    table = lookup(tables[0], shape.signed) if tables else None
    if table is not None:
        return _by_table(stored, table, shape)
    slope, intercept = number(sources, "RescaleSlope"), number(sources, "RescaleIntercept") or 0.0
    note = None
    if slope is None or slope == 0:
        note = "rescale slope of zero ignored" if slope == 0 else None
        slope, intercept = 1.0, intercept if slope is None else 0.0
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if max(abs(slope), *map(abs, ends)) > _LARGEST_VALUE:
        raise DicomError(ReasonCode.DAMAGED_FILE, f"rescale slope {slope} and intercept {intercept} are absurd")
    mirror = ends[0] + ends[1] if shape.inverted else None
    if shape.inverted:
        slope, intercept = -slope, slope * (low + high) + intercept
    return Values(_frozen(_rescaled(stored, slope, intercept, ends)), (ends[0], ends[1]), mirror, note)


def _rescaled(
    stored: Real[np.ndarray, "rows columns"], slope: float, intercept: float, ends: list[float]
) -> Real[np.ndarray, "rows columns"]:
    if slope == 1 and intercept == 0:
        return stored
    if slope in (1, -1) and intercept == int(intercept) and stored.dtype.kind in "iu":
        kinds = (stored.dtype, np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))
        kind = next(k for k in kinds if np.iinfo(k).min <= ends[0] and ends[1] <= np.iinfo(k).max)
        # modular arithmetic in the target type is exact, since the result fits
        pixels = stored.astype(kind, copy=False)
        offset = np.asarray(int(intercept)).astype(kind)
        shifted: Real[np.ndarray, "rows columns"] = offset - pixels if slope == -1 else pixels + offset
        return shifted
    scaled: Real[np.ndarray, "rows columns"] = np.multiply(stored, np.float32(slope), dtype=np.float32)
    scaled += np.float32(intercept)
    return scaled


def _by_table(
    stored: Real[np.ndarray, "rows columns"],
    table: tuple[float, np.ndarray, int],
    shape: Layout,
) -> Values:
    first, entries, bits = table
    top = 2**bits - 1
    if shape.inverted:
        entries = (top - np.minimum(entries, top)).astype(entries.dtype)
    index = np.clip(stored.astype(np.int64) - int(first), 0, len(entries) - 1)
    return Values(_frozen(entries[index]), (0.0, float(top)), float(top) if shape.inverted else None)


def _without_stray_bits(stored: Real[np.ndarray, "rows columns"], shape: Layout) -> Real[np.ndarray, "rows columns"]:
    """Drop what lies in the unused bits, such as overlays of old files; nothing is copied where they are empty."""
    width, shift = stored.dtype.itemsize * 8, shape.high_bit + 1 - shape.bits_stored
    if stored.dtype.kind not in "iu" or shape.bits_stored >= width or not 0 <= shift <= width - shape.bits_stored:
        return stored
    if shift:
        stored = stored >> shift
    low, high = shape.stored_range
    if stored.max() <= high and stored.min() >= low:
        return stored
    if not shape.signed or stored.dtype.kind == "u":
        masked: Real[np.ndarray, "rows columns"] = stored & stored.dtype.type((1 << shape.bits_stored) - 1)
        return masked
    spare = width - shape.bits_stored
    extended: Real[np.ndarray, "rows columns"] = (stored << spare) >> spare
    return extended


def _frozen(pixels: Real[np.ndarray, "rows columns"]) -> Real[np.ndarray, "rows columns"]:
    pixels = pixels.view()
    pixels.flags.writeable = False
    return pixels
