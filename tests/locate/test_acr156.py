"""The ACR 156 phantom is placed to a fraction of a millimetre whichever way it lies, or refused with a reason."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from locate.drawn import Drawing, draw, placement
from mammoqa import dicom
from mammoqa.core import Image, LocateError, Pose, ReasonCode
from mammoqa.locate import locate_acr156
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.presentation import STYLES, present

ACR156 = PHANTOMS["acr156"]
CENTRES = np.array([item.centre_mm for item in ACR156.inserts])


def _error_mm(pose: Pose, drawing: Drawing) -> float:
    matrix = placement(drawing, ACR156)
    true_px = CENTRES @ matrix[:, :2].T + matrix[:, 2]
    apart = np.hypot(*(pose.to_px(CENTRES) - true_px).T).max()
    return float(apart * drawing.pitch_mm / drawing.scale)


def _refusal(image: Image) -> ReasonCode:
    with pytest.raises(LocateError) as caught:
        locate_acr156(image, ACR156)
    assert caught.value.reason
    return caught.value.code


@pytest.mark.parametrize(("chest_wall", "mirrored"), list(product(("bottom", "left", "top", "right"), (False, True))))
def test_all_symmetries(chest_wall, mirrored):
    field_mm = (180.0, 240.0) if chest_wall in ("bottom", "top") else (240.0, 180.0)
    drawing = Drawing(field_mm=field_mm, chest_wall=chest_wall, mirrored=mirrored, tilt_deg=2.0)
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(1)), ACR156)
    assert pose.chest_wall == chest_wall
    assert pose.mirrored is mirrored
    assert np.sign(np.linalg.det(pose.matrix[:, :2])) == (-1 if mirrored else 1)
    assert pose.attenuating_bright
    assert pose.tilt_deg == pytest.approx(2.0, abs=0.1)
    assert _error_mm(pose, drawing) < 0.15
    assert pose.confidence > 0.5


@pytest.mark.parametrize(
    ("style", "bright"), [("presentation", True), ("raw", False), ("log", False), ("inverted", True)]
)
def test_polarity_of_every_kind_of_pixel(style, bright):
    drawing = Drawing(style=style, tilt_deg=-7.0)
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(2)), ACR156)
    assert pose.attenuating_bright is bright
    assert _error_mm(pose, drawing) < 0.15


@pytest.mark.parametrize(
    "change",
    [
        {"tilt_deg": 9.5},
        {"tilt_deg": -9.5, "heel": 0.3},
        {"scale": 1.08, "at_mm": (110.0, 120.0)},
        {"scale": 1.75, "field_mm": (200.0, 240.0), "at_mm": (118.0, 102.0)},
        {"scale": 0.92},
        {"pitch_mm": 0.1, "quanta": 800.0, "step": 0.015},
        {"pitch_mm": 0.05, "quanta": 1000.0, "field_mm": (120.0, 110.0)},
        {"disc_mm": (-20.0, -25.0)},
        {"disc_mm": (10.0, 10.0)},
        {"at_mm": (70.0, 129.0)},  # the chest-wall edge cut off by 3 mm
        {"step": 0.01, "heel": -0.3, "style": "raw"},
    ],
    ids=str,
)
def test_hard_conditions(change):
    drawing = Drawing(**change)
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(3)), ACR156)
    assert _error_mm(pose, drawing) < 0.3
    assert pose.magnification == pytest.approx(drawing.scale, rel=0.003)
    assert not pose.mirrored
    assert pose.chest_wall == "bottom"


def test_window_spans_the_insert_and_not_the_disc():
    drawing = Drawing(disc_mm=(10.0, 12.0))
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(4)), ACR156)
    low, high = pose.window
    assert low < 2000 < high  # the wax is drawn at 2000
    assert high < 2000 + 0.9 * 900 * 0.25  # the disc adds 0.25 of attenuation at 900 per unit


def test_anisotropic_pixels_give_the_same_place():
    drawing = Drawing()
    image = draw(ACR156, drawing, np.random.default_rng(5))
    halved = replace(image, pixels=image.pixels[::2], pitch_mm=(0.4, 0.2))
    pose, tall = locate_acr156(image, ACR156), locate_acr156(halved, ACR156)
    np.testing.assert_allclose(tall.to_px(CENTRES) * (1, 2), pose.to_px(CENTRES), atol=0.7)


def test_no_pixel_spacing_is_refused():
    image = replace(draw(ACR156, Drawing(), np.random.default_rng(6)), pitch_mm=None)
    assert _refusal(image) is ReasonCode.NO_PIXEL_SPACING


@pytest.mark.parametrize("at_mm", [(30.0, 120.0), (210.0, 100.0), (120.0, 155.0), (100.0, 20.0)])
def test_insert_partly_outside_is_refused(at_mm):
    image = draw(ACR156, Drawing(at_mm=at_mm), np.random.default_rng(7))
    assert _refusal(image) is ReasonCode.PARTLY_OUTSIDE


@pytest.mark.parametrize("style", ["presentation", "raw"])
def test_collimated_insert_is_refused(style):
    drawing = Drawing(at_mm=(90.0, 120.0), collimated_mm=90.0, style=style)
    assert _refusal(draw(ACR156, drawing, np.random.default_rng(8))) is ReasonCode.PARTLY_OUTSIDE


@pytest.mark.parametrize("style", ["presentation", "raw", "log", "inverted"])
@pytest.mark.parametrize("blades_mm", [2.0, 20.0])
def test_blades_at_the_edges_do_not_mislead(style, blades_mm):
    drawing = Drawing(style=style, blades_mm=blades_mm, field_mm=(150.0, 170.0), tilt_deg=-2.0, quanta=2e5)
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(13)), ACR156)
    assert pose.attenuating_bright is (style in ("presentation", "inverted"))
    assert _error_mm(pose, drawing) < 0.15


@pytest.mark.parametrize("blades_mm", [2.0, 5.0])
def test_blades_far_below_body_and_air_do_not_mislead(blades_mm):
    """Logarithmic pixels with room below the body: the threshold of the whole image splits off the blades, not air."""
    drawing = Drawing(
        style="log",
        blades_mm=blades_mm,
        field_mm=(146.0, 142.0),
        scale=1.09,
        quanta=2e5,
        clip=(0, 16383),
        log_offset=9e3,
    )
    pose = locate_acr156(draw(ACR156, drawing, np.random.default_rng(16)), ACR156)
    assert pose.attenuating_bright is False
    assert _error_mm(pose, drawing) < 0.15


def test_insert_behind_a_blade_is_refused():
    drawing = Drawing(style="log", blades_mm=25.0, field_mm=(150.0, 170.0), at_mm=(50.0, 90.0))
    assert _refusal(draw(ACR156, drawing, np.random.default_rng(14))) is ReasonCode.PARTLY_OUTSIDE


def test_a_steep_background_does_not_misplace():
    drawing = Drawing(style="raw", scale=1.09, field_mm=(150.0, 145.0), tilt_deg=-0.8, quanta=1e6, step=0.03, heel=0.02)
    raw = draw(ACR156, drawing, np.random.default_rng(15))
    pixels = present(raw.pixels, STYLES["equalised"], 800.0, 0.0, 16383, drawing.pitch_mm)
    assert _error_mm(locate_acr156(replace(raw, pixels=pixels, bits_stored=12), ACR156), drawing) < 0.15


def test_clipped_insert_is_refused():
    image = draw(ACR156, Drawing(), np.random.default_rng(9))
    clipped = replace(image, pixels=np.clip(image.pixels, 2005, 4095))
    assert _refusal(clipped) is ReasonCode.CLIPPED


def test_empty_insert_is_refused_because_its_orientation_is_unknown():
    image = draw(ACR156, Drawing(contrast=0.0), np.random.default_rng(10))
    assert _refusal(image) is ReasonCode.NOT_LOCATED


def test_noise_is_refused():
    rng = np.random.default_rng(11)
    image = draw(ACR156, Drawing(), rng)
    noise = replace(image, pixels=rng.normal(1000, 30, image.pixels.shape).astype(np.uint16))
    assert _refusal(noise) is ReasonCode.NOT_LOCATED


def test_steep_background_of_processed_images():
    """Equalising and sharpening bend the background towards the body's edges."""
    drawing = Drawing(disc_mm=(-20.0, -25.0))
    image = draw(ACR156, drawing, np.random.default_rng(12))
    rows, columns = np.indices(image.pixels.shape) * drawing.pitch_mm
    (x, y) = placement(drawing, ACR156)[:, 2] * drawing.pitch_mm
    bend = 0.05 * (np.abs(columns - x) ** 2 + np.abs(rows - y) ** 2) * (image.pixels > 500)
    bent = replace(image, pixels=np.clip(image.pixels + bend, 0, 8000).astype(np.uint16))
    assert _error_mm(locate_acr156(bent, ACR156), drawing) < 0.5


def test_independent_images(shared_data):
    folder = shared_data / "acr156_independent"
    truth = json.loads((folder / "truth.json").read_text())
    for name, facts in truth.items():
        (image,) = dicom.read_file(folder / name)
        pose = locate_acr156(image, ACR156)
        assert pose.chest_wall == facts["chest"], name
        assert not pose.mirrored, name
        assert pose.attenuating_bright, name
        assert pose.magnification == pytest.approx(1.0, abs=0.001), name
        assert pose.residual_mm < 0.1, name
