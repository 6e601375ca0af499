"""Where analyses go: a folder of reports, the database."""

import json
import re
from pathlib import Path
from time import perf_counter

from mammoqa.core import Analysis, ConfigurationError
from mammoqa.jobs.analyse import with_step


class ReportFolder:
    """Writes JSON, HTML and PDF of each analysis into one folder, under names that tell the inputs apart."""

    def __init__(self, folder: Path, overview: str | None = None) -> None:
        self.folder = folder
        self._overview = overview  # address of a page that the reports link back to
        self._names: set[str] = set()
        make_folder(folder)

    def add(self, analysis: Analysis) -> Path:
        """Write the three files; the path of the HTML page."""
        from mammoqa import report

        start = perf_counter()
        stem = self.folder / self._name(analysis)
        options = report.Options(overview=self._overview)
        page, sheet = report.html(analysis, options), report.pdf(analysis, options)
        analysis = with_step(analysis, "report", perf_counter() - start)
        _suffixed(stem, "json").write_text(json.dumps(report.saved(analysis)), encoding="utf-8")
        _suffixed(stem, "html").write_text(page, encoding="utf-8")
        _suffixed(stem, "pdf").write_bytes(sheet)
        return _suffixed(stem, "html")

    def _name(self, analysis: Analysis) -> str:
        """The input's file name, made safe for file systems, and a number where that name was already used."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(analysis.path).stem).strip("._") or "image"
        number, name = 1, plain
        while name in self._names:
            number += 1
            name = f"{plain}-{number}"
        self._names.add(name)
        return name


def _suffixed(stem: Path, suffix: str) -> Path:
    """`with_suffix` would cut a name such as 1.2.840 short."""
    return stem.with_name(f"{stem.name}.{suffix}")


def make_folder(folder: Path) -> None:
    """The folder, with those above it; ConfigurationError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}") from error


def store_url(text: str) -> str:
    """A database URL as it is; anything else is the path of an SQLite file."""
    return text if "://" in text else f"sqlite:///{Path(text).expanduser().resolve()}"
