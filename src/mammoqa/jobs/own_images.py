"""The images that a table names: read, with what the table says of them, and placed by the product's locator."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32, Real

from mammoqa.core import Acquisition, DicomError, Image, Phantom, Pose, ReasonCode, RefusalError, Refused, Source
from mammoqa.jobs.manifest import PICTURES, Row
from mammoqa.models import Preprocessing, normalise

_MAX_PIXELS = 2**28  # of a picture: 16384 x 16384
_SAME = 0.01  # the table's and the file's pixel size may differ by this part


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A line's image as training sees it: normalised patches and what filters see, or why there are none.

    `sha256` is the file's.
    """

    row: Row
    patches: Float16[np.ndarray, "objects size size"] | None
    sha256: str
    filters: Float32[np.ndarray, "objects indices"] | None = None
    code: str | None = None
    reason: str | None = None


def read_row(row: Row) -> Image:
    """The image that a line names.

    Raises:
        RefusalError: it cannot be read, or contradicts the table.
    """
    if row.path.suffix.lower() in PICTURES:
        return _picture(row)
    from mammoqa.dicom import read_projections

    found = read_projections(row.path)
    if isinstance(found, Refused):
        raise DicomError(found.code, found.reason)
    if len(found) != 1:
        raise DicomError(ReasonCode.WRONG_VIEW, "give a single projection image, not slices or several frames")
    return _with_pitch(found[0], row.pitch_mm)


def check_polarity(row: Row, pose: Pose) -> None:
    """Raises RefusalError where the image shows attenuation otherwise than the table says."""
    found = "bright" if pose.attenuating_bright else "dark"
    if row.attenuating is not None and row.attenuating != found:
        raise RefusalError(
            ReasonCode.NOT_LOCATED,
            f"the table says that attenuating parts are {row.attenuating}, the image shows them {found}: correct "
            "column attenuating, or check that the image is not inverted twice",
        )


def cut_row(row: Row, phantom: Phantom, preprocessing: Preprocessing, size_px: int, pitch_mm: float) -> Cut:
    """Read a line's image, place the phantom and cut out its objects; a refusal is part of the answer."""
    from mammoqa.jobs.acr156 import look_at
    from mammoqa.locate import locate_acr156, patches
    from mammoqa.score.acr156_visible import packed

    sha256 = ""
    try:
        image = read_row(row)
        sha256 = image.source.sha256
        pose = locate_acr156(image, phantom)
        check_polarity(row, pose)
        raw = patches(image, phantom, pose, size_px=size_px, pitch_mm=pitch_mm)
        found = normalise(raw, preprocessing)
        filters = packed(look_at(image, phantom, pose, raw, pitch_mm))
    except RefusalError as error:
        return Cut(row, None, sha256, code=str(error.code), reason=error.reason)
    return Cut(row, found.astype(np.float16), sha256, filters)


def cut_rows(
    rows: Sequence[Row],
    phantom: Phantom,
    preprocessing: Preprocessing,
    size_px: int = 160,
    pitch_mm: float = 0.1,
    jobs: int = 1,
) -> Iterator[Cut]:
    """`cut_row` of each line in order, `jobs` at a time (0: all cores); the same file under two names is refused."""
    from mammoqa.jobs.side_by_side import in_order, processes

    first: dict[str, int] = {}
    tasks = ((row, phantom, preprocessing, size_px, pitch_mm) for row in rows)
    if jobs == 1:
        yield from (_once(cut_row(*task), first) for task in tasks)
        return
    with processes(jobs) as crew:
        yield from (_once(cut, first) for cut in in_order(crew, ((cut_row, *task) for task in tasks)))


def _once(cut: Cut, first: dict[str, int]) -> Cut:
    line = first.setdefault(cut.sha256, cut.row.line) if cut.sha256 else cut.row.line
    if line == cut.row.line:
        return cut
    reason = f"the same file as on line {line}: leave one of them out"
    return replace(cut, patches=None, code=str(ReasonCode.DUPLICATE), reason=reason)


def _picture(row: Row) -> Image:
    """A PNG or NPY file with the pixel size of the table."""
    if row.pitch_mm is None:
        raise RefusalError(ReasonCode.NO_PIXEL_SPACING, "the table gives no pitch_mm: fill in that column")
    try:
        raw = row.path.read_bytes()
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror}): check the path, which is relative to the table"
        raise RefusalError(ReasonCode.NOT_FOUND, reason) from error
    pixels = _png(row.path) if row.path.suffix.lower() == ".png" else _npy(row.path)
    bits = 8 * pixels.dtype.itemsize if pixels.dtype.kind == "u" else 16
    return Image(
        pixels=pixels,
        pitch_mm=(row.pitch_mm, row.pitch_mm),
        source=Source(str(row.path), hashlib.sha256(raw).hexdigest()),
        acquisition=Acquisition(),
        bits_stored=bits,
    )


def _png(path: Path) -> Real[np.ndarray, "rows columns"]:
    from PIL import Image as Pictures
    from PIL import UnidentifiedImageError

    try:
        with Pictures.open(path, formats=("PNG",)) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise RefusalError(ReasonCode.TOO_LARGE, f"the picture has more than {_MAX_PIXELS} pixels")
            if picture.mode not in ("L", "I;16", "I;16B", "I"):
                what = "a grey-scale PNG of 8 or 16 bits, without colours, palette or transparency"
                raise RefusalError(ReasonCode.COLOUR_IMAGE, f"the picture is of mode {picture.mode}: give {what}")
            pixels = np.array(picture)
    except (UnidentifiedImageError, OSError, SyntaxError, Pictures.DecompressionBombError) as error:
        raise RefusalError(ReasonCode.DAMAGED_FILE, f"no readable PNG file ({error}): export it again") from error
    return _frozen(pixels)


def _npy(path: Path) -> Real[np.ndarray, "rows columns"]:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RefusalError(ReasonCode.DAMAGED_FILE, "no readable NPY file with numbers: save it again") from error
    shape = mapped.shape
    if len(shape) != 2 or min(shape) < 1 or mapped.dtype.kind not in "uif":
        what = "one image plane of integers or reals (rows, columns)"
        raise RefusalError(ReasonCode.NOT_AN_IMAGE, f"the array is {shape} of {mapped.dtype}: save {what}")
    if shape[0] * shape[1] > _MAX_PIXELS:
        raise RefusalError(ReasonCode.TOO_LARGE, f"the array has more than {_MAX_PIXELS} pixels")
    pixels = np.array(mapped, dtype=np.float32) if mapped.dtype.kind == "f" else np.array(mapped)
    if not np.isfinite(pixels).all():
        raise RefusalError(ReasonCode.DAMAGED_FILE, "the array holds values that are no numbers: save the raw pixels")
    return _frozen(pixels)


def _frozen(pixels: Real[np.ndarray, "rows columns"]) -> Real[np.ndarray, "rows columns"]:
    pixels.flags.writeable = False
    return pixels


def _with_pitch(image: Image, pitch_mm: float | None) -> Image:
    """The image with the table's pixel size where the file has none; refused where the two contradict each other."""
    if pitch_mm is None:
        return image
    if image.pitch_mm is None:
        return replace(image, pitch_mm=(pitch_mm, pitch_mm), notes=(*image.notes, "pixel size from the table"))
    if any(abs(own / pitch_mm - 1) > _SAME for own in image.pitch_mm):
        raise RefusalError(
            ReasonCode.NO_PIXEL_SPACING,
            f"the table says {pitch_mm} mm, the file {image.pitch_mm[0]:.4g} mm: leave the cell empty for DICOM, or "
            "correct it",
        )
    return image
