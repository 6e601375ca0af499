from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Picture

import cdmam_drawn
from mammoqa.cli.program import run
from mammoqa.core import ConfigurationError, Image, Pose, Source
from mammoqa.jobs import explain_cdmam
from mammoqa.jobs.explain_cdmam import explain_curve, upright_pixels
from mammoqa.phantoms import PHANTOMS
from mammoqa.report.signed_map import signed_maps
from toy_ensemble import toy_ensemble

PHANTOM = PHANTOMS["cdmam34"]
PX = 1.5  # pixels per mm


def placed(turn, *, attenuating_bright=False):
    """An image of 500 x 460 pixels that numbers its pixels, with the phantom in its middle."""
    pixels = np.arange(500 * 460, dtype=np.float64).reshape(500, 460)
    matrix = np.column_stack([PX * np.array(turn, float), [230.0, 250.0]])
    pose = Pose(matrix, "left", False, 0.0, 1.0, attenuating_bright, 0.0, (0.0, 1.0))
    return Image(pixels, (0.07, 0.07), Source("drawn", "0" * 64)), PHANTOM, pose


def test_the_phantom_is_cut_out_upright():
    pixels, notes = upright_pixels(*placed([[1, 0], [0, 1]]))
    lying, told = upright_pixels(*placed([[0, -1], [1, 0]]))
    assert notes == ()
    assert "90 degrees" in told[0]
    height, width = pixels.shape
    assert 260 < width < height < 430  # the square of cells stands on its corner, its left and right ones missing
    assert lying.shape[0] > lying.shape[1]
    assert np.abs(np.diff(lying[:, 0])).max() == 1  # turned: neighbours in a column were neighbours in a row


def test_bright_attenuation_is_refused():
    with pytest.raises(ConfigurationError, match="raw linear"):
        upright_pixels(*placed([[1, 0], [0, 1]], attenuating_bright=True))


@pytest.mark.parametrize("method", ["omig", "sensitivity"])
def test_a_map_is_drawn_beside_the_image(tmp_path, monkeypatch, method):
    found = placed([[1, 0], [0, 1]])
    values = np.random.default_rng(0).normal(size=found[0].pixels.shape)
    monkeypatch.setattr(explain_cdmam, "_placed", lambda path: (replace(found[0], pixels=values), *found[1:]))
    monkeypatch.setattr(explain_cdmam, "_ensemble", lambda model: toy_ensemble(100))
    assert explain_curve(tmp_path / "x.dcm", method, tmp_path / "map.png", tmp_path, steps=2) == ()
    drawn = np.asarray(Picture.open(tmp_path / "map.png"))
    half = drawn.shape[1] // 2
    assert (drawn[4:-4, 4 : half - 4, 0] == drawn[4:-4, 4 : half - 4, 2]).all()  # the image is grey
    coloured = drawn[4:-4, half + 4 : -4]
    assert (coloured[..., 1] == 0).all()
    assert (coloured[..., 0] > 0).any()
    assert (coloured[..., 2] > 0).any()


def test_foreign_pixels_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(explain_cdmam, "_placed", lambda path: placed([[1, 0], [0, 1]]))
    monkeypatch.setattr(explain_cdmam, "_ensemble", lambda model: toy_ensemble(100))
    (note,) = explain_curve(tmp_path / "x.dcm", "sensitivity", tmp_path / "map.png", tmp_path)
    assert "standard deviations" in note


@pytest.mark.parametrize("method", ["omig", "relevance", "omig-evidence"])
def test_without_a_folder_the_shipped_reading_is_explained(tmp_path, monkeypatch, method):
    whole = cdmam_drawn.placed(quarter_turns=2)
    pose = Pose(whole[:2], "bottom", False, 0.0, 1.0, False, 0.0, (0.0, 2000.0), line_mm=0.12)
    image = cdmam_drawn.draw(whole, np.random.default_rng(0))
    monkeypatch.setattr(explain_cdmam, "_placed", lambda path: (image, PHANTOM, pose))
    (note,) = explain_curve(tmp_path / "x.dcm", method, tmp_path / "map.png", steps=2)
    assert "unlike" in note  # drawn without physics
    drawn = np.asarray(Picture.open(tmp_path / "map.png")).astype(int)
    half = drawn.shape[1] // 2
    assert np.abs(drawn[4:-4, half + 4 : -4, 0] - drawn[4:-4, half + 4 : -4, 2]).max() > 100


def test_a_folder_without_a_network_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(explain_cdmam, "_placed", lambda path: placed([[1, 0], [0, 1]]))
    with pytest.raises(ConfigurationError, match="no network for CDMAM"):
        explain_curve(tmp_path / "x.dcm", "omig", tmp_path / "map.png", tmp_path)


def test_evidence_is_for_single_image_readings(tmp_path):
    with pytest.raises(ConfigurationError, match="single-image"):
        explain_curve(tmp_path / "x.dcm", "omig-evidence", tmp_path / "map.png", tmp_path)


def test_a_model_belongs_to_the_methods_of_the_curve(tmp_path, capsys):
    assert run(["explain", "x.dcm", "--method", "saliency", "--model", str(tmp_path)]) == 2
    assert "integrated-gradients" in capsys.readouterr().err


def test_colours_of_a_map():
    picture = signed_maps([np.array([[1.0, 0.0], [-1.0, 0.0]])])
    assert picture[4, 4].tolist() == [255, 0, 0]
    assert picture[5, 4].tolist() == [0, 0, 255]
    assert picture[4, 5].tolist() == [0, 0, 0]
    assert picture[0, 0].tolist() == [128, 128, 128]
