"""Images and how they were acquired.

The image frame: x along columns to the right, y along rows downwards, in pixels; (0, 0) is the centre of the
top-left pixel. `pixels[y, x]`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from jaxtyping import Real


class Intent(StrEnum):
    """DICOM Presentation Intent Type (0008,0068)."""

    FOR_PROCESSING = "FOR PROCESSING"
    FOR_PRESENTATION = "FOR PRESENTATION"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Facts of one exposure or acquisition; None where the file does not say. No patient data."""

    modality: str = ""
    manufacturer: str | None = None
    model: str | None = None
    station: str | None = None
    device_serial: str | None = None
    detector_id: str | None = None
    acquired_at: datetime | None = None
    description: str | None = None
    # X-ray
    intent: Intent | None = None
    pixel_intensity: str | None = None  # DICOM Pixel Intensity Relationship: LIN, LOG, DISP
    kvp: float | None = None
    mas: float | None = None
    anode: str | None = None
    filter_material: str | None = None
    thickness_mm: float | None = None
    force_n: float | None = None
    organ_dose_mgy: float | None = None
    entrance_dose_mgy: float | None = None
    magnification: float | None = None
    view: str | None = None
    laterality: str | None = None
    # MR
    field_strength_t: float | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    slice_thickness_mm: float | None = None
    pixel_bandwidth_hz: float | None = None
    phase_encoding: str | None = None  # ROW or COL


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image came from, for provenance: one frame of one file, or a simulation."""

    path: str
    sha256: str
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    series_instance_uid: str | None = None
    study_instance_uid: str | None = None
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window (DICOM PS3.3 C.11.2.1.2) in the units of `Image.pixels`."""

    centre: float
    width: float
    function: str = "LINEAR"
    name: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VoiTable:
    """A VOI lookup table (DICOM PS3.3 C.11.2.1.1): `values[i]` is shown for the pixel value `first + i`.

    Pixel values beyond either end take the first or last entry; entries have `bits` bits. Where the file was
    MONOCHROME1, the table has been turned round so that it applies to `Image.pixels`.
    """

    first: float
    values: Real[np.ndarray, " entries"]
    bits: int
    name: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One grey-scale image plane.

    `pixels` hold the values after the modality LUT, MONOCHROME1 already inverted, so that larger values are
    shown brighter; integer or float32, read-only. `pitch_mm` is (along y, along x) in the plane of the object
    (ImagerPixelSpacing divided by the magnification), None when the file gives no size. `position_mm` and
    `orientation` are those of DICOM's patient frame, for tomographic slices. `saturated` gives the pixel values
    (low, high) at which the detector or the file clips, in the sense of `pixels`.
    """

    pixels: Real[np.ndarray, "rows columns"]
    pitch_mm: tuple[float, float] | None
    source: Source
    acquisition: Acquisition = field(default_factory=Acquisition)
    windows: tuple[Window, ...] = ()
    bits_stored: int = 16
    saturated: tuple[float, float] | None = None
    inverted: bool = False  # the file was MONOCHROME1
    position_mm: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    notes: tuple[str, ...] = ()
    voi_tables: tuple[VoiTable, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Parallel slices of one series, sorted along the slice normal; `spacing_mm` between their centres."""

    images: tuple[Image, ...]
    spacing_mm: float
    notes: tuple[str, ...] = ()
