"""Where a phantom lies in an image, which way up and how large; and which phantom it is."""

from mammoqa.locate.acr156 import locate_acr156
from mammoqa.locate.acr_ct import locate_acr_ct
from mammoqa.locate.acr_dm import locate_acr_dm, mean_image
from mammoqa.locate.acr_mri import locate_acr_mri
from mammoqa.locate.cdmam34 import locate_cdmam34
from mammoqa.locate.identify import Sighting, identify, sight
from mammoqa.locate.mammo_flat import locate_mammo_flat
from mammoqa.locate.patches import between, patches, upright

LOCATORS = {
    "acr156": locate_acr156,
    "acr_ct464": locate_acr_ct,
    "acr_dm": locate_acr_dm,
    "acr_mri_large": locate_acr_mri,
    "cdmam34": locate_cdmam34,
    "mammo_flat": locate_mammo_flat,
}

__all__ = [
    "LOCATORS",
    "Sighting",
    "between",
    "identify",
    "locate_acr156",
    "locate_acr_ct",
    "locate_acr_dm",
    "locate_acr_mri",
    "locate_cdmam34",
    "locate_mammo_flat",
    "mean_image",
    "patches",
    "sight",
    "upright",
]
