"""Passwords: argon2id hashes with the library's current parameters, and rules that NIST SP 800-63B gives (recalled)."""

import secrets
from functools import cache
from typing import TYPE_CHECKING

from mammoqa.core import ConfigurationError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """A hash to compare with where there is no such account, so that the time tells nothing."""
    return _hasher().hash(secrets.token_urlsafe())


def hashed(password: str, name: str = "") -> str:
    """The hash to keep; ConfigurationError for a password that is too short or too simple."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ConfigurationError(f"a password has {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 5 or (name and name.lower() in password.lower()):
        raise ConfigurationError("this password is too simple: take one that is no name and no row of a few signs")
    return _hasher().hash(password)


def right(password: str, kept: str | None) -> bool:
    """Whether a password is that of the hash; takes as long where there is none."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(kept or _nobody(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def secret() -> str:
    """A random secret of 256 bits for a cookie, a token or a form."""
    return secrets.token_urlsafe(32)
