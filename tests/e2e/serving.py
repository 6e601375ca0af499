"""A running service for tests: `mammoqa serve` as a process of its own, and a client that is its administrator."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

PASSWORD = "phantom-of-the-opera"
PATIENCE_S = 180
T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """Where a running service is reached; `setup` is the page of the first administrator."""

    address: str
    dicom_port: int
    setup: str
    folder: Path


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until something listens there."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing listens on port {port}")


def eventually(look: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """What `look` finds as soon as it finds something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError("it did not come")


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """`mammoqa serve` on free ports with a fresh database; settings by their names in small letters."""
    port, dicom_port = free_port(), free_port()
    given = {"store": str(folder / "m.db"), "data": str(folder / "data"), "port": str(port), "quiet_s": "1"}
    given |= {"dicom_port": str(dicom_port)} | settings
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | {f"MAMMOQA_{k.upper()}": v for k, v in given.items()}
    command = [sys.executable, "-m", "mammoqa", "serve"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout is not None
    try:
        setup = next(found[0] for line in process.stdout if (found := re.search(r"http\S+/setup\S+", line)))
        for listened in (port, dicom_port):
            await_port(listened)
        yield Served(setup.split("/setup")[0], dicom_port, setup, folder)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def administrator(served: Served) -> tuple[httpx.Client, str]:
    """A client of the REST interface with every right, and its token: the first administrator, made as people do."""
    with httpx.Client(base_url=served.address, timeout=PATIENCE_S) as browser:
        key = served.setup.rpartition("key=")[2]
        browser.post("/setup", data={"key": key, "name": "ada", "full_name": "Ada Physicist", "password": PASSWORD})
        found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/account").text)
        assert found is not None
        asked = {"name": "test", "role": "administrator", "days": 1}
        answer = browser.post("/api/v1/tokens", json=asked, headers={"x-csrf-token": found[1]})
    token = str(answer.json()["secret"])
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=served.address, headers=headers, timeout=PATIENCE_S), token
