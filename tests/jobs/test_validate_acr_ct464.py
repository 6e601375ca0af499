"""The comparison of CT scans with pylinac, on a drawn stack and on a real one."""

import tarfile

import numpy as np
import pytest

from acr_ct_drawn import Drawn, ct_stack
from mammoqa.core import ConfigurationError
from mammoqa.jobs.analyse import analyse
from mammoqa.jobs.validate_acr_ct464 import Compared, _rows, ask_pylinac, compare
from mammoqa.jobs.validate_acr_ct464_page import save


def as_pylinac(stack, analysis):
    """An answer as pylinac's, read in the very places that mammoqa takes."""
    pose = analysis.pose
    pitch = stack.images[0].pitch_mm[0]

    def region(index, x, y, radius=10.0):
        px = pose.to_px(np.array([[x, y]]))[0]
        rows, columns = np.ogrid[: stack.images[index].pixels.shape[0], : stack.images[index].pixels.shape[1]]
        inside = np.hypot(columns - px[0], rows - px[1]) < radius / pitch
        return {"x": px[0], "y": px[1], "value": float(stack.images[index].pixels[inside].mean())}

    materials, low, even, _ = pose.slices
    places = {"Air": (44.5, 44.5), "Poly": (-44.5, -44.5), "Acrylic": (-44.5, 44.5), "Bone": (44.5, -44.5)}
    regions = {name: region(materials, *place) for name, place in (*places.items(), ("Water", (-63.0, 0.0)))}
    around = {"Top": (0.0, -66.0), "Right": (66.0, 0.0), "Bottom": (0.0, 66.0), "Left": (-66.0, 0.0)}
    edges = {name: region(even, *place, 11.0) for name, place in (*around.items(), ("Center", (0.0, 0.0)))}
    beside = region(low, -25.4, -54.4, 6.0)
    return {
        "modules": {
            "materials": {"slice": materials, "regions": regions},
            "low contrast": {"slice": low, "regions": {"ROI": region(low, 0.0, -60.0, 6.0)}},
            "uniformity": {"slice": even, "regions": edges},
        },
        "background_px": [beside["x"], beside["y"]],
        "cnr": 1.5,
        "noise": 4.0,
        "bead_distance_mm": 99.0,
    }


def test_rows_repeat_the_other_program_in_its_places(tmp_path):
    stack = ct_stack(Drawn())
    analysis = analyse(stack)
    peer = as_pylinac(stack, analysis)
    rows = {row.name: row for row in _rows(stack, analysis, peer)}
    for name in ("ct_number_bone", "ct_number_water", "ct_number_centre"):
        assert rows[name].repeated == pytest.approx(rows[name].theirs, abs=1e-6)
        assert rows[name].rightly
    page, missed = save([Compared("drawn", stack, analysis, tuple(rows.values()), peer)], "2026-01-01", tmp_path)
    assert "| ct_number_bone |" in page.read_text(encoding="utf-8")
    assert (tmp_path / "acr_ct464" / "drawn.jpg").stat().st_size > 10_000
    assert not any("bone" in text for text in missed)


def test_without_pylinac_it_says_how_to_get_it(tmp_path):
    with pytest.raises(ConfigurationError, match="--no-peer"):
        ask_pylinac(tmp_path / "python", tmp_path / "script.py", [])


def test_a_real_scan_is_measured_completely(shared_data, tmp_path):
    with tarfile.open(shared_data / "acr_ct464" / "PED_BODY_6.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    found = compare([tmp_path / "PED_BODY_6"], [{}])[0].measurements
    # pylinac 3.49.0 in the same slice: 971.6, -992.3, 122.6, -98.6 and 2.3 HU
    wanted = {"bone": 971.6, "air": -992.3, "acrylic": 122.6, "polyethylene": -98.6, "water": 2.3}
    for name, hu in wanted.items():
        assert found[f"ct_number_{name}"].value == pytest.approx(hu, abs=3.0)
    assert found["beads_module_1"].value == found["beads_module_4"].value == 4
    assert found["slice_width"].value == pytest.approx(5.0, abs=1.5)
    assert found["high_contrast_resolution"].value == pytest.approx(6.0, abs=1.0)
