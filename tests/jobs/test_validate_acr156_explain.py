import json
from dataclasses import replace

import numpy as np
import pytest

import toy_artefact
from mammoqa import models
from mammoqa.core import ModelId
from mammoqa.jobs import validate_acr156_explain as job
from mammoqa.jobs import validate_acr156_explain_artefacts as artefacts
from mammoqa.jobs import validate_acr156_explain_behaviours as behaviours_of
from mammoqa.jobs import validate_acr156_explain_bench as bench
from mammoqa.jobs import validate_acr156_explain_maps as maps_of
from mammoqa.jobs import validate_acr156_explain_page as pages
from mammoqa.jobs import validate_acr156_explain_size as size
from mammoqa.jobs import validate_acr156_explain_trials as trials_of
from mammoqa.jobs.validate_acr156_explain_bench import CONDITIONS, Trial, rack, shoot
from mammoqa.jobs.validate_acr156_explain_records import ABNORMAL, PRESENT, Answers, Curve
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import SOUND, ObjectState

ACR156 = PHANTOMS["acr156"]
CARD = toy_artefact.card(())
FIBRE, GROUP, MASS = (trials_of.of_kind(ACR156, kind)[0] for kind in ("fibre", "speck_group", "mass"))
# the detector with the coarsest pixels: an exposure takes a tenth of a second
SMALL = replace(CONDITIONS[2], target_mgd_mgy=3.0)


def _curve(experiment, name, kind, x, present, abnormal):
    mean = np.stack([present, abnormal], axis=1).astype(float)
    return Curve(experiment, name, kind, np.asarray(x, float), mean, mean, mean, mean.copy(), 1)


@pytest.fixture(scope="module")
def shot():
    """A whole, a half and a missing fibre; six and two specks; a circle and a square."""
    states = (
        (FIBRE, SOUND),
        (FIBRE, trials_of.grown(0.5, True)),
        (FIBRE, trials_of.grown(0.0, True)),
        (GROUP, SOUND),
        (GROUP, trials_of.specks(2, 1.0, np.random.default_rng(0))),
        (MASS, SOUND),
        (MASS, replace(SOUND, squareness=1.0)),
    )
    trials = [Trial("t", str(i), float(i), insert, state) for i, (insert, state) in enumerate(states)]
    return shoot(ACR156, trials, SMALL, (1, 2))


def test_each_place_shows_its_own_object(shot):
    whole, half, none, six, two, circle, square = models.normalise(shot.patches)
    middle = np.s_[40:120, 40:120]
    empty = none[middle].sum()
    assert whole[middle].sum() - empty > 1.5 * (half[middle].sum() - empty) > 0
    assert six.max() > 5 * none.std()
    assert circle[middle].sum() - empty > 1.1 * (square[middle].sum() - empty)
    assert (two > 0.5 * six.max()).sum() < 0.6 * (six > 0.5 * six.max()).sum()


def test_the_panel_reads_the_same_pixels(shot):
    assert shot.expected.shape == (7, 4)
    assert np.allclose(shot.expected.sum(axis=1), 1.0)
    assert shot.expected[[0, 3, 5], 2].min() > 0.9  # whole ones score 1
    assert shot.expected[2, 2] == 0.0
    assert shot.expected[4, 1] > 0.9  # two specks score 0.5
    assert shot.whole[0] > shot.whole[1] > abs(shot.whole[2])


def test_a_rack_has_no_more_places_than_the_phantom():
    with pytest.raises(ValueError, match="16 places"):
        rack(ACR156, [Trial("t", "c", 0.0, FIBRE, SOUND)] * 17)


def test_states_are_those_asked_for():
    assert np.allclose(trials_of.broken(0.5).visible, ((0.0, 0.425), (0.575, 1.0)))
    assert trials_of.broken(0.05).visible[0] == (0.0, 0.0)
    assert trials_of.grown(0.25, False).visible == ((0.75, 1.0),)
    assert sum(trials_of.specks(3, 0.4, np.random.default_rng(1)).specks) == 3
    weights = {insert.name: 2.0 for insert in ACR156.inserts}
    found = trials_of.size_trials(ACR156, weights)
    assert len(found) == 16 * len(trials_of.LEVELS) + 5 * len(trials_of.DEFORMED)
    assert {t.state.weight for t in found} == {1.0} | {2.0 * level for level in trials_of.LEVELS}


def test_crossing_ignores_a_first_dip_and_interpolates():
    x = np.linspace(0, 1, 5)
    assert behaviours_of.crossing(x, np.array([0.0, 0.6, 0.2, 0.4, 0.8]), 0.5, rising=True) == pytest.approx(0.8125)
    assert behaviours_of.crossing(x, np.array([1.0, 0.9, 0.8, 0.4, 0.0]), 0.6, rising=False) == pytest.approx(0.625)
    assert np.isnan(behaviours_of.crossing(x, np.zeros(5), 0.5, rising=True))
    assert behaviours_of.crossing(x, np.ones(5), 0.5, rising=True) == 0.0


