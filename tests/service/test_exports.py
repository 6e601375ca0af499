"""Measurements as files: CSV, Parquet and QuAAC hold the same numbers, each readable by its own library."""

import csv
import io
import tracemalloc

import pyarrow.parquet
import pytest
from quaac import Document

from mammoqa.jobs.exchange import COLUMNS, csv_parts
from mammoqa.service import passwords
from mammoqa.store import audit, fleet, people
from trend_samples import steady, week

from .test_trends import analysis, fill


@pytest.fixture
def two_units(service):
    fill(service.store, "A", steady(6, mean=60.0))
    fill(service.store, "=B", steady(4, mean=50.0, seed=1))
    return service


def lines(answer):
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_spreadsheet_gets_every_number_once(two_units, browser):
    answer = browser("viewer").get("/export", params={"format": "csv", "since": "", "until": ""})
    assert answer.headers["content-disposition"] == 'attachment; filename="mammoqa-fleet.csv"'
    found = lines(answer)
    assert tuple(found[0]) == COLUMNS
    assert len(found) == 2 * 10
    assert {row["station"] for row in found} == {"A", "'=B"}
    first = next(row for row in found if row["metric"] == "snr")
    assert float(first["value"]) == two_units.store.load(int(first["analysis_id"])).measurements[0].value
    entry = audit.entries(two_units.store)[0]
    assert (entry.actor, entry.action, entry.subject, entry.detail["format"]) == ("viewer", "export", "fleet", "csv")


def test_a_selection_is_one_units_days(two_units, browser):
    unit = next(u for u in fleet.fleet(two_units.store) if u.label == "A")
    days = {"since": week(1).date().isoformat(), "until": week(3).date().isoformat()}
    answer = browser("viewer").get("/api/v1/measurements", params={"unit": unit.id, **days})
    assert {row["acquired_at"] for row in lines(answer)} == {week(k).isoformat() for k in (1, 2, 3)}
    assert {row["station"] for row in lines(answer)} == {"A"}
    none = browser("viewer").get("/api/v1/measurements", params={"phantom": "cdmam34"})
    assert (none.status_code, lines(none)) == (200, [])


def test_parquet_holds_the_same_with_types(two_units, browser):
    client = browser("viewer")
    table = pyarrow.parquet.read_table(io.BytesIO(client.get("/export?format=parquet").content))
    rows = lines(client.get("/export?format=csv"))
    assert table.column_names == list(COLUMNS)
    assert table.column("value").to_pylist() == [float(row["value"]) for row in rows]
    assert str(table.schema.field("low").type) == "double"
    assert table.column("model_card_sha256").null_count == len(rows)


def test_quaac_is_read_and_its_hashes_checked_by_quaac_itself(two_units, browser, tmp_path):
    path = tmp_path / "all.quaac.json"
    path.write_bytes(browser("viewer").get("/export?format=quaac").content)
    document = Document.from_json_file(str(path), check_hash=True)
    rows = lines(browser("viewer").get("/export?format=csv"))
    assert [point.measurement_value for point in document.datapoints] == [float(row["value"]) for row in rows]
    assert {e.name for e in document.equipment} == {"A", "=B", "ACR Digital Mammography phantom"}
    assert document.datapoints[0].perform_datetime == week(0)
    path.write_text(path.read_text().replace('"acr_dm"', '"acr_xx"', 1))
    with pytest.raises(ValueError, match="hash"):
        Document.from_json_file(str(path), check_hash=True)


def test_an_empty_selection_is_a_valid_file_too(service, browser, tmp_path):
    client = browser("viewer")
    assert client.get("/export?format=csv").text == ",".join(COLUMNS) + "\n"
    assert pyarrow.parquet.read_table(io.BytesIO(client.get("/export?format=parquet").content)).num_rows == 0
    (tmp_path / "none.json").write_bytes(client.get("/export?format=quaac").content)
    assert Document.from_json_file(str(tmp_path / "none.json")).datapoints == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("format=xml", 422), ("format=csv&unit=99", 404), ("format=csv&since=soon", 422), ("", 422)],
)
def test_what_cannot_be_exported_is_told_so(service, browser, query, status):
    assert browser("viewer").get(f"/export?{query}").status_code == status


@pytest.mark.parametrize("role", people.ROLES)
@pytest.mark.parametrize("path", ["/export?format=csv", "/api/v1/measurements", "/api/v1/measurements?format=quaac"])
def test_whoever_may_see_results_may_take_them_away_and_nobody_else(two_units, browser, role, path):
    assert browser(role).get(path).status_code == 200
    assert browser("").get(path).status_code in (303, 401)


def test_a_token_that_ended_exports_nothing(two_units, browser):
    account = people.add_account(two_units.store, "reader", "", "viewer", None)
    secret = passwords.secret()
    token = people.add_token(two_units.store, account, "script", "viewer", secret, 1)
    bearer = {"authorization": f"Bearer {secret}"}
    assert browser("").get("/api/v1/measurements", headers=bearer).status_code == 200
    people.revoke_token(two_units.store, token.id, account.id)
    assert browser("").get("/api/v1/measurements", headers=bearer).status_code == 401


def test_memory_does_not_grow_with_the_selection():
    row = dict.fromkeys(COLUMNS, "x" * 20)

    def peak(count):
        tracemalloc.start()
        size = sum(len(part) for part in csv_parts(row for _ in range(count)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, most

    (small, little), (large, most) = peak(2_000), peak(20_000)
    assert large > 9 * small
    assert most < 1.5 * little


def test_analyses_that_are_replaced_are_left_out(two_units, browser):
    two_units.store.save(analysis("A", week(0), 99.0))
    found = [row for row in lines(browser("viewer").get("/export?format=csv")) if row["metric"] == "snr"]
    assert len(found) == 10
    assert "99.0" in {row["value"] for row in found}
