"""Margins behind blades are cut off; air, bodies and dead lines are not margins."""

import numpy as np
import pytest

from locate.drawn import Drawing, draw
from mammoqa.core import Acquisition, Image, Source
from mammoqa.locate.field import collimated, exposed_field
from mammoqa.locate.sampling import Level, level
from mammoqa.phantoms import PHANTOMS


def _level(values: np.ndarray, pitch_mm: float = 0.2) -> Level:
    return Level(values.astype(np.float32), 1, (pitch_mm, pitch_mm))


def _scene(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(4000, 20, (300, 400))
    values[80:220, 100:280] -= 2500
    return values


@pytest.mark.parametrize("sign", [1, -1])
def test_bands_are_found_with_their_penumbra(sign):
    values = _scene(0)
    values[:30] = values[:, -12:] = 50
    values[:30, -12:] = 0
    top, bottom, left, right = collimated(_level(sign * values))
    assert (top, bottom, left, right) == (30 + 3, 0, 0, 12 + 3)


def test_a_dead_line_within_a_band_does_not_end_it():
    values = _scene(1)
    values[:30] = 50
    values[12] = 9000
    assert collimated(_level(values)) == (33, 0, 0, 0)


def test_air_beside_a_tilted_body_is_no_margin():
    for style in ("presentation", "raw", "log"):
        image = draw(PHANTOMS["acr156"], Drawing(style=style, tilt_deg=3.0), np.random.default_rng(2))
        assert collimated(level(image, 0.2)) == (0, 0, 0, 0)


def test_tiny_and_even_images_have_no_margins():
    assert collimated(_level(np.zeros((8, 8)))) == (0, 0, 0, 0)
    assert collimated(_level(np.full((100, 100), 7.0))) == (0, 0, 0, 0)


def test_the_field_keeps_the_pixels_where_they_were():
    values = np.repeat(np.repeat(_scene(3), 2, axis=0), 2, axis=1)
    values[:, :41] = 0
    image = Image(values.astype(np.uint16), (0.1, 0.1), Source("made", ""), Acquisition(modality="MG"))
    field, fine, (row, column) = exposed_field(image, level(image, 0.2))
    assert (row, column) == (0, 2 * (20 + 3))
    np.testing.assert_array_equal(field.pixels, image.pixels[:, column:])
    np.testing.assert_array_equal(fine.values, level(field, 0.2).values)
