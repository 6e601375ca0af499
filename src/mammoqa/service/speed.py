"""How fast the service is: objects received beside DCMTK's storescp, pages with many measurements, memory.

Used by `mammoqa benchmark service`. Both receivers take the same files from the same storescu, turn by turn, so that a
busy machine slows both.
"""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from mammoqa.service.objects import Spool
from mammoqa.store.store import Store
from mammoqa.store.tables import AnalysisRow, InputRow, MeasurementRow, UnitRow

_BATCH = 2000


# DCMTK 3.6.2 and later leave Nagle's algorithm on: with the receiver's delayed acknowledgements every object then waits
# some 40 ms for nothing. This variable turns it off, for storescu and storescp.
PROMPT = {"TCP_NODELAY": "1"}


def send_all(files: Sequence[Path], port: int, title: str, environment: Mapping[str, str] | None = None) -> float:
    """Seconds that storescu takes to send the files over one association; CalledProcessError where it fails."""
    program = shutil.which("storescu") or "storescu"
    start = time.perf_counter()
    command = [program, "-aec", title, "+sd", "127.0.0.1", str(port), str(files[0].parent)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | dict(environment or {}))
    return time.perf_counter() - start


def keep_all(files: Sequence[Path], folder: Path) -> float:
    """Seconds that the disk alone needs for what the service promises of these files: no network, nothing read of them.

    Each is written and synced, put in its place, its folder synced, and a row committed to SQLite as the service does.
    """
    database = sqlite3.connect(folder / "rows.db")
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (name TEXT);")
    contents = [path.read_bytes() for path in files]
    start = time.perf_counter()
    for number, content in enumerate(contents):
        with Spool(folder, len(content)) as spool:
            spool.write(content)
            spool.keep(folder)
        with database:
            database.execute("INSERT INTO row VALUES (?)", (str(number),))
    taken = time.perf_counter() - start
    database.close()
    return taken


def fill(store: Store, units: int, per_unit: int, metrics: int, rng: np.random.Generator) -> int:
    """Put `units * per_unit * metrics` measurements into a store, as that many days of daily tests; how many."""
    names = [f"metric_{k:02d}" for k in range(metrics)]
    first = datetime(2024, 1, 1, 7, 30)
    document = json.dumps({"path": "made", "filled": True})
    with store.engine.begin() as connection:
        for unit in range(units):
            unit_id = connection.execute(
                insert(UnitRow).values(manufacturer="made", model="M1", station=f"ROOM-{unit:03d}", serial=str(unit))
            ).inserted_primary_key[0]  # type: ignore[index]
            _fill_unit(connection, unit_id, per_unit, names, first, document, rng)
    return units * per_unit * metrics


def _fill_unit(
    connection: object,
    unit_id: int,
    per_unit: int,
    names: Sequence[str],
    first: datetime,
    document: str,
    rng: np.random.Generator,
) -> None:
    run = connection.execute  # type: ignore[attr-defined]
    base = (unit_id - 1) * per_unit
    values = rng.normal(100, 2, (per_unit, len(names)))
    days = [first + timedelta(days=k) for k in range(per_unit)]
    run(insert(InputRow), [_input(base + k + 1, unit_id, days[k]) for k in range(per_unit)])
    run(insert(AnalysisRow), [_analysis(base + k + 1, days[k], document) for k in range(per_unit)])
    rows = [
        {"analysis_id": base + k + 1, "position": m, "name": name, "value": float(values[k, m]), "unit": "mm",
         "low": None, "high": None, "limit_low": 90.0, "limit_high": 110.0, "outcome": "pass", "note": None}
        for k in range(per_unit) for m, name in enumerate(names)
    ]  # fmt: skip
    for start in range(0, len(rows), _BATCH):
        run(insert(MeasurementRow), rows[start : start + _BATCH])


def _input(number: int, unit_id: int, at: datetime) -> dict[str, object]:
    return {
        "id": number, "key": f"{number:064d}", "unit_id": unit_id, "sha256": None, "frames": 1,
        "sop_instance_uid": f"1.2.3.{number}", "series_instance_uid": None, "path": "made", "modality": "MG",
        "acquired_at": at,
    }  # fmt: skip


def _analysis(number: int, at: datetime, document: str) -> dict[str, object]:
    return {
        "id": number, "input_id": number, "phantom": "acr_dm", "version": 1, "outcome": "pass", "reason_code": None,
        "reason": None, "p_pass": None, "software": "made", "model_name": None, "model_version": None,
        "model_card_sha256": None, "phantom_version": "1", "analysed_at": at, "seconds": 1.0,
        "totals": {"fibres": 5.0}, "acquisition": {}, "notes": [], "provenance": {}, "document": document,
        "document_sha256": "0" * 64, "view_png": None, "saliency_png": None,
    }  # fmt: skip


def page_times(client: object, paths: Sequence[str], rounds: int, pid: int) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of each page in ms, asked for in turn; AssertionError where one does not answer.

    `cpu_ms` is the mean computing time of the process `pid` for it: what a machine with nothing else to do would need.
    """
    taken: dict[str, list[float]] = {path: [] for path in paths}
    computed: dict[str, list[float]] = {path: [] for path in paths}
    for k in range(rounds + 1):
        for path in paths:
            start, before = time.perf_counter(), cpu_s(pid)
            answer = client.get(path)  # type: ignore[attr-defined]
            seconds = time.perf_counter() - start
            assert answer.status_code == 200, (path, answer.status_code)
            if k:  # the first round warms the caches
                taken[path].append(seconds * 1000)
                computed[path].append((cpu_s(pid) - before) * 1000)
    return {
        path: {
            "median_ms": statistics.median(found),
            "p95_ms": float(np.percentile(found, 95)),
            "cpu_ms": statistics.fmean(computed[path]),
        }
        for path, found in taken.items()
    }


def cpu_s(pid: int) -> float:
    """Computing time of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")
