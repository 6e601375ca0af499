"""Only phantoms are taken for phantoms; everything else is called what it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from locate.drawn import Drawing, draw
from mammoqa import dicom
from mammoqa.core import Acquisition, DicomError, IdentifyError, Image, ReasonCode, Source, Stack
from mammoqa.locate import LOCATORS, identify
from mammoqa.phantoms import PHANTOMS


def _refusal(item: Image | Stack, only: str | None = None) -> IdentifyError:
    with pytest.raises(IdentifyError) as caught:
        identify(item, only)
    return caught.value


def _image(pixels: np.ndarray, modality: str = "MG", pitch_mm: float | None = 0.5) -> Image:
    return Image(pixels, (pitch_mm, pitch_mm) if pitch_mm else None, Source("made", ""), Acquisition(modality=modality))


def test_every_phantom_has_a_locator():
    assert set(LOCATORS) == set(PHANTOMS)


@pytest.mark.parametrize("style", ["presentation", "raw", "log"])
def test_mammography_phantom(style):
    image = draw(PHANTOMS["acr156"], Drawing(style=style), np.random.default_rng(0))
    assert identify(image) == "acr156"
    assert identify(image, "acr156") == "acr156"
    assert _refusal(image, "acr_mri_large").code is ReasonCode.UNKNOWN_PHANTOM


def test_phantom_without_pixel_spacing_is_still_a_phantom():
    image = draw(PHANTOMS["acr156"], Drawing(), np.random.default_rng(0))
    assert identify(replace(image, pitch_mm=None)) == "acr156"


def test_cut_off_phantom_is_still_a_phantom():
    image = draw(PHANTOMS["acr156"], Drawing(at_mm=(20.0, 120.0)), np.random.default_rng(0))
    assert identify(image) == "acr156"


def test_breast_shape_is_a_patient_image():
    rng = np.random.default_rng(0)
    rows, columns = np.indices((480, 360)) * 0.5
    breast = np.clip(1 - ((rows - 120) / 80) ** 2 - (columns / 110) ** 2, 0, 1) ** 0.2
    image = _image((2000 * breast + rng.normal(0, 30, breast.shape)).clip(0).astype(np.uint16))
    error = _refusal(image)
    assert error.code is ReasonCode.NOT_A_PHANTOM
    assert "patient" in error.reason


def test_uniform_and_patterned_images():
    flat = _image(np.random.default_rng(0).normal(1000, 10, (480, 360)).astype(np.uint16))
    assert "uniform" in _refusal(flat).reason
    bars = _image(np.tile(np.arange(360) // 36 % 2 * 1000, (480, 1)).astype(np.uint16))
    assert "pattern" in _refusal(bars).reason


@pytest.mark.parametrize(
    ("modality", "code"),
    [
        ("CT", ReasonCode.UNKNOWN_PHANTOM),
        ("US", ReasonCode.UNSUPPORTED_MODALITY),
        ("MR", ReasonCode.NOT_A_PHANTOM),
        ("MG", ReasonCode.NOT_A_PHANTOM),
    ],
)
def test_other_modalities(modality, code):
    image = _image(np.random.default_rng(0).normal(100, 50, (256, 256)).clip(0).astype(np.uint16), modality)
    assert _refusal(image).code is code
    if modality != "MG":
        assert _refusal(Stack((image, image), 5.0)).code is code


def test_tiny_and_coarse_images_are_no_phantoms():
    assert _refusal(_image(np.zeros((16, 16), np.uint16))).code is ReasonCode.NOT_A_PHANTOM
    assert "Give the original image" in _refusal(_image(np.zeros((16, 16), np.uint16))).reason
    assert _refusal(_image(np.zeros((16, 16), np.uint16), "CT")).code is ReasonCode.UNKNOWN_PHANTOM
    coarse = _image(np.random.default_rng(0).integers(0, 900, (256, 256)).astype(np.uint16), "OT", 2.2)
    assert "2.2 mm" in _refusal(coarse).reason


def _images(folder: Path):
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size < 200_000:
            try:
                yield path.name, dicom.read_file(path)[0]
            except DicomError:
                continue


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("GH133.dcm", "patient"),
        ("OutOfBoundsOverlay.dcm", "patient"),
        ("MG1_J2KI.dcm", "patient"),
        ("MG1_JPLY.dcm", "patient"),
        ("MG_Explicit_Little.dcm", "pattern"),
    ],
)
def test_real_mammograms_are_called_what_they_are(shared_data, name, word):
    (image,) = dicom.read_file(shared_data / "mammograms" / name)
    error = _refusal(image)
    assert error.code is ReasonCode.NOT_A_PHANTOM
    assert word in error.reason


@pytest.mark.filterwarnings("ignore")
def test_no_odd_file_is_taken_for_a_phantom(shared_data):
    seen = 0
    for name, image in _images(shared_data / "dicom_torture"):
        error = _refusal(image)
        assert error.reason, name
        seen += 1
    assert seen > 30


def test_single_localiser_is_the_wrong_view(shared_data):
    _, image = next(_images(shared_data / "acr_mri_large"))
    assert image.acquisition.modality == "MR"
    assert _refusal(image).code is ReasonCode.WRONG_VIEW
