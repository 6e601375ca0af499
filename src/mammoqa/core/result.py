"""What an analysis says: scores, measurements, a verdict, and how it came about."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from mammoqa.core.image import Acquisition, Source
    from mammoqa.core.phantom import Pose


class Outcome(StrEnum):
    """The four ways an analysis ends."""

    PASS = "pass"
    FAIL = "fail"
    MEASURED = "measured"
    REFUSED = "refused"


class ReasonCode(StrEnum):
    """Why an input was refused; each member is documented in docs/reference/reason-codes.md."""

    NOT_FOUND = "not_found"
    NOT_DICOM = "not_dicom"
    DAMAGED_FILE = "damaged_file"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_MODALITY = "unsupported_modality"
    COLOUR_IMAGE = "colour_image"
    DUPLICATE = "duplicate"
    TOO_LARGE = "too_large"
    NO_PIXEL_SPACING = "no_pixel_spacing"
    NOT_A_PHANTOM = "not_a_phantom"
    UNKNOWN_PHANTOM = "unknown_phantom"
    WRONG_VIEW = "wrong_view"
    INCOMPLETE_STACK = "incomplete_stack"
    NOT_LOCATED = "not_located"
    PARTLY_OUTSIDE = "partly_outside"
    CLIPPED = "clipped"
    NEEDS_RAW = "needs_raw"
    LOW_QUALITY = "low_quality"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file or folder that holds no image to analyse, and what a person can do about it."""

    path: str
    code: ReasonCode
    reason: str
    sop_instance_uid: str | None = None
    series_instance_uid: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """One scored test object; `score` is 0, 0.5 or 1, the probabilities are calibrated."""

    name: str
    kind: str
    size_mm: float
    score: float
    p_present: float
    p_abnormal: float
    centre_px: tuple[float, float]
    counted: bool = True  # False when the reading order stopped before it
    deduction: float = 0.0  # for an artefact as visible as the object


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its unit, 95 % interval and limits; None where there is none."""

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None
    outcome: Outcome = Outcome.MEASURED
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the criteria say. `totals` are per kind, after the stop rule and deductions.

    `refer` says that a person should read the image, and `refer_reason` why; None where the model has no such rule.
    """

    outcome: Outcome
    reason: str | None = None
    reason_code: ReasonCode | None = None
    totals: tuple[tuple[str, float], ...] = ()
    p_pass: float | None = None
    refer: bool | None = None
    refer_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which network read the image."""

    name: str
    version: str
    card_sha256: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is needed to repeat an analysis."""

    software: str
    phantom_version: str | None
    model: ModelId | None
    analysed_at: datetime
    seconds: float
    timings_s: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A place in an image worth drawing: a closed or open polyline in pixels of slice `index`."""

    label: str
    points_px: Float[np.ndarray, "n 2"]
    closed: bool = True
    index: int = 0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A threshold gold thickness (um) of human readers by the contrast-detail curve, its 95 % interval, and limits.

    `measured_um` is the threshold of this diameter alone, before the curve; None where the phantom's discs give none.
    """

    diameter_mm: float
    value_um: float
    low_um: float
    high_um: float
    measured_um: float | None = None
    acceptable_um: float | None = None
    achievable_um: float | None = None


@dataclass(frozen=True, slots=True)
class SinglePoint:
    """A threshold (um) of human readers as a network estimates it from one image, with its 95 % interval."""

    diameter_mm: float
    value_um: float
    low_um: float
    high_um: float


@dataclass(frozen=True, slots=True)
class SingleImage:
    """A contrast-detail curve estimated from one image alone.

    `distance` tells how far the image is from those that the network learned from; beyond `farthest` it is `unlike`
    them. Its intervals are `widened` times as wide (in ln) as they would be for a familiar image.
    """

    path: str
    points: tuple[SinglePoint, ...]
    distance: float
    farthest: float
    unlike: bool
    widened: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ContrastDetail:
    """What a series of images of a contrast-detail phantom shows.

    `corner` and `centre` are the decisions: 1 hit, 0 miss, -1 no such cell. `convention` names what the ratio of human
    to automatic thresholds multiplies, `form` the psychometric curve. `single` are estimates from each image alone.
    Discs were looked for within `search_mm` of their places.
    """

    diameters_mm: Float[np.ndarray, " rows"]
    thicknesses_um: Float[np.ndarray, " columns"]
    corner: Float[np.ndarray, "images rows columns"]
    centre: Float[np.ndarray, "images rows columns"]
    curve: tuple[CurvePoint, ...]
    convention: str
    form: str
    single: tuple[SingleImage, ...] = ()
    search_mm: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One analysed input: an image or a stack. `sources` lists every frame that was read.

    `view` is the image as a person should see it: the phantom upright (chest wall at the bottom) for mammography,
    8 bit, `view_scale` pixels per mm, the origin of the phantom frame at its centre. For stacks it holds the slices
    `view_slices` (indices into the stack) side by side, each in its own pixels. `saliency` has the same shape, 0 to 1,
    or is None.
    """

    path: str
    sources: "tuple[Source, ...]"
    acquisition: "Acquisition"
    phantom: str | None
    verdict: Verdict
    provenance: Provenance
    objects: tuple[ObjectScore, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    pose: "Pose | None" = None
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()
    view: np.ndarray | None = field(default=None, repr=False)
    saliency: np.ndarray | None = field(default=None, repr=False)
    view_scale: float | None = None
    view_slices: tuple[int, ...] = ()
    contrast_detail: ContrastDetail | None = None
