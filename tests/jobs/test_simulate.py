"""Simulated exposures as files, and the plan of the demonstration."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from mammoqa.core import Intent
from mammoqa.dicom import read_file
from mammoqa.jobs.demo import DRIFTING, IMAGES, STEADY, plan, run_demo
from mammoqa.jobs.simulate import STANDARDS, simulate_files
from mammoqa.simulate import Exposure
from mammoqa.store import SCHEMA_VERSIONS, schema

SMALL = Exposure(detector="csi-100", field_mm=(130.0, 125.0), chest_wall="right", tilt_deg=2.0, target_mgd_mgy=1.2)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(simulate_files("acr156", SMALL, tmp_path_factory.mktemp("simulated"), count=2, seed=5))


def test_each_file_reads_back_with_its_facts(files: list[Path]) -> None:
    for path in files:
        (image,) = read_file(path)
        assert image.pitch_mm == pytest.approx((0.1, 0.1))
        assert image.acquisition.organ_dose_mgy == pytest.approx(1.2, rel=0.02)
        assert image.acquisition.intent is SMALL.intent


def test_each_has_noise_and_a_name_of_its_own(files: list[Path]) -> None:
    (first,), (second,) = read_file(files[0]), read_file(files[1])
    assert first.source.sop_instance_uid != second.source.sop_instance_uid
    assert not np.array_equal(first.pixels, second.pixels)


def test_the_truth_lies_beside_it(files: list[Path]) -> None:
    truth = json.loads(files[0].with_suffix(".truth.json").read_text(encoding="utf-8"))
    assert truth["chest_wall"] == "right"
    assert np.shape(truth["matrix"]) == (2, 3)
    assert truth["exposure"]["tilt_deg"] == 2.0


def test_the_same_seed_gives_the_same_pixels(files: list[Path], tmp_path: Path) -> None:
    again: Iterator[Path] = simulate_files("acr156", SMALL, tmp_path, count=2, seed=5)
    (image,), (before,) = read_file(next(again)), read_file(files[0])
    assert np.array_equal(image.pixels, before.pixels)


def test_the_plan_has_one_unit_that_holds_and_one_that_drifts() -> None:
    exposures = plan()
    assert len(exposures) == IMAGES
    assert all(a.acquired_at < b.acquired_at for a, b in pairwise(exposures))
    doses = {u.station: [e.target_mgd_mgy for e in exposures if e.station == u.station] for u in (STEADY, DRIFTING)}
    assert len(set(doses[STEADY.station])) == 1
    assert all(later < earlier for earlier, later in pairwise(doses[DRIFTING.station]))
    assert all(len(exposure.station) <= 16 for exposure in exposures)  # DICOM's SH


def test_images_of_a_contrast_detail_phantom_are_one_series(tmp_path: Path) -> None:
    exposure = replace(STANDARDS["cdmam34"], detector="csi-100", field_mm=(140.0, 120.0))
    images, truths = [], []
    for path in simulate_files("cdmam34", exposure, tmp_path, count=2, seed=2):
        images += read_file(path)
        truths.append(json.loads(path.with_suffix(".truth.json").read_text(encoding="utf-8")))
    first, second = images
    assert first.source.series_instance_uid == second.source.series_instance_uid
    assert first.source.sop_instance_uid != second.source.sop_instance_uid
    assert first.acquisition.intent is Intent.FOR_PROCESSING
    assert not np.array_equal(first.pixels, second.pixels)
    assert len(truths[1]["cells"]) == 205
    assert truths[0]["cells"][3]["centre_px"] != truths[1]["cells"][3]["centre_px"]


def test_the_demonstration_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'mammoqa.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_VERSIONS[0])
    engine.dispose()
    analysis, page = next(run_demo(tmp_path))
    assert analysis.phantom == "acr156"
    assert page.is_file()
