"""The ceiling, referral, subsets and aims of `mammoqa validate acr156`, on cases with a known answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoqa.jobs import validate_acr156_aims as aims_of
from mammoqa.jobs import validate_acr156_ceiling as ceiling_of
from mammoqa.jobs.validate_acr156_records import CeilingFigures, Evidence
from mammoqa.jobs.validate_acr156_referral import TENTH, keep_least, referral
from mammoqa.jobs.validate_acr156_subsets import subsets
from mammoqa.jobs.validate_acr156_tables import number, way
from mammoqa.judge.many import kind_columns
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate.archive import dose_range, system_of
from mammoqa.stats.bootstrap import Interval
from mammoqa.stats.classify import accuracy, macro_f1

ACR156 = PHANTOMS["acr156"]
COLUMNS = kind_columns(ACR156)
NAN = float("nan")


def _archive(n=120, seed=0):
    """Images whose true shares are known, a panel and a reader drawn from them."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.25, 0.12, 0.6, 0.05], (n, 16))
    drawn = [(rng.random((n, 16, 1)) > np.cumsum(shares, axis=-1)).sum(axis=-1) for _ in range(2)]
    panel, reader = (np.array([0.0, 0.5, 1.0, np.nan])[np.minimum(d, 3)] for d in drawn)
    there = shares[..., 1] + shares[..., 2]
    p = np.stack([there / (1 - shares[..., 3]), shares[..., 1] / there], axis=-1)
    return Evidence(
        panel, np.clip(p, 0, 1), np.full((16, 2), 0.5), np.nan_to_num(reader), panel, np.arange(n) // 4, "drawn",
        expected=shares,
    )  # fmt: skip


def test_soft_confusion_by_hand():
    shares = np.array([[[0.2, 0.3, 0.5, 0.0], [0.0, 0.0, 0.4, 0.6]]])
    found = ceiling_of.soft_confusion(np.array([[0.5, 1.0]]), shares)[0]
    assert found.tolist() == [[0.0, 0.2, 0.0], [0.0, 0.3, 0.0], [0.0, 0.5, 0.4]]
    assert ceiling_of.by_unit(np.stack([found, found, found]), np.array([4, 9, 4])).sum(axis=(1, 2)).tolist() == [
        pytest.approx(2.8),
        pytest.approx(1.4),
    ]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_no_answers_beat_the_best_ones(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.3, 0.2, 0.6, 0.05], (1, 300))
    other = rng.choice([0.0, 0.5, 1.0], (1, 300))
    best = ceiling_of.best_answers(shares)
    mixed = np.where(rng.random((1, 300)) < 0.1, other, best)
    for answers in (other, mixed):
        assert (
            accuracy(ceiling_of.soft_confusion(answers, shares))[0]
            <= accuracy(ceiling_of.soft_confusion(best, shares))[0] + 1e-12
        )


def test_weighted_answers_have_the_better_macro_f1():
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([0.3, 0.08, 0.9, 0.05], (1, 2000))
    weights = ceiling_of.best_weights(shares)
    assert weights[1] > 1.0  # the rare class is answered more often
    plain, weighted = (
        macro_f1(ceiling_of.soft_confusion(ceiling_of.best_answers(shares, w), shares))[0]
        for w in ((1.0, 1.0), weights)
    )
    assert weighted > plain


def test_the_ceiling_lies_above_program_and_reader():
    evidence = _archive()
    scores = np.where(
        evidence.probabilities[..., 0] < 0.6, 0.0, np.where(evidence.probabilities[..., 1] > 0.6, 0.5, 1.0)
    )
    rows = ceiling_of.ceilings(evidence, scores, ACR156, COLUMNS, np.random.default_rng(2), 50)
    by_name = {(c.figure, c.kind): c for c in rows}
    for figure in ("accuracy", "macro_f1", "presence", "abnormality", "pass_fail"):
        for kind in COLUMNS:
            c = by_name[figure, kind]
            assert c.ceiling.estimate >= c.program.estimate - 1e-9
            if np.isfinite(c.reader.estimate):
                assert c.ceiling.estimate > c.reader.estimate
    assert by_name["presence", "fibre"].program.estimate == pytest.approx(by_name["presence", "fibre"].ceiling.estimate)
    assert ("pass_fail", "phantom") in by_name
    assert ceiling_of.ceilings(_without_expected(evidence), scores, ACR156, COLUMNS, np.random.default_rng(2), 50) == ()


def _without_expected(e):
    return Evidence(e.panel, e.probabilities, e.thresholds, e.reader, e.reader_panel, e.unit, e.source)


def test_way_from_reader_to_ceiling():
    c = CeilingFigures("accuracy", "fibre", _at(0.90), _at(0.93), _at(0.94))
    assert way(c) == "75%"
    assert way(CeilingFigures("accuracy", "fibre", _at(0.90), _at(0.93), _at(0.901))) == "–"
    assert way(CeilingFigures("presence", "fibre", _at(NAN), _at(0.93), _at(0.99))) == "–"


def _at(value, low=NAN, high=NAN):
    return Interval(value, low, high)


