"""Every phantom that mammoqa knows, as data. A new one is one file and one line here."""

from types import MappingProxyType

from mammoqa.core import Phantom
from mammoqa.phantoms.acr156 import ACR156
from mammoqa.phantoms.acr_ct464 import ACR_CT464
from mammoqa.phantoms.acr_dm import ACR_DM
from mammoqa.phantoms.acr_mri_large import ACR_MRI_LARGE
from mammoqa.phantoms.cdmam34 import CDMAM34
from mammoqa.phantoms.mammo_flat import MAMMO_FLAT

PHANTOMS: MappingProxyType[str, Phantom] = MappingProxyType(
    {p.name: p for p in (ACR156, ACR_CT464, ACR_DM, ACR_MRI_LARGE, CDMAM34, MAMMO_FLAT)}
)

__all__ = ["PHANTOMS"]
