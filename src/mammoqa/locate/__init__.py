"""Where a phantom lies in an image, which way up and how large."""

from mammoqa.locate.acr156 import locate_acr156
from mammoqa.locate.patches import patches, upright

LOCATORS = {"acr156": locate_acr156}

__all__ = ["LOCATORS", "locate_acr156", "patches", "upright"]
