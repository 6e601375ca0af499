"""The service's speed: objects received beside DCMTK's storescp, page times with a million measurements, memory.

mammoqa benchmark service [--count 300] [--units 50 --days 1000 --metrics 20] [--out docs/validation]
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from mammoqa.cli.serve import _environment
from mammoqa.service.options import Service, ServiceOptions, open_service
from mammoqa.service.parts import children, supervise
from mammoqa.service.small_objects import small_objects, write_all
from mammoqa.service.speed import fill, memory_mb, page_times, send_all
from mammoqa.store import people

_TURNS = 3


def main() -> int:
    """Measure, print and keep as JSON; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="objects to send in each turn")
    parser.add_argument("--side", type=int, default=512, help="pixels on a side of an object")
    parser.add_argument("--units", type=int, default=50)
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mammoqa-speed-") as name:
        told = _measure(Path(name), given)
    print(json.dumps(told, indent=1))
    (given.out / "service_speed.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0 if told["receiving"]["ratio"] >= 0.7 and told["p95_ms"] < 300 else 1


def _measure(folder: Path, given: argparse.Namespace) -> dict:
    options = ServiceOptions(
        f"sqlite:///{folder / 'm.db'}", folder / "data", port=_free_port(), dicom_port=_free_port(), quiet_s=3600
    )
    service = open_service(options)
    started = time.perf_counter()
    count = fill(service.store, given.units, given.days, given.metrics, np.random.default_rng(1))
    print(f"{count} measurements in {time.perf_counter() - started:.0f} s", flush=True)
    account = people.add_account(service.store, "bench", "", "administrator", None)
    people.open_session(service.store, account.id, "bench", "bench", 1)
    crew, stop = children(1), threading.Event()
    keeper = threading.Thread(target=supervise, args=(crew, _environment(options), stop))
    keeper.start()
    try:
        for port in (options.port, options.dicom_port):
            _await_port(port)
        receiving = _receive(folder, given, options)
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{options.port}", cookies={"mammoqa_session": "bench"}, timeout=120
        )
        web = next(c.process.pid for c in crew if c.part == "web" and c.process)
        pages = page_times(client, _paths(service), given.rounds, web)
        memory = {c.part: round(memory_mb(c.process.pid)) for c in crew if c.process}
    finally:
        stop.set()
        keeper.join()
    worst = max(p["p95_ms"] for p in pages.values())
    load = os.getloadavg()[0]
    return {
        "measurements": count, "receiving": receiving, "pages": pages, "p95_ms": worst, "memory_mb": memory,
        "load_average": load, "cores": os.cpu_count(),
    }  # fmt: skip


def _paths(service: Service) -> list[str]:
    del service
    chart = "/units/7/chart.json?phantom=acr_dm&metric=metric_03&period=1y"
    return ["/", "/analyses", "/analyses?unit=7", "/units/7", chart, "/queue", "/alerts", "/protocols",
            "/api/v1/units", "/api/v1/analyses?limit=50",
            "/api/v1/units/7/history?phantom=acr_dm&metric=metric_03"]  # fmt: skip


def _receive(folder: Path, given: argparse.Namespace, options: ServiceOptions) -> dict:
    """The same files to storescp and to the service, turn by turn."""
    ours, theirs, port = [], [], _free_port()
    sink = folder / "sink"
    sink.mkdir()
    program = shutil.which("storescp") or "storescp"
    peer = subprocess.Popen([program, "-od", str(sink), "--accept-all", str(port)])
    try:
        _await_port(port)
        for turn in range(_TURNS + 1):
            files = folder / f"turn{turn}"
            files.mkdir()
            written = write_all(small_objects(given.count, 20, given.side, np.random.default_rng(turn)), files)
            taken = send_all(written, port, "PEER"), send_all(written, options.dicom_port, options.ae_title)
            if turn:  # the first turn warms both
                theirs.append(given.count / taken[0])
                ours.append(given.count / taken[1])
            shutil.rmtree(files)
    finally:
        peer.terminate()
        peer.wait()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return {"mammoqa_per_s": ours, "storescp_per_s": theirs, "ratio": ratio, "kilobytes": given.side**2 * 2 // 1000}


def _await_port(port: int) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    raise SystemExit(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
