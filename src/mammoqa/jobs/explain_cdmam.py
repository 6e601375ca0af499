"""What a CDMAM's curve, as an ensemble predicts it, rests on: a map at the image's own resolution."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import ConfigurationError, Image, ModelError, Phantom, Pose, RefusalError
from mammoqa.models.cdmam_cells import is_cells_model
from mammoqa.models.cdmam_ensemble import Ensemble, load_ensemble
from mammoqa.phantoms import PHANTOMS

if TYPE_CHECKING:
    from mammoqa.jobs.cdmam34_single import PixelModel

EVIDENCE = "omig-evidence"  # OMIG between the image and its background, by the single-image reading
_MARGIN_MM = 25.0  # about the cells: the largest that the networks are trained with
_SEED = 20220704  # the draws, and the background, of the same image are the same every time
_FOREIGN = 3.0  # standard deviations of the training images' pixels


def explain_curve(
    path: Path, method: str, out: Path, model: Path | None = None, passes: int = 1, steps: int = 50
) -> tuple[str, ...]:
    """Write the image of a CDMAM and its map (red: brighter pixels would lower the curve) as a PNG; gives notes.

    Args:
        path: a DICOM file FOR PROCESSING.
        method: a key of `explain.curves.CURVE_METHODS`, or `EVIDENCE` for a single-image reading (red: what is there
            lowers the curve).
        out: the PNG.
        model: folder of an ensemble of the paper's kind or of a single-image reading; the shipped one where None.
        passes: how often every pixel is drawn, for an ensemble of the paper's kind.
        steps: L of OMIG's path, or of integrated gradients.

    Raises:
        ConfigurationError: the folder holds no network, or the image cannot be explained.
    """
    from PIL import Image as Picture

    if model is None or is_cells_model(model):
        return _explain_cells(path, method, out, model, steps)
    if method == EVIDENCE:
        raise ConfigurationError(f"{EVIDENCE} explains single-image readings; for this network use omig")
    from mammoqa.explain.omig import upsample
    from mammoqa.models.cdmam_downsample import draws_a_pass
    from mammoqa.models.cdmam_downsample import passes as drawn
    from mammoqa.report.signed_map import map_beside_image

    ensemble = _ensemble(model)
    pixels, note = upright_pixels(*_placed(path))
    x = ensemble.normalise(pixels)
    size = ensemble.card.size_px
    try:
        number = passes * draws_a_pass(x.shape, size)
        source = islice(drawn(x.shape, np.random.default_rng(_SEED), size), number)
        found = upsample(_method(method, ensemble, steps), x, source).per_visit()
    except ModelError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    Picture.fromarray(map_beside_image(pixels, found)).save(out, "PNG")
    return (*note, *_foreign(x))


def _explain_cells(path: Path, method: str, out: Path, model: Path | None, steps: int) -> tuple[str, ...]:
    """The map of the single-image reading, at full resolution without any upsampling."""
    from PIL import Image as Picture

    from mammoqa.jobs.cdmam34_single import cells_model, pixel_model, read_single
    from mammoqa.report.signed_map import map_beside_image

    try:
        reading = cells_model(model)
        image, phantom, pose = _placed(path)
        of = pixel_model(image, phantom, pose, reading)
    except (RefusalError, ModelError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    if method == "occlusion":
        found = of.occlusion()
    elif method == EVIDENCE:
        found = of.evidence_map(of.normalise(image.pixels)[None], np.random.default_rng(_SEED))[0]
    else:
        found = _method(method, of, steps)(of.normalise(image.pixels)[None])[0]
    Picture.fromarray(map_beside_image(image.pixels, found)).save(out, "PNG")
    said = read_single(str(path), of.read, reading)
    strange = ("the image is unlike those that the network was trained on: its map means little",)
    return strange if said.unlike else ()


def upright_pixels(
    image: Image, phantom: Phantom, pose: Pose
) -> tuple[Real[np.ndarray, "rows columns"], tuple[str, ...]]:
    """The part of the image that the networks know: cells and margin, the phantom upright or upside down; and notes."""
    if pose.attenuating_bright:
        raise ConfigurationError("the networks read raw linear images, in which thicker parts are darker")
    points = np.array([corner for cell in phantom.cells for corner in (cell.centre_mm, *cell.corners_mm)])
    reach = _MARGIN_MM + phantom.cells[0].side_mm / 2
    around = np.array([(sx * reach, sy * reach) for sx in (-1, 1) for sy in (-1, 1)])
    places = pose.to_px((points[:, None] + around).reshape(-1, 2))
    (left, top), (right, bottom) = np.floor(places.min(axis=0)).astype(int), np.ceil(places.max(axis=0)).astype(int)
    part = image.pixels[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
    lying = abs(pose.matrix[0, 1]) > abs(pose.matrix[0, 0])
    notes = ("the image is shown turned by 90 degrees, with the phantom upright",) if lying else ()
    return np.ascontiguousarray(np.rot90(part) if lying else part), notes


def _ensemble(folder: Path) -> Ensemble:
    try:
        return load_ensemble(folder)
    except ModelError as error:
        raise ConfigurationError(str(error)) from error


def _placed(path: Path) -> tuple[Image, Phantom, Pose]:
    from mammoqa.dicom.read import read_file
    from mammoqa.locate import identify, locate_cdmam34

    phantom = PHANTOMS["cdmam34"]
    try:
        images = read_file(path)
        if len(images) != 1 or identify(images[0]) != phantom.name:
            raise ConfigurationError(f"{path}: this method explains single images of a {phantom.title}")
        return images[0], phantom, locate_cdmam34(images[0], phantom)
    except RefusalError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _method(
    name: str, ensemble: "Ensemble | PixelModel", steps: int
) -> Callable[..., Float[np.ndarray, "n size size"]]:
    from mammoqa.explain.curves import CURVE_METHODS, integrated_gradients
    from mammoqa.explain.omig import Descent, omig

    if name == "omig":
        return partial(omig, ensemble.slopes, path=Descent(steps=steps))
    if name == "integrated-gradients":
        return partial(integrated_gradients, ensemble.slopes, steps=steps)
    return partial(CURVE_METHODS[name], ensemble.slopes)


def _foreign(x: Float[np.ndarray, "rows columns"]) -> tuple[str, ...]:
    middle = float(np.median(x))
    if abs(middle) <= _FOREIGN:
        return ()
    return (
        f"the pixel values lie {abs(middle):.0f} standard deviations from those that the network was trained on: "
        "its curve, and so the map, means little",
    )
