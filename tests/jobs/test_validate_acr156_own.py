"""Own images as evidence: what is evaluated, what is left out, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toy_artefact
from mammoqa.core import ConfigurationError, Image
from mammoqa.jobs.manifest import Manifest, RefusedRow, Row
from mammoqa.jobs.validate_acr156 import evaluate
from mammoqa.jobs.validate_acr156_own import OwnRead, collect_own, own_reads
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]
CARD = toy_artefact.card(())


def row(
    line: int, readers: int = 0, split: str | None = None, path: Path = Path("x.npy"), pitch_mm: float = 0.1
) -> Row:
    panel = np.r_[np.ones(5), np.nan, np.ones(4), 0.5, np.ones(3), 0.0, 0.0] if line % 2 else np.ones(16)
    said = np.repeat(np.nan_to_num(panel, nan=-1.0)[None], readers, axis=0)
    return Row(line, path.name, path, f"room {line // 2}", panel, said, pitch_mm, "bright", split)


def manifest(*rows: Row) -> Manifest:
    return Manifest("own.csv", "ab" * 32, rows, (RefusedRow(9, "y.npy", "no score"),), 0, ())


def read(of: Row, refused: str | None = None) -> OwnRead:
    p = np.full((16, 2), np.nan) if refused else np.tile([0.9, 0.2], (16, 1))
    return OwnRead(of, p, refused, refused and "because")


@pytest.mark.parametrize("readers", [0, 1, 3])
def test_evidence_with_and_without_readers(readers: int) -> None:
    rows = [row(k, readers) for k in range(2, 8)]
    reads = [read(r, "clipped" if r.line == 4 else None) for r in rows]
    evidence, left_out = collect_own(reads, manifest(*rows), ACR156, CARD)
    assert [str(r) for r in left_out] == ["line 4: x.npy: clipped: because", "line 9: y.npy: no score"]
    assert evidence.panel.shape == (5, 16)
    assert evidence.unit.tolist() == [0, 0, 1, 2, 2]
    assert evidence.preprocessing is not None
    assert evidence.preprocessing.refused == (("clipped", 1),)
    assert np.isfinite(evidence.reader).any() == (readers > 0)
    results = evaluate(evidence, ACR156, np.random.default_rng(0), 50)
    assert results.images == 5
    fibres = results.network.objects[0]
    assert fibres.n == 5 * 6 - 3  # without N/A
    assert (results.reader.objects[0].n > 0) == (readers > 0)
    assert np.isfinite(fibres.accuracy.estimate)
    assert [p.n for p in results.network.pass_fail] == [5] * 4
    assert [p.n for p in results.reader.pass_fail] == [5 if readers else 0] * 4


def test_only_the_evaluation_split_counts(tmp_path: Path, drawn: Image, toy_model: Path) -> None:
    np.save(tmp_path / "a.npy", drawn.pixels)
    pitch_mm = drawn.pitch_mm[0]
    table = manifest(
        row(2, split="train"),
        row(3, split="evaluation", path=tmp_path / "a.npy", pitch_mm=pitch_mm),
        row(4, split="evaluation", path=tmp_path / "none.npy"),
    )
    found = list(own_reads(table, ACR156, CARD, toy_model))
    assert [(r.row.line, r.refused) for r in found] == [(3, None), (4, "not_found")]
    assert np.isfinite(found[0].probabilities).all()


def test_a_network_is_not_judged_on_its_own_training() -> None:
    trained = replace(CARD, training=replace(CARD.training, data=f"own images: 2 (SHA-256 {'ab' * 32})"))
    with pytest.raises(ConfigurationError, match=r"was trained on images of own\.csv"):
        own_reads(manifest(row(2)), ACR156, trained, Path("x"))
    with pytest.raises(ConfigurationError, match="no readable line"):
        own_reads(manifest(row(2, split="train")), ACR156, CARD, Path("x"))
