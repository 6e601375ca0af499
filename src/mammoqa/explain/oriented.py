"""OMIG between an image and its background: where the evidence for a low contrast-detail curve lies.

OMIG (Amanova et al. 2022) leaves the image along the gradient, towards what would lower the curve, wherever that leads.
Which pixels hold the curve down now is another question: it is asked between the image and a background without discs.
The path here keeps OMIG's idea, that the gradient itself orients it, but every pixel moves between these two only, at
once, and those that hold most evidence move first. It is walked from both ends: evidence is taken out of the image, and
put into the background. Gradients are averaged over its stops, as along the paths of OMIG and of integrated gradients
(Sundararajan et al. 2017); a straight path weakens all discs together and never meets an image in which the clearest
discs are gone and the others are as they were (compare Kapishnikov et al. 2021, guided integrated gradients).
"""

import numpy as np
from jaxtyping import Bool

from mammoqa.explain.omig import Images, Slopes

STOPS = (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # shares of the pixels that have moved; a choice


def oriented_direction(
    slopes: Slopes, x: Images, baseline: Images, beyond: Images, stops: tuple[float, ...] = STOPS
) -> Images:
    """The mean of -R along the oriented path; costs two gradients an image for each stop.

    Times `beyond`, it is a map of contributions: positive where what a pixel has keeps the midpoint low.

    Args:
        slopes: the model.
        x: images.
        baseline: the same images without what is to be explained.
        beyond: what each pixel has beyond the baseline, such as x - baseline or its mean at the scale of a disc.
        stops: rising shares of the pixels, from 0.
    """
    total = np.zeros(x.shape, np.float64)
    for share in stops:
        moved = _first(np.asarray(total * beyond, np.float32), round(share * x[0].size))
        for image in (np.where(moved, baseline, x), np.where(moved, x, baseline)):
            total -= slopes(image)[1]
    return np.asarray(total / (2 * len(stops)), np.float32)


def _first(evidence: Images, count: int) -> Bool[np.ndarray, "n rows columns"]:
    """The `count` pixels of each image with most evidence, but none that has no evidence for a low curve."""
    flat = evidence.reshape(len(evidence), -1)
    if count == 0:
        return np.zeros(evidence.shape, bool)
    least = np.partition(flat, flat.shape[1] - count, axis=1)[:, flat.shape[1] - count]
    return np.asarray((evidence >= least[:, None, None]) & (evidence > 0.0))
