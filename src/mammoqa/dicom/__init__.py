"""DICOM files to images and stacks, and simulated mammograms to DICOM files."""

from mammoqa.dicom.display import display
from mammoqa.dicom.gather import duplicate_note, files, gather
from mammoqa.dicom.read import read_file, read_projections
from mammoqa.dicom.write import write_mammogram

__all__ = ["display", "duplicate_note", "files", "gather", "read_file", "read_projections", "write_mammogram"]
