import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mammoqa.core import ConfigurationError, ModelId, Pose
from mammoqa.jobs import validate_acr156 as job
from mammoqa.jobs import validate_acr156_evidence as evidence_of
from mammoqa.jobs import validate_acr156_page as pages
from mammoqa.jobs.validate_acr156_records import Evidence
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
    assert pages.missed(results) == ()
    assert [o.n for o in results.network.objects] == [360, 300, 300, 960]
    assert [o.calibration_error for o in results.outputs if o.output == "presence"] == pytest.approx([0.05] * 3)


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
    chosen = job.paper_selection(panel, job.kind_columns(ACR156))
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
    assert results.p_pass.calibration_error < 0.02
    assert 0.5 < results.p_pass.auc.estimate < 1.0


def test_page_and_files(tmp_path):
    rng = np.random.default_rng(4)
    panel = _images(rng, 40)
    said = np.where(rng.random(panel.shape) < 0.8, panel, _images(rng, 40))
    panel[0, 5] = np.nan
    results = _evaluate(_evidence(panel, said, reader=_images(rng, 40)))
    written = pages.save(results, CONTEXT, tmp_path)
    text = written.read_text(encoding="utf-8")
    assert "All figures here are simulated" in text
    assert "Aims that are missed" in text
    assert "0.759 (0.736–0.781)" in text  # the paper's column
    for name in ("roc", "confusion", "reliability"):
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
    evidence = evidence_of.collect(reads, np.full((16, 2), 0.5), seed=9)
    assert len(evidence.panel) == 2
    assert evidence.preprocessing.refused == (("clipped", 2), ("not_located", 1))
    assert (evidence.preprocessing.images, evidence.preprocessing.wrong_orientation) == (5, 1)
    text = pages.page(_evaluate(evidence), CONTEXT, "acr156")
    assert "2 of 5 images (40.0%)" in text
    with pytest.raises(ConfigurationError, match="every image was refused"):
        evidence_of.collect([_read("clipped")], np.full((16, 2), 0.5), seed=9)


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
