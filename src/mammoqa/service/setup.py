"""The one-time key of a service that has no accounts yet."""

import os
from pathlib import Path

from mammoqa.service.passwords import secret

_NAME = "setup.key"


def setup_secret(data: Path) -> str:
    """The key in the data folder, made on first use, for its owner's eyes only."""
    path = data / _NAME
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        made = secret()
        file.write(made)
    return made
