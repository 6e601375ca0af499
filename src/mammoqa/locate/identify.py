"""Which phantom an image or a stack shows, from its content and a few facts of its header."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mammoqa.core import IdentifyError, Image, ReasonCode, Stack
from mammoqa.locate.acr156 import COARSE_MM, MIN_SUPPORT, Found, find_square, refusal
from mammoqa.locate.acr_dm import looks_like_acr_dm, mean_image
from mammoqa.locate.border import flatten, refine
from mammoqa.locate.mammo_flat import looks_like_flat
from mammoqa.locate.outline import bodies
from mammoqa.locate.sampling import Level, block_mean, otsu

_PROJECTIONS = frozenset({"MG", "DX", "CR", "RG", "OT", ""})  # modalities that mammography phantoms are filed under
_SMALLEST_PX = 100
_COARSEST_MM = 0.6  # mammography detectors have pixels of 0.05 to 0.1 mm
_USUAL_FIELD_MM = 240.0  # long side of the small mammography field, to size images that state no spacing
_CDMAM_FIELD_MM = 110.0  # a CDMAM's cells are 134 mm wide and 212 mm long
_WIDE_MM = 145.0  # a field that holds the insert of the ACR DM phantom, 130 mm, magnified
_CT = (
    "The CT slices show no module of the ACR CT phantom (a disc of 200 mm with its inserts): give the whole axial "
    "series of that phantom."
)
_VIEWS = frozenset({"MLO", "CC", "ML", "LM", "XCCL", "XCCM", "LMO", "FB", "SIO", "CV", "AT"})


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The phantom's name; and the search for the ACR 156 phantom's insert, which `locate_acr156` need not repeat."""

    name: str
    found: Found | None = None


def identify(item: Image | Stack, only: str | None = None) -> str:
    """Name the phantom in `item`; `only` restricts the answer to one phantom.

    Raises IdentifyError: NOT_A_PHANTOM with what the image looks like instead, UNKNOWN_PHANTOM, WRONG_VIEW,
    UNSUPPORTED_MODALITY.
    """
    name = sight(item).name
    if only is not None and name != only:
        raise IdentifyError(
            ReasonCode.UNKNOWN_PHANTOM, f"This shows the phantom {name!r}, not {only!r}; check --phantom."
        )
    return name


def sight(item: Image | Stack) -> Sighting:
    """Name the phantom in `item` and keep what was seen on the way; raises what `identify` raises."""
    return Sighting(_identify_stack(item)) if isinstance(item, Stack) else _identify_image(item)


def _identify_stack(stack: Stack) -> str:
    first = stack.images[0]
    modality = first.acquisition.modality
    if modality == "MR":
        from mammoqa.locate.acr_mri import looks_like_acr_mri

        if looks_like_acr_mri(stack):
            return "acr_mri_large"
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            "The MR slices show no round phantom of 190 mm: give the axial series of the ACR large phantom.",
        )
    if modality == "CT":
        from mammoqa.locate.acr_ct import looks_like_acr_ct

        if looks_like_acr_ct(stack):
            return "acr_ct464"
        raise IdentifyError(ReasonCode.UNKNOWN_PHANTOM, _CT)
    if modality == "MG":
        if looks_like_acr_dm(mean_image(stack)):
            return "acr_dm"
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            "The tomosynthesis slices show no ACR Digital Mammography phantom: give the reconstructed stack of that "
            "phantom, or single images of another one.",
        )
    raise IdentifyError(
        ReasonCode.UNSUPPORTED_MODALITY,
        f"A stack of modality {modality or 'not stated'} is not a known phantom; give a mammography phantom image "
        "or an MR stack.",
    )


def _identify_image(image: Image) -> Sighting:
    modality = image.acquisition.modality
    if modality == "MR":
        from mammoqa.locate.acr_mri import looks_like_acr_mri

        if looks_like_acr_mri(image):
            raise IdentifyError(
                ReasonCode.WRONG_VIEW,
                "A single MR image, such as a localiser, cannot be measured: give the axial series with its 11 slices.",
            )
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            "The MR image shows no known phantom; give the axial series of the ACR large phantom.",
        )
    if modality == "CT":
        from mammoqa.locate.acr_ct import looks_like_acr_ct

        if looks_like_acr_ct(image):
            raise IdentifyError(
                ReasonCode.WRONG_VIEW,
                "A single slice of the ACR CT phantom cannot be measured: give its whole axial series.",
            )
        raise IdentifyError(ReasonCode.UNKNOWN_PHANTOM, _CT)
    if modality not in _PROJECTIONS:
        raise IdentifyError(
            ReasonCode.UNSUPPORTED_MODALITY,
            f"Images of modality {modality} are not read by this version; give a mammography phantom image or an MR "
            "stack.",
        )
    if min(image.pixels.shape) < _SMALLEST_PX:
        rows, columns = image.pixels.shape
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            f"Give the original image; this one is too small for a phantom ({columns} x {rows} pixels).",
        )
    return _identify_projection(image)


