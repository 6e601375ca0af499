"""Other explanations of a contrast-detail curve, to compare with OMIG (Amanova et al. 2022, section 2.3.1).

Each takes `Slopes` (see `omig`) and images [n, rows, columns], and gives maps of the same shape. There are two kinds:

- directions (OMIG, sensitivity): positive where a brighter pixel would lower the curve's midpoint;
- contributions (occlusion, integrated gradients, relevance): positive where what the pixel has, beyond the `baseline`
  (zero, the mean of the training images, where none is given), keeps the midpoint low.

A direction times what the pixel has beyond the baseline is a contribution, too (`contribution`).
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from mammoqa.explain.omig import Images, Slopes, midpoint, omig


def sensitivity(slopes: Slopes, x: Images) -> Images:
    """Sensitivity analysis: the gradient -R(x) of the negative midpoint. One gradient an image."""
    return np.asarray(-slopes(x)[1], np.float32)


def occlusion(slopes: Slopes, x: Images, window_px: int = 25) -> Images:
    """How far the midpoint rises when a square is set to 0, shared out over its pixels (Zeiler and Fergus 2014).

    The paper occludes single pixels (`window_px` 1), which takes a run of the network for each. Squares do not overlap.
    """
    before = midpoint(slopes(x)[0])
    found = np.zeros(x.shape, np.float32)
    for top in range(0, x.shape[1], window_px):
        for left in range(0, x.shape[2], window_px):
            square = np.s_[:, top : top + window_px, left : left + window_px]
            hidden = x.copy()
            hidden[square] = 0.0
            rise = (midpoint(slopes(hidden)[0]) - before) / hidden[square][0].size
            found[square] = rise[:, None, None]
    return found


def integrated_gradients(slopes: Slopes, x: Images, steps: int = 50, baseline: Images | None = None) -> Images:
    """Integrated gradients (Sundararajan et al. 2017), by the middle of each of `steps` parts of the way.

    Their sum is midpoint(baseline) - midpoint(x), but for the steps' width.
    """
    start = np.zeros_like(x) if baseline is None else baseline
    return contribution(straight_direction(slopes, x, start, steps), x - start)


def straight_direction(slopes: Slopes, x: Images, baseline: Images, steps: int) -> Images:
    """The mean of -R on the straight way from the baseline to x, at the middle of each of `steps` parts."""
    total = np.zeros(x.shape, np.float64)
    for k in range(steps):
        total -= slopes(np.asarray(baseline + (x - baseline) * np.float32((k + 0.5) / steps)))[1]
    return np.asarray(total / steps, np.float32)


def contribution(direction: Images, beyond: Images) -> Images:
    """What a direction says of each pixel's part in keeping the midpoint low, from what it has beyond the baseline."""
    return np.asarray(direction * beyond, np.float32)


def relevance(slopes: Slopes, x: Images) -> Images:
    """Layer-wise relevance propagation by its basic rule (Bach et al. 2015, LRP-0), as -x * R(x).

    For networks of linear layers, ReLU and max pooling, such as the paper's at run time, that is an identity: where a
    unit is active its value equals its weighted sum with bias, so relevance over value passes through the layers just
    as the gradient does (Ancona et al. 2018). Rules that treat layers differently (gamma, alpha-beta) need the layers
    and are not offered.
    """
    return np.asarray(-x * slopes(x)[1], np.float32)


CURVE_METHODS: MappingProxyType[str, Callable[[Slopes, Images], Images]] = MappingProxyType(
    {
        "omig": omig,
        "sensitivity": sensitivity,
        "occlusion": occlusion,
        "integrated-gradients": integrated_gradients,
        "relevance": relevance,
    }
)
