"""Image quality assurance for mammography, with CT and MRI phantoms beside it."""

__version__ = "0.1.0"
