"""What a CDMAM's curve, as an ensemble predicts it, rests on: a map at the image's own resolution."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float, Real

from mammoqa.core import ConfigurationError, Image, ModelError, Phantom, Pose, RefusalError
from mammoqa.models.cdmam_ensemble import ENSEMBLES, Ensemble, load_ensemble
from mammoqa.phantoms import PHANTOMS

_MARGIN_MM = 25.0  # about the cells: the largest that the networks are trained with
_SEED = 20220704  # the draws of the same image are the same every time
_FOREIGN = 3.0  # standard deviations of the training images' pixels


def explain_curve(
    path: Path, method: str, out: Path, model: Path | None = None, passes: int = 1, steps: int = 50
) -> tuple[str, ...]:
    """Write the image of a CDMAM and its map (red: brighter pixels would lower the curve) as a PNG; gives notes.

    Args:
        path: a DICOM file FOR PROCESSING.
        method: a key of `explain.curves.CURVE_METHODS`.
        out: the PNG.
        model: folder of an ensemble; the shipped one where None.
        passes: how often every pixel is drawn.
        steps: L of OMIG's path, or of integrated gradients.

    Raises:
        ConfigurationError: no network is shipped, or the image cannot be explained.
    """
    from PIL import Image as Picture

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


def _ensemble(model: Path | None) -> Ensemble:
    folder = model or ENSEMBLES.get("cdmam34")
    if folder is None:
        raise ConfigurationError(
            "no network that reads a CDMAM is shipped with this version: train one "
            "(mammoqa train cdmam34_amanova2022) and give its folder with --model"
        )
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


def _method(name: str, ensemble: Ensemble, steps: int) -> Callable[..., Float[np.ndarray, "n size size"]]:
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
