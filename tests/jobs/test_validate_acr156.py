import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mammoqa.core import ConfigurationError, ModelError, ModelId, Pose
from mammoqa.jobs import validate_acr156 as job
from mammoqa.jobs import validate_acr156_evidence as evidence_of
from mammoqa.jobs import validate_acr156_page as pages
from mammoqa.jobs.validate_acr156_records import Evidence
from mammoqa.judge.many import kind_columns
from mammoqa.models import KINDS, Card, InputSpec, Model, Platt, Preprocessing, Reading, Training
from mammoqa.phantoms import PHANTOMS

ACR156 = PHANTOMS["acr156"]
CERTAIN = {0.0: (0.05, 0.5), 0.5: (0.95, 0.9), 1.0: (0.95, 0.1)}
CONTEXT = pages.Context("mammoqa validate acr156", "2026-01-01", ModelId("acr156", "1", "0" * 64), pages.versions())


def _evidence(panel, said, unit=None, reader=None):
    probabilities = np.array([[CERTAIN[s] for s in image] for image in said]).reshape(-1, 16, 2)
    reader = np.nan_to_num(panel) if reader is None else reader
    unit = np.arange(len(panel)) if unit is None else unit
    return Evidence(panel, probabilities, np.full((16, 2), 0.5), reader, panel, unit, "synthetic arrays")


def _certain(panel):
    """Shares among many panels that all agree."""
    shares = np.stack([panel == 0.0, panel == 0.5, panel == 1.0, np.isnan(panel)], axis=-1)
    return shares.astype(np.float64)


def _images(rng, n):
    """Scores that fall with size, as real ones do."""
    sizes = np.concatenate([np.linspace(0.97, 0.1, 6), np.linspace(0.98, 0.05, 5), np.linspace(0.97, 0.1, 5)])
    u = rng.random((n, 16))
    return np.where(u < sizes, 1.0, np.where(u < sizes + 0.15, 0.5, 0.0))


def _evaluate(evidence, n_resamples=200):
    return job.evaluate(evidence, ACR156, np.random.default_rng(0), n_resamples)


def test_a_perfect_network_has_perfect_figures():
    panel = _images(np.random.default_rng(1), 60)
    results = _evaluate(_evidence(panel, panel))
    for o in results.network.objects:
        assert (o.accuracy.estimate, o.accuracy.low, o.macro_f1.estimate, o.kappa.estimate) == (1.0, 1.0, 1.0, 1.0)
    assert all(p.accuracy.estimate == 1.0 for p in results.network.pass_fail)
    assert all(o.auc.estimate == 1.0 for o in results.outputs)
    # probabilities of 0.05 and 0.95 for certain answers are not calibrated, and the reader is as perfect
    assert all(m.startswith(("calibration error", "kappa")) for m in pages.missed(results))
    assert [o.n for o in results.network.objects] == [360, 300, 300, 960]
    errors = [o.calibration_error.estimate for o in results.outputs if o.output == "presence"]
    assert errors == pytest.approx([0.05] * 3)
    assert [o.panels_error for o in results.outputs] == pytest.approx([np.nan] * 6, nan_ok=True)


def test_known_errors_give_known_figures():
    panel = np.ones((4, 16))
    said = panel.copy()
    said[0, 0] = 0.0  # one of 24 fibres: the largest, so that the phantom fails
    said[1, 15] = 0.5  # one of 20 masses: the smallest, so that it still passes
    results = _evaluate(_evidence(panel, said))
    fibres, specks, masses, everything = results.network.objects
    assert fibres.accuracy.estimate == pytest.approx(23 / 24)
    assert specks.accuracy.estimate == 1.0
    assert masses.accuracy.estimate == pytest.approx(19 / 20)
    assert everything.confusion == ((0, 0, 0), (0, 0, 0), (1, 1, 62))
    by_name = {p.name: p for p in results.network.pass_fail}
    assert by_name["fibre"].accuracy.estimate == 0.75
    assert by_name["mass"].accuracy.estimate == 1.0
    assert by_name["phantom"].confusion == ((3, 1), (0, 0))
    assert by_name["phantom"].fail_precision.estimate == 0.0
    assert np.isnan(by_name["phantom"].fail_recall.estimate)


