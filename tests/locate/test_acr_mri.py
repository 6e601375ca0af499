"""The MRI phantom is placed by what the slices show, and refused with a reason where it cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import IdentifyError, LocateError, ReasonCode, RefusalError, Stack
from mammoqa.locate.acr_mri import locate_acr_mri, looks_like_acr_mri
from mammoqa.phantoms import PHANTOMS
from synthetic_acr_mri import Made, side_view, stack

PHANTOM = PHANTOMS["acr_mri_large"]


@pytest.fixture(scope="module")
def plain() -> Stack:
    return stack(Made())


def test_in_order(plain):
    pose = locate_acr_mri(plain, PHANTOM)
    assert pose.slices == tuple(range(11))
    assert not pose.mirrored
    assert pose.tilt_deg == pytest.approx(0.0, abs=0.1)
    assert pose.to_px(np.zeros((1, 2)))[0] == pytest.approx([127.5, 127.5], abs=0.15)


def test_images_in_reverse_order():
    assert locate_acr_mri(stack(Made(), reverse=True), PHANTOM).slices == tuple(range(10, -1, -1))


def test_positions_against_the_slices(plain):
    """A phantom put in feet first: slice 1 lies at the high end of the positions."""
    turned = [
        replace(image, position_mm=(0.0, 0.0, -image.position_mm[2]) if image.position_mm else None)
        for image in plain.images
    ]
    assert locate_acr_mri(Stack(tuple(turned), 10.0), PHANTOM).slices == tuple(range(11))


def test_without_positions(plain):
    bare = tuple(replace(image, position_mm=None, orientation=None) for image in plain.images)
    assert locate_acr_mri(Stack(bare, 10.0), PHANTOM).slices == tuple(range(11))


def test_mirrored_and_tilted():
    pose = locate_acr_mri(stack(Made(mirrored=True, tilt_deg=5.0, centre_mm=(3.0, -6.0))), PHANTOM)
    assert pose.mirrored
    assert pose.tilt_deg == pytest.approx(5.0, abs=0.15)


@settings(max_examples=4, deadline=None)
@given(st.floats(-180, 180), st.floats(-12, 12), st.floats(-12, 12))
def test_any_turn_and_place(tilt_deg, x_mm, y_mm):
    made = Made(size=160, pitch_mm=1.6, tilt_deg=tilt_deg, centre_mm=(x_mm, y_mm))
    pose = locate_acr_mri(stack(made), PHANTOM)
    assert (pose.tilt_deg - tilt_deg + 180) % 360 - 180 == pytest.approx(0.0, abs=0.4)  # pixels of 1.6 mm
    middle = np.array([x_mm, y_mm]) / made.pitch_mm + made.size / 2 - 0.5
    assert pose.to_px(np.zeros((1, 2)))[0] == pytest.approx(middle, abs=0.3)


def test_two_echoes_take_the_last():
    pose = locate_acr_mri(stack(Made(size=160, pitch_mm=1.6, echoes_ms=(20.0, 80.0))), PHANTOM)
    assert pose.slices == tuple(range(1, 22, 2))
    assert "80 ms" in pose.notes[0]


def test_one_slice_too_many_on_either_side(plain):
    """Slices are counted from the one that shows slice 1, not from the first image."""
    more = stack(Made(numbers=(0, *range(1, 12))))
    assert locate_acr_mri(more, PHANTOM).slices == tuple(range(1, 12))


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (tuple(range(0, 11)), "missing: 11 "),  # the whole stack one slice too low
        ((1, 2, 3, 5, 6, 7, 8, 9, 10, 11), "missing: 4 "),
        ((1, 2, 3, 4), "missing: 5, 6, 7, 8, 9, 10, 11 "),
        (tuple(range(2, 12)), "Slice 1"),
    ],
)
def test_incomplete(numbers, names):
    with pytest.raises(LocateError) as caught:
        locate_acr_mri(stack(Made(numbers=numbers, size=160, pitch_mm=1.6)), PHANTOM)
    assert caught.value.code is ReasonCode.INCOMPLETE_STACK
    assert names in caught.value.reason


def test_wrong_distances_are_not_believed():
    """Positions that put slice 7 where slice 11 should be are refused, not measured."""
    seven = stack(Made(numbers=tuple(range(1, 8)), size=160, pitch_mm=1.6)).images
    places = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    contents = (0, 1, 2, 3, 4, 4, 5, 5, 5, 6, 6)
    wrong = [replace(seven[k], position_mm=(0.0, 0.0, float(z))) for k, z in zip(contents, places, strict=True)]
    with pytest.raises(LocateError) as caught:
        locate_acr_mri(Stack(tuple(wrong), 10.0), PHANTOM)
    assert caught.value.code is ReasonCode.NOT_LOCATED


def test_side_view():
    assert looks_like_acr_mri(side_view(Made()))
    with pytest.raises(LocateError) as caught:
        locate_acr_mri(side_view(Made()), PHANTOM)
    assert caught.value.code is ReasonCode.WRONG_VIEW


def test_no_pixel_spacing(plain):
    bare = Stack(tuple(replace(image, pitch_mm=None) for image in plain.images), 10.0)
    assert not looks_like_acr_mri(bare)
    with pytest.raises(LocateError) as caught:
        locate_acr_mri(bare, PHANTOM)
    assert caught.value.code is ReasonCode.NO_PIXEL_SPACING


def test_other_size_is_another_phantom():
    small = stack(Made(numbers=(1, 5, 11), diameters_mm=(150.0, 150.0), size=160, pitch_mm=1.6))
    assert not looks_like_acr_mri(small)
    with pytest.raises(IdentifyError) as caught:
        locate_acr_mri(small, PHANTOM)
    assert caught.value.code is ReasonCode.NOT_A_PHANTOM


def test_plain_bottle_is_not_the_phantom(plain):
    """A disc of the right size without any of the phantom's parts."""
    bottle = Stack(tuple(replace(plain.images[5], position_mm=(0.0, 0.0, 10.0 * i)) for i in range(11)), 10.0)
    with pytest.raises(RefusalError) as caught:
        locate_acr_mri(bottle, PHANTOM)
    assert caught.value.code is ReasonCode.NOT_A_PHANTOM