def _identify_projection(image: Image) -> Sighting:  # noqa: PLR0911  one return per kind of answer
    """Look for a square wax insert of the right size; say what the image shows instead where there is none."""
    from mammoqa.phantoms import PHANTOMS

    rows, columns = image.pixels.shape
    guessed = _USUAL_FIELD_MM / max(rows, columns)
    pitch = image.pitch_mm or (guessed, guessed)
    if max(rows * pitch[0], columns * pitch[1]) < 70 or max(pitch) > _COARSEST_MM:
        raise IdentifyError(
            ReasonCode.NOT_A_PHANTOM,
            f"{columns} x {rows} pixels of {pitch[1]:.3g} mm are not an image of a mammography phantom; "
            "give the original image of one.",
        )
    found = find_square(image, PHANTOMS["acr156"], pitch if image.pitch_mm is None else None)
    if _is_insert(found) and found.body is not None:
        return Sighting("acr156", found)  # a body of its size around the insert, as no wider phantom has
    if image.pitch_mm is not None and _is_cdmam(image):
        return Sighting("cdmam34")
    coarse = _coarse(image, pitch)
    looks = _looks_like(image, coarse)
    if looks == "a calibration or test pattern" or float(image.pixels.min()) == float(image.pixels.max()):
        raise IdentifyError(ReasonCode.NOT_A_PHANTOM, _not_a_phantom(looks))
    if max(rows * pitch[0], columns * pitch[1]) >= _WIDE_MM and looks_like_acr_dm(_sized(image, pitch)):
        return Sighting("acr_dm")
    if _is_insert(found):
        return Sighting("acr156", found)
    cut = found.field.pixels.shape != image.pixels.shape
    if cut and _is_insert(find_square(image, PHANTOMS["acr156"], pitch, whole=True)):
        return Sighting("acr156")  # what looked like a blade was the frame
    if image.acquisition.intent is not None and looks_like_flat(image):
        return Sighting("mammo_flat")
    if looks not in ("a patient image", "a uniform image") and (
        found.body is not None or (image.pitch_mm is not None and _is_cut_off(found))
    ):
        return Sighting("acr156", found)  # locate then says what is wrong with the insert
    raise IdentifyError(ReasonCode.NOT_A_PHANTOM, _not_a_phantom(looks))


def _is_cdmam(image: Image) -> bool:
    """Whether the lines of a CDMAM's cells are seen, in a field that could hold most of them."""
    from mammoqa.locate.cdmam34 import looks_like_cdmam
    from mammoqa.phantoms import PHANTOMS

    pitch = image.pitch_mm or (1.0, 1.0)
    rows, columns = image.pixels.shape
    if min(rows * pitch[0], columns * pitch[1]) < _CDMAM_FIELD_MM:
        return False
    return looks_like_cdmam(image, PHANTOMS["cdmam34"].cells[0].side_mm)


def _sized(image: Image, pitch: tuple[float, float]) -> Image:
    return image if image.pitch_mm is not None else replace(image, pitch_mm=pitch)


def _is_insert(found: Found) -> bool:
    """Whether the square has a border like an insert's; patient images reach half of these limits by chance."""
    square = found.square
    if square is None or square.support[0] < MIN_SUPPORT:
        return False
    if square.support[0] > 0.5:
        return True
    fit = refine(found.fine, square)
    return fit.residual_mm < 0.4 and fit.used > 0.5


def _is_cut_off(found: Found) -> bool:
    from mammoqa.phantoms import PHANTOMS

    return refusal(found, PHANTOMS["acr156"]) is not None


def _not_a_phantom(looks: str) -> str:
    return f"No phantom is visible; this looks like {looks}. Give images of a phantom only."


def _coarse(image: Image, pitch: tuple[float, float]) -> Level:
    block = max(1, round(COARSE_MM / min(pitch)))
    return Level(block_mean(image.pixels, block), block, (pitch[0] * block, pitch[1] * block))


def _looks_like(image: Image, coarse: Level) -> str:
    """A rough word for what an image without a phantom shows."""
    sparse = image.pixels[::7, ::7]
    levels, counts = np.unique(sparse, return_counts=True)
    if levels.size < 2 or levels[-1] == levels[0]:
        return "a uniform image"
    if levels.size <= 40 or counts.max() > 0.97 * sparse.size:
        return "a calibration or test pattern"
    if _is_even(coarse.values):
        return "a uniform image"
    if _has_patient_view(image) or _is_curved(coarse):
        return "a patient image"
    return "something else than a mammography phantom"


def _has_patient_view(image: Image) -> bool:
    return (image.acquisition.view or "").upper() in _VIEWS


def _is_even(values: Float[np.ndarray, "rows columns"]) -> bool:
    """Whether one broad, smooth level fills the image, as in a flat-field exposure."""
    low, middle, high = np.percentile(values, (2, 50, 98))
    change = max(float(np.percentile(np.abs(np.diff(values, axis=axis)), 99.9)) for axis in (0, 1))
    return bool(high - low < 0.4 * abs(middle) and change < 0.05 * abs(middle))


def _is_curved(coarse: Level) -> bool:
    """Whether the largest region has a curved border, as a breast: it fills its rectangle badly or unevenly."""
    flat = flatten(coarse.values)
    found = bodies(coarse, flat)
    if any(body.fill > 0.9 and sum(body.touches) < 4 for body in found):
        return False  # straight sides
    for body in found:
        if body.bright and any(body.touches) and body.fill < 0.88:
            return True
    bright = flat > otsu(flat)
    widths = bright.sum(axis=1)
    widths = widths[widths > 0]
    return bool(widths.size > 10 and np.percentile(widths, 20) < 0.6 * np.percentile(widths, 95))
