"""cdcom's matrices, read and written."""

import json

import numpy as np
import pytest

from mammoqa.core import ReasonCode, ScoreError
from mammoqa.phantoms import PHANTOMS
from mammoqa.score.cdcom_matrices import read_matrix, write_matrix
from mammoqa.score.cdmam34 import decisions

USED = decisions(np.zeros(205, bool), PHANTOMS["cdmam34"])


def test_there_and_back():
    drawn = np.where(USED < 0, -1, np.random.default_rng(0).integers(0, 2, USED.shape))
    text = write_matrix(drawn)
    assert len(text.splitlines()) == 16
    assert set(text.split()) == {"1", "2", "-1"}
    assert np.array_equal(read_matrix(text, USED), drawn)
    assert np.array_equal(read_matrix(text.replace(" ", "\t").replace("\n", "\r\n"), USED), drawn)


def test_cdcoms_own_answers(shared_data):
    said = json.loads((shared_data / "cdmam34_independent" / "cdcom_1.5.2.json").read_text("utf-8"))
    for answer in said.values():
        text = "\n".join(" ".join(map(str, row)) for row in answer["corner"])
        found = read_matrix(text, USED)
        assert (found == 1).sum() == sum(value == 1 for row in answer["corner"] for value in row)


@pytest.mark.parametrize("text", ["", "1 2\n1\n", "1 3\n", "a b\n", "1 2\n2 1\n", write_matrix(USED.T[::-1])])
def test_other_text_is_refused(text):
    with pytest.raises(ScoreError) as caught:
        read_matrix(text, USED)
    assert caught.value.code is ReasonCode.DAMAGED_FILE
