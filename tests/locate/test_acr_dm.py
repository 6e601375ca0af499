"""The ACR DM phantom is found, any side up; what cannot be read is refused with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from acr_dm_exposure import ACR_DM, exposed
from mammoqa.core import Image, LocateError, ReasonCode
from mammoqa.locate import identify, locate_acr_dm

CORNERS_MM = np.array([[-50.0, -20.0], [50.0, -20.0], [51.0, 22.0], [-49.0, 22.0]])


def apart_mm(image: Image, matrix: np.ndarray) -> float:
    """Largest distance of the outer objects from where they truly lie."""
    found = locate_acr_dm(image, ACR_DM).to_px(CORNERS_MM)
    true = CORNERS_MM @ matrix[:, :2].T + matrix[:, 2]
    return float(np.hypot(*(found - true).T).max() * image.pitch_mm[0])


def test_it_lies_where_the_truth_says() -> None:
    simulated = exposed()
    pose = locate_acr_dm(simulated.image, ACR_DM)
    assert apart_mm(simulated.image, simulated.truth.matrix) < 0.4
    assert pose.chest_wall == "left"
    assert not pose.mirrored
    assert not pose.attenuating_bright
    assert 1.05 < pose.magnification < 1.12


@pytest.mark.parametrize(("turns", "side"), [(1, "bottom"), (2, "right"), (3, "top")])
def test_every_quarter_turn_is_seen(turns: int, side: str) -> None:
    image = exposed().image
    turned = replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, turns)))
    assert locate_acr_dm(turned, ACR_DM).chest_wall == side


def test_a_mirror_image_is_seen_and_dark_and_bright_may_be_swapped() -> None:
    image = exposed().image
    mirrored = replace(image, pixels=np.ascontiguousarray(16383 - image.pixels[::-1]))
    pose = locate_acr_dm(mirrored, ACR_DM)
    assert pose.mirrored
    assert pose.attenuating_bright


def test_it_is_recognised() -> None:
    assert identify(exposed().image) == "acr_dm"


def refused(image: Image) -> LocateError:
    with pytest.raises(LocateError) as caught:
        locate_acr_dm(image, ACR_DM)
    return caught.value


def test_an_insert_that_is_cut_off_is_refused() -> None:
    image = exposed().image
    assert refused(replace(image, pixels=image.pixels[400:])).code is ReasonCode.PARTLY_OUTSIDE


def test_noise_alone_is_refused() -> None:
    pixels = np.random.default_rng(0).normal(1000, 30, (1500, 1500)).astype(np.float32)
    assert refused(replace(exposed().image, pixels=pixels)).code is ReasonCode.NOT_LOCATED


def test_an_insert_without_objects_is_refused() -> None:
    error = refused(exposed(empty=True).image)
    assert error.code is ReasonCode.NOT_LOCATED
    assert "which way round" in error.reason


def test_without_a_pixel_size_it_is_refused() -> None:
    assert refused(replace(exposed().image, pitch_mm=None)).code is ReasonCode.NO_PIXEL_SPACING


def test_an_insert_whose_background_is_clipped_is_refused() -> None:
    simulated = exposed()
    pixels, matrix = simulated.image.pixels, simulated.truth.matrix
    x, y = np.rint(matrix[:, 2]).astype(int)
    ceiling = np.percentile(pixels[y - 200 : y + 200, x - 200 : x + 200], 70)
    clipped = replace(simulated.image, pixels=np.minimum(pixels, ceiling).astype(pixels.dtype))
    assert refused(clipped).code is ReasonCode.CLIPPED
