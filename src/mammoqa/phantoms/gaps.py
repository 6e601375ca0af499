"""Where nothing lies between the inserts of a phantom that has them on a regular grid."""

import numpy as np
from jaxtyping import Float

from mammoqa.core import Phantom

_ALONE_MM = 10.0  # away from a single row or column there is nothing either


def gaps_mm(phantom: Phantom) -> Float[np.ndarray, "n 2"]:
    """Centres (x, y) of the object-free squares between neighbouring inserts, each in the middle of four."""
    lines = [np.unique([insert.centre_mm[axis] for insert in phantom.inserts]) for axis in (0, 1)]
    x, y = ((at[1:] + at[:-1]) / 2 if len(at) > 1 else np.array([at[0] - _ALONE_MM, at[0] + _ALONE_MM]) for at in lines)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
