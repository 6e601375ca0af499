"""Matrices of cdcom become an Analysis, decisions become matrices, and a damaged pair is refused with what to do."""

import numpy as np
import pytest

from mammoqa.core import Outcome, ReasonCode
from mammoqa.jobs.cdcom_series import analyse_matrices, write_matrices
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdcom_matrices import write_matrix
from mammoqa.stats.psychometric import chance_of_four


@pytest.fixture
def series(tmp_path):
    """Three images of a good unit, by known chances."""
    rng = np.random.default_rng(0)
    chances = np.full((16, 16), -1.0)
    for cell in PHANTOMS["cdmam34"].cells:
        chances[cell.row, cell.column] = chance_of_four(np.array(60.0 * cell.thickness_um * cell.diameter_mm**1.2))
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        for file in ("matrix.inp", "MATRIX2.INP"):
            decided = np.where(chances < 0, -1, rng.random((16, 16)) < chances).astype(np.int64)
            (tmp_path / name / file).write_text(write_matrix(decided))
    return tmp_path


def test_a_series_is_pooled_and_judged(series):
    found = analyse_matrices(series)
    assert found.verdict.outcome in {Outcome.PASS, Outcome.FAIL}
    assert found.contrast_detail.corner.shape == (3, 16, 16)
    assert len(found.sources) == 3
    assert any("cdcom" in note for note in found.notes)
    assert {m.name for m in found.measurements} >= {"threshold_0.10_mm", "iqf"}


def test_what_is_written_reads_the_same(series, tmp_path):
    found = analyse_matrices(series)
    made = write_matrices(found, tmp_path / "out")
    assert len(made) == 6
    again = analyse_matrices(tmp_path / "out")
    assert again.contrast_detail.corner.tolist() == found.contrast_detail.corner.tolist()
    assert again.contrast_detail.centre.tolist() == found.contrast_detail.centre.tolist()


def test_what_is_no_series_is_refused(series, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert analyse_matrices(empty).verdict.reason_code is ReasonCode.NOT_FOUND
    (series / "b" / "matrix.inp").write_text("1 2 3\n")
    refused = analyse_matrices(series)
    assert refused.verdict.reason_code is ReasonCode.DAMAGED_FILE
    assert "b/matrix.inp" in refused.verdict.reason
    assert write_matrices(refused, tmp_path / "none") == ()
