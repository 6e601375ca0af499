"""The reader's language: words from a catalogue, dates and numbers as they are written there.

Catalogues stand in service/locale/LANGUAGE/LC_MESSAGES/mammoqa.po, and compiled beside it; `make translations` brings
them up to date. What is stored stays as it was written: reasons, notes, names; so do JSON and DICOM.
"""

import gettext
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import get_decimal_symbol

from mammoqa.report import words

HERE = Path(str(resources.files("mammoqa.service")))
LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "de": "Deutsch"})
_LOCALES: Mapping[str, str] = MappingProxyType({"en": "en_GB", "de": "de_DE"})
_SIZES = ("B", "kB", "MB")


def N_(text: str) -> str:  # gettext's own name
    """The text itself, marked for the catalogue: it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Tongue:
    """One language."""

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations

    def say(self, text: str, **values: object) -> str:
        """A text in this language, with `%(name)s` filled in."""
        said = self.catalogue.gettext(text) if text else ""
        return said % values if values else said

    def day(self, at: date | None) -> str:
        """A date."""
        return "–" if at is None else str(format_date(at, "medium", self.locale))

    def when(self, at: datetime | None) -> str:
        """A moment to the minute."""
        return "–" if at is None else f"{format_date(at, 'medium', self.locale)}, {at:%H:%M}"

    def month(self, first: date) -> str:
        """A month with its year."""
        return str(format_datetime(datetime(first.year, first.month, 1), "MMMM y", locale=self.locale))

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with that many significant digits; "–" for none."""
        return self.local(words.number(value, digits))

    def fixed(self, value: float, places: int) -> str:
        """A number with that many decimals."""
        return self.local(f"{value:.{places}f}".replace("-", "−"))

    def local(self, text: str) -> str:
        """A text of numbers as the reports write them, with this language's decimal sign and little words."""
        mark = get_decimal_symbol(self.locale)
        said = re.sub(r"(?<=\d)\.(?=\d)", mark, text)
        return said.replace(" to ", f" {self.say('to')} ")

    def size(self, count: int) -> str:
        """Bytes for people."""
        value = float(count)
        for unit in _SIZES:
            if value < 1000:
                return f"{value:.0f} {unit}" if unit == "B" else self.local(f"{value:.1f} {unit}")
            value /= 1000
        return self.local(f"{value:.1f} GB")


@cache
def tongue(code: str) -> Tongue:
    """One of LANGUAGES; English for any other."""
    known = code if code in LANGUAGES else "en"
    catalogue = gettext.translation("mammoqa", HERE / "locale", languages=[known], fallback=True)
    return Tongue(known, Locale.parse(_LOCALES[known]), catalogue)


def chosen(wanted: str, accept: str) -> Tongue:
    """The person's own choice, else the first language of the browser's list that there is; English without any."""
    if wanted in LANGUAGES:
        return tongue(wanted)
    return tongue(next((code for code in _accepted(accept) if code in LANGUAGES), "en"))


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4); regions are left out."""
    found = []
    for place, part in enumerate(header[:1000].split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if weight > 0:
            found.append((-weight, place, name.split("-")[0].lower()))
    return [code for _, _, code in sorted(found)]


def _weight(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.\d{0,3})?", text) else 0.0
