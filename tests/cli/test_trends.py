import json

from mammoqa.cli.program import run
from mammoqa.store import open_store
from report.samples import sample_month


def test_trends_of_a_month_as_json_page_and_sheet(tmp_path, capsys):
    url = str(tmp_path / "qa.db")
    with open_store(f"sqlite:///{url}") as store:
        for analysis in sample_month():
            store.save(analysis)
    page = tmp_path / "fleet.html"
    assert run(["trends", "--store", url, "--json", "-", "--html", str(page)]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert {unit["unit"] for unit in told} == {"MAMMO1", "MAMMO2 (2)"}  # a refusal names a MAMMO2 without serial
    assert {"fibres", "masses"} <= {m["metric"] for unit in told for m in unit["metrics"]}
    assert "<!doctype html>" in page.read_text("utf-8")
    sheet = tmp_path / "unit.pdf"
    assert run(["trends", "--store", url, "--unit", "MAMMO1", "--pdf", str(sheet)]) in (0, 1)
    assert sheet.read_bytes().startswith(b"%PDF")
    assert "MAMMO1" in capsys.readouterr().out


def test_an_unknown_unit_or_month_is_told(tmp_path, capsys):
    url = str(tmp_path / "qa.db")
    with open_store(f"sqlite:///{url}") as store:
        store.save(sample_month()[0])
    assert run(["trends", "--store", url, "--unit", "nobody"]) == 2
    assert "there is no unit 'nobody'" in capsys.readouterr().err
    assert run(["trends", "--store", url, "--month", "May"]) == 2
    assert "2026-03" in capsys.readouterr().err


def test_out_and_in_again(tmp_path, capsys):
    url, other, file = (str(tmp_path / name) for name in ("qa.db", "other.db", "out.csv"))
    with open_store(f"sqlite:///{url}") as store:
        store.save(sample_month()[0])
    assert run(["db", "export", file, "--store", url]) == 0
    assert run(["db", "import", file, "--store", other]) == 0
    assert "1 results taken in" in capsys.readouterr().out