def test_outside_the_field(plain):
    cut = Stack(tuple(replace(image, pixels=image.pixels[38:]) for image in plain.images), 10.0)
    with pytest.raises(LocateError) as caught:
        locate_acr_mri(cut, PHANTOM)
    assert caught.value.code in (ReasonCode.PARTLY_OUTSIDE, ReasonCode.NOT_LOCATED)


def test_other_modalities_are_left_alone(plain):
    first = plain.images[0]
    ct = replace(first, acquisition=replace(first.acquisition, modality="CT"))
    assert not looks_like_acr_mri(ct)
    assert looks_like_acr_mri(first)


def test_noise_is_not_a_phantom(plain):
    rng = np.random.default_rng(3)
    noise = replace(plain.images[0], pixels=rng.normal(100, 10, (256, 256)).astype(np.float32))
    assert not looks_like_acr_mri(noise)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (2, 300), (40, 40)])
def test_tiny_and_empty_images_are_refused(plain, shape):
    tiny = Stack((replace(plain.images[0], pixels=np.ones(shape, np.float32)),), 10.0)
    assert not looks_like_acr_mri(tiny)
    with pytest.raises(LocateError, match="too small") as refusal:
        locate_acr_mri(tiny, PHANTOM)
    assert refusal.value.code is ReasonCode.NOT_LOCATED


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_images_without_signal_are_refused(plain, value):
    pixels = np.full((80, 80), value, np.float32)
    pixels[0, 0] = np.inf  # float pixels may hold anything
    empty = Stack((replace(plain.images[0], pixels=pixels),), 10.0)
    assert not looks_like_acr_mri(empty)
    with pytest.raises(LocateError, match="no signal"):
        locate_acr_mri(empty, PHANTOM)
