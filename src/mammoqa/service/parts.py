"""The processes of `mammoqa serve`, and the one that watches over them."""

import importlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mammoqa.service.options import Service
from mammoqa.store import processes
from mammoqa.store.intake import now as now_utc

LOG = logging.getLogger("mammoqa.serve")
PARTS = ("web", "receiver", "worker")
_HEARTBEAT_S = 5.0
_PAUSE_S = (0.5, 1.0, 2.0, 5.0, 15.0)  # before a part that ended is started again; the longer the oftener
_STOP_S = 15.0


def run_part(service: Service, part: str, name: str) -> None:
    """Run one part in this process until it is told to end (SIGTERM or SIGINT), or its parent is gone."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    if part == "worker":
        from mammoqa.service.worker import run_worker

        run_worker(service, name, stop)
    elif part == "receiver":
        _receive(service, name, stop)
    else:
        _serve_web(service, name, stop)


def _end_with_parent(stop: threading.Event) -> None:
    parent = os.getppid()
    while not stop.wait(1.0):
        if os.getppid() != parent:
            stop.set()


def _receive(service: Service, name: str, stop: threading.Event) -> None:
    from mammoqa.service.receiver import start_receiver

    server = start_receiver(service)
    try:
        _beat(service, name, "receiver", stop)
    finally:
        server.shutdown()


def _beat(service: Service, name: str, part: str, stop: threading.Event) -> None:
    from mammoqa.core import StoreError

    while True:
        try:
            processes.seen(service.store, name, part)
        except StoreError as error:
            LOG.warning("the database cannot be reached: %s", error)
        if stop.wait(_HEARTBEAT_S):
            return


def _serve_web(service: Service, name: str, stop: threading.Event) -> None:
    import uvicorn

    from mammoqa.service.app import create_app

    options = service.options
    tls = {}
    if options.tls_certificate is not None:
        tls = {"ssl_certfile": str(options.tls_certificate), "ssl_keyfile": str(options.tls_key or "") or None}
    config = uvicorn.Config(
        create_app(service),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        **tls,  # type: ignore[arg-type]
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    threading.Thread(target=_beat, args=(service, name, "web", stop), daemon=True).start()
    threading.Thread(target=_stop_server, args=(server, stop), daemon=True).start()
    threading.Thread(target=_load_ahead, daemon=True).start()
    server.run()


def _load_ahead() -> None:
    """Load what forecasts need, so that the first page with one does not wait for it."""
    importlib.import_module("statsmodels.tsa.statespace.structural")


def _stop_server(server: object, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True  # type: ignore[attr-defined]


@dataclass(slots=True)
class Child:
    """A part in a process of its own."""

    part: str
    name: str
    process: subprocess.Popen[bytes] | None = None
    ends: list[float] = field(default_factory=list)
    start_at: float = 0.0
    started: datetime | None = None  # UTC without zone, of the process that runs now


def children(workers: int, parts: Sequence[str] = PARTS) -> list[Child]:
    """The processes to run: one web, one receiver, so many workers; named by this computer."""
    host = socket.gethostname().split(".")[0]
    counts = {"web": 1, "receiver": 1, "worker": workers}
    return [Child(part, f"{part}-{k + 1}@{host}") for part in parts for k in range(counts[part])]


def supervise(crew: Sequence[Child], environment: Mapping[str, str], stop: threading.Event) -> None:
    """Start the parts and start again those that end, until `stop` is set; then end them all.

    Their options are handed over in the environment, where other people of the computer do not see them.
    """
    try:
        while not stop.wait(0.2):
            for child in crew:
                _look_after(child, environment)
    finally:
        _end(crew)


def _look_after(child: Child, environment: Mapping[str, str]) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.start_at:
            command = [sys.executable, "-m", "mammoqa", "serve", "--part", child.part, "--name", child.name]
            child.process, child.started = subprocess.Popen(command, env=dict(environment)), now_utc()
        return
    status = child.process.poll()
    if status is None:
        return
    child.ends = [end for end in child.ends if now - end < 60] + [now]
    pause = _PAUSE_S[min(len(child.ends), len(_PAUSE_S)) - 1]
    LOG.warning("%s ended with status %s: started again in %.1f s", child.name, status, pause)
    child.process, child.start_at = None, now + pause


def _end(crew: Sequence[Child]) -> None:
    running = [child.process for child in crew if child.process is not None]
    for process in running:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + _STOP_S
    for process in running:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
