"""Estimates from single images become measurements and notes; a foreign image is told."""

from dataclasses import replace

import numpy as np
import pytest

from mammoqa.core import ConfigurationError, ContrastDetail, SingleImage, SinglePoint
from mammoqa.jobs.cdmam34_single import cells_model, model_id, single_measurements, single_notes


def single(level, unlike=False, widened=1.0):
    points = tuple(SinglePoint(d, level / d, 0.9 * level / d, 1.1 * level / d) for d in (0.1, 0.25, 0.5, 1.0))
    return SingleImage("a.dcm", points, 9.0 if unlike else 1.0, 3.0, unlike, widened)


def detail(*each):
    nothing = np.zeros((1, 16, 16))
    return ContrastDetail(np.ones(16), np.ones(16), nothing, nothing, (), "thickness", "logistic", each)


def test_one_image_and_the_mean_of_several():
    found = {m.name: m for m in single_measurements(detail(single(0.04)))}
    assert found["single_image_threshold_0.10_mm"].value == pytest.approx(0.4)
    assert found["single_image_threshold_0.10_mm"].high == pytest.approx(0.44)
    several = {m.name: m for m in single_measurements(detail(single(0.02), single(0.08)))}
    assert several["single_image_threshold_1.00_mm"].value == pytest.approx(0.04)
    assert "mean of 2" in several["single_image_threshold_1.00_mm"].note
    assert single_measurements(detail()) == ()


def test_foreign_images_are_told():
    assert len(single_notes(detail(single(0.04)))) == 1
    told = single_notes(detail(single(0.04), single(0.04, unlike=True)))
    assert "1 of 2 images" in told[-1]
    assert "conventional reading" in told[-1]
    assert "unlike" in single_measurements(detail(single(0.04, unlike=True)))[0].note


def test_a_widened_interval_is_told():
    found = detail(single(0.04, widened=2.5))
    assert "2.5 times as wide" in single_notes(found)[-1]
    assert "widened 2.5 times" in single_measurements(found)[0].note
    assert len(single_notes(detail(single(0.04, widened=1.05)))) == 1


def test_the_shipped_reading_is_named_and_others_are_asked_for(tmp_path):
    model = cells_model(None)
    assert model_id(model).name == "cdmam34"
    assert replace(model.card, name="x").name == "x"
    with pytest.raises(ConfigurationError, match="--model"):
        cells_model(tmp_path)
