"""Every phantom that mammoqa knows, as data. A new one is one file and one line here."""

from types import MappingProxyType

from mammoqa.core import Phantom
from mammoqa.phantoms.acr156 import ACR156

PHANTOMS: MappingProxyType[str, Phantom] = MappingProxyType({p.name: p for p in (ACR156,)})

__all__ = ["PHANTOMS"]
