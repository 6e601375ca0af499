"""Phantom and exposure to an image and its truth; simulated readers; simulated archives."""

from mammoqa.simulate.expose import Simulated, Truth, expose
from mammoqa.simulate.exposure import SOUND, Exposure, Faults, Letter, ObjectState

__all__ = ["SOUND", "Exposure", "Faults", "Letter", "ObjectState", "Simulated", "Truth", "expose"]
