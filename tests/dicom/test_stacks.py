"""Sorting, splitting and freeing series of repeats."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoqa.core import Acquisition, Image, ReasonCode, Refused, Source, Stack
from mammoqa.dicom.read import Frame
from mammoqa.dicom.stacks import stacks

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def _frame(
    place_mm: float,
    instance: int,
    orientation: tuple[float, ...] = AXIAL,
    echo_ms: float = 20.0,
    **sorting: int | str,
) -> Frame:
    along = np.asarray(orientation)
    at = np.cross(along[:3], along[3:]) * place_mm
    uid = f"1.{instance}.{place_mm}.{echo_ms}.{sorting}"
    image = Image(
        np.full((2, 2), instance),
        (1.0, 1.0),
        Source(f"{uid}.dcm", uid, sop_instance_uid=uid),
        Acquisition("MR", echo_time_ms=echo_ms),
        position_mm=(float(at[0]), float(at[1]), float(at[2])),
        orientation=orientation,  # type: ignore[arg-type]
    )
    frame = Frame(image, True, instance, "ORIGINAL", 0, 0)
    return replace(frame, **sorting)  # type: ignore[arg-type]


def _offsets_mm(stack: Stack) -> list[float]:
    along = np.asarray(stack.images[0].orientation)
    normal = np.cross(along[:3], along[3:])
    return [float(normal @ np.asarray(image.position_mm)) for image in stack.images]


@given(
    st.permutations(range(7)),
    st.floats(0.5, 20),
    st.floats(-500, 500),
    st.sampled_from([AXIAL, SAGITTAL, (0.6, 0.8, 0.0, 0.0, 0.0, 1.0)]),
)
def test_slices_come_out_in_order_of_the_normal_whatever_the_file_order(
    order: list[int], spacing_mm: float, start_mm: float, orientation: tuple[float, ...]
) -> None:
    (stack,) = stacks([_frame(start_mm + i * spacing_mm, n, orientation) for n, i in enumerate(order)])
    assert isinstance(stack, Stack)
    offsets = _offsets_mm(stack)
    assert all(a < b for a, b in pairwise(offsets))
    assert stack.spacing_mm == pytest.approx(spacing_mm)
    assert ("the file order was reversed" in stack.notes) == (order == list(range(7))[::-1])


def test_a_missing_slice_is_noted() -> None:
    (stack,) = stacks([_frame(10.0 * i, i) for i in range(11) if i != 4])
    assert isinstance(stack, Stack)
    assert stack.spacing_mm == 10
    assert any("missing" in note for note in stack.notes)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"echo_ms": 20.0}, {"echo_ms": 80.0}),
        ({"orientation": AXIAL}, {"orientation": SAGITTAL}),
        ({"image_type": "M"}, {"image_type": "P"}),
        ({"acquisition_number": 1}, {"acquisition_number": 2}),
        ({"temporal_position": 1}, {"temporal_position": 2}),
        ({}, {}),
    ],
)
def test_several_stacks_in_one_series_are_told_apart(first: dict[str, object], second: dict[str, object]) -> None:
    frames = [_frame(5.0 * i, 2 * i, **first) for i in range(4)]  # type: ignore[arg-type]
    frames += [_frame(5.0 * i, 2 * i + 1, **second) for i in range(4)]  # type: ignore[arg-type]
    found = stacks(frames)
    assert [len(stack.images) for stack in found if isinstance(stack, Stack)] == [4, 4]
    parity = [{int(image.pixels[0, 0]) % 2 for image in stack.images} for stack in found if isinstance(stack, Stack)]
    assert parity == [{0}, {1}]


def test_a_differing_acquisition_number_alone_does_not_split() -> None:
    (stack,) = stacks([_frame(5.0 * i, i, acquisition_number=i) for i in range(4)])
    assert isinstance(stack, Stack)


def test_a_copy_of_a_slice_is_refused_and_a_slice_alone_is_an_image() -> None:
    frames = [_frame(5.0 * i, i) for i in range(3)]
    source = replace(frames[1].image.source, path="copy.dcm")
    copy = replace(frames[1], image=replace(frames[1].image, source=source))
    refused, stack = stacks([*frames, copy])
    assert isinstance(refused, Refused)
    assert (refused.path, refused.code) == ("copy.dcm", ReasonCode.DUPLICATE)
    assert isinstance(stack, Stack)
    assert len(stack.images) == 3
    assert stacks(frames[:1]) == [frames[0].image]
