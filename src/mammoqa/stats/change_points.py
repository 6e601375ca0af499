"""Change points of a series by PELT (Killick et al. 2012, JASA 107:1590), through ruptures."""

from types import ModuleType

import numpy as np
from jaxtyping import Float

from mammoqa.core import MissingExtraError

PENALTY_FACTOR = (
    3.0  # times log n, in variances: for a change of mean with sigma known, BIC asks for 2 (a choice above)
)


def change_points(values: Float[np.ndarray, " n"], sigma: float, min_size: int = 3) -> tuple[int, ...]:
    """Indices of the first reading of each new level, in readings of standard deviation `sigma`; MissingExtraError."""
    if len(values) < 2 * min_size or sigma <= 0.0:
        return ()
    ruptures = _ruptures()
    signal = (values / sigma).reshape(-1, 1)
    found = (
        ruptures.Pelt(model="l2", min_size=min_size, jump=1).fit(signal).predict(PENALTY_FACTOR * np.log(len(values)))
    )
    return tuple(int(end) for end in found[:-1])


def _ruptures() -> ModuleType:
    try:
        import ruptures
    except ImportError as error:
        raise MissingExtraError("change points need ruptures: pip install 'mammoqa[service]'") from error
    return ruptures  # type: ignore[no-any-return]
