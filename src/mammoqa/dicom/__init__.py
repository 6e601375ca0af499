"""DICOM files to images and stacks, and simulated mammograms to DICOM files."""

from mammoqa.dicom.display import display
from mammoqa.dicom.gather import gather
from mammoqa.dicom.read import read_file
from mammoqa.dicom.write import write_mammogram

__all__ = ["display", "gather", "read_file", "write_mammogram"]
