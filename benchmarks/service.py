"""The service's speed: objects received beside DCMTK's storescp, page times with a million measurements, memory.

mammoqa benchmark service [--count 300] [--large-count 15] [--receiving-only]
                          [--units 50 --days 1000 --metrics 20] [--out docs/validation]
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np

from mammoqa.cli.serve import _environment
from mammoqa.service.options import Service, ServiceOptions, open_service
from mammoqa.service.parts import children, supervise
from mammoqa.service.small_objects import small_objects, write_all
from mammoqa.service.speed import PROMPT, cpu_s, fill, keep_all, memory_mb, page_times, send_all
from mammoqa.store import people

_TURNS = 3


def main() -> int:
    """Measure, print and keep as JSON; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="objects to send in each turn")
    parser.add_argument("--side", type=int, default=512, help="pixels on a side of an object")
    parser.add_argument("--large-count", type=int, default=15, help="full-field images to send in each turn")
    parser.add_argument("--large-side", type=int, default=2916, help="pixels on a side of these: 17 MB")
    parser.add_argument("--units", type=int, default=50)
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--receiving-only", action="store_true", help="no pages; kept as service_receiving.json")
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mammoqa-speed-") as name:
        told = _measure(Path(name), given)
    print(json.dumps(told, indent=1))
    name = "service_receiving.json" if given.receiving_only else "service_speed.json"
    (given.out / name).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0 if told["receiving"]["ratio_prompt"] >= 0.7 and told.get("p95_ms", 0) < 300 else 1


def _measure(folder: Path, given: argparse.Namespace) -> dict:
    options = ServiceOptions(
        f"sqlite:///{folder / 'm.db'}", folder / "data", port=_free_port(), dicom_port=_free_port(), quiet_s=3600
    )
    service = open_service(options)
    started = time.perf_counter()
    if given.receiving_only:
        given.units = 0
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
        receiver = next(c.process.pid for c in crew if c.part == "receiver" and c.process)
        receiving = _receive(folder, given.count, given.side, options, receiver)
        large = _receive(folder, given.large_count, given.large_side, options, receiver)
        if given.receiving_only:
            memory = {"receiver": round(memory_mb(receiver))}
            return {
                "receiving": receiving,
                "full_field": large,
                "memory_mb": memory,
                "load_average": os.getloadavg()[0],
                "cores": os.cpu_count(),
            }
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
        "measurements": count, "receiving": receiving, "full_field": large, "pages": pages, "p95_ms": worst,
        "memory_mb": memory, "load_average": load, "cores": os.cpu_count(),
    }  # fmt: skip


def _paths(service: Service) -> list[str]:
    del service
    chart = "/units/7/chart.json?phantom=acr_dm&metric=metric_03&period=1y"
    return ["/", "/analyses", "/analyses?unit=7", "/units/7", chart, "/queue", "/alerts", "/protocols",
            "/api/v1/units", "/api/v1/analyses?limit=50",
            "/api/v1/units/7/history?phantom=acr_dm&metric=metric_03"]  # fmt: skip


def _receive(folder: Path, count: int, side: int, options: ServiceOptions, receiver: int) -> dict:
    """The same files to the service and to storescp, turn by turn: DCMTK as it is installed, and without its waits.

    `cpu_ms` is the computing time for an object in the service's receiver, and in the storescp that does not wait.
    """
    rates: dict[str, list[float]] = {name: [] for name in ("mammoqa", "storescp", "mammoqa_prompt", "storescp_prompt")}
    cpu: dict[str, list[float]] = {name: [] for name in rates}
    rates["disk"] = []
    with ExitStack() as stack:
        sinks = [stack.enter_context(_storescp(folder / name, environment)) for name, environment in
                 (("waiting", {}), ("prompt", PROMPT))]  # fmt: skip
        to = ((options.dicom_port, receiver, options.ae_title, {}), (*sinks[0], "PEER", {}),
              (options.dicom_port, receiver, options.ae_title, PROMPT), (*sinks[1], "PEER", PROMPT))  # fmt: skip
        for turn in range(_TURNS + 1):
            for k, (name, (port, process, title, environment)) in enumerate(zip(cpu, to, strict=True)):
                with _files(folder / "files", count, side, seed=10 * turn + k) as files:
                    before = cpu_s(process)
                    taken = send_all(files, port, title, environment)
                if turn:  # the first turn warms all
                    rates[name].append(count / taken)
                    cpu[name].append(1000 * (cpu_s(process) - before) / count)
            with (
                _files(folder / "files", count, side, seed=10 * turn + 9) as files,
                tempfile.TemporaryDirectory(dir=folder) as bare,
            ):
                taken = keep_all(files, Path(bare))
            if turn:
                rates["disk"].append(count / taken)
    return {
        **{f"{name}_per_s": found for name, found in rates.items()},
        "cpu_ms": {name: statistics.median(cpu[f"{name}_prompt"]) for name in ("mammoqa", "storescp")},
        "ratio": _ratio(rates["mammoqa"], rates["storescp"]),
        "ratio_prompt": _ratio(rates["mammoqa_prompt"], rates["storescp_prompt"]),
        "ratio_disk": _ratio(rates["mammoqa_prompt"], rates["disk"]),
        "kilobytes": side**2 * 2 // 1000,
        "objects": count,
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


@contextmanager
def _files(folder: Path, count: int, side: int, seed: int) -> Iterator[list[Path]]:
    folder.mkdir()
    yield write_all(small_objects(count, 20, side, np.random.default_rng(seed)), folder)
    shutil.rmtree(folder)


@contextmanager
def _storescp(sink: Path, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """A running storescp: its port and its process."""
    sink.mkdir()
    port, program = _free_port(), shutil.which("storescp") or "storescp"
    command = [program, "-od", str(sink), "--accept-all", str(port)]
    peer = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield port, peer.pid
    finally:
        peer.terminate()
        peer.wait()
        shutil.rmtree(sink)


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
