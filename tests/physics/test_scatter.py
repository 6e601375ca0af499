"""Scatter: the published ratios, energy kept by the kernel, a fall at the edges, and the focal spot beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.core import ConfigurationError
from mammoqa.physics import focal_sigma_mm, magnification, scatter_field, scatter_to_primary
from mammoqa.physics.scatter import KERNEL


@pytest.mark.parametrize(
    ("grid", "at_20_mm", "at_80_mm"),  # Salvagnini et al. 2012, Med Phys 39:3167, abstract
    [("none", 0.268, 1.124), ("linear", 0.052, 0.187), ("hctc", 0.012, 0.064)],
)
def test_ratios_are_the_published_ones(grid: str, at_20_mm: float, at_80_mm: float) -> None:
    assert scatter_to_primary(20.0, grid) == pytest.approx(at_20_mm)
    assert scatter_to_primary(80.0, grid) == pytest.approx(at_80_mm)
    assert scatter_to_primary(0.0, grid) == 0.0
    assert scatter_to_primary(80.001, grid) == pytest.approx(at_80_mm, abs=1e-4)
    assert scatter_to_primary(90.0, grid) > at_80_mm


def test_unknown_grid_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="linear"):
        scatter_to_primary(45.0, "hexagonal")


def test_the_kernel_is_a_share_and_broad() -> None:
    assert sum(weight for weight, _ in KERNEL) == pytest.approx(1.0)
    extent_mm = np.sqrt(np.pi / 2.0) * sum(weight * sigma for weight, sigma in KERNEL)
    assert 10.0 < extent_mm < 20.0


def test_in_the_middle_of_a_wide_field_the_ratio_is_reached() -> None:
    primary = np.ones((500, 500), dtype=np.float32)
    field = scatter_field(primary, 0.5, 0.1)
    assert field[250, 250] == pytest.approx(0.1, rel=0.01)
    assert field[0, 250] == pytest.approx(0.05, rel=0.15)  # half the sources are missing
    assert field.max() <= 0.1 * (1 + 1e-5)


def test_a_point_spreads_and_keeps_its_energy() -> None:
    primary = np.zeros((600, 600), dtype=np.float32)
    primary[296:304, 296:304] = 1.0
    field = scatter_field(primary, 0.5, 0.2)
    assert field.sum() == pytest.approx(0.2 * primary.sum(), rel=0.02)
    assert field[300, 300] < 0.1 * 0.2


def test_air_does_not_scatter() -> None:
    body = np.zeros((300, 300))
    body[:, 150:] = 1.0
    field = scatter_field(np.ones((300, 300)), 0.5, 0.1, scattering=body)
    assert field[150, 40] < 0.3 * field[150, 260]


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 90), columns=st.integers(1, 90), pitch=st.sampled_from([0.05, 0.07, 0.1, 1.0, 3.0]))
def test_any_shape_comes_back_in_its_shape(rows: int, columns: int, pitch: float) -> None:
    field = scatter_field(np.ones((rows, columns)), pitch, 0.3)
    assert field.shape == (rows, columns)
    assert np.all((field > 0) & (field <= 0.3 * (1 + 1e-5)))


@settings(max_examples=50, deadline=None)
@given(height=st.floats(0.0, 300.0))
def test_shadows_grow_with_height(height: float) -> None:
    assert magnification(height) == pytest.approx(650.0 / (650.0 - height))
    assert focal_sigma_mm(height) == pytest.approx(0.3 * height / (650.0 - height) / np.sqrt(12.0))
    assert focal_sigma_mm(0.0) == 0.0