def _good_curves():
    x = np.array(trials_of.POSITIONS)
    grown = np.array(trials_of.LENGTHS)
    ones = np.ones(len(x))
    speck = [_curve("specks", "g: 0", "speck_group", [0.0], [0.0], [0.9])]
    for n in trials_of.COUNTS:
        present, abnormal = float(n >= 2), float(n < 4)
        speck.append(_curve("specks", f"g: {n}", "speck_group", [0.5, 1.0], [present] * 2, [abnormal] * 2))
    deformed = np.array(trials_of.SQUARENESS)
    return [
        _curve("breaks", "f", "fibre", x, ones, 1 - 2 * np.abs(x - 0.5)),
        _curve("growth", "f", "fibre", grown, grown > 0.3, grown < 0.9),
        *speck,
        _curve("deformation", "m", "mass", deformed, np.ones(len(deformed)), deformed),
    ]


def test_a_network_that_follows_the_rules_shows_every_behaviour():
    found = behaviours_of.behaviours(_good_curves(), CARD)
    assert len(found) == 7
    assert all(b.holds for b in found)
    assert [b.value for b in found if b.sense == "="] == [2.0, 4.0]


@pytest.mark.parametrize(
    ("experiment", "output", "change"),
    [
        ("breaks", ABNORMAL, lambda y: 1 - y),  # ends hurt most
        ("growth", PRESENT, lambda y: 0 * y + (np.arange(len(y)) == len(y) - 1)),  # present only when whole
        ("specks", PRESENT, lambda y: 0 * y + 1.0),  # sees specks where there are none
        ("deformation", ABNORMAL, lambda y: 0 * y + 0.5),  # blind to shape
    ],
)
def test_a_network_that_does_not_is_found_out(experiment, output, change):
    curves = _good_curves()
    for c in curves:
        if c.experiment == experiment:
            c.mean[:, output] = change(c.mean[:, output])
    if experiment == "deformation":
        curves[-1].mean[:, ABNORMAL] += np.linspace(0, 1e-3, len(curves[-1].x))[::-1]
    failed = [b for b in behaviours_of.behaviours(curves, CARD) if not b.holds]
    assert failed
    assert {b.figure[:2] for b in failed} == {{"breaks": "13", "growth": "13", "specks": "14"}.get(experiment, "15")}


def _size_answers(bias, noise, shared=0.0, repeats=40):
    """Answers about five equally visible masses: `bias` goes with size, `shared` does in the panel's answers too."""
    rng = np.random.default_rng(4)
    trials = [
        Trial("size deformed", m.name, x, m, SOUND)
        for _ in range(repeats)
        for m in trials_of.of_kind(ACR156, "mass")
        for x in trials_of.DEFORMED
    ]
    step = np.array([int(t.curve[-1]) - 3 for t in trials]) / np.sqrt(2)  # root mean square 1 over five sizes
    abnormal = 0.5 + shared * step
    expected = np.stack([0 * abnormal, abnormal, 1 - abnormal, 0 * abnormal], axis=1)
    said = np.clip(abnormal + bias * step + rng.normal(0, noise, len(step)), 0, 1)
    p = np.stack([np.ones(len(step)), said], axis=1)[None]
    swapped = np.zeros(p.shape)
    measured = size._MEASURED[0]
    return size._bias(
        Answers(tuple(trials), ("network",), p, p, swapped, expected, np.ones(len(step))),
        0,
        measured,
        np.random.default_rng(0),
        100,
    )


def test_size_bias_is_recovered():
    found = _size_answers(0.1, 0.05)
    assert found.bias == pytest.approx(0.1, abs=0.01)
    assert found.low <= found.bias <= found.high
    assert found.spread == pytest.approx(0.1, abs=0.01)
    assert found.panel_spread == 0.0


def test_noise_alone_is_no_size_bias():
    assert _size_answers(0.0, 0.2).bias < 0.02  # the cells' means alone vary by 0.03


def test_what_the_readers_share_is_no_bias():
    found = _size_answers(0.0, 0.01, shared=0.1)
    assert found.bias < 0.005
    assert found.spread == pytest.approx(0.1, abs=0.01)
    assert found.panel_spread == pytest.approx(0.1, abs=1e-6)


def test_ratio_is_that_of_two_networks():
    model, baseline = _size_answers(0.03, 0.02), replace(_size_answers(0.1, 0.02), network="baseline")
    value, low, high = size.ratio((model, baseline), ("network", "baseline"))
    assert value == pytest.approx(0.3, abs=0.05)
    assert low < value < high


def test_panel_answers_leave_out_what_was_not_asked():
    expected = np.array([[0.2, 0.3, 0.1, 0.4], [1.0, 0.0, 0.0, 0.0]])
    presence, share = size.panel_answer(expected, PRESENT)
    assert presence == pytest.approx([0.4 / 0.6, 0.0])
    assert share == pytest.approx([0.6, 1.0])
    abnormality, share = size.panel_answer(expected, ABNORMAL)
    assert abnormality == pytest.approx([0.75, 0.0])
    assert share == pytest.approx([0.4, 0.0])


