"""Backup and restore, the watched folder, numbers for Prometheus, messages about alerts."""

from dataclasses import replace

import pytest

from mammoqa.core import ConfigurationError, StoreError
from mammoqa.service.backup import backup, restore
from mammoqa.service.intake import Origin, take
from mammoqa.service.notify import message
from mammoqa.service.options import Service, ServiceOptions, open_service, queue_url
from mammoqa.service.watch import Watcher
from mammoqa.store import alerts, audit, objects_list
from report.samples import sample_analysis

from .conftest import dicom_bytes


def test_a_backup_restores_to_the_same(service, tmp_path):
    take(service, iter((dicom_bytes(),)), Origin("upload", "tester"))
    number = service.store.save(sample_analysis())
    audit.add(service.store, "tester", "test")
    held = backup(service, tmp_path / "one.tar")
    assert (held["objects"], held["audit_rows"]) == (1, 1)
    url, data = f"sqlite:///{tmp_path / 'again.db'}", tmp_path / "again"
    assert restore(tmp_path / "one.tar", url, data) == held
    again = open_service(ServiceOptions(url, data))
    assert again.store.load(number).verdict == service.store.load(number).verdict
    assert audit.check(again.store).head == held["audit_head"]
    assert objects_list.all_hashes(again.store) == objects_list.all_hashes(service.store)
    again.store.close()
    with pytest.raises(ConfigurationError, match="new database"):
        restore(tmp_path / "one.tar", url, data)


def test_a_backup_that_was_changed_is_not_restored(service, tmp_path):
    data = dicom_bytes()
    take(service, iter((data,)), Origin("upload", "tester"))
    backup(service, tmp_path / "one.tar")
    whole = (tmp_path / "one.tar").read_bytes()
    (tmp_path / "bad.tar").write_bytes(whole.replace(b"ROOM-1", b"ROOM-X"))
    with pytest.raises(StoreError):
        restore(tmp_path / "bad.tar", f"sqlite:///{tmp_path / 'bad.db'}", tmp_path / "bad")


def test_a_watched_file_is_taken_when_it_lies_still(service, tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "one.dcm").write_bytes(dicom_bytes())
    watcher = Watcher(Service(replace(service.options, watch=folder), service.store))
    assert watcher.look() == 0
    with (folder / "one.dcm").open("ab") as file:
        file.write(b"\0\0")
    assert watcher.look() == 0  # it grew meanwhile
    assert watcher.look() == 1
    assert not (folder / "one.dcm").exists()
    assert (folder / ".taken" / "one.dcm").exists()
    assert watcher.look() == 0


def test_numbers_for_prometheus_name_nobody(service, browser):
    service.store.save(sample_analysis())
    text = browser("").get("/metrics").text
    assert 'mammoqa_analyses{outcome="pass"}' in text or 'mammoqa_analyses{outcome="fail"}' in text
    assert "Selenia" not in text
    assert browser("").get("/healthz").text == "ok"


def test_a_mail_is_about_its_alert_only(service):
    alert, new = alerts.sound(service.store, None, "k", "warning", "Fibres\r\nBcc: eve@example.org", {"since": "2026"})
    assert new
    mail = message(replace(service.options, mail_to="a@example.org", public_url="https://qa.example.org"), alert)
    assert mail["Bcc"] is None
    assert f"https://qa.example.org/alerts/{alert.id}" in mail.get_content()


def test_signs_of_one_fault_are_one_alert(service):
    first, _ = alerts.sound(service.store, None, "k", "warning", "Fibres fell", {})
    again, new = alerts.sound(service.store, None, "k", "action", "Fibres and masses fell", {})
    assert not new
    assert (again.id, again.level) == (first.id, "action")
    alerts.act(service.store, first.id, "resolve", "tube replaced", "Ada")
    _, new = alerts.sound(service.store, None, "k", "warning", "Fibres fell", {})
    assert new


def test_the_queue_keeps_beside_sqlite_and_in_postgresql():
    assert queue_url("sqlite:////srv/qa.db") == "sqlite:////srv/qa-queue.db"
    url = "postgresql+psycopg://me:secret@host/name"
    assert queue_url(url) == url