def test_not_applicable_is_left_out_of_objects_and_stops_totals():
    panel = np.ones((2, 16))
    panel[0, 2] = np.nan  # the third fibre of the first image: 2.0 fibres
    results = _evaluate(_evidence(panel, np.ones((2, 16))))
    assert results.not_applicable == 1
    assert results.network.objects[0].n == 11
    assert {p.name: p.confusion for p in results.network.pass_fail}["fibre"] == ((1, 0), (1, 0))


def test_paper_selection_keeps_full_scores_and_the_largest_below():
    panel = np.array([[1, 0.5, 1, 0, 0, np.nan, 1, 1, 1, 1, 1, np.nan, 0, 0.5, 1, 1]], dtype=float)
    chosen = job.paper_selection(panel, kind_columns(ACR156))
    assert np.flatnonzero(chosen[0]).tolist() == [0, 1, 2, 6, 7, 8, 9, 10, 12, 14, 15]


def test_reader_against_the_others():
    readers = np.full((1, 5, 5), np.nan)
    readers[0, :2] = [[1, 0, -1, 1, -1], [1, 0.5, 0, -1, -1]]
    readers[0, 2:, 1] = [0, 0.5, 0.5]  # the others 0.5 0 0.5 0.5
    readers[0, 2:, 2] = [0, 0, 0.5]
    readers[0, 2:, 3] = [-1, 1, -1]  # the others mostly N/A
    reader, others = job.reader_against_others(readers)
    assert reader.tolist() == [[1.0, 0.0, 0.0, 1.0, 0.0]]
    assert np.array_equal(others, [[1.0, 0.5, 0.0, np.nan, np.nan]], equal_nan=True)


def test_units_are_resampled_not_images():
    rng = np.random.default_rng(2)
    panel, said = _images(rng, 12), _images(rng, 12)
    many = [np.repeat(x, 20, axis=0) for x in (panel, said)]
    by_image = _evaluate(_evidence(*many)).network.objects[3].accuracy
    by_unit = _evaluate(_evidence(*many, unit=np.repeat(np.arange(12), 20))).network.objects[3].accuracy
    assert by_unit.estimate == by_image.estimate
    assert by_unit.high - by_unit.low > 2.5 * (by_image.high - by_image.low)