def test_referring_the_doubtful_raises_the_accuracy_on_the_rest():
    evidence = _archive(400, 3)
    p = np.random.default_rng(4).random(400)
    panel = np.where((np.random.default_rng(5).random(400) < p)[:, None], 1.0, 0.0) * np.ones((1, 16))
    scores = np.where(p[:, None] >= 0.5, 1.0, 0.0) * np.ones((1, 16))
    shares = np.stack([1 - p[:, None] * np.ones((1, 16)), np.zeros((400, 16)), p[:, None] * np.ones((1, 16))], axis=-1)
    expected = np.concatenate([shares, np.zeros((400, 16, 1))], axis=-1)
    evidence = Evidence(
        panel, evidence.probabilities, evidence.thresholds, panel, panel, evidence.unit, "drawn", expected=expected,
        pass_shares={"phantom": p}, referral_band=(0.4, 0.6),
    )  # fmt: skip
    found = referral(evidence, scores, p, ACR156, np.random.default_rng(6), 200)
    assert found.at(0.0).estimate == pytest.approx(0.75, abs=0.06)  # of a uniform p, the likelier half is right in 3/4
    assert found.at(0.5).estimate > found.at(TENTH).estimate > found.at(0.0).estimate
    assert found.ceiling[0] == pytest.approx(np.maximum(p, 1 - p).mean())
    assert found.band_share.estimate == pytest.approx(((p > 0.4) & (p < 0.6)).mean())
    assert found.band_accuracy.low < found.band_accuracy.estimate < found.band_accuracy.high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 1))
def test_keep_least_leaves_out_the_largest(values, share):
    doubts = np.array(values)
    kept = keep_least(doubts, share)
    assert (~kept).sum() == round(share * len(doubts))
    if kept.any() and not kept.all():
        assert doubts[kept].max() <= doubts[~kept].min()


def test_subsets_add_up():
    evidence = _archive(80, 7)
    words = np.where(np.arange(80) < 30, "film", "DR")
    evidence = Evidence(
        evidence.panel, evidence.probabilities, evidence.thresholds, evidence.reader, evidence.panel, evidence.unit,
        "drawn", facts={"system": words},
    )  # fmt: skip
    scores = np.ones((80, 16))
    found = subsets(evidence, scores, ACR156, COLUMNS, np.random.default_rng(8), 50)
    assert [(s.value, s.images) for s in found] == [("DR", 50), ("film", 30)]
    right = (scores == evidence.panel)[30:, :6].sum() / np.isfinite(evidence.panel[30:, :6]).sum()
    assert dict(found[0].accuracy)["fibre"].estimate == pytest.approx(right)
    assert set(dict(found[0].accuracy)) == {*COLUMNS, "phantom"}


def test_words_of_subsets():
    assert [system_of(d) for d in ("film-50", "cr-50", "a-se-70", "csi-100")] == ["film", "CR", "DR", "DR"]
    assert [dose_range(d) for d in (0.3, 0.8, 1.59, 1.6, 7.0)] == [
        "0.0 to 0.8 mGy", "0.8 to 1.2 mGy", "1.2 to 1.6 mGy", "1.6 to 2.0 mGy", "from 2.0 mGy"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("aim", "value", "ceiling", "says"),
    [
        (aims_of.Aim("a", "fibre", 0.9), _at(0.9, 0.8, 0.95), NAN, "met"),
        (aims_of.Aim("a", "fibre", 0.9), _at(0.88, 0.8, 0.95), 0.99, "**not met**; inside the interval"),
        (aims_of.Aim("a", "fibre", 0.9), _at(0.7, 0.6, 0.8), 0.99, "**not met**"),
        (aims_of.Aim("a", "fibre", 0.9), _at(0.86, 0.8, 0.95), 0.89, "**not met**; above the ceiling"),
        (aims_of.Aim("e", "fibre", 0.02, at_most=True), _at(0.03, 0.01, 0.05), NAN, "**not met**; inside the interval"),
        (aims_of.Aim("k", "fibre", 0.0, above=True), _at(0.0, 0.0, 0.0), NAN, "**not met**"),
        (aims_of.Aim("k", "fibre", 0.0, above=True), _at(NAN), NAN, "not met: not defined here"),
    ],
)
def test_met_or_not_in_words(aim, value, ceiling, says):
    assert aims_of.verdict(aim, value, ceiling) == says


def test_paper_figures_say_where_they_stand_and_agree_with_their_words():
    for figures in aims_of.PAPER.values():
        for paper in figures.values():
            assert any(word in paper.where for word in ("Fig", "Table"))
            first = float(paper.text.removeprefix("over ").removeprefix("under ").removeprefix("about ").split()[0])
            assert paper.value == pytest.approx(first, abs=0.0006)


def test_numbers_in_words():
    assert number(_at(0.5, 0.4, 0.6)) == "0.500 (0.400–0.600)"
    assert number(_at(0.05, -0.01, 0.1), signed=True) == "+0.050 (-0.010 to +0.100)"
    assert number(_at(NAN)) == "–"
