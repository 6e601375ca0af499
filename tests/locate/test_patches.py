"""Patches show each object upright, whichever way the phantom lies, and keep mean and noise of the pixels."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from locate.drawn import Drawing, draw, placement
from mammoqa.core import Image, Pose, Source
from mammoqa.locate import patches, upright
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]
FINITE = st.floats(-200.0, 200.0)


def _pose(matrix, *, mirrored=False, bright=True) -> Pose:
    return Pose(matrix, "bottom", mirrored, 0.0, 1.0, bright, 0.0, (0.0, 1.0))


@given(
    angle=st.floats(-180, 180),
    scale=st.floats(1.0, 40.0),
    mirrored=st.booleans(),
    x=FINITE,
    y=FINITE,
    at=st.tuples(FINITE, FINITE),
)
def test_pose_round_trip_and_sign(angle, scale, mirrored, x, y, at):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = scale * np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    pose = _pose(np.column_stack([turn, at]), mirrored=mirrored)
    points = np.array([[x, y], [0.0, 0.0]])
    np.testing.assert_allclose(pose.to_mm(pose.to_px(points)), points, atol=1e-6)
    assert bool(np.linalg.det(pose.matrix[:, :2]) < 0) is mirrored
    apart = np.hypot(*np.diff(pose.to_px(points), axis=0)[0])
    assert apart == pytest.approx(scale * np.hypot(x, y), rel=1e-6, abs=1e-6)


@settings(max_examples=15, deadline=None)
@example(angle=-90.0, scale=8.142, mirrored=False, slope=(0.0, 1.0))  # blocks of four ended short of the last sample
@given(
    angle=st.floats(-180, 180),
    scale=st.floats(2.0, 9.0),
    mirrored=st.booleans(),
    slope=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_patches_reproduce_a_plane_exactly(angle, scale, mirrored, slope):
    """Area averages and bilinear sampling leave a plane as it is, so every place can be checked."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = scale * np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    size = int(scale * 130)
    pose = _pose(np.column_stack([turn, [size / 2, size / 2]]), mirrored=mirrored)
    rows, columns = np.indices((size, size), dtype=np.float32)
    image = Image(slope[0] * columns + np.float32(slope[1]) * rows, (1 / scale, 1 / scale), Source("plane", ""))
    found = patches(image, ACR156, pose, size_px=16, pitch_mm=0.5)
    axis = (np.arange(16) - 7.5) * 0.5
    for item, patch in zip(ACR156.inserts, found, strict=True):
        grid = np.stack(np.meshgrid(axis + item.centre_mm[0], axis + item.centre_mm[1]), axis=-1).reshape(-1, 2)
        expected = pose.to_px(grid) @ slope
        np.testing.assert_allclose(patch.ravel(), expected, atol=0.02 * scale)


@pytest.mark.parametrize(("chest_wall", "mirrored"), [("left", False), ("top", True), ("right", True)])
def test_patches_look_the_same_whichever_way_the_phantom_lies(chest_wall, mirrored):
    found = []
    for wall, flip in (("bottom", False), (chest_wall, mirrored)):
        drawing = Drawing(
            field_mm=(180.0, 180.0),
            pitch_mm=0.1,
            chest_wall=wall,
            mirrored=flip,
            quanta=1e6,
            heel=0.0,
            at_mm=(90.0, 90.0),
        )
        pose = _pose(placement(drawing, ACR156), mirrored=flip)
        found.append(patches(draw(ACR156, drawing, np.random.default_rng(0)), ACR156, pose))
    assert found[0].shape == (16, 160, 160)
    assert found[0].dtype == np.float32
    assert np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1] > 0.9
    # the first fibre runs from upper left to lower right
    assert found[1][0][60, 60] > found[1][0][60, 100] + 3


def test_attenuating_dark_images_are_negated():
    drawing = Drawing(style="log", quanta=1e6)
    image = draw(ACR156, drawing, np.random.default_rng(0))
    mass = patches(image, ACR156, _pose(placement(drawing, ACR156), bright=False))[11]
    assert mass[75:85, 75:85].mean() > mass[:20, :20].mean()


@pytest.mark.parametrize(("pitch_mm", "pixels"), [(0.05, 4), (0.1, 1)])
def test_fine_pixels_are_averaged_over_the_area_of_a_sample(pitch_mm, pixels):
    """Noise falls with the number of detector pixels in a sample; on the grid nothing is interpolated."""
    rng = np.random.default_rng(0)
    size = round(100 / pitch_mm)
    image = Image(rng.normal(0, 1, (size, size)).astype(np.float32), (pitch_mm, pitch_mm), Source("noise", ""))
    centre = (size - 1) / 2
    pose = _pose(np.array([[1 / pitch_mm, 0, centre], [0, 1 / pitch_mm, centre]]))
    assert patches(image, ACR156, pose).std() == pytest.approx(1 / np.sqrt(pixels), rel=0.03)


def test_upright_shows_the_whole_body():
    drawing = Drawing(chest_wall="right", field_mm=(240.0, 180.0))
    image = draw(ACR156, drawing, np.random.default_rng(0))
    view = upright(image, ACR156, _pose(placement(drawing, ACR156)), pitch_mm=0.5, size=(220, 210))
    assert view.shape == (220, 210)
    middle = view[100:120, 100:110].mean()
    assert abs(view[110, 10] - middle) < 400  # frame on the left: body from column 3 on
    assert view[5, 105] > 1000  # far edge of the body: row 2 on
    assert view[0, 0] < 0.5 * middle  # air