def test_p_pass_is_calibrated_for_honest_probabilities():
    rng = np.random.default_rng(3)
    skill = rng.uniform(0.4, 1.0, (3000, 1))
    present, abnormal = np.clip(skill + rng.uniform(-0.2, 0.2, (2, 3000, 16)), 0.01, 0.99)
    abnormal = 1.0 - abnormal
    scores = np.where(rng.random((3000, 16)) >= present, 0.0, np.where(rng.random((3000, 16)) < abnormal, 0.5, 1.0))
    evidence = _evidence(scores, scores, unit=np.arange(3000) // 30)
    evidence = replace(evidence, probabilities=np.stack([present, abnormal], axis=-1))
    results = _evaluate(evidence, 20)
    assert results.p_pass.calibration_error.estimate < 0.02
    assert results.p_pass.chance_error < 0.02
    skewed = _evaluate(replace(evidence, pass_calibration=Platt(0.4, 0.5)), 20)
    assert skewed.p_pass.calibration_error.estimate > results.p_pass.calibration_error.estimate + 0.02
    assert 0.5 < results.p_pass.auc.estimate < 1.0


def test_page_and_files(tmp_path):
    rng = np.random.default_rng(4)
    panel = _images(rng, 40)
    said = np.where(rng.random(panel.shape) < 0.8, panel, _images(rng, 40))
    panel[0, 5] = np.nan
    evidence = _evidence(panel, said, reader=_images(rng, 40))
    facts = {"system": np.where(np.arange(40) % 4 == 0, "film", "DR")}
    results = _evaluate(replace(evidence, facts=facts, expected=_certain(panel)))
    written = pages.save(results, CONTEXT, tmp_path)
    text = written.read_text(encoding="utf-8")
    assert "All figures here are simulated" in text
    assert "aims are met" in text
    assert "**not met**" in text
    assert "The card has no referral band." in text
    assert "0.759 (0.736–0.781)" in text  # the paper's column
    for name in ("aims", "roc", "confusion", "reliability", "referral", "subsets"):
        assert f"acr156/{name}.svg" in text
        assert (tmp_path / "acr156" / f"{name}.svg").read_text(encoding="utf-8").startswith("<svg")
    data = json.loads((tmp_path / "acr156.json").read_text(encoding="utf-8"))
    assert data["network"]["objects"][0]["accuracy"]["estimate"] == results.network.objects[0].accuracy.estimate
    assert data["simulated"] is True


_CARD = Card(
    format=1,
    name="stub",
    version="1",
    input=InputSpec(size_px=8),
    preprocessing=Preprocessing(),
    readings=tuple(Reading(kind, Platt(), Platt(), 0.4, 0.45) for kind in KINDS),
    training=Training("recipe", "network", 5, "data", "", 1, 16, 1, 1, 1, 1.0, "last", "2"),
    metrics=(),
    limits_of_use=(),
    code_version="0",
    files=(),
)


class _Stub(Model):
    """A network that says how bright the middle of a patch is."""

    def predict(self, patches, kinds, sizes_mm):
        assert len(kinds) == len(sizes_mm) == len(patches)
        brightness = patches[:, 4, 4].astype(np.float64) / 4.0
        return np.stack([brightness, 1.0 - brightness], axis=1)


def _stub():
    return _Stub(Path(), _CARD, "0" * 64, 1)


def _write_dataset(folder, scores, split):
    n = scores.size
    order = np.random.default_rng(6).permutation(n)  # rows need not come in whole images
    columns = {
        "image": np.repeat(np.arange(len(scores)), 16),
        "unit": np.repeat(np.arange(len(scores)) // 2, 16),
        "object_index": np.tile(np.arange(16), len(scores)),
        "kind": np.tile([0] * 6 + [1] * 5 + [2] * 5, len(scores)),
        "size_mm": np.ones(n),
        "panel": scores.ravel(),
        "readers": np.tile(scores.ravel()[:, None], (1, 5)),
        "filters": np.full((16 * len(split), 25), np.nan, np.float32),
        "split": np.repeat(split, 16),
    }
    patches = np.zeros((n, 8, 8), dtype=np.float16)
    patches[:, 4, 4] = np.arcsinh(4.0 * scores.ravel())
    np.save(folder / "patches.npy", patches[order])
    np.savez(folder / "table.npz", **{name: column[order] for name, column in columns.items()})
    (folder / "about.json").write_text(json.dumps({"preprocessing": asdict(Preprocessing())}), encoding="utf-8")


def test_a_stored_data_set_is_read_in_whole_images(tmp_path):
    scores = _images(np.random.default_rng(7), 10)
    _write_dataset(tmp_path, scores, np.array([0] * 4 + [2] * 6))
    evidence = evidence_of.from_dataset(tmp_path, ACR156, _stub())
    assert np.array_equal(evidence.panel, scores[4:])
    assert evidence.unit.tolist() == [2, 2, 3, 3, 4, 4]
    assert np.allclose(evidence.probabilities[..., 0], scores[4:], atol=2e-3)
    assert evidence.thresholds[0].tolist() == [0.4, 0.45]
    assert _evaluate(evidence).network.objects[3].accuracy.estimate == 1.0


def test_data_sets_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="lacks patches"):
        evidence_of.from_dataset(tmp_path, ACR156, _stub())
    _write_dataset(tmp_path, np.ones((2, 16)), np.array([0, 0]))
    with pytest.raises(ConfigurationError, match="no whole image"):
        evidence_of.from_dataset(tmp_path, ACR156, _stub())
    (tmp_path / "about.json").write_text('{"preprocessing": {"knee": 1}}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="preprocessed in another way"):
        evidence_of.from_dataset(tmp_path, ACR156, _stub())


def _read(refused=None, **change):
    scores = np.ones(16)
    probabilities = np.tile([0.9, 0.1], (16, 1)) if refused is None else np.full((16, 2), np.nan)
    read = evidence_of.Read(0, scores, scores, probabilities, refused, False, False)
    return replace(read, **change)


def test_refused_images_are_counted_and_left_out():
    reads = [_read(), _read("clipped"), _read("clipped"), _read("not_located"), _read(wrong_orientation=True, unit=1)]
    evidence = evidence_of.collect(reads, _CARD, ACR156, seed=9)
    assert len(evidence.panel) == 2
    assert evidence.preprocessing.refused == (("clipped", 2), ("not_located", 1))
    assert (evidence.preprocessing.images, evidence.preprocessing.wrong_orientation) == (5, 1)
    text = pages.page(_evaluate(evidence), CONTEXT, "acr156")
    assert "2 of 5 images (40.0%)" in text
    with pytest.raises(ConfigurationError, match="every image was refused"):
        evidence_of.collect([_read("clipped")], _CARD, ACR156, seed=9)


def test_the_seed_of_the_training_units_is_refused():
    with pytest.raises(ConfigurationError, match="used in training"):
        evidence_of.simulated_reads(ACR156, _stub(), 4, seed=5)


def _pose(matrix, chest_wall="bottom", mirrored=False):
    return Pose(matrix, chest_wall, mirrored, 0.0, 1.0, True, 0.1, (0.0, 1.0))


@pytest.mark.parametrize(
    ("shift_px", "chest_wall", "expected"),
    [(20, "bottom", (False, False)), (150, "bottom", (True, False)), (0, "left", (False, True))],
)
def test_placement_against_the_truth(shift_px, chest_wall, expected):
    matrix = np.array([[10.0, 0.0, 500.0], [0.0, 10.0, 600.0]])
    found = matrix + np.array([[0.0, 0.0, shift_px], [0.0, 0.0, 0.0]])
    assert evidence_of.placement(_pose(found, chest_wall), matrix, "bottom", False, ACR156) == expected
    assert evidence_of.placement(None, matrix, "bottom", False, ACR156) == (False, False)


def test_no_images_is_an_error():
    with pytest.raises(ValueError, match="no images"):
        _evaluate(_evidence(np.ones((0, 16)), np.ones((0, 16))))


def test_many_panels_give_shares_and_pass_rates():
    panels = np.ones((64, 16))
    panels[:16, 0] = 0.5  # a quarter fails: no more than half a fibre
    panels[:32, 15] = np.nan
    reads = [
        _read(panels=panels, facts=(("system", "CR"),)),
        _read(panels=np.ones((64, 16)), facts=(("system", "DR"),)),
    ]
    evidence = evidence_of.collect(reads, _CARD, ACR156, seed=9)
    assert evidence.expected[0, 0].tolist() == [0.0, 0.25, 0.75, 0.0]
    assert evidence.expected[0, 15].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert evidence.pass_shares["phantom"].tolist() == [0.75, 1.0]
    assert evidence.facts["system"].tolist() == ["CR", "DR"]


def test_a_stored_data_set_may_bring_expected_scores_and_facts(tmp_path):
    scores = _images(np.random.default_rng(8), 4)
    _write_dataset(tmp_path, scores, np.array([0, 2, 2, 2]))
    with np.load(tmp_path / "table.npz") as columns:
        table = dict(columns)
    table["expected"] = _certain(table["panel"])
    table["detector"] = np.where(table["image"] == 1, "cr-50", "film-50")
    np.savez(tmp_path / "table.npz", **table)
    evidence = evidence_of.from_dataset(tmp_path, ACR156, _stub())
    assert np.array_equal(evidence.expected, _certain(scores[1:]))
    assert evidence.facts["detector"].tolist() == ["cr-50", "film-50", "film-50"]
    table["expected"][:] = np.nan  # as own images have it
    np.savez(tmp_path / "table.npz", **table)
    assert evidence_of.from_dataset(tmp_path, ACR156, _stub()).expected is None


def test_agreement_is_compared_over_the_same_resamples():
    rng = np.random.default_rng(9)
    panel = _images(rng, 80)
    worse = np.where(rng.random(panel.shape) < 0.25, _images(rng, 80), panel)
    results = _evaluate(_evidence(panel, panel, reader=worse))
    for a in results.agreement:
        assert a.program.estimate == 1.0
        assert a.difference.low > 0.0
        assert a.difference.estimate == pytest.approx(1.0 - a.reader.estimate)
    same = _evaluate(_evidence(panel, worse, reader=worse)).agreement
    assert all((a.difference.low, a.difference.high) == (0.0, 0.0) for a in same)


def test_the_network_that_is_given_reads_and_not_the_shipped_one(tmp_path):
    with pytest.raises(ModelError, match="there is no folder"):
        evidence_of.read_one(ACR156, 123, 0, 0, tmp_path / "none", threads=1)
