import io
import json
import sys
from datetime import datetime
from importlib.util import find_spec

import pytest

from mammoqa.core import ConfigurationError, MissingExtraError
from mammoqa.jobs.exchange import COLUMNS, as_row, import_into, read_csv, write_csv, write_parquet
from mammoqa.jobs.qatrack import read_qatrack
from mammoqa.store import open_store
from mammoqa.store.measurements import measurement_lines
from report.samples import sample_analysis, sample_refusal, sample_stack

API = "https://qatrack.example/api"


def lines(store) -> list[dict]:
    return [as_row(line) for line in measurement_lines(store)]


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'qa.db'}") as opened:
        opened.save(sample_analysis(pictures=False))
        opened.save(sample_stack())
        opened.save(sample_refusal())
        yield opened


def test_what_is_exported_can_be_imported_elsewhere(store, tmp_path):
    file = tmp_path / "out.csv"
    with file.open("w", newline="") as stream:
        count = write_csv(lines(store), stream)
    assert count == len(lines(store)) > 4
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        assert import_into(other, read_csv(file), str(file)) == (2, 0)
        assert import_into(other, read_csv(file), str(file)) == (0, 2)
        kept = ("station", "acquired_at", "test", "metric", "value", "limit_low", "low")

        def told(rows):
            return sorted([str(row[name]) for name in kept] for row in rows if row["kind"] != "p_pass")

        imported = lines(other)
        assert {row["software"][:8] for row in imported} == {"imported"}
        assert [row for row in told(imported) if row[3] != "p_pass"] == told(lines(store))


def test_only_the_newest_version_is_exported(store):
    before = lines(store)
    store.save(sample_stack())
    after = lines(store)
    assert len(after) == len(before)
    assert {row["version"] for row in after} == {1, 2}


def test_text_is_no_formula_in_a_spreadsheet():
    row = dict.fromkeys(COLUMNS, "") | {"station": "=1+1", "value": -2.5}
    stream = io.StringIO()
    write_csv([row], stream)
    assert "'=1+1" in stream.getvalue()
    assert ",-2.5," in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("station,value\nA,1\n", "the heading lacks acquired_at, test, metric"),
        ("station,acquired_at,test,metric,value\nA,2026-03-01,t,m,high\n", "line 2: value 'high' is no number"),
        ("station,acquired_at,test,metric,value\nA,yesterday,t,m,1\n", "no date like 2026-03-01T08:00"),
        ("station,acquired_at,test,metric,value\n,2026-03-01,t,m,1\n", "are needed"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, told):
    file = tmp_path / "in.csv"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        list(read_csv(file))


def test_parquet_needs_pyarrow_and_says_so(tmp_path, monkeypatch, store):
    if find_spec("pyarrow") is not None:
        assert write_parquet(lines(store), tmp_path / "out.parquet") == len(lines(store))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install .mammoqa\[service\]"):
        write_parquet([], tmp_path / "out.parquet")


def qatrack(**changes) -> dict:
    pages = {
        "units": [{"url": f"{API}/units/units/3/", "name": "Mammo 1", "serial_number": "77", "number": 1}],
        "tests": [{"url": f"{API}/qa/tests/8/", "slug": "snr", "name": "SNR"}],
        "testlists": [{"url": f"{API}/qa/testlists/2/", "slug": "weekly", "name": "Weekly"}],
        "unittestinfos": {
            "count": 1,
            "results": [
                {"url": f"{API}/qa/unittestinfos/5/", "unit": f"{API}/units/units/3/", "test": f"{API}/qa/tests/8/"}
            ],
        },
        "testlistinstances": {
            "count": 1,
            "results": [
                {
                    "url": f"{API}/qa/testlistinstances/40/",
                    "work_completed": "2026-03-02T08:15:00-05:00",
                    "test_list": f"{API}/qa/testlists/2/",
                    "in_progress": False,
                    "test_instances": [
                        {
                            "url": f"{API}/qa/testinstances/1/",
                            "value": 51.5,
                            "unit_test_info": f"{API}/qa/unittestinfos/5/",
                        },
                        {"value": None, "skipped": True, "unit_test_info": f"{API}/qa/unittestinfos/5/"},
                        {"value": None, "string_value": "ok", "unit_test_info": f"{API}/qa/unittestinfos/5/"},
                    ],
                }
            ],
        },
    }
    return pages | changes


def test_qatracks_pages_become_readings(tmp_path):
    for name, page in qatrack().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(page))
    (found,) = read_qatrack(tmp_path)
    assert (found.station, found.serial, found.test, found.metric, found.value) == (
        "Mammo 1",
        "77",
        "weekly",
        "snr",
        51.5,
    )
    assert found.acquired_at == datetime(2026, 3, 2, 8, 15)


def test_a_page_that_lacks_is_named(tmp_path):
    file = tmp_path / "one.json"
    file.write_text(json.dumps(qatrack(units=[])))
    with pytest.raises(ConfigurationError, match="the export lacks units"):
        list(read_qatrack(file))
    file.write_text("{")
    with pytest.raises(ConfigurationError, match="is no JSON"):
        list(read_qatrack(file))
