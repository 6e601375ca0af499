"""Mean glandular dose by the factors of Dance: MGD = K g c s.

K is the incident air kerma at the upper surface of the breast, without backscatter. Tables: g for a breast of 50 %
glandularity, g and c for PMMA that stands for a typical breast (Dance 1990, Phys Med Biol 35:1211; Dance et al. 2000,
45:3225; European guidelines, 4th edition 2006, tables A5.1 and A5.2); the numbers are recalled. s: Dance et al. 2000
and 2009 (54:4361), the first four confirmed in other sources; that W/Ag takes the single value 1.042 and W/Al one per
thickness was checked in the 2009 abstract, the W/Al row (0.7 mm) is recalled.
"""

from types import MappingProxyType

import numpy as np

from mammoqa.core import ConfigurationError
from mammoqa.physics.spectra import ANODES, FILTERS, Spectrum, air_kerma_mgy_per_mas, hvl_mm_al, symbol
from mammoqa.physics.transmission import Paths, Response

HVL_MM = (0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
BREAST_MM = (20.0, 30.0, 40.0, 45.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0)
G_BREAST = (
    (0.390, 0.433, 0.473, 0.509, 0.543, 0.573, 0.587),
    (0.274, 0.309, 0.342, 0.374, 0.406, 0.437, 0.466),
    (0.207, 0.235, 0.261, 0.289, 0.318, 0.346, 0.374),
    (0.183, 0.208, 0.232, 0.258, 0.285, 0.311, 0.339),
    (0.164, 0.187, 0.209, 0.232, 0.258, 0.287, 0.310),
    (0.135, 0.154, 0.172, 0.192, 0.214, 0.236, 0.261),
    (0.114, 0.130, 0.145, 0.163, 0.177, 0.202, 0.224),
    (0.098, 0.112, 0.126, 0.140, 0.154, 0.175, 0.195),
    (0.0859, 0.0981, 0.1106, 0.1233, 0.1357, 0.1543, 0.1723),
    (0.0763, 0.0873, 0.0986, 0.1096, 0.1207, 0.1375, 0.1540),
    (0.0687, 0.0786, 0.0887, 0.0988, 0.1088, 0.1240, 0.1385),
)
PMMA_MM = (20.0, 30.0, 40.0, 45.0, 50.0, 60.0, 70.0, 80.0)
PMMA_AS_BREAST_MM = (21.0, 32.0, 45.0, 53.0, 60.0, 75.0, 90.0, 103.0)
G_PMMA = (
    (0.378, 0.421, 0.460, 0.496, 0.529, 0.559, 0.585),
    (0.261, 0.294, 0.326, 0.357, 0.388, 0.419, 0.448),
    (0.183, 0.208, 0.232, 0.258, 0.285, 0.311, 0.339),
    (0.155, 0.177, 0.198, 0.220, 0.245, 0.272, 0.295),
    (0.135, 0.154, 0.172, 0.192, 0.214, 0.236, 0.261),
    (0.106, 0.121, 0.136, 0.152, 0.166, 0.189, 0.210),
    (0.086, 0.098, 0.111, 0.123, 0.136, 0.154, 0.172),
    (0.074, 0.085, 0.096, 0.106, 0.117, 0.133, 0.149),
)
C_PMMA = (
    (0.889, 0.895, 0.903, 0.908, 0.912, 0.917, 0.921),
    (0.940, 0.943, 0.945, 0.946, 0.949, 0.952, 0.953),
    (1.043, 1.041, 1.040, 1.039, 1.037, 1.035, 1.034),
    (1.109, 1.105, 1.102, 1.099, 1.096, 1.091, 1.088),
    (1.164, 1.160, 1.151, 1.150, 1.144, 1.139, 1.134),
    (1.254, 1.245, 1.235, 1.231, 1.225, 1.217, 1.207),
    (1.299, 1.292, 1.282, 1.275, 1.270, 1.260, 1.249),
    (1.307, 1.299, 1.292, 1.287, 1.283, 1.273, 1.262),
)
S_FACTOR: MappingProxyType[tuple[str, str], float] = MappingProxyType(
    {("Mo", "Mo"): 1.000, ("Mo", "Rh"): 1.017, ("Rh", "Rh"): 1.061, ("W", "Rh"): 1.042, ("W", "Ag"): 1.042}
)
S_TUNGSTEN_ALUMINIUM = (1.052, 1.064, 1.082, 1.094, 1.105, 1.123, 1.136, 1.142)  # 0.7 mm Al, by PMMA_AS_BREAST_MM


def s_factor(anode: str, filter_material: str, breast_mm: float) -> float:
    """The factor for the anode and filter; ConfigurationError for a pair that has none."""
    pair = (symbol(anode, ANODES), symbol(filter_material, FILTERS))
    if pair == ("W", "Al"):
        return float(np.interp(breast_mm, PMMA_AS_BREAST_MM, S_TUNGSTEN_ALUMINIUM))
    if pair not in S_FACTOR:
        raise ConfigurationError(f"no s factor is published for {pair[0]}/{pair[1]}")
    return S_FACTOR[pair]


def _look_up(
    table: tuple[tuple[float, ...], ...], thicknesses_mm: tuple[float, ...], thickness_mm: float, hvl_mm: float
) -> float:
    """Linear in HVL (continued by the outermost slope) and linear in the logarithm over thickness."""
    if not thicknesses_mm[0] <= thickness_mm <= thicknesses_mm[-1]:
        raise ConfigurationError(
            f"{thickness_mm:g} mm is outside the dose tables ({thicknesses_mm[0]:g} to {thicknesses_mm[-1]:g} mm)"
        )
    if not 0.20 <= hvl_mm <= 0.85:
        raise ConfigurationError(f"a half-value layer of {hvl_mm:.2f} mm Al is too far outside the dose tables")
    values = np.array(table)
    low = int(np.clip(np.searchsorted(HVL_MM, hvl_mm) - 1, 0, len(HVL_MM) - 2))
    share = (hvl_mm - HVL_MM[low]) / (HVL_MM[low + 1] - HVL_MM[low])
    at_hvl = values[:, low] + share * (values[:, low + 1] - values[:, low])
    return float(np.exp(np.interp(thickness_mm, thicknesses_mm, np.log(at_hvl))))


def mean_glandular_dose_mgy(
    kerma_mgy: float, hvl_mm: float, anode: str, filter_material: str, breast_mm: float = 42.0
) -> float:
    """Dose to a breast of 50 % glandularity (c = 1); 42 mm is the breast that the ACR phantom stands for."""
    g = _look_up(G_BREAST, BREAST_MM, breast_mm, hvl_mm)
    return kerma_mgy * g * s_factor(anode, filter_material, breast_mm)


def pmma_dose_mgy(kerma_mgy: float, hvl_mm: float, anode: str, filter_material: str, pmma_mm: float) -> float:
    """Dose to the typical breast that `pmma_mm` of PMMA stands for (European guidelines)."""
    g = _look_up(G_PMMA, PMMA_MM, pmma_mm, hvl_mm)
    c = _look_up(C_PMMA, PMMA_MM, pmma_mm, hvl_mm)
    breast_mm = float(np.interp(pmma_mm, PMMA_MM, PMMA_AS_BREAST_MM))
    return kerma_mgy * g * c * s_factor(anode, filter_material, breast_mm)


def dose_per_mas_mgy(beam: Spectrum, breast_mm: float = 42.0, sid_mm: float = 650.0, support_mm: float = 20.0) -> float:
    """Mean glandular dose per mAs; `beam` includes the paddle, the breast lies `support_mm` above the detector."""
    kerma = air_kerma_mgy_per_mas(beam, sid_mm - support_mm - breast_mm)
    return mean_glandular_dose_mgy(kerma, hvl_mm_al(beam), beam.anode, beam.filter_material, breast_mm)


def mas_for_dose(
    target_mgd_mgy: float, beam: Spectrum, breast_mm: float = 42.0, sid_mm: float = 650.0, support_mm: float = 20.0
) -> float:
    """Tube load that gives a mean glandular dose (an exposure control that aims at dose)."""
    return target_mgd_mgy / dose_per_mas_mgy(beam, breast_mm, sid_mm, support_mm)


def mas_for_signal(response: Response, path_mm: Paths, target_kev_per_mm2: float, ratio: float = 0.0) -> float:
    """Tube load that gives the detector a target absorbed energy behind the paths, scatter at `ratio` included."""
    return target_kev_per_mm2 / (float(np.mean(response.signal(path_mm))) * (1.0 + ratio))
