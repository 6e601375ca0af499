"""What in an image the scores rest on, as a picture."""

from collections.abc import Iterable
from pathlib import Path

from mammoqa.core import Analysis, ConfigurationError, Outcome
from mammoqa.jobs.analyse import Options
from mammoqa.jobs.batch import analyse_paths


def check_request(path: Path, method: str, out: Path, known: Iterable[str]) -> None:
    """Raises ConfigurationError where the method is unknown or the picture cannot be written."""
    if method not in known:
        raise ConfigurationError(f"there is no method {method!r}; choose one of {', '.join(known)}")
    if out.suffix.lower() != ".png":
        raise ConfigurationError(f"{out}: the picture is a PNG; give --out a name that ends in .png")
    if path.exists() and not out.parent.is_dir():
        raise ConfigurationError(f"{out}: there is no folder {out.parent}; make the folder first")


def explain_file(path: Path, method: str, out: Path) -> Analysis:
    """Analyse one file and write the method's map, drawn over the image, as a PNG.

    Raises:
        ConfigurationError: no such method, `out` is no PNG in a folder that is there, the file was refused, or its
            phantom is not read by a network.
    """
    from PIL import Image

    from mammoqa.explain import METHODS
    from mammoqa.report.picture import saliency_overlay

    check_request(path, method, out, METHODS)
    analysis = next(iter(analyse_paths([path], Options(explain=method))))
    if analysis.verdict.outcome is Outcome.REFUSED:
        raise ConfigurationError(f"{path}: {analysis.verdict.reason}")
    picture = saliency_overlay(analysis)
    if picture is None:
        raise ConfigurationError(f"{path}: the phantom {analysis.phantom} is measured without a network to explain")
    try:
        Image.fromarray(picture).save(out, "PNG")
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error}") from error
    return analysis
