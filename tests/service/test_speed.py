"""What the benchmark of the service compares with does what it says."""

import hashlib

from mammoqa.service.speed import keep_all


def test_the_disk_alone_keeps_what_the_service_would(tmp_path):
    source, kept = tmp_path / "files", tmp_path / "kept"
    source.mkdir()
    kept.mkdir()
    files = [source / name for name in "abc"]
    for path in files:
        path.write_bytes(path.name.encode() * 1000)
    assert keep_all(files, kept) > 0
    stored = {path.stem: path.read_bytes() for path in kept.rglob("*.dcm")}
    assert stored == {hashlib.sha256(path.read_bytes()).hexdigest(): path.read_bytes() for path in files}
