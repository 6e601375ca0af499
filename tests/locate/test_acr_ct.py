"""Finding the ACR CT phantom in drawn stacks: what is known of them is exact."""

from dataclasses import replace

import numpy as np
import pytest

from acr_ct_drawn import Drawn, ct_stack
from mammoqa.core import IdentifyError, LocateError, ReasonCode, Stack
from mammoqa.jobs.analyse import analyse
from mammoqa.locate import identify, locate_acr_ct
from mammoqa.locate.acr_ct import looks_like_acr_ct
from mammoqa.phantoms import PHANTOMS

PHANTOM = PHANTOMS["acr_ct464"]


def modules_z(stack: Stack, slices: tuple[int, ...]) -> list[float]:
    return [stack.images[k].position_mm[2] for k in slices]


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn(),
        Drawn(roll_deg=7.0, centre_mm=(103.0, 108.0)),
        Drawn(mirrored=True, roll_deg=-2.0),
        Drawn(reverse=True),
    ],
    ids=["plain", "rolled at the edge of the field", "from behind", "module 4 first"],
)
def test_pose_and_modules_whatever_the_setup(drawn):
    stack = ct_stack(drawn)
    assert looks_like_acr_ct(stack)
    pose = locate_acr_ct(stack, PHANTOM)
    assert pose.mirrored is drawn.mirrored
    assert pose.tilt_deg == pytest.approx(drawn.roll_deg, abs=0.4)
    centre = pose.to_px(np.zeros((1, 2)))[0] * stack.images[0].pitch_mm[0]
    assert centre == pytest.approx(drawn.centre_mm, abs=0.5)
    sign = -1 if drawn.reverse else 1
    assert modules_z(stack, pose.slices) == pytest.approx([sign * z for z in (0, 40, 80, 120)], abs=2.6)


def test_slices_in_any_order_are_read_by_content():
    stack = ct_stack(Drawn(noise_hu=0.0))
    turned = Stack(stack.images[::-1], stack.spacing_mm)
    slices = locate_acr_ct(turned, PHANTOM).slices
    assert modules_z(turned, slices) == pytest.approx([0, 40, 80, 120], abs=2.6)


def test_missing_modules_are_named_and_the_rest_is_measured():
    whole = ct_stack(Drawn())
    part = Stack(tuple(i for i in whole.images if -15 < i.position_mm[2] < 95), whole.spacing_mm)
    pose = locate_acr_ct(part, PHANTOM)
    assert pose.slices[3] == -1
    result = analyse(part)
    assert any("module 4" in note for note in result.notes)
    names = {m.name for m in result.measurements}
    assert {"ct_number_bone", "slice_width", "low_contrast_cnr", "noise", "bead_distance"} <= names
    assert "high_contrast_resolution" not in names


def test_without_module_one_the_phantom_is_taken_as_upright():
    whole = ct_stack(Drawn())
    part = Stack(tuple(i for i in whole.images if i.position_mm[2] > 65), whole.spacing_mm)
    pose = locate_acr_ct(part, PHANTOM)
    assert pose.slices[:2] == (-1, -1)
    assert any("upright" in note for note in pose.notes)
    assert modules_z(part, pose.slices[2:]) == pytest.approx([80, 120], abs=2.6)


def test_other_things_are_not_taken_for_the_phantom():
    table = ct_stack(Drawn(phantom=False))
    assert not looks_like_acr_ct(table)
    with pytest.raises(IdentifyError) as refused:
        locate_acr_ct(table, PHANTOM)
    assert refused.value.code is ReasonCode.NOT_A_PHANTOM
    with pytest.raises(IdentifyError):
        identify(table)


def test_a_single_slice_asks_for_the_series():
    image = next(i for i in ct_stack(Drawn()).images if i.position_mm[2] == 0)
    with pytest.raises(IdentifyError) as refused:
        identify(image)
    assert refused.value.code is ReasonCode.WRONG_VIEW


def test_without_pixel_spacing_it_is_refused():
    stack = ct_stack(Drawn())
    blind = Stack(tuple(replace(i, pitch_mm=None) for i in stack.images), stack.spacing_mm)
    with pytest.raises(LocateError) as refused:
        locate_acr_ct(blind, PHANTOM)
    assert refused.value.code is ReasonCode.NO_PIXEL_SPACING
