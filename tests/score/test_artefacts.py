"""Marks that look like objects are found where they are, compared with the last object, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import ObjectScore
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.artefacts import LEAST_SNR, artefact_marks, filter_answers

ACR156 = PHANTOMS["acr156"]
PITCH_MM = 0.125
HALF_MM = 44.0
SCORES = (1, 1, 1, 1, 0.5, 0, 1, 1, 1, 0.5, 0, 1, 1, 1, 0.5, 0)


def _grid():
    size = round(2 * HALF_MM / PITCH_MM)
    axis = ((np.arange(size) - (size - 1) / 2) * PITCH_MM).astype(np.float32)
    return axis[None, :], axis[:, None]


X, Y = _grid()


def _fibre(x, y, angle_deg, width_mm, length_mm=10.0):
    angle = np.radians(angle_deg)
    along = (X - x) * np.cos(angle) + (Y - y) * np.sin(angle)
    across = (Y - y) * np.cos(angle) - (X - x) * np.sin(angle)
    sigma = np.hypot(width_mm / 2.4, 0.15)
    return np.exp(-((across / sigma) ** 2) / 2) / (1 + np.exp((np.abs(along) - length_mm / 2) / 0.15)) * width_mm


def _mass(x, y, diameter_mm):
    return np.clip(1 - ((X - x) ** 2 + (Y - y) ** 2) / (diameter_mm / 2) ** 2, 0, None)


def _speck(x, y, size_mm):
    sigma = np.hypot(size_mm / 2.4, 0.12)
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * sigma**2)) * (size_mm / sigma) ** 2 * size_mm


def _phantom_view(rng, noise=10.0):
    view = 1000 + 0.8 * Y + 0.01 * Y**2 + rng.normal(0, noise, (Y.size, X.size))
    for item in ACR156.inserts:
        x, y = item.centre_mm
        if item.kind == "fibre":
            view += 30 * _fibre(x, y, item.angle_deg, item.diameter_mm)
        elif item.kind == "mass":
            view += 12 * item.size_mm * _mass(x, y, item.diameter_mm)
        else:
            for k in range(6):
                a = 2 * np.pi * k / 5 - np.pi / 2
                r = item.ring_radius_mm * (k < 5)
                view += 60 * _speck(x + r * np.cos(a), y + r * np.sin(a), item.size_mm)
    return view.astype(np.float32)


@pytest.fixture(scope="module")
def sound():
    return _phantom_view(np.random.default_rng(1))


def _objects(scores=SCORES):
    found, stopped = [], set()
    for item, score in zip(ACR156.inserts, scores, strict=True):
        counted = item.kind not in stopped
        found.append(
            ObjectScore(item.name, item.kind, item.size_mm, float(score), 0.9, 0.1, (0.0, 0.0), counted=counted)
        )
        if score < 1:
            stopped.add(item.kind)
    return tuple(found)


def _found(view, objects=None):
    return artefact_marks(filter_answers(view.astype(np.float32), PITCH_MM, ACR156), ACR156, objects or _objects())


def test_a_sound_insert_has_none(sound):
    assert _found(sound) == ()


@pytest.mark.parametrize(
    ("kind", "place", "planted"),
    [
        ("fibre", (0.0, -20.0), 60 * _fibre(0.0, -20.0, 20.0, 0.9, 8.0)),
        ("mass", (20.0, 20.0), 25 * _mass(20.0, 20.0, 6.0)),
        ("speck_group", (0.0, 0.0), 120 * _speck(0.0, 0.0, 0.4)),
    ],
)
def test_a_mark_between_the_objects_is_found_in_its_place(sound, kind, place, planted):
    (mark,) = _found(sound + planted)
    assert mark.kind == kind
    assert mark.centre_mm == pytest.approx(place, abs=0.6)
    assert mark.snr >= max(mark.rival_snr, LEAST_SNR[kind])
    assert mark.visibility == next(o.score for o in _objects() if o.name == mark.rival)


def test_a_mark_fainter_than_the_last_object_counts_for_nothing(sound):
    faint = sound + 25 * _fibre(0.0, -20.0, 20.0, 0.5, 8.0)
    last_is_large = _objects((0.5, 0, 0, 0, 0, 0, *SCORES[6:]))
    assert not _found(faint, last_is_large)


def test_where_nothing_counted_nothing_is_deducted(sound):
    spoilt = sound + 120 * _speck(0.0, 0.0, 0.4)
    assert _found(spoilt, _objects((0,) * 16)) == ()


def test_a_speck_too_many_in_a_group_is_found_and_its_own_specks_are_not(sound):
    group = ACR156.inserts[6]
    x, y = group.centre_mm[0] + 1.4, group.centre_mm[1] + 1.4
    (mark,) = _found(sound + 120 * _speck(x, y, 0.5))
    assert mark.kind == "speck_group"
    assert mark.centre_mm == pytest.approx((x, y), abs=0.3)


@pytest.mark.parametrize(
    "harmless",
    [
        400.0 * (np.abs(X - 10.3) < 0.07) * np.ones_like(Y),  # a dead column
        400.0 * np.clip(1.5 - np.abs(Y + 0.1 * X - 1.0) / PITCH_MM, 0, 1),  # a dead line in a tilted phantom
        15.0 * (Y > 1.5) * np.ones_like(X),  # the edge of a ghost
        250.0 * (np.hypot(X + 20, Y + 22) < 5.0),  # the acrylic disc
        150.0 * _fibre(-10.0, -29.5, -45.0, 0.9, 9.0),  # on a fibre
    ],
    ids=["column", "line", "ghost", "disc", "own place"],
)
def test_lines_steps_the_disc_and_objects_are_no_artefacts(sound, harmless):
    assert _found(sound + harmless) == ()


def test_a_phantom_without_an_insert_has_no_artefacts(sound):
    assert artefact_marks(filter_answers(sound, PITCH_MM, replace(ACR156, insert_mm=None)), ACR156, _objects()) == ()
