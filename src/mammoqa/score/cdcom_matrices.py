"""The matrices of the usual reader, cdcom, read and written, so that a clinic can carry on with its old series.

One image gives two text files: matrix.inp for the corners and matrix2.inp for the centres, a line a diameter from the
largest down, a number a thickness from the thinnest up: 1 hit, 2 miss, -1 no such cell. Numbers are separated by blanks
or tabs; how many is not known to matter.
"""

import numpy as np
from jaxtyping import Int

from mammoqa.core import ReasonCode, ScoreError

CORNER_FILE, CENTRE_FILE = "matrix.inp", "matrix2.inp"
_MEANING = {1: 1, 2: 0, -1: -1}


def read_matrix(text: str, used: Int[np.ndarray, "rows columns"] | None = None) -> Int[np.ndarray, "rows columns"]:
    """Decisions (1 hit, 0 miss, -1 no such cell) from the text of a matrix; `used` is a matrix with the cells wanted.

    Raises ScoreError (DAMAGED_FILE) where the text is no such matrix or has other cells.
    """
    rows = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    try:
        found = np.array([[_MEANING[int(float(word))] for word in row] for row in rows], dtype=np.int64)
    except (ValueError, KeyError) as error:
        raise _damaged("a matrix holds lines of equal length of the numbers 1, 2 and -1") from error
    if found.ndim != 2 or (used is not None and found.shape != used.shape):
        raise _damaged(f"its shape is {found.shape}, a matrix of CDMAM 3.4 has 16 lines of 16 numbers")
    if used is not None and np.any((found < 0) != (used < 0)):
        raise _damaged("it has other cells than the phantom: is it of another version, or transposed?")
    return found


def write_matrix(decisions: Int[np.ndarray, "rows columns"]) -> str:
    """The text of a matrix from decisions (1 hit, 0 miss, -1 no such cell)."""
    written = np.where(decisions < 0, -1, np.where(decisions == 1, 1, 2))
    return "\n".join(" ".join(f"{value:2d}" for value in row) for row in written) + "\n"


def _damaged(why: str) -> ScoreError:
    return ScoreError(ReasonCode.DAMAGED_FILE, f"This is not a matrix of cdcom: {why}. Export it again.")
