"""What a physicist measures a detector with: a slanted edge and flat fields, on simulated images. Compute only."""

import numpy as np
from jaxtyping import Float

from mammoqa.physics import Detector, noise_power


def edge_map(size: int, angle_deg: float, dark: float, bright: float) -> Float[np.ndarray, "rows columns"]:
    """A straight edge through the centre, averaged over each pixel exactly; bright on the right.

    The covered area of a unit square cut by a nearly vertical line is the mean, over the square's height, of the
    clipped width; its integral over the height has a closed form.
    """
    slope = float(np.tan(np.deg2rad(angle_deg)))
    rows = np.arange(size)[:, None] - (size - 1) / 2.0
    columns = np.arange(size)[None, :] - (size - 1) / 2.0
    gap = columns - rows * slope  # from the edge to the pixel's centre, along the row
    low, high = gap + 0.5 - slope / 2.0, gap + 0.5 + slope / 2.0  # right border minus the edge at the pixel's ends
    share = (_ramp_integral(high) - _ramp_integral(low)) / slope
    return np.asarray(dark + (bright - dark) * share)


def _ramp_integral(x: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Integral of min(max(x, 0), 1)."""
    inside = np.clip(x, 0.0, 1.0)
    return np.asarray(0.5 * inside**2 + np.maximum(x - 1.0, 0.0))


def edge_mtf(
    image: Float[np.ndarray, "rows columns"], pitch_mm: float, oversampling: int = 8
) -> tuple[Float[np.ndarray, " frequencies"], Float[np.ndarray, " frequencies"]]:
    """Presampled MTF from a slanted, nearly vertical edge (IEC 62220-1-2): frequencies up to Nyquist, and the MTF.

    The edge's line is fitted to the rows' centroids of their derivative; all pixels are binned by their distance
    from it; the derivative of the binned edge is transformed, and the bin width and the difference divided out.
    """
    rows, columns = image.shape
    slope_image = np.abs(np.diff(image, axis=1))
    slope_image = np.where(slope_image > 0.1 * slope_image.max(), slope_image, 0.0)
    centroid = slope_image @ (np.arange(columns - 1) + 0.5) / slope_image.sum(axis=1)
    tilt, start = np.polyfit(np.arange(rows), centroid, 1)
    distance = (np.arange(columns)[None, :] - (start + tilt * np.arange(rows)[:, None])) * np.cos(np.arctan(tilt))
    reach = int(0.4 * columns)
    bins = np.floor((distance + reach) * oversampling).astype(int)
    valid = (bins >= 0) & (bins < 2 * reach * oversampling)
    count = np.bincount(bins[valid], minlength=2 * reach * oversampling)
    edge = np.bincount(bins[valid], weights=image[valid], minlength=count.size) / count
    line = np.diff(edge)
    frequency = np.fft.rfftfreq(line.size, pitch_mm / oversampling)
    spread = np.abs(np.fft.rfft(line))
    width = np.sinc(frequency * pitch_mm / oversampling) ** 2  # averaging within a bin, and the difference of two
    kept = frequency <= 0.5 / pitch_mm
    return frequency[kept], (spread / spread[0] / width)[kept]


def noise_spectrum(
    values: Float[np.ndarray, "rows columns"], pitch_mm: float, region: int = 256
) -> Float[np.ndarray, "region region"]:
    """NNPS in mm² by periodograms of half-overlapping regions (IEC 62220-1-2), zero frequency first."""
    total = np.zeros((region, region))
    count = 0
    for top in range(0, values.shape[0] - region + 1, region // 2):
        for left in range(0, values.shape[1] - region + 1, region // 2):
            part = values[top : top + region, left : left + region]
            total += np.abs(np.fft.fft2(part - values.mean())) ** 2
            count += 1
    return np.asarray(total * pitch_mm**2 / region**2 / count / values.mean() ** 2)


def expected_variance(of: Detector, kev_per_pixel: float, quantum_kev: float) -> float:
    """Variance (keV²) of a flat field by the model's equations: quantum, secondary, electronic and structure."""
    half = np.linspace(-0.5, 0.5, 201)[:-1] / of.pitch_mm
    passed = float(np.mean([noise_power(of, half, float(across)).mean() for across in half]))
    variance = kev_per_pixel * quantum_kev * passed + kev_per_pixel / of.secondary_per_kev + of.electronic_kev**2
    return float(variance * (1.0 + of.structure**2) + (of.structure * kev_per_pixel) ** 2)
