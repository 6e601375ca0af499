import numpy as np
import pytest

from mammoqa.explain.curves import CURVE_METHODS
from mammoqa.jobs.validate_cdmam_explain import (
    Fall,
    Found,
    Size,
    Structure,
    compare,
    falls,
    scenarios_in_turn,
    speed,
    structure,
    sweep,
    upsampled,
)
from mammoqa.jobs.validate_cdmam_explain_page import Context, figures, page
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.cdmam import CdmamTruth, CellTruth
from mammoqa.simulate.exposure import Exposure
from toy_ensemble import toy_ensemble

PHANTOM = PHANTOMS["cdmam34"]
SIZE = Size(images=8, reference_draws=400, batch=40)


def images(n, side=10, seed=0):
    return np.random.default_rng(seed).normal(size=(n, side, side)).astype(np.float32)


@pytest.fixture(scope="module")
def truth():
    """Where cells lie with 8 pixels a mm, a little turned."""
    matrix = np.array([[8.0, 0.1, 560.0], [-0.1, 8.0, 850.0]])

    def place(point):
        return tuple(float(v) for v in matrix[:, :2] @ np.array(point) + matrix[:, 2])

    cells = tuple(
        CellTruth(c.row, c.column, c.diameter_mm, c.thickness_um, c.corner, *map(place, ends), 0.01, 100.0)
        for c in PHANTOM.cells
        for ends in [(c.centre_mm, c.corners_mm[c.corner])]
    )
    return CdmamTruth(matrix, "left", False, 100.0, 2.0, 17.0, 1.06, cells, Exposure())


def shape_of(truth):
    far = np.array([cell.centre_px for cell in truth.cells]).max(axis=0)
    return int(far[1]) + 150, int(far[0]) + 150


def test_the_midpoint_falls_and_a_shuffled_map_does_not_do_it():
    found = falls(toy_ensemble(), images(12), np.random.default_rng(1))
    assert found.images == 12
    assert found.share == 1.0
    assert found.mean > 3 * abs(found.shuffled_mean)


def test_a_longer_path_falls_further_and_is_less_like_sensitivity():
    points = sweep(toy_ensemble(), images(4), (0.01, 1.0, 30.0))
    assert points[0].fall < points[1].fall < points[2].fall
    assert points[0].with_sensitivity > 0.999 > points[2].with_sensitivity


def test_structure_sees_discs_and_lines_that_are_there(truth):
    shape = shape_of(truth)
    noise = np.random.default_rng(0).normal(size=shape)
    empty = structure("noise", truth, noise, 10.0)
    assert abs(empty.discs) < 4
    assert abs(empty.lines) < 4
    drawn = noise.copy()
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    for cell in truth.cells:
        if cell.diameter_mm < 1.0:
            continue
        for x, y in (cell.centre_px, cell.disc_px):
            part = np.s_[max(0, int(y) - 20) : int(y) + 20, max(0, int(x) - 20) : int(x) + 20]
            drawn[part] += 1.0 * (np.hypot(columns[part] - x, rows[part] - y) < 4)
    with_discs = structure("discs", truth, drawn, 10.0)
    assert with_discs.discs > 10
    (a, b, tx), (c, d, ty) = truth.matrix
    for u in range(-70, 80, 10):  # lines along v, in the phantom's frame
        v = np.linspace(-70, 70, 20_000)
        x, y = (u - v) / np.sqrt(2), (u + v) / np.sqrt(2)
        px, py = np.rint(a * x + b * y + tx).astype(int), np.rint(c * x + d * y + ty).astype(int)
        inside = (px >= 0) & (py >= 0) & (px < shape[1]) & (py < shape[0])
        drawn[py[inside], px[inside]] += 3.0
    assert structure("lines", truth, drawn, 10.0).lines > 10


def test_speed_stops_at_a_twentieth():
    x = images(1, 25)[0]
    points, ceiling, _ = speed(toy_ensemble(), x, SIZE, 0)
    allowed = SIZE.reference_draws * 50 // 20
    assert max(p.gradients for p in points) <= allowed
    last = {p.way: p.correlation for p in points}
    assert 0 < ceiling <= 1
    assert last["without replacement, L 1"] > last["as printed, L 50"]


def test_a_pass_of_maps_covers_the_image():
    grown = upsampled(toy_ensemble(), images(1, 25)[0], 9, 0, 4, steps=2)
    assert grown.draws == 9
    assert grown.visits.min() == 1


def test_methods_are_compared_with_chance():
    scores = {s.method: s for s in compare(toy_ensemble(), images(60))}
    assert {*CURVE_METHODS, "omig times image", "random"} == set(scores)
    for name in ("integrated-gradients", "relevance", "omig times image"):
        assert scores[name].score > scores["random"].score + scores[name].error


def test_the_page_says_what_was_not_reached():
    found = Found(
        falls={"all of scenarios 1 to 4": Fall(8, 1.0, 0.1, 0.5, 0.0)},
        sweep=sweep(toy_ensemble(), images(2), (1.0,)),
        structures=[Structure("scenario 1", 3.0, 4.0, np.zeros((2, 2)))],
        turned_correlation=0.5,
        scores=compare(toy_ensemble(), images(3)),
    )
    found.speed, found.ceiling, found.reference_s = speed(toy_ensemble(), images(1, 20)[0], Size(reference_draws=40), 0)
    context = Context("mammoqa validate x", "2026-11-20", "mammoqa 0", "toy", ("few epochs",), Size(reference_draws=40))
    text = page(found, context)
    assert "100% of 8" in text
    assert figures(found, context)[0][2] == "not reached"  # 8 images are not 100
    assert figures(found, context)[1][2] == "not reached"  # 40 draws are not 5000
    assert "40 draws (the paper: 5000)" in text
    assert "simulated" in text


def test_scenarios_come_in_turn():
    assert scenarios_in_turn(5) == ["scenario-1", "scenario-2", "scenario-3", "scenario-4", "scenario-1"]
