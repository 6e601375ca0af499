"""The length of one ramp: a box with soft ends on a sloping floor, fitted to the signal along it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage, optimize, special

_LEAST_CONTRAST = 4.0  # ramp signal over its scatter, below which a ramp is not read
_LEVEL_DOUBT = 0.05  # the half level is uncertain by this part of the ramp's signal (plateau and floor are not flat)
_LENGTHS_MM = (8.0, 150.0)
_REACH_MM = 84.0


@dataclass(frozen=True, slots=True)
class Ramp:
    """A ramp as read: its ends at half of its signal, the standard error of its length, signal and scatter."""

    left_mm: float
    right_mm: float
    error_mm: float
    signal: float
    scatter: float

    @property
    def length_mm(self) -> float:
        """Length at half of the signal."""
        return self.right_mm - self.left_mm


def fit_ramp(x_mm: Float[np.ndarray, " n"], profile: Float[np.ndarray, " n"]) -> Ramp | None:
    """Fit by robust least squares; None where no ramp stands out from its scatter or an end is not seen.

    The standard error joins the fit's covariance with the doubt about the half level.
    """
    floor = float(np.percentile(profile, 20))
    signal = float(np.percentile(profile, 97)) - floor
    if signal <= 0:
        return None
    scaled = (profile - floor) / signal
    left, right = _rough_ends(x_mm, scaled)
    bounds = ([-_REACH_MM, -_REACH_MM, 1.0, 0.3, -1.0, -2.0], [_REACH_MM, _REACH_MM, 60.0, 10.0, 1.0, 2.0])

    def misfit(p: Float[np.ndarray, "6"]) -> Float[np.ndarray, " n"]:
        return np.asarray(_model(p, x_mm) - scaled)

    fit = optimize.least_squares(
        misfit,
        np.array([left, right, 8.0, 1.0, 0.0, 0.0]),
        bounds=bounds,
        x_scale=np.array([10.0, 10.0, 5.0, 1.0, 0.1, 0.1]),
        loss="soft_l1",
        f_scale=0.1,
        max_nfev=60,
    )
    parameters = np.asarray(fit.x, dtype=np.float64)
    scatter = float(np.std(_model(parameters, x_mm) - scaled))
    ends = _ends(parameters)
    if ends is None or ends[2] < _LEAST_CONTRAST * scatter or not _LENGTHS_MM[0] < ends[1] - ends[0] < _LENGTHS_MM[1]:
        return None
    jacobian = np.asarray(fit.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * scatter**2
    error = float(np.hypot(_fit_error(parameters, covariance), _level_error(parameters)))
    return Ramp(ends[0], ends[1], error, ends[2] * signal, scatter * signal)


def _rough_ends(x_mm: Float[np.ndarray, " n"], scaled: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The longest stretch above half of the smoothed signal."""
    labels, count = ndimage.label(ndimage.uniform_filter1d(scaled, 7) > 0.5)
    if count == 0:
        return -25.0, 25.0
    longest = np.flatnonzero(labels == 1 + int(np.argmax(np.bincount(labels)[1:])))
    left, right = float(x_mm[longest[0]]), float(x_mm[longest[-1]])
    return (left, right) if right - left > 5.0 else ((left + right) / 2 - 20.0, (left + right) / 2 + 20.0)


def _model(p: Float[np.ndarray, "6"], x_mm: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    left, right, softness, signal, floor, slope = p
    box = special.erf((x_mm - left) / softness) - special.erf((x_mm - right) / softness)
    return np.asarray(floor + slope * x_mm / 100.0 + 0.5 * signal * box)


def _ends(p: Float[np.ndarray, "6"], level: float = 0.5) -> tuple[float, float, float] | None:
    """Where the fitted ramp, without its floor, falls to `level` of its largest value; and that value."""
    x = np.linspace(-90.0, 90.0, 1801)
    curve = _model(np.array([p[0], p[1], p[2], p[3], 0.0, 0.0]), x)
    top = int(np.argmax(curve))
    wanted = float(curve[top]) * level
    if wanted <= 0 or curve[0] > wanted or curve[-1] > wanted:
        return None
    left = float(np.interp(wanted, curve[: top + 1], x[: top + 1]))
    right = float(np.interp(-wanted, -curve[top:], x[top:]))
    return left, right, float(curve[top])


def _length(p: Float[np.ndarray, "6"], level: float = 0.5) -> float:
    ends = _ends(p, level)
    return float("nan") if ends is None else ends[1] - ends[0]


def _fit_error(p: Float[np.ndarray, "6"], covariance: Float[np.ndarray, "6 6"]) -> float:
    """Standard error of the length, by the gradient of the length over the parameters."""
    steps = np.array([0.05, 0.05, 0.05, 0.01, 0.01, 0.01])
    gradient = np.array([(_length(p + step) - _length(p)) / step.sum() for step in np.diag(steps)])
    return float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))


def _level_error(p: Float[np.ndarray, "6"]) -> float:
    """Half of the change of length over the doubtful range of levels, as of a uniform distribution."""
    return (_length(p, 0.5 - _LEVEL_DOUBT) - _length(p, 0.5 + _LEVEL_DOUBT)) / 2.0 / float(np.sqrt(3.0))
