"""The stressed images carry their placement with them, and the page says what was reached."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import Image, Source
from mammoqa.jobs.validate_acr156_locate import Found, location_error_mm, place
from mammoqa.jobs.validate_acr156_locate_cases import STRESSES, Base, Trial, resampled, turned
from mammoqa.jobs.validate_acr156_locate_page import Context, missed, page
from mammoqa.locate import locate_acr156
from mammoqa.phantoms import PHANTOMS

from locate.drawn import Drawing, draw, placement  # isort: skip

ACR156 = PHANTOMS["acr156"]
DRAWING = Drawing(field_mm=(150.0, 140.0), tilt_deg=2.0, at_mm=(70.0, 78.0))
POINTS_MM = np.array([[0.0, 0.0], [20.0, -10.0], [-15.0, 25.0]])


@pytest.fixture(scope="module")
def trial() -> Trial:
    image = draw(ACR156, DRAWING, np.random.default_rng(1))
    image = replace(image, saturated=(0.0, 4095.0))
    return Trial("drawn", image, placement(DRAWING, ACR156), "read", "none", "linear")


@pytest.fixture(scope="module")
def base(trial: Trial) -> Base:
    return Base(trial.image, trial.matrix, "none", "linear", magnified=False, bright=True)


def _dotted() -> Trial:
    """A dark image with a bright blob at each of the points."""
    matrix = np.array([[4.0, 1.0, 150.0], [-1.0, 4.0, 160.0]])
    pixels = np.full((310, 300), 100, np.uint16)
    for x, y in np.rint(POINTS_MM @ matrix[:, :2].T + matrix[:, 2]).astype(int):
        pixels[y - 2 : y + 3, x - 2 : x + 3] = 4000
    image = Image(pixels, (0.25, 0.25), Source("dots", ""), saturated=(0.0, 4095.0))
    return Trial("dots", image, matrix, "read", "none", "linear")


def _shown(trial: Trial) -> np.ndarray:
    px = np.rint(POINTS_MM @ trial.matrix[:, :2].T + trial.matrix[:, 2]).astype(int)
    return trial.image.pixels[px[:, 1], px[:, 0]]


@settings(max_examples=25, deadline=None)
@given(quarters=st.integers(-3, 5), mirror=st.booleans(), factor=st.floats(0.4, 1.9))
def test_the_placement_follows_turns_mirrors_and_resampling(quarters: int, mirror: bool, factor: float) -> None:
    assert (_shown(resampled(turned(_dotted(), quarters, mirror=mirror), factor)) > 2500).all()


def test_four_quarter_turns_and_two_mirrors_change_nothing() -> None:
    once = turned(turned(_dotted(), 3, mirror=True), 0, mirror=True)
    again = turned(once, 1, mirror=False)
    np.testing.assert_array_equal(again.image.pixels, _dotted().image.pixels)
    np.testing.assert_allclose(again.matrix, _dotted().matrix)


@pytest.mark.parametrize("stress", [name for name in STRESSES if name != "text, blades, pitch together"])
def test_stressed_images_are_read_in_place_or_refused_as_they_should(stress: str, trial: Trial, base: Base) -> None:
    made = STRESSES[stress](trial, base, ACR156, np.random.default_rng(7))
    found = place(replace(made, stress=stress), ACR156)
    assert found.right_way
    assert not found.wrong
    if made.expected == "refuse":
        assert found.code is not None
        assert found.reason
    if made.expected == "read":
        assert found.error_mm < 0.5


def test_error_is_that_of_the_worst_object(trial: Trial) -> None:
    pose = locate_acr156(trial.image, ACR156)
    moved = trial.matrix.copy()
    moved[0, 2] += 1.0 / DRAWING.pitch_mm
    assert location_error_mm(pose, trial.matrix, ACR156) < 0.1
    assert location_error_mm(pose, moved, ACR156) == pytest.approx(1.0, abs=0.1)


def _found(**changes: object) -> Found:
    usual = Found("as exposed", "csi-100", "linear", "read", None, None, 0.02, True, 0.05)
    return replace(usual, **changes)


def test_the_page_says_what_was_not_reached() -> None:
    good = [_found(number=k) for k in range(200)]
    refused = _found(expected="refuse", code="clipped", reason="51 % clipped: expose again", error_mm=float("nan"))
    assert missed([*good, refused], []) == []
    wrong = _found(right_way=False)
    guessed = _found(expected="refuse")
    lost = [_found(code="not_located", reason="look", error_mm=float("nan"))] * 5
    below = missed([*good, wrong, guessed, *lost], [])
    assert len(below) == 3
    text = page([*good, wrong, guessed, *lost, refused], [], Context("command", "2026-11-20", "versions"))
    assert "not reached" in text
    assert "| clipped | n % clipped: expose again | 1 |" in text
    assert "Simulated images" in text
