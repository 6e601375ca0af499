"""The comparison with other programs: their files are read right, and the page tells every difference."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mammoqa.jobs.validate_acr_mri import Compared, run
from mammoqa.jobs.validate_acr_mri_page import exceptions, page
from mammoqa.jobs.validate_acr_mri_peers import hazen_readings, pylinac_readings, repeat_hazen
from mammoqa.jobs.validate_acr_mri_pictures import pictures
from mammoqa.locate.acr_mri import locate_acr_mri
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_mri import score_acr_mri
from synthetic_acr_mri import Made, stack

PHANTOM = PHANTOMS["acr_mri_large"]


@pytest.fixture(scope="module")
def compared() -> Compared:
    """A made stack, filed under the name of one that the page draws; the vertical diameter is off by 2 mm."""
    images = stack(Made(size=160, pitch_mm=1.6))
    pose = locate_acr_mri(images, PHANTOM)
    measurements, regions = score_acr_mri(images, PHANTOM, pose)
    hazen = {"slice_1_diameter_vertical": 188.0, "percent_image_uniformity": 99.0}
    return Compared(
        "GE_Signa_3T_T1",
        images,
        pose,
        {m.name: m for m in measurements},
        regions,
        hazen,
        {},
        {},
        (0.0, -74.0),
        0.0,
        0.1,
    )


def test_page_lists_what_differs_and_only_that(compared):
    assert [name for _, name in exceptions([compared])] == ["slice_1_diameter_vertical"]
    text = page([compared])
    assert "1 of 1 stacks measured completely" in text
    assert "1 of 2 uniformities and diameters" in text
    differing = text.split("## Where")[1].split("### Uniformity")[0]
    assert "slice_1_diameter_vertical" in differing
    assert "percent_image_uniformity" not in differing


def test_pictures_show_the_stacks_that_are_there(compared):
    drawn = pictures([compared])
    assert set(drawn) == {"acr_mri_bars.png", "acr_mri_uniformity.png"}
    for picture in drawn.values():
        colours = np.asarray(picture).reshape(-1, 3)
        assert np.any(np.all(colours == (255, 90, 60), axis=1))


def test_repeated_hazen_counts_whole_pixels(compared):
    for value in repeat_hazen(compared.stack, compared.pose).values():
        assert value / 1.6 == pytest.approx(round(value / 1.6), abs=1e-9)
        assert value == pytest.approx(190.0, abs=3.2)


def test_peer_files(tmp_path):
    hazen = {
        "S": {
            "acr_uniformity": [{"subtype": "u", "description": "", "value": 90.0, "visibility": "final"}],
            "acr_ghosting": [{"subtype": "g", "description": "", "value": float("nan"), "visibility": "final"}],
            "acr_slice_thickness": {"error": "hazen failed"},
            "acr_slice_position": [{"subtype": "d", "description": "Slice 11 x", "value": -2.0, "visibility": "final"}],
        }
    }
    (tmp_path / "acr_mri_hazen_2.0.0.json").write_text(json.dumps(hazen))
    (tmp_path / "acr_mri_pylinac_3.49.0.json").write_text(
        json.dumps({"S": {"slice1.bar_difference_mm": 1.5}, "T": {"error": "ValueError"}})
    )
    assert hazen_readings(tmp_path) == {"S": {"percent_image_uniformity": 90.0, "slice_11_position": -2.0}}
    assert pylinac_readings(tmp_path) == {"S": {"slice_1_position": -1.5}, "T": {}}


def test_without_peer_files(tmp_path):
    assert hazen_readings(tmp_path) == {}
    assert pylinac_readings(tmp_path) == {}


def test_run_writes_page_and_pictures(shared_data, tmp_path):
    """Two real stacks; hazen's readings come out the same when its way is repeated."""
    data = tmp_path / "data"
    for name in ("GE_Signa_3T_T1", "PhilipsAchieva"):
        shutil.copytree(shared_data / "acr_mri_large" / name, data / name)
    compared = run(data, shared_data.parent / "reference", tmp_path / "out")
    assert [one.name for one in compared] == ["GE_Signa_3T_T1", "PhilipsAchieva"]
    for one in compared:
        for name, value in one.repeated.items():
            assert value == pytest.approx(one.hazen[name], abs=0.011)
    text = (tmp_path / "out" / "acr_mri_large.md").read_text()
    for picture in Path(tmp_path / "out").glob("*.png"):
        assert picture.name in text
        assert picture.stat().st_size < 150_000
