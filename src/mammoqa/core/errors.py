"""What can go wrong, as one tree.

MammoqaError
├── ConfigurationError        a setting, argument or installation is wrong (the user can mend it; exit status 2)
│   └── MissingExtraError     a part that was not installed is needed
├── RefusalError              an input cannot be analysed; carries a `ReasonCode`. `jobs` turns it into REFUSED
│   ├── DicomError            the file is not a readable image
│   ├── IdentifyError         no known phantom, or not a phantom at all
│   ├── LocateError           the phantom is there but cannot be placed with confidence
│   └── ScoreError            placed, but the reading is not possible (clipped, incomplete stack ...)
├── ModelError                a network artefact is missing, damaged or does not fit its card
├── StoreError                the database cannot be read or written
│   └── NotStoredError        what was asked for is not in the database
└── ReportError               a page or sheet cannot be set
"""

from mammoqa.core.result import ReasonCode


class MammoqaError(Exception):
    """Anything that mammoqa raises on purpose."""


class ConfigurationError(MammoqaError):
    """A setting, argument or installation is wrong."""


class MissingExtraError(ConfigurationError):
    """An optional part is needed; the message names the command that installs it."""


class RefusalError(MammoqaError):
    """An input that cannot be analysed, with the reason in words a person can act on."""

    def __init__(self, code: ReasonCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class DicomError(RefusalError):
    """The file is not a readable image."""


class IdentifyError(RefusalError):
    """The image shows no known phantom, or none at all."""


class LocateError(RefusalError):
    """The phantom cannot be placed with confidence."""


class ScoreError(RefusalError):
    """The phantom is placed, but this reading of it is not possible."""


class ModelError(MammoqaError):
    """A network artefact is missing, damaged or does not fit its card."""


class StoreError(MammoqaError):
    """The database cannot be read or written."""


class NotStoredError(StoreError):
    """What was asked for is not in the database."""


class ReportError(MammoqaError):
    """A page or sheet cannot be set."""
