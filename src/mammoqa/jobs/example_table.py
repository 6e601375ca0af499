"""Simulated cases with a table of their scores, as an example of `--data manifest.csv`: DICOM, PNG and NPY in turn."""

import csv
from pathlib import Path

import numpy as np

from mammoqa.jobs.outputs import make_folder
from mammoqa.jobs.simulate import write_image
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.archive import make_case
from mammoqa.simulate.expose import Simulated
from mammoqa.simulate.readers import NOT_APPLICABLE, READERS

_KINDS = ("dcm", "png", "npy")


def write_example(folder: Path, count: int = 20, seed: int = 1) -> Path:
    """Simulate one image of each of `count` units and let a panel of five read it; the path of the table.

    Nothing but simulation: an example, and no data to train a network for use on.
    """
    make_folder(folder)
    phantom = PHANTOMS["acr156"]
    names = [insert.name for insert in phantom.inserts]
    readers = [f"{name}.reader{k}" for k in range(1, READERS + 1) for name in names]
    path = folder / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "unit", "pitch_mm", "attenuating", *names, *readers))
        for number in range(count):
            case = make_case(phantom, seed, number, 0)
            told = _write(case.simulated, folder, number)
            panel = [_cell(score) for score in np.nan_to_num(case.panel.panel, nan=NOT_APPLICABLE)]
            table.writerow((*told, *panel, *(_cell(score) for score in case.panel.readers.ravel())))
            file.flush()
    return path


def _write(simulated: Simulated, folder: Path, number: int) -> tuple[str, str, str, str]:
    """The image's file; its name, unit, pixel size and polarity, the latter two where the file does not tell them."""
    kind = _KINDS[number % len(_KINDS)]
    path = folder / f"case-{number + 1:02d}.{kind}"
    image = simulated.image
    unit = f"unit {number + 1}"
    if kind == "dcm":
        write_image(simulated, path)
        return path.name, unit, "", ""
    if kind == "npy":
        np.save(path, image.pixels)
    else:
        from PIL import Image as Pictures

        Pictures.fromarray(np.asarray(image.pixels).astype(np.uint16)).save(path)
    pitch_mm = image.pitch_mm[0] if image.pitch_mm else 0.0
    return path.name, unit, f"{pitch_mm:.5f}", "bright" if _attenuating_bright(simulated) else "dark"


def _attenuating_bright(simulated: Simulated) -> bool:
    """Raw pixels count exposure, so that attenuating parts are dark, unless MONOCHROME1 turned them round."""
    exposure = simulated.truth.exposure
    return simulated.image.acquisition.pixel_intensity == "DISP" or exposure.monochrome1


def _cell(score: float) -> str:
    if np.isnan(score):
        return ""
    return "N/A" if score == NOT_APPLICABLE else f"{score:g}"
