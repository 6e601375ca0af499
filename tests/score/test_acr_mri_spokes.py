"""Spokes of low contrast against digital reference slices."""

import numpy as np
import pytest

from acr_mri_reference import Reference, pose, reference_stack
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.acr_mri_spokes import SPOKES, Spokes, _limit, find_spokes, score_spokes

PHANTOM = PHANTOMS["acr_mri_large"]


def read(made: Reference):
    return {m.name: m for m in score_spokes(reference_stack(made), PHANTOM, pose(made))[0]}


def test_with_little_noise_nearly_every_spoke_is_seen():
    found = read(Reference(noise=1.0))
    assert found["low_contrast_spokes"].value >= 38
    assert [found[f"spokes_slice_{n}"].value for n in (10, 11)] == [10, 10]


def test_without_contrast_hardly_any_is_seen():
    assert read(Reference(noise=2.0, contrast=0.0))["low_contrast_spokes"].value <= 1


def test_more_noise_leaves_fewer_spokes_and_more_contrast_more():
    totals = [read(Reference(noise=noise))["low_contrast_spokes"].value for noise in (1.0, 12.0)]
    assert totals[0] > totals[1]
    by_slice = [read(Reference(noise=12.0))[f"spokes_slice_{n}"].value for n in (8, 11)]
    assert by_slice[1] > by_slice[0]


@pytest.mark.parametrize(("turn_deg", "away_mm"), [(2.0, (0.0, 0.0)), (-1.5, (1.5, -1.0))])
def test_turned_and_shifted_discs_are_found(turn_deg, away_mm):
    made = Reference(noise=2.0, spokes_turn_deg=turn_deg, away_mm=away_mm)
    centre, turn = find_spokes(reference_stack(made), pose(Reference()), PHANTOM)
    assert turn == pytest.approx(turn_deg, abs=0.6)
    assert centre == pytest.approx((away_mm[0], 8.0 + away_mm[1]), abs=0.6)


@pytest.mark.parametrize(
    ("field_t", "echo_ms", "repetition_ms", "limit"),
    [
        (0.3, 20.0, 500.0, 7.0),
        (1.5, 20.0, 500.0, 30.0),
        (1.5, 80.0, 2000.0, 25.0),
        (2.9, 20.0, 500.0, 37.0),
        (3.0, 80.0, 2000.0, 37.0),
        (1.5, 30.0, 1000.0, None),
        (None, 20.0, 500.0, None),
    ],
)
def test_the_limit_follows_field_and_weighting(field_t, echo_ms, repetition_ms, limit):
    made = Reference(field_strength_t=field_t, echo_time_ms=echo_ms, repetition_time_ms=repetition_ms)
    found, note = _limit(PHANTOM, reference_stack(made))
    assert found == limit
    assert (note is None) == (limit is not None)


def test_counting_stops_at_the_first_spoke_that_is_not_whole():
    strength = np.full((SPOKES, 3), 9.0)
    assert Spokes((0.0, 0.0), 0.0, strength).count == SPOKES
    strength[4, 1] = 0.5
    assert Spokes((0.0, 0.0), 0.0, strength).count == 4
