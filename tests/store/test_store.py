import multiprocessing
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from mammoqa.core import Outcome, ReasonCode, StoreError
from mammoqa.core.plain import to_plain
from mammoqa.store import Unit, open_store, upgrade
from report.samples import sample_analysis, sample_month, sample_refusal, sample_stack

POSTGRESQL = "TEST_POSTGRESQL_URL"  # where set, all tests run there too; the database's tables are dropped


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRESQL in os.environ else ["sqlite"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mammoqa.db'}"
    engine = create_engine(os.environ[POSTGRESQL])
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    upgrade(os.environ[POSTGRESQL])
    return os.environ[POSTGRESQL]


@pytest.fixture
def store(url):
    with open_store(url) as opened:
        yield opened


@pytest.mark.parametrize("sample", [sample_analysis, sample_stack, sample_refusal])
def test_load_gives_back_what_was_saved(store, sample):
    analysis = sample()
    again = store.load(store.save(analysis))
    assert to_plain(again) == to_plain(analysis)
    assert again.provenance.analysed_at == analysis.provenance.analysed_at
    if analysis.view is not None:
        np.testing.assert_array_equal(again.view, analysis.view)
    if analysis.saliency is not None:
        np.testing.assert_allclose(again.saliency, analysis.saliency, atol=0.5 / 255 + 1e-6)
        third = store.load(store.save(again))
        np.testing.assert_array_equal(third.saliency, again.saliency)


def test_numbers_that_are_not_finite_survive(store):
    analysis = sample_stack()
    odd = tuple(replace(m, value=float("nan"), low=float("-inf")) for m in analysis.measurements)
    again = store.load(store.save(replace(analysis, measurements=odd)))
    assert np.isnan(again.measurements[0].value)
    assert again.measurements[0].low == float("-inf")


def test_analysing_again_adds_a_version_and_loses_nothing(store):
    first = sample_analysis(pictures=False)
    changed = replace(first, notes=("read again",))
    a, b = store.save(first), store.save(changed)
    assert [found.version for found in store.versions(a)] == [1, 2]
    assert store.versions(first.sources[0].sha256) == store.versions(b)
    assert store.versions(first.sources[0].sop_instance_uid) == store.versions(b)
    assert [found.id for found in store.latest()] == [b]
    assert store.load(a).notes == first.notes
    assert store.load(b).notes == ("read again",)


def test_another_frame_or_phantom_is_not_a_version(store):
    first = sample_analysis(pictures=False)
    store.save(first)
    store.save(replace(first, sources=(replace(first.sources[0], frame=1),)))
    store.save(replace(first, phantom="acr_mri_large"))
    assert [found.version for found in store.latest()] == [1, 1, 1]


def test_refusals_are_stored_with_their_reason_even_without_a_readable_file(store):
    refused = replace(sample_refusal(), sources=(), path="inbox/nothing.txt")
    found = store.get(store.save(refused))
    assert (found.outcome, found.reason_code) == (Outcome.REFUSED, ReasonCode.NOT_A_PHANTOM)
    assert found.sha256 is None
    assert store.get(store.save(refused)).version == 2


def test_unreadable_files_are_told_apart_by_their_path(store):
    refused = sample_refusal()
    for path in ("a.dcm", "b.dcm"):
        unread = replace(refused, path=path, sources=(replace(refused.sources[0], sha256="", path=path),))
        assert store.get(store.save(unread)).version == 1
    assert len(store.latest()) == 2


def test_history_follows_one_unit_with_newest_versions_only(store):
    month = sample_month()
    numbers = [store.save(analysis) for analysis in month]
    unit = next(unit for unit in store.units() if unit.station == "MAMMO2" and unit.serial)
    assert unit == Unit("Hologic, Inc.", "Selenia Dimensions", "MAMMO2", "H1KRHR83")
    assert {"fibres", "masses", "speck_groups", "p_pass"} == set(store.metrics(unit))
    points = store.history(unit, "speck_groups")
    own = [a for a in month if a.acquisition.station == "MAMMO2" and a.phantom]
    assert [p.value for p in points] == [dict(a.verdict.totals)["speck_groups"] for a in own]
    assert [p.at for p in points] == sorted(a.acquisition.acquired_at for a in own)
    middle = own[10].acquisition.acquired_at
    assert store.history(unit, "speck_groups", since=middle) == points[10:]
    again = replace(own[0], verdict=replace(own[0].verdict, totals=(("speck_groups", 1.0),)))
    assert store.save(again) > max(numbers)
    assert [p.value for p in store.history(unit, "speck_groups")][:2] == [1.0, points[1].value]


def test_history_of_a_measurement_has_interval_and_limits(store):
    analysis = sample_stack()
    number = store.save(analysis)
    (unit,) = store.units()
    (point,) = store.history(unit, "slice_thickness")
    wanted = next(m for m in analysis.measurements if m.name == "slice_thickness")
    assert (point.value, point.low, point.high) == (wanted.value, wanted.low, wanted.high)
    assert (point.limit_low, point.limit_high, point.analysis_id) == (4.3, 5.7, number)
    assert store.history(unit, "no_such_metric") == ()


def test_sign_off_is_kept_with_the_hash_of_what_was_signed(store):
    number = store.save(sample_analysis(pictures=False))
    assert not store.get(number).signed_off
    at = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
    first = store.sign_off(number, "A. Physicist", at, "as expected")
    second = store.sign_off(number, "B. Physicist", at + timedelta(hours=1))
    assert store.sign_offs(number) == (first, second)
    assert first.at == at
    assert len(first.content_sha256) == 64
    assert first.content_sha256 == second.content_sha256
    assert store.get(number).signed_off
    with pytest.raises(StoreError, match="name"):
        store.sign_off(number, "  ")


@pytest.mark.parametrize("statement", ["UPDATE sign_off SET person = 'X'", "DELETE FROM sign_off"])
def test_database_refuses_to_change_a_signature(store, statement):
    store.sign_off(store.save(sample_refusal()), "A. Physicist")
    with pytest.raises(DatabaseError, match="never changed"), store.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_result_changed_behind_the_stores_back_is_told(store):
    number = store.save(sample_refusal())
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE analysis SET document = replace(document, 'refused', 'pass')"))
    with pytest.raises(StoreError, match="was changed"):
        store.load(number)
    with pytest.raises(StoreError, match="was changed"):
        store.sign_off(number, "A. Physicist")
    assert store.sign_offs(number) == ()


def test_foreign_keys_and_write_ahead_log_are_on(store):
    if store.engine.dialect.name != "sqlite":
        pytest.skip("pragmas are SQLite's")
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_unknown_analysis_is_named(store):
    with pytest.raises(StoreError, match="no analysis 41"):
        store.load(41)


def _write(url: str, station: str, count: int) -> None:
    with open_store(url) as store:
        for _ in range(count):
            store.save(sample_analysis(7, station="BOTH", pictures=False))
            store.save(sample_analysis(8, station=station, pictures=False))


def test_two_processes_write_to_a_new_database_at_once(url):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(url, station, 8)) for station in ("M1", "M2")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with open_store(url) as store:
        assert len(store.units()) == 3
        newest = store.latest()
        assert sorted(found.version for found in newest) == [8, 8, 16]
        both = next(found for found in newest if found.version == 16)
        assert [found.version for found in store.versions(both.id)] == list(range(1, 17))