def test_masking_takes_the_artefact_and_nothing_else():
    seen = artefacts.mask_out(ACR156, "letters", (3, 1), SMALL)
    assert seen.used.sum() >= 12
    there = seen.masks & seen.used[:, None, None]
    assert np.array_equal(seen.before[~seen.masks], seen.after[~seen.masks])
    letter, filled = seen.before[there], seen.after[there]
    quiet = seen.after[:, :20, :20].std()
    assert letter.max() - np.median(letter) > 20 * quiet
    assert abs(filled.std() - seen.after[there ^ there[::-1]].std()) < 10 * quiet
    assert filled.max() < letter.max() - 10 * quiet


def test_an_artefact_on_the_object_is_left_out():
    exposure = replace(SMALL, disc_mm=MASS.centre_mm)
    seen = artefacts.mask_out(ACR156, artefacts.CONTROL, (3, 2), exposure)
    assert seen.touched > 0
    assert not (seen.used & ~seen.masks.any(axis=(1, 2))).any()


def test_unchanged_counts_artefacts_without_the_control():
    found = [
        artefacts.Masking("dust", "network", 50, 49, 0, 0.0, 0.0),
        artefacts.Masking(artefacts.CONTROL, "network", 10, 1, 0, 0.0, 0.0),
        artefacts.Masking("disc", "network", 50, 50, 0, 0.0, 0.0),
        artefacts.Masking("disc", "baseline", 50, 0, 0, 0.0, 0.0),
    ]
    assert artefacts.unchanged(found, "network") == (99, 100)


def test_pointing_of_known_maps():
    near = np.zeros((2, 40, 40), dtype=bool)
    near[:, 10:30, 10:30] = True
    maps = np.zeros((2, 40, 40), dtype=np.float32)
    maps[0, 15:25, 15:25] = 1.0
    maps[1, :8, :8] = 1.0
    assert maps_of._inside(maps, near) == pytest.approx([4.0, 0.0])
    assert maps_of._hit(maps, near).tolist() == [1.0, 0.0]


def test_page_and_files(tmp_path, toy_model, monkeypatch):
    monkeypatch.setattr(trials_of, "POSITIONS", (0.1, 0.5))
    monkeypatch.setattr(trials_of, "LENGTHS", (0.0, 1.0))
    monkeypatch.setattr(trials_of, "COUNTS", (6,))
    monkeypatch.setattr(trials_of, "OPACITIES", (0.5, 1.0))
    monkeypatch.setattr(trials_of, "SQUARENESS", (0.0, 0.5, 1.0))
    monkeypatch.setattr(trials_of, "LEVELS", (1.0,))
    monkeypatch.setattr(trials_of, "DEFORMED", (0.0, 1.0))
    for module in (bench, artefacts, maps_of):
        monkeypatch.setattr(module, "CONDITIONS", (SMALL,))
    strip = {"breaks": trials_of.showcase(ACR156)["breaks"][:2]}
    monkeypatch.setattr(maps_of, "showcase", lambda phantom: strip)
    monkeypatch.setattr(artefacts, "ARTEFACTS", ("letters",))
    monkeypatch.setattr(job, "ARTEFACTS", ("letters",))
    monkeypatch.setattr(job, "equal_visibility", lambda phantom, seed: {i.name: 1.0 for i in phantom.inserts})
    model = models.load_folder(toy_model, threads=1)
    effort = job.Effort(repeats=1, size_repeats=1, masked=1, explained=0, resamples=20)
    results = job.run(ACR156, {"network": model, "baseline": model}, 5, effort)
    identity = ModelId("toy", "1", "0" * 64)
    context = pages.Context("mammoqa validate acr156-explain", "2026-01-01", (identity,), (("mammoqa", "0"),))
    written = pages.save(results, context, tmp_path)
    text = written.read_text(encoding="utf-8")
    assert "simulated" in text
    assert "| 13a |" in text
    data = json.loads((tmp_path / "acr156_explain" / "figures.json").read_text(encoding="utf-8"))
    assert len(data["behaviours"]) == len(results.behaviours)
    for name in ("breaks.svg", "growth.svg", "specks.svg", "deformation.svg", "size.svg"):
        assert (tmp_path / "acr156_explain" / name).read_text(encoding="utf-8").startswith("<svg")
    assert (tmp_path / "acr156_explain" / "breaks_strip.png").read_bytes().startswith(b"\x89PNG")


def test_masking_weights_and_missing_fibres_are_asked_of_the_model(toy_model):
    model = models.load_folder(toy_model, threads=1)
    trials = [
        Trial("size mass", MASS.name, 1.0, MASS, ObjectState(weight=0.5)),
        Trial("breaks", FIBRE.name, 0.5, FIBRE, trials_of.broken(0.5)),
    ]
    shots = [shoot(ACR156, trials, SMALL, (1, 3))]
    answers = job.ask(ACR156, {"network": model}, shots)
    assert answers.probabilities.shape == (1, 2, 2)
    assert np.isnan(answers.swapped[0, 1]).all()
    assert answers.swapped[0, 0, ABNORMAL] > 0.1  # the toy adds the logarithm of the size
    assert answers.one_size[0, 0, ABNORMAL] < answers.probabilities[0, 0, ABNORMAL]
