"""`mammoqa validate cdmam-ensemble`: CDMAM from one image, scenarios 1 to 4 and OOD of Amanova et al. 2022.

    mammoqa validate cdmam-ensemble --paper runs/cdmam34_small/artefact
    mammoqa validate cdmam-ensemble --images 8 --foreign 8        (minutes)

Writes docs/validation/cdmam_ensemble.md. Exit status 1 when an aim is missed.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import numpy as np

import mammoqa
from mammoqa.jobs import validate_cdmam_ensemble as suite
from mammoqa.jobs import validate_cdmam_families as families
from mammoqa.jobs.cdmam34_single import cells_model
from mammoqa.jobs.validate_cdmam_ensemble_page import (
    CONVENTION,
    KNOWN,
    ONE_CONVENTION,
    OURS,
    PAPER,
    POOLED,
    Context,
    Results,
    aims,
    page,
)
from mammoqa.jobs.validate_cdmam_paper import PaperReadings, load_readings
from mammoqa.models.cdmam_cells import CellsModel
from mammoqa.models.cdmam_ensemble import Ensemble, load_ensemble
from mammoqa.phantoms import PHANTOMS

COMMAND = ("mammoqa", "validate", "cdmam-ensemble")
ROOT = Path(__file__).resolve().parents[1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, metavar="DIR", help="a single-image reading; the shipped one by default")
    parser.add_argument("--paper", type=Path, metavar="DIR", help="an ensemble of the paper's kind, or its readings")
    parser.add_argument("--images", type=int, default=48, metavar="N", help="of each scenario (48)")
    parser.add_argument("--foreign", type=int, default=36, metavar="N", help="out of distribution (36)")
    parser.add_argument("--units", type=int, default=40, metavar="N", help="invented, of reserved families (40)")
    parser.add_argument("--seed", type=int, default=34, metavar="S", help="of the simulated images (34)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what was simulated there, and use it again")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "cdmam34_independent")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    model, phantom = cells_model(chosen.model), PHANTOMS["cdmam34"]
    paper = _of_paper(chosen.paper)
    scenes = suite.scenes_of(suite.NAMES, chosen.images, chosen.foreign, chosen.seed, chosen.keep)
    lines, apart, flagged = [], [], []
    strange: dict[str, dict[str, np.ndarray]] = {OURS: {}, PAPER: {}}
    for scene in scenes:
        pooled = suite.pooled(scene, phantom)
        ways = {
            OURS: suite.by_cells(scene, model),
            CONVENTION: suite.by_convention(scene, suite.GROUP, phantom),
            ONE_CONVENTION: suite.by_convention(scene, 1, phantom, resamples=100),
        }
        if paper is not None:
            ways[PAPER] = suite.by_paper(scene, paper)
            lines.append(suite.line(scene.name, PAPER, POOLED, ways[PAPER], pooled))
        for way, found in ways.items():
            lines.append(suite.line(scene.name, way, KNOWN, found, scene.known_um))
            if way in strange:
                strange[way][scene.name] = found.strange
        lines.append(suite.line(scene.name, OURS, POOLED, ways[OURS], pooled))
        ratio = np.log(pooled / scene.known_um)
        apart.append((scene.name, float(ratio.mean()), float(ratio.std())))
        flagged.append((scene.name, float((ways[OURS].strange > model.card.farthest).mean())))
        print(lines[-2 - (paper is not None) - 2], flush=True)
    aucs = [
        (way, suite.auc(np.concatenate([v for k, v in by.items() if k != suite.OOD]), by[suite.OOD]))
        for way, by in strange.items()
        if by
    ]
    results = Results(
        tuple(lines),
        tuple(aucs),
        tuple(flagged),
        suite.independent(chosen.data, model) if chosen.data.is_dir() else (),
        tuple(apart),
        tuple((s.name, len(s.evidence), s.refused) for s in scenes),
        tuple((m.split, m.name, m.value, m.low or 0.0, m.high or 0.0) for m in model.card.metrics),
        families.lines(families.foreign(chosen.units, chosen.seed, phantom, chosen.keep), model),
        suite.by_cdcom(chosen.data) if chosen.data.is_dir() else (),
    )
    sizes = {name: str(getattr(chosen, name)) for name in ("images", "foreign", "units", "seed")}
    given = [part for name, value in sizes.items() for part in (f"--{name}", value)]
    context = Context(
        shlex.join([*COMMAND, *(["--paper", "PATH"] if paper else []), *given]),
        date.today().isoformat(),
        f"mammoqa {mammoqa.__version__}, Python {platform.python_version()}, numpy {np.__version__}",
        _ours(model),
        _paper(paper),
    )
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "cdmam_ensemble.md"
    path.write_text(page(results, context), encoding="utf-8")
    print(path)
    below = [f"{words}: {value}" for words, value, verdict in aims(results) if verdict != "yes"]
    print("all aims are met" if not below else "missed: " + "; ".join(below))
    return 1 if below else 0


def _ours(model: CellsModel) -> str:
    t = model.card.training
    return (
        f"`{t.recipe}`, {model.card.members} members, {t.images} training images, {t.epochs} epochs, "
        f"{t.seconds:.0f} s on one core; data: {t.data}"
    )


def _of_paper(path: Path | None) -> Ensemble | PaperReadings | None:
    if path is None:
        return None
    return load_readings(path) if path.is_file() else load_ensemble(path)


def _paper(paper: Ensemble | PaperReadings | None) -> str:
    if isinstance(paper, PaperReadings):
        return paper.described
    if paper is None:
        return "not given; train one with `mammoqa train cdmam34_small` and name its folder with `--paper`"
    t = paper.card.training
    notes = "; ".join(t.notes)
    return (
        f"`{t.recipe}`, {paper.members} members, {t.images} training images (the paper: 57,600), {t.epochs} epochs "
        f"(the paper: 300), {t.seconds:.0f} s on one core; data: {t.data}. {notes[:1].upper()}{notes[1:]}"
    )


if __name__ == "__main__":
    sys.exit(main())
