"""Geometric unsharpness: the focal spot seen through an object above the detector."""

import numpy as np


def magnification(height_mm: float, sid_mm: float = 650.0) -> float:
    """Size in the detector plane over size in a plane `height_mm` above it."""
    return sid_mm / (sid_mm - height_mm)


def focal_sigma_mm(height_mm: float, sid_mm: float = 650.0, focal_mm: float = 0.3) -> float:
    """Standard deviation, in the detector plane, of the shadow blur for something `height_mm` above the detector.

    The spot is a uniform square of side `focal_mm` (IEC 60336 allows a nominal 0.3 to be up to 0.45 x 0.65 mm;
    recalled). Its shadow is a uniform square of side focal_mm (M - 1), of standard deviation side / sqrt(12); noise.py
    uses a Gaussian of that width.
    """
    return focal_mm * (magnification(height_mm, sid_mm) - 1.0) / float(np.sqrt(12.0))
