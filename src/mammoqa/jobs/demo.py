"""The demonstration: a month of weekly QC on two simulated units, one of which drifts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mammoqa.core import Analysis, Intent
from mammoqa.jobs.analyse import Options
from mammoqa.jobs.batch import analyse_paths
from mammoqa.jobs.outputs import ReportFolder, make_folder, store_url
from mammoqa.jobs.simulate import write_image
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import Exposure, Faults, expose

_WEEKS = 5
_SEED = 2026
_FIELD_MM = (150.0, 140.0)  # the phantom with a margin: smaller files
_OVERVIEW = "index.html"

# Unit A keeps its dose. Unit B starts like it and loses dose from week to week while its noise grows.
STEADY = Exposure(
    detector="a-se-70",
    target_mgd_mgy=1.5,
    intent=Intent.FOR_PRESENTATION,
    chest_wall="left",
    field_mm=_FIELD_MM,
    station="Unit A",
    device_serial="1001",
)
DRIFTING = Exposure(
    detector="csi-100",
    anode="Rh",
    filter_material="Rh",
    kvp=29.0,
    target_mgd_mgy=1.5,
    intent=Intent.FOR_PRESENTATION,
    chest_wall="bottom",
    field_mm=_FIELD_MM,
    station="Unit B",
    device_serial="1002",
)
_DOSE_FACTOR_PER_WEEK = 0.6
_EXTRA_NOISE_PER_WEEK = 0.15
_START = datetime(2026, 3, 2, 7, 30)  # a Monday


def plan() -> tuple[Exposure, ...]:
    """The month's exposures in the order of their dates."""
    exposures = []
    for week in range(_WEEKS):
        monday = _START + timedelta(weeks=week)
        drifted = replace(
            DRIFTING,
            target_mgd_mgy=DRIFTING.target_mgd_mgy * _DOSE_FACTOR_PER_WEEK**week,
            faults=Faults(extra_noise=_EXTRA_NOISE_PER_WEEK * week),
            acquired_at=monday + timedelta(hours=1),
        )
        exposures += [replace(STEADY, acquired_at=monday, tilt_deg=0.5 * (week - 2)), drifted]
    return tuple(exposures)


IMAGES = 2 * _WEEKS


def run_demo(out: Path) -> Iterator[tuple[Analysis, Path]]:
    """Simulate, write, read, analyse, store and report image after image; each Analysis with the path of its page.

    Raises:
        ConfigurationError: the folder cannot be made.
    """
    from mammoqa.store import open_store, upgrade

    pages = ReportFolder(out / "reports", overview=f"../{_OVERVIEW}")
    images = out / "images"
    make_folder(images)
    url = store_url(str(out / "mammoqa.db"))
    upgrade(url)  # an earlier version's demonstration may lie there
    store = open_store(url)
    streams = np.random.default_rng(_SEED).spawn(IMAGES)
    for exposure, stream in zip(plan(), streams, strict=True):
        path = images / f"{exposure.acquired_at:%Y-%m-%d}-{exposure.station.split()[1].lower()}.dcm"
        write_image(expose(PHANTOMS["acr156"], exposure, stream), path)
        for analysis in analyse_paths([path], Options()):
            store.save(analysis)
            yield analysis, pages.add(analysis)


def write_overview(out: Path, done: Sequence[tuple[Analysis, Path]]) -> Path:
    """The page that charts both units and links to every report, and one PDF per unit; the path of the page."""
    from mammoqa import report

    entries = [report.Entry(analysis, page.relative_to(out).as_posix()) for analysis, page in done]
    analyses = [analysis for analysis, _ in done]
    page = out / _OVERVIEW
    page.write_text(report.html_index(entries, report.trends_of(analyses), "Demonstration"), encoding="utf-8")
    for exposure in (STEADY, DRIFTING):
        sheet = report.pdf_month(exposure.station, analyses)
        (out / f"{exposure.device_serial}.pdf").write_bytes(sheet)
    return page
