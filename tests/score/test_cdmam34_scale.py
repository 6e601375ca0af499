import numpy as np
import pytest

import cdmam_drawn
from mammoqa.core import Pose
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdmam34_evidence import evidence
from mammoqa.score.cdmam34_scale import disc_means

PHANTOM = PHANTOMS["cdmam34"]


@pytest.fixture(scope="module")
def drawn():
    whole = cdmam_drawn.placed(quarter_turns=2)
    pose = Pose(whole[:2], "bottom", False, 0.0, 1.0, False, 0.0, (0.0, 2000.0), line_mm=0.12)
    image = cdmam_drawn.draw(whole, np.random.default_rng(0))
    return image, pose, evidence(image, PHANTOM, pose)[0]


def test_a_constant_stays_in_the_cells_and_is_nothing_outside(drawn):
    image, pose, read = drawn
    found = disc_means(np.full(image.pixels.shape, 3.0), PHANTOM, pose, read)
    centres = np.rint(pose.to_px(np.array([cell.centre_mm for cell in PHANTOM.cells]))).astype(int)
    np.testing.assert_allclose(found[centres[:, 1], centres[:, 0]], 3.0, rtol=1e-5)
    assert found[0, 0] == 0.0
    cells_px = len(PHANTOM.cells) * (PHANTOM.cells[0].side_mm / cdmam_drawn.PITCH_MM) ** 2
    assert np.count_nonzero(found) == pytest.approx(cells_px, rel=0.02)


def test_noise_is_averaged_over_the_disc_of_each_cell(drawn):
    image, pose, read = drawn
    noise = np.random.default_rng(1).standard_normal(image.pixels.shape)
    found = disc_means(noise, PHANTOM, pose, read)
    scatter = {}
    for size in (2.0, 0.5):
        cells = [c for c in PHANTOM.cells if c.diameter_mm == size]
        middles = np.rint(pose.to_px(np.array([c.centre_mm for c in cells]))).astype(int)
        values = [found[y - 12 : y + 13, x - 12 : x + 13] for x, y in middles]
        scatter[size] = float(np.std(values))
    radius_px = 1.0 / cdmam_drawn.PITCH_MM
    assert scatter[2.0] == pytest.approx(1.0 / np.sqrt(np.pi * radius_px**2), rel=0.25)  # a mean over the disc's pixels
    assert scatter[2.0] < 0.6 * scatter[0.5]
