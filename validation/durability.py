"""Nothing that a sender was told is stored may be lost, and nothing may be analysed twice, whatever breaks meanwhile.

mammoqa validate durability [--count 2000] [--often 1] [--postgresql [--restart-every 100]] [--out docs/validation]
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mammoqa.cli.serve import _environment
from mammoqa.service.options import ServiceOptions, open_service
from mammoqa.service.parts import Child
from mammoqa.service.small_objects import small_objects
from mammoqa.service.trial import Fault, Finding, disk_filler, killer, run_trial

_SIDE_PX = 48
_PER_STUDY = 20
_DISK_MB = 160


def main() -> int:
    """Run the trial, print what was found and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL server of its own, three workers")
    parser.add_argument("--often", type=float, default=1, help="how many times as often the rest breaks (1)")
    parser.add_argument("--restart-every", type=float, default=100, help="mean seconds between restarts of PostgreSQL")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mammoqa-trial-") as name:
        finding, notes = _trial(Path(name), given)
    kind = "postgresql" if given.postgresql else "sqlite"
    told = {"database": kind, "notes": notes, **asdict(finding)}
    print(json.dumps(told, indent=1))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / f"durability_{kind}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    right = finding.lost == 0 and finding.analysed_more == 0 and finding.analysed_once == finding.objects
    return 0 if right and finding.told_stored == finding.objects else 1


def _trial(folder: Path, given: argparse.Namespace) -> tuple[Finding, list[str]]:
    disk, notes = folder / "disk", []
    disk.mkdir()
    small = _small_disk(disk)
    if not small:
        notes.append("the disk was not filled: this needs the right to mount a small file system")
    server = Postgres(folder / "pg") if given.postgresql else None
    try:
        url = server.url if server else f"sqlite:///{disk / 'm.db'}"
        options = ServiceOptions(
            url, disk / "data", dicom_port=_free_port(), quiet_s=2.0, clinical_images=True, workers=3 if server else 2
        )
        service = open_service(options)
        dice = random.Random(given.seed)

        def faults(crew: Sequence[Child]) -> list[Fault]:
            found = [Fault("worker killed", 45 / given.often, killer(service, crew, "worker", dice))]
            found.append(Fault("receiver killed", 110 / given.often, killer(service, crew, "receiver", dice)))
            if small:
                found.append(Fault("disk filled", 80 / given.often, disk_filler(disk, 5)))
            if server:
                found.append(Fault("database restarted", given.restart_every, server.restart))
            return found

        objects = list(small_objects(given.count, _PER_STUDY, _SIDE_PX, np.random.default_rng(given.seed)))
        finding = run_trial(service, _environment(options), objects, options.workers, faults, given.seed, _say)
        service.store.close()
    finally:
        if server:
            server.stop()
        if small:
            subprocess.run(["umount", str(disk)], check=False)
    return finding, notes


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _small_disk(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A PostgreSQL server of the trial's own, on this computer only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.parent.chmod(0o755)
        self._folder, self._port = folder, _free_port()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-A", "trust", "-U", "mammoqa", "-D", str(folder / "db"))
        self._start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "mammoqa", "mammoqa")
        self.url = f"postgresql+psycopg://mammoqa@127.0.0.1:{self._port}/mammoqa"

    def _run(self, name: str, *arguments: str) -> None:
        tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        program = str(tools[-1] / name) if tools else name
        who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*who, program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self._folder)

    def _start(self) -> None:
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        self._run(
            "pg_ctl", "-w", "-D", str(self._folder / "db"), "-o", options, "-l", str(self._folder / "log"), "start"
        )

    def restart(self) -> str:
        """Stop at once, as a crash would, and start again after a moment."""
        self._run("pg_ctl", "-D", str(self._folder / "db"), "-m", "immediate", "stop")
        time.sleep(2)
        self._start()
        return "database restarted"

    def stop(self) -> None:
        """End the server."""
        self._run("pg_ctl", "-D", str(self._folder / "db"), "-m", "fast", "stop")


if __name__ == "__main__":
    raise SystemExit(main())
