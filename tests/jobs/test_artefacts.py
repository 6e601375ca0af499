"""From marks to the deduction: judged, ringed in the image and told in words."""

from dataclasses import replace

import numpy as np
import pytest

from locate.drawn import Drawing, draw
from mammoqa.core import ObjectScore
from mammoqa.jobs.artefacts import deduct_artefacts
from mammoqa.jobs.views import VIEW_PITCH_MM, upright_view
from mammoqa.judge import judge_acr156
from mammoqa.locate import locate_acr156
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.artefacts import filter_answers

ACR156 = PHANTOMS["acr156"]


@pytest.fixture(scope="module")
def placed():
    image = draw(ACR156, Drawing(chest_wall="left", mirrored=True, field_mm=(180.0, 150.0)), np.random.default_rng(5))
    return image, locate_acr156(image, ACR156)


def _judged():
    objects = tuple(ObjectScore(i.name, i.kind, i.size_mm, 1.0, 0.99, 0.01, (0.0, 0.0)) for i in ACR156.inserts)
    return judge_acr156(objects, ACR156)


def test_nothing_found_changes_nothing(placed):
    image, pose = placed
    objects, verdict = _judged()
    found = deduct_artefacts(
        filter_answers(upright_view(image, ACR156, pose), VIEW_PITCH_MM, ACR156), ACR156, pose, objects, verdict
    )
    assert found == (objects, verdict, (), ())


def test_a_blob_in_the_image_is_deducted_ringed_and_told(placed):
    image, pose = placed
    place = np.array([20.0, 20.0])
    rows, columns = np.indices(image.pixels.shape)
    mm = pose.to_mm(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float)) - place
    blob = 120 * np.clip(1 - (mm**2).sum(axis=1) / 3.0**2, 0, None).reshape(image.pixels.shape)
    spoilt = replace(image, pixels=(image.pixels + blob).astype(np.uint16))
    before = _judged()
    seen = upright_view(spoilt, ACR156, pose)
    objects, verdict, (region,), (note,) = deduct_artefacts(
        filter_answers(seen, VIEW_PITCH_MM, ACR156), ACR156, pose, *before
    )
    assert dict(verdict.totals) == {**dict(before[1].totals), "masses": 4.0}
    assert [o.deduction for o in objects if o.kind == "mass"] == [0, 0, 0, 0, 1.0]
    assert pose.to_mm(region.points_px).mean(axis=0) == pytest.approx(place, abs=0.5)
    assert note.startswith("mass-like artefact 20 mm right of and 20 mm below the middle")
    assert "mass-5" in note
