"""The database of analyses: what was read, every version of what was found, and who signed it off.

store = open_store("sqlite:///mammoqa.db")
identity = store.save(analysis)
store.history(store.units()[0], "fibres")
"""

from mammoqa.store.records import AnalysisId, HistoryPoint, SignOff, StoredAnalysis, Unit
from mammoqa.store.schema import SCHEMA_VERSIONS, upgrade
from mammoqa.store.store import Store, open_store

__all__ = [
    "SCHEMA_VERSIONS",
    "AnalysisId",
    "HistoryPoint",
    "SignOff",
    "Store",
    "StoredAnalysis",
    "Unit",
    "open_store",
    "upgrade",
]
