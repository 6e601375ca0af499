"""DICOMweb (PS3.18): STOW-RS, QIDO-RS and WADO-RS for what is stored."""

from fastapi import APIRouter

ROUTER = APIRouter(prefix="/dicomweb")
